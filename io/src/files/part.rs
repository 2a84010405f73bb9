//! Part files: what one worker writes inside a run's hidden folder.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::FileError;
use super::output::sync_folder;
use super::run::{Growing, Run};

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
    names: Names,
    extension: String,
    finished: Vec<StagedFile>,
}

/// How files are called.
enum Names {
    /// Of a run that publishes once: by worker, and numbered by it.
    OfWorker { worker: usize, next: u64 },
    /// Of a run whose output grows: by incarnation, and numbered by all workers together. So names follow time, and what a run calls a
    /// file no other run does.
    OfIncarnation { incarnation: u64, next: Arc<AtomicU64>, hash: String },
}

impl Names {
    fn next(&mut self) -> String {
        match self {
            Names::OfWorker { worker, next } => {
                *next += 1;
                format!("part-{worker:05}-{:05}", *next - 1)
            }
            Names::OfIncarnation { incarnation, next, hash } => {
                format!("part-{incarnation:05}-{:08}-{hash}", next.fetch_add(1, Relaxed))
            }
        }
    }
}

impl Parts {
    pub(super) fn new(folder: PathBuf, run: &Run, worker: usize, extension: String) -> Self {
        let names = match &run.growing {
            None => Names::OfWorker { worker, next: 0 },
            Some(Growing { incarnation, files, .. }) => {
                let hash = run.id.rsplit('-').next().unwrap_or_default().to_owned();
                Names::OfIncarnation { incarnation: *incarnation, next: files.clone(), hash }
            }
        };
        Parts { folder, run: run.id.clone(), names, extension, finished: Vec::new() }
    }

    /// The next file, new and empty. A name that is taken (a worker that is opened a second time begins at 0 again) is passed over, so
    /// that no finished file is ever written to.
    pub(crate) fn create(&mut self) -> Result<PartFile, FileError> {
        loop {
            let name = format!("{}.{}", self.names.next(), self.extension);
            let path = self.folder.join(&name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(PartFile { file, path, name }),
                Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(FileError::io("create", &path)(cause)),
            }
        }
    }

    /// Makes a written file's content durable and keeps it for [`stage`](Self::stage).
    pub(crate) fn finish(&mut self, part: PartFile) -> Result<(), FileError> {
        part.file.sync_all().map_err(FileError::io("sync", &part.path))?;
        let bytes = part.file.metadata().map_err(FileError::io("sync", &part.path))?.len();
        self.finished.push(StagedFile { name: part.name, bytes });
        Ok(())
    }

    /// What was finished since the last call, if anything was. It will be there after a crash.
    pub(crate) fn stage(&mut self) -> Result<Option<StagedFiles>, FileError> {
        if self.finished.is_empty() {
            return Ok(None);
        }
        sync_folder(&self.folder)?;
        Ok(Some(StagedFiles { run: self.run.clone(), files: std::mem::take(&mut self.finished) }))
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
    /// A file that is there.
    #[cfg(test)]
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(PartFile { file, path: path.to_owned(), name: String::new() })
    }

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
