//! The marker beside a folder that grows: whose it is.
//!
//! One line, `run 00007-9f3a5c1e of job NAME`, in the hidden file `.NAME.job`, replaced by a rename. It is how a job knows its own output again,
//! how a second sink on the same folder is found out, and how an incarnation learns that a later one has begun. It stands beside the folder,
//! since not every reader passes over hidden files in it, and since a consumer may take the folder as a whole.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::FileError;
use super::run::incarnation_of;

/// What a marker says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) job: String,
    /// The run that wrote it, an incarnation of the job.
    pub(super) run: String,
}

impl Marker {
    /// The marker at `path`, if one is there that can be read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, FileError> {
        match fs::read(path) {
            Ok(text) => Ok(str::from_utf8(&text).ok().and_then(Marker::parse)),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(FileError::io("read", path)(cause)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (run, job) = text.strip_prefix("run ")?.strip_suffix('\n')?.split_once(" of job ")?;
        incarnation_of(run)?;
        Some(Marker { job: job.to_owned(), run: run.to_owned() })
    }

    /// Puts the marker to `path`. It is made in the folder `temporary`: it is there as a whole or not at all.
    pub(super) fn write(&self, path: &Path, temporary: &Path) -> Result<(), FileError> {
        let made = temporary.join("job");
        File::create(&made)
            .and_then(|mut file| {
                writeln!(file, "run {} of job {}", self.run, self.job)?;
                file.sync_all()
            })
            .map_err(FileError::io("write", &made))?;
        fs::rename(&made, path).map_err(FileError::io("write", path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".out.job");
        assert_eq!(Marker::read(&path).unwrap(), None);
        for job in ["totals", "", "two\nlines of job x\n"] {
            let marker = Marker { job: job.into(), run: "00007-9f3a5c1e".into() };
            marker.write(&path, dir.path()).unwrap();
            assert_eq!(Marker::read(&path).unwrap(), Some(marker));
        }
        for other in [&b"something else"[..], b"run 7 of job x\n", b"\xff"] {
            fs::write(&path, other).unwrap();
            assert_eq!(Marker::read(&path).unwrap(), None);
        }
        assert!(Marker::read(dir.path()).is_err());
    }
}
