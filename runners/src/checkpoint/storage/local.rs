//! A folder of a local or mounted file system.
//!
//! A file is written under a temporary name in the folder `.writing`, synced, and then given its name by a rename that replaces nothing
//! (or a hard link, where the file system knows no such rename); then the folders are synced. The temporary file is locked while its writer
//! lives, so a lock that can be had tells a leftover of a dead process.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::NamedTempFile;

use super::{Storage, StorageError, checked};

/// Not a name that [`checked`] lets through: nothing in it is ever listed.
const TEMPORARY: &str = ".writing";
/// A temporary file that is younger may be one that its writer has not locked yet.
const YOUNG: Duration = Duration::from_secs(60);

/// Where the file system has no locks, a file that nobody has written to for so long has no writer any more.
const OLD: Duration = Duration::from_secs(60 * 60);

/// Files in a folder, which processes of several machines may share if its file system renames or links atomically.
#[derive(Clone, Debug)]
pub struct LocalStorage {
    root: PathBuf,
}

impl LocalStorage {
    /// Storage in `root`, which is created if need be; leftovers of processes that died while they wrote are removed.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let storage = LocalStorage { root: root.into() };
        let temporary = storage.root.join(TEMPORARY);
        create_durably(&temporary).map_err(|error| in_words(&temporary, "created", error))?;
        storage.sweep(&temporary, YOUNG).map_err(|error| in_words(&temporary, "tidied up", error))?;
        Ok(storage)
    }

    /// Storage in `root`, which has to be there: for those who only read.
    pub fn existing(root: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let root = root.into();
        match fs::metadata(&root) {
            Ok(there) if there.is_dir() => Ok(LocalStorage { root }),
            Ok(_) => Err(StorageError::other(root.display().to_string(), "read", "it is no folder")),
            Err(error) => Err(in_words(&root, "read", error)),
        }
    }

    fn sweep(&self, temporary: &Path, young: Duration) -> io::Result<()> {
        for entry in fs::read_dir(temporary)? {
            let entry = entry?;
            // Whatever cannot be looked at is being renamed or removed by its writer right now.
            let Ok(written) = entry.metadata().and_then(|there| there.modified()) else { continue };
            let age = written.elapsed().unwrap_or_default();
            if age >= young && is_abandoned(&entry.path()).unwrap_or(age >= OLD) {
                tracing::info!("removing {}, left by a process that died", entry.path().display());
                drop(fs::remove_file(entry.path()));
            }
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        name: &str,
        doing: &'static str,
        work: impl FnOnce(&LocalStorage, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let storage = self.clone();
        let path = self.root.join(name);
        let shown = path.clone();
        let done = tokio::task::spawn_blocking(move || work(&storage, &path)).await;
        done.unwrap_or_else(|stopped| Err(io::Error::other(stopped))).map_err(|error| in_words(&shown, doing, error))
    }

    fn put(&self, path: &Path, contents: &[u8]) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.root);
        let temporary = self.root.join(TEMPORARY);
        create_durably(folder)?;
        create_durably(&temporary)?;
        let mut file = new_file(&temporary)?;
        lock(file.as_file());
        file.write_all(contents)?;
        file.as_file().sync_all()?;
        let placed = file.persist_noclobber(path);
        // Also where the file was there before: its writer may have died between the rename and this.
        sync_folder(folder)?;
        placed.map(drop).map_err(|error| error.error)
    }

    fn names(&self, folder: &Path, prefix: &str, into: &mut Vec<String>) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound && folder != self.root => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            // Foreign files, by their names, are none of ours.
            let relative = path.strip_prefix(&self.root).ok().and_then(|path| path.to_str());
            let Some(name) = relative.map(|name| name.replace(std::path::MAIN_SEPARATOR, "/")) else { continue };
            if checked(&name, "listed").is_err() {
                continue;
            }
            let shared = name.len().min(prefix.len());
            if name.as_bytes()[..shared] != prefix.as_bytes()[..shared] {
                continue;
            }
            match entry.file_type() {
                Ok(of) if of.is_dir() => self.names(&path, prefix, into)?,
                Ok(_) if name.len() >= prefix.len() => into.push(name),
                // Another process has deleted it meanwhile.
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Storage for LocalStorage {
    fn describe(&self) -> String {
        self.root.display().to_string()
    }

    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError> {
        checked(name, "written")?;
        self.blocking(name, "written", move |storage, path| storage.put(path, &contents)).await
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        checked(name, "read")?;
        self.blocking(name, "read", |_, path| fs::read(path)).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        checked(name, "read")?;
        self.blocking(name, "read", move |_, path| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
            Ok(bytes)
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let prefix = prefix.to_string();
        self.blocking("", "listed", move |storage, _| {
            let mut names = Vec::new();
            storage.names(&storage.root, &prefix, &mut names)?;
            names.sort_unstable();
            Ok(names)
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<(), StorageError> {
        checked(name, "deleted")?;
        self.blocking(name, "deleted", |storage, path| match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| sync_folder(path.parent().unwrap_or(&storage.root))),
        })
        .await
    }
}

/// Creates a folder and those above it, each durable in the one above.
fn create_durably(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new(""));
    create_durably(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        created => created?,
    }
    sync_folder(if above.as_os_str().is_empty() { Path::new(".") } else { above })
}

/// Makes what has become of a folder's entries durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be synced here; the journal of the file system keeps renames.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A temporary file; once it has its name, who may read it is as for any file that the user makes.
#[cfg(unix)]
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder)
}

/// Where the file system has no locks this does nothing, and the file's age has to tell whether its writer lives.
#[cfg(unix)]
fn lock(file: &File) {
    let _ = rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
}

/// Whether the writer of a temporary file is dead, where locks can tell.
#[cfg(unix)]
fn is_abandoned(path: &Path) -> Option<bool> {
    // Some network file systems lock only what is open for writing.
    let file = File::options().write(true).open(path).ok()?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Some(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Some(false),
        Err(_) => None,
    }
}

/// A file that is open for writing is not removed here, so there is no need of locks.
#[cfg(not(unix))]
fn lock(_: &File) {}

#[cfg(not(unix))]
fn is_abandoned(_: &Path) -> Option<bool> {
    Some(true)
}

fn in_words(path: &Path, doing: &'static str, error: io::Error) -> StorageError {
    let path = path.display().to_string();
    match error.kind() {
        ErrorKind::AlreadyExists => StorageError::Exists { path },
        ErrorKind::NotFound if doing != "written" => StorageError::NotFound { path },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StorageError::NoSpace { path },
        _ => StorageError::Other { path, doing, cause: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
