//! A segment: the changes of state of one checkpoint, of all transforms and workers, in one file.
//!
//! Its head is a [frame](super::format) whose body is the directory: for each section whose it is, how long and its checksum. Then come the
//! sections, each compressed by itself. So one section can be read and verified without the others, and the checksum of the head
//! vouches for the whole file.

use purlin_model::snapshot::{StateLog, StateLogError, StateRecords, StateTable};
use serde::{Deserialize, Serialize};

use super::error::CheckpointError;
use super::format::{self, Damage, EncodeError, FileKind, FormatError, HEADER_BYTES, Header};
use super::manifest::SegmentRef;
use super::storage::Storage;

/// No section's log is longer.
const LOG_BYTES_MAX: u64 = 1 << 36;
/// Most segments' heads are read at once.
const HEAD_READ_BYTES: u64 = 64 * 1024;

/// What a worker has changed in the state of one transform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The transform's full name.
    pub operator: String,
    /// The shard that wrote the log.
    pub worker: u32,
    /// Of how many shards.
    pub workers: u32,
    /// The changes, in order: a [`StateLog`].
    pub log: Vec<u8>,
}

impl Section {
    /// The section of a log.
    pub fn new(operator: impl Into<String>, worker: usize, workers: usize, log: StateLog) -> Self {
        let number = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
        Section { operator: operator.into(), worker: number(worker), workers: number(workers), log: log.into_bytes() }
    }

    /// Compresses it. That is most of the work of writing a segment, and workers may do it each for itself.
    pub fn pack(&self) -> Result<PackedSection, EncodeError> {
        let stored = format::compress(&self.log).map_err(|error| EncodeError::new(FileKind::Segment, error))?;
        let entry = SectionEntry {
            operator: self.operator.clone(),
            worker: self.worker,
            workers: self.workers,
            stored: stored.len() as u64,
            length: self.log.len() as u64,
            checksum: format::checksum_of(&stored),
        };
        if entry.length.max(entry.stored) > LOG_BYTES_MAX {
            let cause = format!("the state of `{}` takes more than {LOG_BYTES_MAX} bytes", entry.operator);
            return Err(EncodeError::new(FileKind::Segment, cause));
        }
        Ok(PackedSection { entry, stored })
    }
}

/// A section as it is stored.
#[derive(Clone, Debug)]
pub struct PackedSection {
    entry: SectionEntry,
    stored: Vec<u8>,
}

impl PackedSection {
    /// How many bytes it takes.
    pub fn bytes(&self) -> u64 {
        self.entry.stored
    }
}

/// What the directory says of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SectionEntry {
    pub(super) operator: String,
    pub(super) worker: u32,
    pub(super) workers: u32,
    pub(super) stored: u64,
    pub(super) length: u64,
    pub(super) checksum: u64,
}

/// The file `name` that holds the sections, and how a manifest names it.
pub(super) fn encode(name: String, sections: &[PackedSection]) -> Result<(SegmentRef, Vec<u8>), EncodeError> {
    let directory: Vec<&SectionEntry> = sections.iter().map(|section| &section.entry).collect();
    let mut file = format::encode(FileKind::Segment, &directory)?;
    let header =
        Header::read(FileKind::Segment, &file).map_err(|damage| EncodeError::new(FileKind::Segment, damage))?;
    file.reserve_exact(sections.iter().map(|section| section.stored.len()).sum());
    sections.iter().for_each(|section| file.extend_from_slice(&section.stored));
    Ok((SegmentRef { name, bytes: file.len() as u64, checksum: header.checksum() }, file))
}

/// A segment whose head has been read and found intact.
pub(super) struct SegmentReader<'a> {
    storage: &'a dyn Storage,
    of: &'a SegmentRef,
    entries: Vec<SectionEntry>,
    /// Where each section begins.
    starts: Vec<u64>,
}

impl<'a> SegmentReader<'a> {
    /// Opens the segment that a manifest names.
    pub(super) async fn open(
        storage: &'a dyn Storage,
        of: &'a SegmentRef,
    ) -> Result<SegmentReader<'a>, CheckpointError> {
        let mut head = storage.get_range(&of.name, 0..HEAD_READ_BYTES).await?;
        let at = |damage| in_file(storage, &of.name, damage);
        let header = Header::read(FileKind::Segment, &head).map_err(at)?;
        if header.end() > head.len() as u64 && head.len() as u64 == HEAD_READ_BYTES {
            head = storage.get_range(&of.name, 0..header.end()).await?;
        }
        let Some(stored) = head.get(HEADER_BYTES..).and_then(|rest| rest.get(..(header.end() as usize - HEADER_BYTES)))
        else {
            return Err(at(Damage::Torn { found: head.len() as u64, expected: of.bytes }));
        };
        let entries: Vec<SectionEntry> = header.body(FileKind::Segment, stored).map_err(at)?;
        if header.checksum() != of.checksum {
            return Err(CheckpointError::NotTheOne { file: format!("{}/{}", storage.describe(), of.name) });
        }
        let mut end = Some(header.end());
        let starts = entries.iter().map(|entry| end.replace(end?.checked_add(entry.stored)?)).collect::<Option<_>>();
        match starts {
            Some(starts) if end == Some(of.bytes) && entries.iter().all(|entry| entry.length <= LOG_BYTES_MAX) => {
                Ok(SegmentReader { storage, of, entries, starts })
            }
            _ => Err(at(Damage::corrupt("its directory makes no sense"))),
        }
    }

    /// The directory.
    pub(super) fn entries(&self) -> &[SectionEntry] {
        &self.entries
    }

    /// The state of one transform, of a chain of segments.
    pub(super) async fn table(chain: &[SegmentReader<'_>], operator: &str) -> Result<StateTable, CheckpointError> {
        let mut table = StateTable::default();
        for reader in chain {
            let entries = reader.entries().iter().enumerate();
            for (number, _) in entries.filter(|(_, entry)| entry.operator == operator) {
                reader.apply(number, &mut table).await?;
            }
        }
        Ok(table)
    }

    /// Applies the section with this number to the state of its transform.
    pub(super) async fn apply(&self, number: usize, table: &mut StateTable) -> Result<(), CheckpointError> {
        let (log, entry) = (self.log(number).await?, &self.entries[number]);
        table.apply(&log, entry.worker as usize, entry.workers as usize).map_err(|cause| self.damaged(number, cause))
    }

    /// Reads all sections from their starts to their ends.
    pub(super) async fn verify_all(&self) -> Result<(), CheckpointError> {
        for number in 0..self.entries.len() {
            let log = self.log(number).await?;
            let read = StateRecords::new(&log).try_for_each(|record| record.map(drop));
            read.map_err(|cause| self.damaged(number, cause))?;
        }
        Ok(())
    }

    fn damaged(&self, number: usize, cause: StateLogError) -> CheckpointError {
        let file = format!("{}/{}", self.storage.describe(), self.of.name);
        CheckpointError::State { file, operator: self.entries[number].operator.clone(), cause }
    }

    /// The log of the section with this number.
    pub(super) async fn log(&self, number: usize) -> Result<Vec<u8>, CheckpointError> {
        let at = |damage| in_file(self.storage, &self.of.name, damage);
        let (start, entry) = (self.starts[number], &self.entries[number]);
        // One byte more than there should be tells whether the file is longer than it should be.
        let last = number + 1 == self.entries.len();
        let stored = self.storage.get_range(&self.of.name, start..start + entry.stored + u64::from(last)).await?;
        if stored.len() as u64 != entry.stored {
            return Err(at(Damage::Torn { found: start + stored.len() as u64, expected: self.of.bytes }));
        }
        if format::checksum_of(&stored) != entry.checksum {
            let whose = format!("the state of `{}`, worker {} of {}", entry.operator, entry.worker, entry.workers);
            return Err(at(Damage::corrupt(format!("{whose}, has a wrong checksum"))));
        }
        format::decompress(&stored, entry.length).map_err(at)
    }
}

fn in_file(storage: &dyn Storage, name: &str, damage: Damage) -> CheckpointError {
    FormatError { file: format!("{}/{name}", storage.describe()), damage }.into()
}
