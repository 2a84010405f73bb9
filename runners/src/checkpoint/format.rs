//! The frame of every file: what it is, in which version, how long, and a checksum over all of that.
//!
//! Format, integers in little endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic: `\x89Purlin\n` |
//! | 2 | [kind](FileKind) |
//! | 2 | version of that kind's body |
//! | 8 | how many bytes the stored body has |
//! | 8 | how many the body has |
//! | 8 | XXH3-64 of the fields above and the stored body |
//! | | the body, compressed by zstd |
//!
//! The body is a value in postcard. Nothing is allocated by what a file says of itself before its checksum has been found right.

use std::io::Read;

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// Neither text nor anything that survives being treated as text.
const MAGIC: [u8; 8] = *b"\x89Purlin\n";
/// What stands before the body.
pub const HEADER_BYTES: usize = 36;
const CHECKSUM_AT: usize = 28;
/// Fast, and small enough for what goes to a disk or a bucket.
const ZSTD_LEVEL: i32 = 1;
/// What state seldom compresses better than.
const LIKELY_RATIO: usize = 16;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Whose folder it is.
    Job,
    /// A start of the job.
    Incarnation,
    /// Changes of state.
    Segment,
    /// What a checkpoint is.
    Manifest,
    /// Which manifest counts.
    Commit,
}

impl FileKind {
    /// The version that is written. Earlier ones are read for ever; a later one is refused.
    const fn version(self) -> u16 {
        match self {
            FileKind::Job | FileKind::Incarnation | FileKind::Segment | FileKind::Manifest | FileKind::Commit => 1,
        }
    }

    const fn number(self) -> u16 {
        match self {
            FileKind::Job => 1,
            FileKind::Incarnation => 2,
            FileKind::Segment => 3,
            FileKind::Manifest => 4,
            FileKind::Commit => 5,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            FileKind::Job => "job file",
            FileKind::Incarnation => "incarnation",
            FileKind::Segment => "segment",
            FileKind::Manifest => "manifest",
            FileKind::Commit => "commit",
        }
    }

    /// No body is larger; that of a segment is the directory of its sections.
    const fn body_bytes_max(self) -> u64 {
        match self {
            FileKind::Job | FileKind::Incarnation | FileKind::Commit => 1 << 20,
            FileKind::Segment => 1 << 28,
            FileKind::Manifest => 1 << 30,
        }
    }
}

/// A file that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {damage}")]
pub struct FormatError {
    /// The file, with its place.
    pub file: String,
    /// What is wrong with it.
    pub damage: Damage,
}

/// What is wrong with a file.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It does not begin as Purlin's files do.
    #[error("this is no file of a Purlin checkpoint")]
    Foreign,
    /// It is Purlin's, but something else was expected under its name.
    #[error("this is no {expected}: it says that it is of kind {found}")]
    WrongKind {
        /// What was expected.
        expected: &'static str,
        /// The number that it gives.
        found: u16,
    },
    /// A later version of Purlin wrote it.
    #[error(
        "this {kind} has format {found}, and this program reads up to format {known}: run a newer version of the program"
    )]
    Newer {
        /// What it is.
        kind: &'static str,
        /// Its version.
        found: u16,
        /// The latest that is known.
        known: u16,
    },
    /// Bytes are missing at its end, or there are more than it speaks of.
    #[error("the file is torn: it has {found} bytes and should have {expected}")]
    Torn {
        /// How many it has.
        found: u64,
        /// How many it should have.
        expected: u64,
    },
    /// Its bytes are not those that were written.
    #[error("the file is corrupt: {0}")]
    Corrupt(String),
}

impl Damage {
    pub(super) fn corrupt(what: impl ToString) -> Damage {
        Damage::Corrupt(what.to_string())
    }
}

/// A value that is too large for a file of its kind, or cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {kind} cannot be written: {cause}")]
pub struct EncodeError {
    kind: &'static str,
    cause: String,
}

impl EncodeError {
    pub(super) fn new(kind: FileKind, cause: impl ToString) -> Self {
        EncodeError { kind: kind.name(), cause: cause.to_string() }
    }
}

/// The bytes of a file of `kind` with this body.
///
/// ```
/// use purlin_runners::checkpoint::format::{self, FileKind};
/// let file = format::encode(FileKind::Job, &"totals")?;
/// let name: String = format::decode(FileKind::Job, &file).unwrap();
/// assert_eq!(name, "totals");
/// assert!(format::decode::<String>(FileKind::Job, &file[..file.len() - 1]).is_err());
/// # Ok::<(), format::EncodeError>(())
/// ```
pub fn encode<T: Serialize + ?Sized>(kind: FileKind, body: &T) -> Result<Vec<u8>, EncodeError> {
    let body = postcard::to_stdvec(body).map_err(|error| EncodeError::new(kind, error))?;
    let stored = compress(&body).map_err(|error| EncodeError::new(kind, error))?;
    let larger = body.len().max(stored.len()) as u64;
    if larger > kind.body_bytes_max() {
        let cause = format!("it takes {larger} bytes, and at most {} are allowed", kind.body_bytes_max());
        return Err(EncodeError::new(kind, cause));
    }
    let mut file = Vec::with_capacity(HEADER_BYTES + stored.len());
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&kind.number().to_le_bytes());
    file.extend_from_slice(&kind.version().to_le_bytes());
    file.extend_from_slice(&(stored.len() as u64).to_le_bytes());
    file.extend_from_slice(&(body.len() as u64).to_le_bytes());
    let checksum = checksum(&file, &stored);
    file.extend_from_slice(&checksum.to_le_bytes());
    file.extend_from_slice(&stored);
    Ok(file)
}

/// The body of a file that should be of `kind`.
pub fn decode<T: DeserializeOwned>(kind: FileKind, file: &[u8]) -> Result<T, Damage> {
    let header = Header::read(kind, file)?;
    let expected = header.end();
    if file.len() as u64 != expected {
        return Err(Damage::Torn { found: file.len() as u64, expected });
    }
    header.body(kind, &file[HEADER_BYTES..])
}

/// What stands before the body.
pub(super) struct Header {
    stored: u64,
    length: u64,
    checksum: u64,
    fields: [u8; CHECKSUM_AT],
}

impl Header {
    /// Reads the header at the start of a file that should be of `kind`.
    pub(super) fn read(kind: FileKind, file: &[u8]) -> Result<Header, Damage> {
        if !file.starts_with(&MAGIC[..file.len().min(MAGIC.len())]) {
            return Err(Damage::Foreign);
        }
        let Some(header) = file.first_chunk::<HEADER_BYTES>() else {
            return Err(Damage::Torn { found: file.len() as u64, expected: HEADER_BYTES as u64 });
        };
        let found = u16::from_le_bytes(part(header, 8));
        if found != kind.number() {
            return Err(Damage::WrongKind { expected: kind.name(), found });
        }
        // A later version may have changed all that follows, so it is told before the checksum is looked at.
        let version = u16::from_le_bytes(part(header, 10));
        if version > kind.version() {
            return Err(Damage::Newer { kind: kind.name(), found: version, known: kind.version() });
        }
        let header = Header {
            stored: u64::from_le_bytes(part(header, 12)),
            length: u64::from_le_bytes(part(header, 20)),
            checksum: u64::from_le_bytes(part(header, CHECKSUM_AT)),
            fields: part(header, 0),
        };
        if version == 0 || header.length > kind.body_bytes_max() || header.stored > kind.body_bytes_max() {
            return Err(Damage::corrupt("its header makes no sense"));
        }
        Ok(header)
    }

    /// Where the body ends.
    pub(super) fn end(&self) -> u64 {
        HEADER_BYTES as u64 + self.stored
    }

    /// The checksum of header and body.
    pub(super) fn checksum(&self) -> u64 {
        self.checksum
    }

    /// The value that the stored body holds.
    pub(super) fn body<T: DeserializeOwned>(&self, kind: FileKind, stored: &[u8]) -> Result<T, Damage> {
        if checksum(&self.fields, stored) != self.checksum {
            return Err(Damage::corrupt("its checksum is wrong"));
        }
        let body = decompress(stored, self.length)?;
        match postcard::take_from_bytes(&body) {
            Ok((value, [])) => Ok(value),
            Ok(_) => Err(Damage::corrupt(format!("there is more in it than a {}", kind.name()))),
            Err(error) => Err(Damage::corrupt(format!("what it holds is no {}: {error}", kind.name()))),
        }
    }
}

/// The checksum by which a file is known to those that name it.
pub(super) fn checksum_of(file: &[u8]) -> u64 {
    xxh3_64(file)
}

/// Bytes as they are stored.
pub(super) fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, ZSTD_LEVEL)
}

/// Stored bytes, whose checksum is right, as they were: exactly `length` of them. Memory is taken as they come, not as they are announced.
pub(super) fn decompress(stored: &[u8], length: u64) -> Result<Vec<u8>, Damage> {
    let likely = stored.len().saturating_mul(LIKELY_RATIO).saturating_add(1 << 10);
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_or(likely, |length| length.min(likely)));
    let read = zstd::Decoder::with_buffer(stored).and_then(|decoder| {
        let one_more = length.saturating_add(1);
        decoder.take(one_more).read_to_end(&mut bytes)
    });
    match read {
        Ok(_) if bytes.len() as u64 == length => Ok(bytes),
        Ok(_) => Err(Damage::corrupt("it holds more or less than it says")),
        Err(error) => Err(Damage::corrupt(format!("it cannot be decompressed: {error}"))),
    }
}

fn checksum(fields: &[u8], stored: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(fields);
    hash.update(stored);
    hash.digest()
}

/// `N` bytes of the header.
fn part<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|index| header[at + index])
}

#[cfg(test)]
mod tests;
