//! Splits of text files: byte ranges that are also positions.
//!
//! A range of lines owns the lines whose *first byte* lies in it. So its reader goes on from the first line start at or after `offset` and
//! gives lines until one begins at `end` or later. A line start is the byte after a line end, or byte 0; therefore the same rule serves
//! a range that was cut anywhere and a position that a reader has reached, and ranges that touch share no line and lose none.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Compression;
use crate::files::InputFile;

/// The smallest piece that a file is cut into: below it, opening costs more than parallel work saves.
pub(super) const PIECE_BYTES_MIN: u64 = 8 << 20;

/// A piece of a text file, or what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSplit {
    pub(super) path: PathBuf,
    /// Counted after decompression.
    pub(super) offset: u64,
    /// `None`: to the file's end.
    pub(super) end: Option<u64>,
    /// How many lines end before `offset`, where that is known.
    pub(super) lines_before: Option<u64>,
}

impl TextSplit {
    /// All of a file.
    pub(super) fn whole(path: PathBuf) -> Self {
        TextSplit { path, offset: 0, end: None, lines_before: Some(0) }
    }

    /// Whole files; empty ones hold no record.
    pub(super) fn of_files(files: Vec<InputFile>) -> Vec<Self> {
        files.into_iter().filter(|file| file.bytes > 0).map(|file| Self::whole(file.path)).collect()
    }

    /// About `desired` pieces of about equal length, none below `piece_bytes_min`. Compressed files stay whole.
    pub(super) fn of_lines(files: Vec<InputFile>, desired: usize, piece_bytes_min: u64) -> Vec<Self> {
        let total: u64 = files.iter().map(|file| file.bytes).sum();
        let piece = total.div_ceil(desired.max(1) as u64).max(piece_bytes_min).max(1);
        files.into_iter().filter(|file| file.bytes > 0).flat_map(|file| Self::pieces(file, piece)).collect()
    }

    fn pieces(InputFile { path, bytes }: InputFile, piece: u64) -> Vec<Self> {
        let count = bytes.div_ceil(piece);
        if count == 1 || Compression::of(&path) != Compression::None {
            return vec![Self::whole(path)];
        }
        let cut = |i: u64| (u128::from(bytes) * u128::from(i) / u128::from(count)) as u64;
        (0..count)
            .map(|i| TextSplit {
                path: path.clone(),
                offset: cut(i),
                end: (i + 1 < count).then(|| cut(i + 1)),
                lines_before: (i == 0).then_some(0),
            })
            .collect()
    }

    /// Where the next record is.
    pub(super) fn place(&self) -> Place<'_> {
        Place { path: &self.path, line: self.lines_before.map(|before| before + 1), offset: self.offset }
    }
}

impl fmt::Display for TextSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match (self.offset, self.end) {
            (0, None) => Ok(()),
            (offset, None) => write!(f, " from byte {offset}"),
            (offset, Some(end)) => write!(f, " bytes {offset}..{end}"),
        }
    }
}

/// Where a record stands: file and line, or byte where the line is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    /// From 1.
    pub(super) line: Option<u64>,
    /// From 0.
    pub(super) offset: u64,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} line {line}", self.path.display()),
            None => write!(f, "{} byte {}", self.path.display(), self.offset),
        }
    }
}
