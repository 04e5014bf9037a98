//! Counts what was equal, and shows what was not.

use std::collections::BTreeMap;

/// How many sequences were equal, in all and of those that hold a family of types or statements.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sequences: u64,
    pub(crate) different: u64,
    pub(crate) records: usize,
    families: BTreeMap<&'static str, (u64, u64)>,
}

impl Tally {
    pub(crate) fn count<'a>(
        &mut self,
        equal: bool,
        records: usize,
        families: impl IntoIterator<Item = &'a &'static str>,
    ) {
        self.sequences += 1;
        self.different += u64::from(!equal);
        self.records += records;
        for family in families {
            let (all, different) = self.families.entry(family).or_default();
            *all += 1;
            *different += u64::from(!equal);
        }
    }

    pub(crate) fn print(&self) {
        for (family, (all, different)) in &self.families {
            println!("{family:<24} {:>6} equal {different:>6} different", all - different);
        }
        println!(
            "{} of {} sequences equal, {} records of each compared",
            self.sequences - self.different,
            self.sequences,
            self.records
        );
    }
}
