//! A folder of its own for a test, in which programs are run as in a shell.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Outcome, PATIENCE, Running};

/// An empty folder, removed at the end. Relative paths in command lines mean files in it.
pub struct Place {
    folder: TempDir,
    patience: Duration,
}

impl Place {
    /// A new one.
    pub fn new() -> Self {
        Place { folder: tempfile::tempdir().expect("a folder for temporary files"), patience: PATIENCE }
    }

    /// Waits longer for programs than usual.
    pub fn patience(self, patience: Duration) -> Self {
        Place { patience, ..self }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("a folder that can be written");
    }

    /// Runs a command line: an example's name, then its arguments, parted by blanks.
    pub fn run(&self, line: &str) -> Outcome {
        self.start(line).wait(self.patience)
    }

    /// Runs a command line that must succeed; gives its standard output.
    pub fn ok(&self, line: &str) -> String {
        let outcome = self.run(line);
        assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
        outcome.stdout
    }

    /// Starts a command line.
    pub fn start(&self, line: &str) -> Running {
        Running::start(self.folder.path(), line)
    }

    /// All names in the folder, hidden ones too, in order.
    pub fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    /// The lines of all files in a folder here, in order.
    pub fn lines(&self, folder: &str) -> Vec<String> {
        let folder = self.path(folder);
        let read = |name: &String| fs::read_to_string(folder.join(name)).expect("a text file");
        let mut lines: Vec<_> =
            names(&folder).iter().flat_map(|name| read(name).lines().map(String::from).collect::<Vec<_>>()).collect();
        lines.sort();
        lines
    }
}

impl Default for Place {
    fn default() -> Self {
        Place::new()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
