//! The order in which tables are loaded: a referenced table before those that refer to it.

use std::collections::VecDeque;

/// A foreign key between two tables of the load, by their numbers; never from a table to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) child: usize,
    pub(super) parent: usize,
    /// The constraint may be checked at the end of the transaction.
    pub(super) deferrable: bool,
}

/// The tables in loading order, and the edges that must be deferred for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) tables: Vec<usize>,
    pub(super) deferred: Vec<usize>,
}

/// Orders `count` tables; among equals the lower number goes first.
///
/// # Errors
///
/// The tables of a cycle whose foreign keys cannot be deferred, child before parent.
pub(super) fn order(count: usize, edges: &[Edge]) -> Result<Order, Vec<usize>> {
    let all = sort(count, edges, |_| true);
    if all.len() == count {
        return Ok(Order { tables: all, deferred: Vec::new() });
    }
    // Deferring only inside the part that cannot be ordered keeps the other checks immediate, where
    // their errors are found at the file they belong to.
    let stuck = |edge: &Edge| !all.contains(&edge.child) && !all.contains(&edge.parent);
    let deferred: Vec<usize> =
        (0..edges.len()).filter(|&e| edges[e].deferrable && stuck(&edges[e])).collect();
    let tables = sort(count, edges, |e| !deferred.contains(&e));
    if tables.len() == count { Ok(Order { tables, deferred }) } else { Err(cycle(&tables, edges)) }
}

/// Kahn's algorithm over the edges that `counts` lets through; leaves out what it cannot order.
fn sort(count: usize, edges: &[Edge], counts: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut sorted = Vec::with_capacity(count);
    let mut left: VecDeque<usize> = (0..count).collect();
    loop {
        let is_free = |table: &usize| {
            !edges.iter().enumerate().any(|(e, edge)| {
                counts(e) && edge.child == *table && !sorted.contains(&edge.parent)
            })
        };
        let Some(at) = left.iter().position(is_free) else { return sorted };
        sorted.extend(left.remove(at));
    }
}

/// Walks from parent to parent among the unsorted tables until one comes again.
fn cycle(sorted: &[usize], edges: &[Edge]) -> Vec<usize> {
    let open = |edge: &&Edge| {
        !edge.deferrable && !sorted.contains(&edge.parent) && !sorted.contains(&edge.child)
    };
    let mut path: Vec<usize> = edges.iter().find(open).map(|edge| edge.child).into_iter().collect();
    while let Some(&last) = path.last() {
        let Some(edge) = edges.iter().filter(open).find(|edge| edge.child == last) else { break };
        if let Some(start) = path.iter().position(|&table| table == edge.parent) {
            path.drain(..start);
            break;
        }
        path.push(edge.parent);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn edge(child: usize, parent: usize) -> Edge {
        Edge { child, parent, deferrable: false }
    }

    #[test]
    fn parents_go_before_children_and_names_decide_the_rest() {
        // customers, orders, products
        let order = order(3, &[edge(1, 0), edge(1, 2)]).unwrap();
        assert_eq!(order, Order { tables: vec![0, 2, 1], deferred: vec![] });
    }

    #[test]
    fn cycle_is_broken_where_constraints_are_deferrable() {
        let edges = [edge(0, 1), Edge { deferrable: true, ..edge(1, 0) }, edge(2, 0)];
        let order = order(3, &edges).unwrap();
        assert_eq!(order, Order { tables: vec![1, 0, 2], deferred: vec![1] });
    }

    #[test]
    fn cycle_without_deferrable_constraint_is_named() {
        assert_eq!(
            order(4, &[edge(0, 1), edge(1, 2), edge(2, 1), edge(3, 0)]).unwrap_err(),
            [1, 2]
        );
    }
}
