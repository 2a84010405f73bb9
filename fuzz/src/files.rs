//! Files of a checkpoint around arbitrary bodies, with right checksums; and user's files in a folder that is used again and again.

use std::fs;
use std::path::{Path, PathBuf};

use purlin_runners::checkpoint::format::{self, FileKind};
use serde::{Serialize, Serializer, ser::SerializeTuple};
use tempfile::TempDir;

/// Where the checksum of a head stands.
const CHECKSUM_AT: usize = 28;

/// Bytes that postcard writes as they are.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

/// A file of `kind` that is intact and holds `body`.
pub fn framed(kind: FileKind, body: &[u8]) -> Vec<u8> {
    format::encode(kind, &Raw(body)).expect("an input is short")
}

/// The checksum in the head of an intact file.
pub fn checksum_of(file: &[u8]) -> u64 {
    let bytes = file[CHECKSUM_AT..].first_chunk().expect("a file has a head");
    u64::from_le_bytes(*bytes)
}

/// A folder in memory, where there is such a thing, for one file at a time.
pub struct Folder(TempDir);

impl Default for Folder {
    fn default() -> Self {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Folder(made.expect("a folder for the inputs can be made"))
    }
}

impl Folder {
    /// Makes the file, over whatever was there.
    pub fn write(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, contents).expect("the input can be written");
        path
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
