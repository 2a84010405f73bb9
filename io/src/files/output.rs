//! The publishing protocol: see the module's head.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::part::StagedFile;
use super::{FileError, Parts, StagedFiles};

/// A folder that one run fills and publishes, as it is or as one file.
///
/// Making one does no I/O. Its state is the run that is going on in this process; what was staged names its run itself, so it can also be
/// published by another process after a restart.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    pub(super) target: PathBuf,
    overwrite: bool,
    single_file: bool,
    run: Mutex<Option<String>>,
}

impl OutputFolder {
    /// The folder at `target`, which must not exist yet.
    pub(crate) fn new(target: impl Into<PathBuf>) -> Self {
        OutputFolder { target: target.into(), overwrite: false, single_file: false, run: Mutex::new(None) }
    }

    /// If the output exists, the new one takes its place when it is published. Only a folder that holds nothing but part files is
    /// replaced by a folder, and only a regular file by a file: a mistyped path must not cost anybody's data.
    pub(crate) fn overwrite(mut self) -> Self {
        self.overwrite = true;
        self
    }

    /// The part files are appended to one another when they are published: the target is a file.
    pub(crate) fn single_file(mut self) -> Self {
        self.single_file = true;
        self
    }

    /// Whether the target is a file.
    pub(crate) fn is_single_file(&self) -> bool {
        self.single_file
    }

    /// The output as the user named it.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Checks the target and makes the hidden folder.
    pub(crate) fn begin(&self) -> Result<(), FileError> {
        let mut run = self.run();
        if run.is_some() {
            return Err(FileError::InUse { path: self.target.clone() });
        }
        self.check_target()?;
        let parent = self.parent();
        if !parent.is_dir() {
            return Err(FileError::NoParent { path: self.target.clone(), parent: parent.to_owned() });
        }
        self.warn_of_leftovers();
        let id = format!("{:016x}", RandomState::new().build_hasher().finish());
        let temporary = self.temporary(&id)?;
        fs::create_dir(&temporary).map_err(FileError::io("create", &temporary))?;
        *run = Some(id);
        Ok(())
    }

    /// What `worker` writes: files that end in `.extension`.
    pub(crate) fn parts(&self, worker: usize, extension: &str) -> Result<Parts, FileError> {
        let run = self.run().clone().ok_or_else(|| FileError::NotBegun { path: self.target.clone() })?;
        Ok(Parts::new(self.temporary(&run)?, run, worker, extension.to_owned()))
    }

    /// Makes the staged files visible, and nothing else. Without any, the folder or file appears empty.
    pub(crate) fn publish(&self, staged: &[StagedFiles]) -> Result<(), FileError> {
        let mut current = self.run();
        let Some(run) = staged.first().map(|first| first.run.clone()).or_else(|| current.clone()) else {
            let published = if self.single_file { self.target.is_file() } else { self.target.is_dir() };
            return if published { Ok(()) } else { Err(FileError::NotBegun { path: self.target.clone() }) };
        };
        let files = self.checked(&run, staged)?;
        if self.single_file {
            self.publish_file(&run, files)?
        } else {
            self.publish_folder(&run, &files)?
        }
        current.take_if(|current| *current == run);
        Ok(())
    }

    fn publish_folder(&self, run: &str, files: &[&StagedFile]) -> Result<(), FileError> {
        let (temporary, aside) = (self.temporary(run)?, self.aside(run)?);
        if exists(&temporary)? {
            self.check_lengths(&temporary, files)?;
            remove_others(&temporary, files)?;
            sync_folder(&temporary)?;
            self.move_in(&temporary, &aside)?;
            sync_folder(self.parent())?;
        } else {
            self.check_lengths(&self.target, files)?;
        }
        remove_folder(&aside)
    }

    /// Removes what this process's run has written. Without a run it does nothing.
    pub(crate) fn abort(&self) -> Result<(), FileError> {
        match self.run().take() {
            Some(run) => remove_folder(&self.temporary(&run)?),
            None => Ok(()),
        }
    }

    /// The staged files, if they are such as [`Parts`] makes: names of their own, never paths.
    fn checked<'a>(&self, run: &str, staged: &'a [StagedFiles]) -> Result<Vec<&'a StagedFile>, FileError> {
        let foreign = |name: &str| Err(FileError::Foreign { path: self.target.clone(), name: name.to_owned() });
        if run.len() != 16 || !run.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return foreign(run);
        }
        if let Some(other) = staged.iter().find(|staged| staged.run != run) {
            return foreign(&other.run);
        }
        let files: Vec<_> = staged.iter().flat_map(|staged| &staged.files).collect();
        match files.iter().find(|file| !is_part(&file.name)) {
            Some(file) => foreign(&file.name),
            None => Ok(files),
        }
    }

    pub(super) fn check_lengths(&self, folder: &Path, files: &[&StagedFile]) -> Result<(), FileError> {
        for file in files {
            let intact = fs::metadata(folder.join(&file.name)).is_ok_and(|found| found.len() == file.bytes);
            if !intact {
                return Err(FileError::Lost { path: self.target.clone(), name: file.name.clone() });
            }
        }
        Ok(())
    }

    fn move_in(&self, temporary: &Path, aside: &Path) -> Result<(), FileError> {
        let replaces = self.check_target()?;
        if replaces {
            fs::rename(&self.target, aside).map_err(FileError::io("replace", &self.target))?;
        }
        fs::rename(temporary, &self.target).map_err(|cause| {
            if replaces && let Err(second) = fs::rename(aside, &self.target) {
                tracing::error!("the old `{}` is now `{}`: {second}", self.target.display(), aside.display());
            }
            FileError::io("publish", &self.target)(cause)
        })
    }

    /// Whether something is there that may be replaced; an error if it may not.
    pub(super) fn check_target(&self) -> Result<bool, FileError> {
        if !exists(&self.target)? {
            return Ok(false);
        }
        if !self.overwrite {
            return Err(FileError::TargetExists { path: self.target.clone() });
        }
        let refuse = |found: String| Err(FileError::NotOverwritten { path: self.target.clone(), found });
        let metadata = fs::symlink_metadata(&self.target).map_err(FileError::io("read", &self.target))?;
        if self.single_file {
            return if metadata.is_file() { Ok(true) } else { refuse("it is not a regular file".into()) };
        }
        if !metadata.is_dir() {
            return refuse("it is not a folder".into());
        }
        for entry in fs::read_dir(&self.target).map_err(FileError::io("list", &self.target))? {
            let name = entry.map_err(FileError::io("list", &self.target))?.file_name();
            if !name.to_str().is_some_and(is_part) {
                return refuse(format!("it holds `{}`", name.display()));
            }
        }
        Ok(true)
    }

    /// Runs that were killed leave their hidden folders; another process's live run looks the same, so they are only named.
    fn warn_of_leftovers(&self) {
        let Ok(prefix) = self.sibling("tmp", "") else { return };
        let siblings = fs::read_dir(self.parent()).into_iter().flatten().flatten();
        for left in siblings.map(|entry| self.parent().join(entry.file_name())) {
            if left.as_os_str().as_encoded_bytes().starts_with(prefix.as_os_str().as_encoded_bytes()) {
                tracing::warn!("`{}` is left from a run that did not end, or is still running", left.display());
            }
        }
    }

    pub(super) fn parent(&self) -> &Path {
        match self.target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    pub(super) fn temporary(&self, run: &str) -> Result<PathBuf, FileError> {
        self.sibling("tmp", run)
    }

    fn aside(&self, run: &str) -> Result<PathBuf, FileError> {
        self.sibling("old", run)
    }

    fn sibling(&self, kind: &str, run: &str) -> Result<PathBuf, FileError> {
        let name = self.target.file_name().ok_or_else(|| FileError::NoName { path: self.target.clone() })?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{kind}-{run}"));
        Ok(self.parent().join(hidden))
    }

    fn run(&self) -> MutexGuard<'_, Option<String>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `name` is one that [`Parts`] gives: in particular, no path.
fn is_part(name: &str) -> bool {
    name.starts_with("part-") && !name.contains(['/', '\\', '\0'])
}

pub(super) fn exists(path: &Path) -> Result<bool, FileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(FileError::io("read", path)(cause)),
    }
}

fn remove_others(folder: &Path, files: &[&StagedFile]) -> Result<(), FileError> {
    let staged: std::collections::HashSet<_> = files.iter().map(|file| file.name.as_str()).collect();
    for entry in fs::read_dir(folder).map_err(FileError::io("list", folder))? {
        let entry = entry.map_err(FileError::io("list", folder))?;
        if !entry.file_name().to_str().is_some_and(|name| staged.contains(name)) {
            fs::remove_file(entry.path()).map_err(FileError::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}

pub(super) fn remove_folder(folder: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(FileError::io("remove", folder)(cause)),
        _ => Ok(()),
    }
}

/// A rename is durable only once the folder around it is.
pub(super) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    if cfg!(unix) {
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::io("sync", folder))?;
    }
    Ok(())
}
