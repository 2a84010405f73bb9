//! A look at a footer before it is decoded.
//!
//! The decoder makes room for as many elements as a list in the footer says it has. In a damaged file that may be more than there is memory,
//! and a program that runs out of it cannot go on to say which file it was. So the footer is gone through first, as Thrift (compact
//! protocol) and without a thought to what it means, and refused if a list has more elements than bytes follow: each takes at least one.
//! Whatever else is wrong with it the decoder says.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::ParquetError;
use crate::files::FileError;

/// The length of the footer and the magic stand behind it.
const TRAILER_BYTES: u64 = 8;
const MAGIC: &[u8] = b"PAR1";
/// Footers of any writer are nested far less.
const DEPTH_MAX: usize = 64;

/// Refuses a footer that speaks of more than it can hold.
pub(super) fn check(path: &Path, file: &File, bytes: u64) -> Result<(), ParquetError> {
    match read(file, bytes).map_err(FileError::io("read", path))? {
        Some(footer) if Walk { rest: &footer }.value(STRUCT, 0) == Err(Stop::TooLong) => {
            Err(ParquetError::damaged(path, "a list in its footer is longer than the footer"))
        }
        _ => Ok(()),
    }
}

/// The footer, if there is one.
fn read(mut file: &File, bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(end) = bytes.checked_sub(TRAILER_BYTES) else { return Ok(None) };
    let mut trailer = [0; TRAILER_BYTES as usize];
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut trailer)?;
    let ([l0, l1, l2, l3, ..], true) = (trailer, trailer.ends_with(MAGIC)) else { return Ok(None) };
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let Some(start) = end.checked_sub(length.into()) else { return Ok(None) };
    let mut footer = vec![0; length as usize];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut footer)?;
    Ok(Some(footer))
}

/// Why a walk ends early.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// A list has more elements than there are bytes.
    TooLong,
    /// It is no Thrift.
    Strange,
}

const STRUCT: u8 = 12;

/// Goes over Thrift values.
struct Walk<'a> {
    rest: &'a [u8],
}

impl Walk<'_> {
    fn value(&mut self, of: u8, depth: usize) -> Result<(), Stop> {
        if depth > DEPTH_MAX {
            return Err(Stop::Strange);
        }
        match of {
            3 => self.skip(1),
            4..=6 => self.varint().map(drop),
            7 => self.skip(8),
            8 => {
                let length = self.varint()?;
                self.skip(length)
            }
            9 | 10 => self.list(depth),
            11 => self.map(depth),
            STRUCT => self.fields(depth),
            13 => self.skip(16),
            _ => Err(Stop::Strange),
        }
    }

    /// Each field has its type in four bits and its number, or how far it is from the one before.
    fn fields(&mut self, depth: usize) -> Result<(), Stop> {
        loop {
            let (step, of) = self.nibbles()?;
            match (step, of) {
                (_, 0) => return Ok(()),
                (0, _) => drop(self.varint()?),
                _ => {}
            }
            // The type of a boolean field is its value.
            if !matches!(of, 1 | 2) {
                self.value(of, depth + 1)?;
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<(), Stop> {
        let (short, of) = self.nibbles()?;
        let length = if short == 15 { self.varint()? } else { short.into() };
        self.fits(length)?;
        (0..length).try_for_each(|_| self.element(of, depth))
    }

    fn map(&mut self, depth: usize) -> Result<(), Stop> {
        let length = self.varint()?;
        if length == 0 {
            return Ok(());
        }
        let (keys, values) = self.nibbles()?;
        self.fits(length)?;
        (0..length).try_for_each(|_| {
            self.element(keys, depth)?;
            self.element(values, depth)
        })
    }

    /// Among elements a boolean takes a byte.
    fn element(&mut self, of: u8, depth: usize) -> Result<(), Stop> {
        if matches!(of, 1 | 2) { self.skip(1) } else { self.value(of, depth + 1) }
    }

    fn fits(&self, length: u64) -> Result<(), Stop> {
        if length > self.rest.len() as u64 { Err(Stop::TooLong) } else { Ok(()) }
    }

    fn nibbles(&mut self) -> Result<(u8, u8), Stop> {
        let byte = self.byte()?;
        Ok((byte >> 4, byte & 0xf))
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let (first, rest) = self.rest.split_first().ok_or(Stop::Strange)?;
        self.rest = rest;
        Ok(*first)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Stop> {
        let bytes = usize::try_from(bytes).map_err(|_| Stop::Strange)?;
        self.rest = self.rest.get(bytes..).ok_or(Stop::Strange)?;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Stop::Strange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(footer: &[u8]) -> Result<(), Stop> {
        Walk { rest: footer }.value(STRUCT, 0)
    }

    #[test]
    fn a_list_that_is_longer_than_the_footer_is_refused() {
        // Field 2, a list of structs: two of them, each empty; then as many as 2^31 - 1.
        assert_eq!(walked(&[0x29, 0x2c, 0, 0, 0]), Ok(()));
        assert_eq!(walked(&[0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0]), Err(Stop::TooLong));
        // In a struct in a list, too; and behind a string, a boolean and a field whose number is written out.
        assert_eq!(walked(&[0x29, 0x1c, 0x19, 0x38, 0, 0, 0, 0, 0, 0, 0, 0]), Ok(()));
        assert_eq!(walked(&[0x29, 0x1c, 0x19, 0x98, 0, 0, 0]), Err(Stop::TooLong));
        assert_eq!(walked(&[0x18, 1, b'a', 0x11, 0x09, 0x10, 0xf3, 0x64, 0]), Err(Stop::TooLong));
    }

    #[test]
    fn whatever_is_no_thrift_is_left_to_the_decoder() {
        assert_eq!(walked(&[]), Err(Stop::Strange));
        assert_eq!(walked(&[0x1e]), Err(Stop::Strange));
        assert_eq!(walked(&[0x1c; 100]), Err(Stop::Strange));
        assert_eq!(walked(&[0x18, 9, b'a']), Err(Stop::Strange));
    }
}
