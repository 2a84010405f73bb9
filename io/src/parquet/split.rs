//! Splits: which rows of which row group of which file, and how far they have been read.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::file::InputMeta;

/// A piece that begins inside a page decodes the page's beginning for nothing. Arrow's writers, ours too, end a page at the
/// first multiple of 1,024 rows from 20,000 on, so pieces of whole steps begin with a page there.
const STEP_ROWS: u64 = 20 * 1024;

/// A piece is no shorter than this unless its row group is, so that elsewhere that waste stays small.
const PIECE_ROWS_MIN: u64 = 4 * STEP_ROWS;

/// Rows of one row group that are still to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParquetSplit {
    pub(super) path: PathBuf,
    pub(super) row_group: usize,
    /// How many rows the whole row group has: tells whether a stored position is of this file.
    pub(super) rows: u64,
    pub(super) next: u64,
    pub(super) end: u64,
}

impl fmt::Display for ParquetSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.path.display(), self.row_group)?;
        match (self.next, self.end) {
            (0, end) if end == self.rows => Ok(()),
            (next, end) => write!(f, " rows {next}..{end}"),
        }
    }
}

/// About `desired` splits of similar size: one per row group, and large row groups in several. Row groups without rows,
/// or without any that the filter can match, get none.
pub(super) fn cut(files: &[std::sync::Arc<InputMeta>], desired: usize) -> Vec<ParquetSplit> {
    let groups: Vec<_> = files.iter().flat_map(|file| groups(file).map(move |group| (file, group))).collect();
    let total: u64 = groups.iter().map(|(_, group)| group.rows).fold(0, u64::saturating_add);
    let target = total.div_ceil(desired.max(1) as u64).max(PIECE_ROWS_MIN);
    let target_of = |file: &InputMeta, group: &ParquetSplit| match file.can_skip(group.row_group) {
        true => target,
        false => group.rows,
    };
    groups.into_iter().flat_map(|(file, group)| pieces(target_of(file, &group), group)).collect()
}

fn groups(file: &InputMeta) -> impl Iterator<Item = ParquetSplit> {
    let may_match = |group| file.filter.as_ref().is_none_or(|filter| filter.may_match(group));
    file.groups().iter().enumerate().filter(move |(_, group)| group.num_rows() > 0 && may_match(group)).map(
        |(row_group, group)| {
            let rows = InputMeta::rows(group);
            ParquetSplit { path: file.path().to_owned(), row_group, rows, next: 0, end: rows }
        },
    )
}

/// The row group in pieces of about `target` rows, equal but for the last.
fn pieces(target: u64, group: ParquetSplit) -> impl Iterator<Item = ParquetSplit> {
    let size = group.rows.div_ceil(group.rows.div_ceil(target)).next_multiple_of(STEP_ROWS);
    (0..group.rows.div_ceil(size)).map(move |piece| ParquetSplit {
        next: piece * size,
        end: group.rows.min((piece + 1) * size),
        ..group.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(rows: u64) -> ParquetSplit {
        ParquetSplit { path: "orders.parquet".into(), row_group: 3, rows, next: 0, end: rows }
    }

    #[test]
    fn pieces_cover_a_group_once_and_are_of_similar_size() {
        for rows in [1, 2, 20_480, 99_999, 1_000_000, 1_048_576, i64::MAX as u64 / 1_000_000] {
            for target in [rows, rows / 2 + 1, rows / 3 + 1, rows / 7 + 1, rows / 1_000 + 1] {
                let mut next = 0;
                for piece in pieces(target, group(rows)) {
                    assert_eq!(piece.next, next, "{rows} rows by {target}");
                    assert!(piece.next < piece.end && piece.end - piece.next < target + STEP_ROWS);
                    next = piece.end;
                }
                assert_eq!(next, rows, "{rows} rows by {target}");
            }
        }
    }

    #[test]
    fn a_split_names_its_file_its_row_group_and_what_is_left_of_it() {
        assert_eq!(group(100).to_string(), "orders.parquet#3");
        assert_eq!(ParquetSplit { next: 40, ..group(100) }.to_string(), "orders.parquet#3 rows 40..100");
        assert_eq!(ParquetSplit { end: 50, ..group(100) }.to_string(), "orders.parquet#3 rows 0..50");
    }
}
