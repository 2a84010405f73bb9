//! Part files: what one worker writes inside a run's hidden folder.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::FileError;

/// Finished files that wait to be published: what a file sink stages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFiles {
    /// Names the hidden folder they are in.
    pub(super) run: String,
    pub(super) files: Vec<StagedFile>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedFile {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// The files of one worker, one after the other.
pub(crate) struct Parts {
    folder: PathBuf,
    run: String,
    worker: usize,
    extension: String,
    sequence: u64,
    finished: Vec<StagedFile>,
}

impl Parts {
    pub(super) fn new(folder: PathBuf, run: String, worker: usize, extension: String) -> Self {
        Parts { folder, run, worker, extension, sequence: 0, finished: Vec::new() }
    }

    /// The next file, new and empty. A sequence number that is taken (a worker that is opened a second time begins at 0 again) is
    /// passed over, so that no finished file is ever written to.
    pub(crate) fn create(&mut self) -> Result<PartFile, FileError> {
        loop {
            let name = format!("part-{:05}-{:05}.{}", self.worker, self.sequence, self.extension);
            self.sequence += 1;
            let path = self.folder.join(&name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(PartFile { file, path, name }),
                Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(FileError::io("create", &path)(cause)),
            }
        }
    }

    /// Makes a written file durable and keeps it for [`take_staged`](Self::take_staged).
    pub(crate) fn finish(&mut self, part: PartFile) -> Result<(), FileError> {
        part.file.sync_all().map_err(FileError::io("sync", &part.path))?;
        let bytes = part.file.metadata().map_err(FileError::io("sync", &part.path))?.len();
        self.finished.push(StagedFile { name: part.name, bytes });
        Ok(())
    }

    /// What was finished since the last call, if anything was.
    pub(crate) fn take_staged(&mut self) -> Option<StagedFiles> {
        let files = std::mem::take(&mut self.finished);
        (!files.is_empty()).then(|| StagedFiles { run: self.run.clone(), files })
    }
}

/// A file being written. Not buffered. Dropped without [`Parts::finish`], it is never published.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: File,
    path: PathBuf,
    name: String,
}

impl PartFile {
    /// Where it is for now, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
