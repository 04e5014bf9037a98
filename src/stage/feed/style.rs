//! Colours: the sixteen that every terminal has, readable on light and dark ground.

use crate::stage::change::Op;

pub(super) const RESET: &str = "\x1b[0m";
pub(super) const DIM: &str = "\x1b[2m";
pub(super) const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";

/// Sign and colour of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) text: &'static str,
    pub(super) color: &'static str,
}

impl Sign {
    /// A record that is no envelope: nobody says what happened to what.
    pub(super) const RECORD: Self = Self { text: "*", color: CYAN };

    pub(super) const fn of(op: Op) -> Self {
        match op {
            Op::Read => Self { text: "·", color: DIM },
            Op::Create => Self { text: "+", color: GREEN },
            Op::Update => Self { text: "~", color: YELLOW },
            Op::Delete => Self { text: "-", color: RED },
            Op::Truncate => Self { text: "×", color: RED },
            Op::Message => Self { text: "»", color: CYAN },
        }
    }
}
