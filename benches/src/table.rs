//! The table, printed as it comes.

use std::time::Duration;

use crate::digest::Digest;

/// Knows which kind of line is printed.
pub(crate) struct Table;

impl Table {
    pub(crate) fn begin(alone: bool) -> Self {
        if !alone {
            println!("| case | yardstick ms | purlin ms | ratio | ns/element | above the yardstick |");
            println!("|---|---:|---:|---:|---:|---:|");
        }
        Table
    }

    /// Both sides of a case.
    pub(crate) fn compared(&mut self, case: &str, elements: u64, yardstick: Duration, purlin: Duration) {
        let [yardstick, purlin] = [yardstick, purlin].map(millis);
        let each = |millis: f64| millis * 1e6 / elements as f64;
        println!(
            "| {case} | {yardstick:.0} | {purlin:.0} | {:.2} | {:.1} | {:.1} |",
            purlin / yardstick,
            each(purlin),
            each(purlin - yardstick)
        );
    }

    /// A figure of each side that is not a time; `case` says what it is.
    pub(crate) fn figures(&mut self, case: &str, yardstick: f64, purlin: f64) {
        println!("| {case} | {yardstick:.2} | {purlin:.2} | {:.2} | | |", purlin / yardstick);
    }

    /// A case that has no yardstick.
    pub(crate) fn without_yardstick(&mut self, case: &str, purlin: Duration) {
        println!("| {case} | | {:.1} | | | |", millis(purlin));
    }

    /// One side alone, for a program to read: case, milliseconds, rows and their sum.
    pub(crate) fn alone(&mut self, case: &str, took: Duration, found: Digest) {
        println!("{case}\t{:.1}\t{}\t{}", millis(took), found.rows, found.sum);
    }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
