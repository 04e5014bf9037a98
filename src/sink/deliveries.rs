//! The board on which sinks report what is durable.

use super::SinkError;
use std::sync::Mutex;
use tokio::sync::Notify;

/// One report: a record, or everything up to a record, is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// The record with this sequence number.
    One(u64),
    /// Every record up to and including this sequence number.
    UpTo(u64),
}

#[derive(Default)]
struct Board {
    reports: Vec<Delivered>,
    failure: Option<SinkError>,
}

/// Reports cross from the sink's threads to the capture loop here, in any order.
#[derive(Default)]
pub struct Deliveries {
    board: Mutex<Board>,
    changed: Notify,
}

impl std::fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliveries").finish_non_exhaustive()
    }
}

impl Deliveries {
    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        // A reporter that panicked leaves a board that is still whole: each change is one step.
        self.board.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reports a delivery; `UpTo` replaces an earlier `UpTo` that nobody has read yet.
    pub fn report(&self, delivered: Delivered) {
        let mut board = self.board();
        match (board.reports.last_mut(), delivered) {
            (Some(Delivered::UpTo(last)), Delivered::UpTo(next)) => *last = next.max(*last),
            _ => board.reports.push(delivered),
        }
        let first = board.reports.len() == 1;
        drop(board);
        if first {
            self.changed.notify_one();
        }
    }

    /// Reports that the sink cannot go on; the first failure stays.
    pub fn fail(&self, error: SinkError) {
        self.board().failure.get_or_insert(error);
        self.changed.notify_one();
    }

    /// Moves all reports into `into`, which is cleared first.
    ///
    /// # Errors
    ///
    /// The failure a sink reported, once all reports before it have been taken.
    pub fn take(&self, into: &mut Vec<Delivered>) -> Result<(), SinkError> {
        into.clear();
        let mut board = self.board();
        std::mem::swap(&mut board.reports, into);
        match board.failure.take_if(|_| into.is_empty()) {
            Some(error) => Err(error),
            None => {
                if board.failure.is_some() {
                    self.changed.notify_one();
                }
                Ok(())
            }
        }
    }

    /// Waits until there is something to [`take`](Self::take). Dropping the future loses nothing.
    pub async fn wait(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reports_come_out_once_and_failure_last() {
        let board = Deliveries::default();
        board.report(Delivered::UpTo(1));
        board.report(Delivered::UpTo(4));
        board.report(Delivered::One(9));
        board.fail(SinkError::Closed);
        board.wait().await;
        let mut reports = vec![Delivered::One(77)];
        board.take(&mut reports).unwrap();
        assert_eq!(reports, [Delivered::UpTo(4), Delivered::One(9)]);
        board.wait().await;
        assert!(matches!(board.take(&mut reports), Err(SinkError::Closed)));
    }
}
