//! Grouped data that does not fit: written to temporary files, partition by partition, compressed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use purlin_model::kernel::Partial;
use purlin_model::{BoxError, Failure};

/// One worker's spill file. It has no name in the file system, so nothing is left behind whatever happens.
#[derive(Default)]
pub(super) struct SpillFile {
    file: Option<Arc<File>>,
    written: u64,
    segments: Vec<(usize, u64, usize)>,
}

/// A partition's data in a spill file.
pub(super) struct SpillSegment {
    file: Arc<File>,
    offset: u64,
    len: usize,
}

impl SpillFile {
    /// Writes what an aggregator held, one piece per partition.
    pub(super) fn write(&mut self, partials: Vec<Box<dyn Partial>>) -> Result<(), Failure> {
        let mut file = match &self.file {
            Some(file) => file.clone(),
            None => self.file.insert(Arc::new(tempfile::tempfile().map_err(no_space)?)).clone(),
        };
        let mut bytes = Vec::new();
        for (partition, partial) in partials.into_iter().enumerate().filter(|(_, partial)| !partial.is_empty()) {
            bytes.clear();
            partial.encode(&mut bytes)?;
            let compressed = lz4_flex::compress_prepend_size(&bytes);
            Write::write_all(&mut file, &compressed).map_err(no_space)?;
            self.segments.push((partition, self.written, compressed.len()));
            self.written += compressed.len() as u64;
        }
        Ok(())
    }

    /// What was written, with each piece's partition.
    pub(super) fn into_segments(self) -> Vec<(usize, SpillSegment)> {
        let Some(file) = self.file else { return Vec::new() };
        let segment = |(partition, offset, len)| (partition, SpillSegment { file: file.clone(), offset, len });
        self.segments.into_iter().map(segment).collect()
    }
}

impl SpillSegment {
    /// The bytes as they were encoded.
    pub(super) fn read(&self) -> Result<Vec<u8>, BoxError> {
        let mut compressed = vec![0; self.len];
        self.file.read_exact_at(&mut compressed, self.offset)?;
        Ok(lz4_flex::decompress_size_prepended(&compressed)?)
    }
}

fn no_space(error: io::Error) -> Failure {
    let folder = std::env::temp_dir();
    Failure::other(format!(
        "grouped data beyond the memory limit could not be written to a temporary file in {}: {error}; \
         free space there, set TMPDIR to another folder, or raise --memory-limit",
        folder.display()
    ))
}
