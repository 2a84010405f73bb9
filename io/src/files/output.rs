//! The publishing protocol: see the module's head.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use purlin_model::sink::{Publishing, SinkRun};

use super::part::StagedFile;
use super::run::{Run, incarnation_of, is_run};
use super::{FileError, Parts, StagedFiles};

/// A folder that one run fills and publishes, as it is or as one file; or that grows with every checkpoint.
///
/// Making one does no I/O. Its state is the run that is going on in this process; what was staged names its run itself, so it can also be
/// published by another process after a restart.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    pub(super) target: PathBuf,
    overwrite: bool,
    pub(super) single_file: bool,
    run: Mutex<Option<Run>>,
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

    /// Whether a run is going on that publishes with every checkpoint.
    pub(crate) fn is_growing(&self) -> bool {
        self.run().as_ref().is_some_and(|run| run.growing.is_some())
    }

    /// Checks the target and makes the hidden folder.
    pub(crate) fn begin(&self, run: &SinkRun) -> Result<(), FileError> {
        let mut current = self.run();
        match run.publishing {
            Publishing::AtEnd => self.begin_once(&mut current),
            Publishing::PerCheckpoint { incarnation, resumes } => {
                self.begin_growing(&mut current, &run.job, incarnation, resumes)
            }
        }
    }

    fn begin_once(&self, current: &mut Option<Run>) -> Result<(), FileError> {
        if current.is_some() {
            return Err(FileError::InUse { path: self.target.clone() });
        }
        self.check_target()?;
        self.existing_parent()?;
        self.warn_of_leftovers();
        let run = Run::once();
        let temporary = self.temporary(&run.id)?;
        fs::create_dir(&temporary).map_err(FileError::io("create", &temporary))?;
        *current = Some(run);
        Ok(())
    }

    /// What `worker` writes: files that end in `.extension`.
    pub(crate) fn parts(&self, worker: usize, extension: &str) -> Result<Parts, FileError> {
        let run = self.run();
        let run = run.as_ref().ok_or_else(|| FileError::NotBegun { path: self.target.clone() })?;
        Ok(Parts::new(self.temporary(&run.id)?, run, worker, extension.to_owned()))
    }

    /// Makes the staged files visible, and nothing else. Without any, a folder or file that appears at the end appears empty.
    pub(crate) fn publish(&self, staged: &[StagedFiles]) -> Result<(), FileError> {
        let mut current = self.run();
        self.check_names(staged)?;
        let grows = match staged.first() {
            Some(first) => incarnation_of(&first.run).is_some(),
            None => current.as_ref().is_some_and(|run| run.growing.is_some()),
        };
        if grows {
            return self.publish_growing(current.as_ref(), staged);
        }
        let Some(run) = staged.first().map(|first| &first.run).or(current.as_ref().map(|run| &run.id)).cloned() else {
            let published = if self.single_file { self.target.is_file() } else { self.target.is_dir() };
            return if published { Ok(()) } else { Err(FileError::NotBegun { path: self.target.clone() }) };
        };
        let files: Vec<_> = staged.iter().flat_map(|staged| &staged.files).collect();
        if self.single_file {
            self.publish_file(&run, files)?
        } else {
            self.publish_folder(&run, &files)?
        }
        current.take_if(|current| current.id == run);
        Ok(())
    }

    fn publish_folder(&self, run: &str, files: &[&StagedFile]) -> Result<(), FileError> {
        let (temporary, aside) = (self.temporary(run)?, self.aside(run)?);
        if exists(&temporary)? {
            self.check_lengths(&temporary, files)?;
            remove_others(&temporary, files)?;
            sync_folder(&temporary)?;
            self.move_in(&temporary, &aside)?;
            remove_file(&self.marker()?)?;
            sync_folder(self.parent())?;
        } else {
            self.check_lengths(&self.target, files)?;
        }
        remove_folder(&aside)
    }

    /// Removes temporary output that nobody will publish: of a run that publishes at its end, its own, and it is over then; of one that
    /// grows, that of earlier incarnations. Without a run it does nothing.
    pub(crate) fn discard(&self) -> Result<(), FileError> {
        let mut current = self.run();
        if let Some(growing) = current.as_ref().and_then(|run| run.growing.as_ref()) {
            return self.discard_earlier(growing);
        }
        match current.take() {
            Some(run) => remove_folder(&self.temporary(&run.id)?),
            None => Ok(()),
        }
    }

    /// Refuses what no [`Parts`] of one run that publishes once, or of incarnations of a growing one, have named: never a path.
    fn check_names(&self, staged: &[StagedFiles]) -> Result<(), FileError> {
        let foreign = |name: &str| Err(FileError::Foreign { path: self.target.clone(), name: name.to_owned() });
        let Some(first) = staged.first() else { return Ok(()) };
        let belongs =
            |run: &str| run == first.run || incarnation_of(run).is_some() && incarnation_of(&first.run).is_some();
        if let Some(other) = staged.iter().find(|staged| !is_run(&staged.run) || !belongs(&staged.run)) {
            return foreign(&other.run);
        }
        match staged.iter().flat_map(|staged| &staged.files).find(|file| !is_part(&file.name)) {
            Some(file) => foreign(&file.name),
            None => Ok(()),
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
        match foreign_entry(&self.target)? {
            Some(found) => refuse(found),
            None => Ok(true),
        }
    }

    /// Runs that were killed leave their hidden folders; another process's live run looks the same, so they are only named.
    pub(super) fn warn_of_leftovers(&self) {
        for (_, left) in self.hidden_folders().into_iter().flatten() {
            tracing::warn!("`{}` is left from a run that did not end, or is still running", left.display());
        }
    }

    /// The hidden folders of all runs, with their names.
    pub(super) fn hidden_folders(&self) -> Result<Vec<(String, PathBuf)>, FileError> {
        let prefix = self.temporary("")?;
        let mut folders = Vec::new();
        for entry in fs::read_dir(self.parent()).map_err(FileError::io("list", self.parent()))? {
            let path = self.parent().join(entry.map_err(FileError::io("list", self.parent()))?.file_name());
            let (bytes, prefix) = (path.as_os_str().as_encoded_bytes(), prefix.as_os_str().as_encoded_bytes());
            if let Some(run) = bytes.strip_prefix(prefix).and_then(|run| str::from_utf8(run).ok())
                && is_run(run)
            {
                folders.push((run.to_owned(), path.clone()));
            }
        }
        Ok(folders)
    }

    pub(super) fn existing_parent(&self) -> Result<&Path, FileError> {
        let parent = self.parent();
        if parent.is_dir() {
            return Ok(parent);
        }
        Err(FileError::NoParent { path: self.target.clone(), parent: parent.to_owned() })
    }

    pub(super) fn parent(&self) -> &Path {
        match self.target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    pub(super) fn temporary(&self, run: &str) -> Result<PathBuf, FileError> {
        self.sibling(&format!("tmp-{run}"))
    }

    pub(super) fn aside(&self, run: &str) -> Result<PathBuf, FileError> {
        self.sibling(&format!("old-{run}"))
    }

    /// Says whose the target is, if it grows.
    pub(super) fn marker(&self) -> Result<PathBuf, FileError> {
        self.sibling("job")
    }

    fn sibling(&self, kind: &str) -> Result<PathBuf, FileError> {
        let name = self.target.file_name().ok_or_else(|| FileError::NoName { path: self.target.clone() })?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".");
        hidden.push(kind);
        Ok(self.parent().join(hidden))
    }

    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that ends without temporary output leaves no hidden folder.
impl Drop for OutputFolder {
    fn drop(&mut self) {
        if let Some(run) = self.run().take_if(|run| run.growing.is_some())
            && let Ok(temporary) = self.temporary(&run.id)
        {
            // Refused unless it is empty.
            let _ = fs::remove_dir(temporary);
        }
    }
}

/// What is in the folder of `target` that no sink put there.
pub(super) fn foreign_entry(target: &Path) -> Result<Option<String>, FileError> {
    for entry in fs::read_dir(target).map_err(FileError::io("list", target))? {
        let name = entry.map_err(FileError::io("list", target))?.file_name();
        if !name.to_str().is_some_and(is_part) {
            return Ok(Some(format!("it holds `{}`", name.display())));
        }
    }
    Ok(None)
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

fn remove_file(file: &Path) -> Result<(), FileError> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(FileError::io("remove", file)(cause)),
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
