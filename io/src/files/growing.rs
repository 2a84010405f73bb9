//! Publishing with every checkpoint: files move from a hidden folder into the target, one rename each.
//!
//! A file is in exactly one of the two places, and which one says all there is to know: in the hidden folder it waits, otherwise it has been
//! published, even if its consumer has taken it away since. So publishing again cannot bring a file back, and two processes that publish the
//! same do each other no harm.

use std::fs;
use std::io::ErrorKind;

use super::marker::Marker;
use super::output::{exists, foreign_entry, remove_folder, sync_folder};
use super::part::StagedFile;
use super::run::{Growing, Run, incarnation_of, is_live};
use super::{FileError, OutputFolder, StagedFiles};

impl OutputFolder {
    /// Checks the target, makes it if it is not there, and makes the hidden folder of this incarnation.
    pub(super) fn begin_growing(
        &self,
        current: &mut Option<Run>,
        job: &str,
        incarnation: u64,
        resumes: bool,
    ) -> Result<(), FileError> {
        if self.single_file {
            return Err(FileError::CannotGrow { path: self.target.clone() });
        }
        if current.as_ref().is_some_and(|run| run.growing.as_ref().is_none_or(|old| old.incarnation >= incarnation)) {
            return Err(FileError::InUse { path: self.target.clone() });
        }
        let parent = self.existing_parent()?;
        let marker = Marker::read(&self.marker()?)?;
        let run = Run::growing(job, incarnation, marker.is_some());
        if resumes {
            self.check_resumed(marker, job, incarnation)?;
        } else {
            self.warn_of_leftovers();
            self.make_room(current.as_ref(), marker, &run)?;
        }
        let temporary = self.temporary(&run.id)?;
        fs::create_dir(&temporary).map_err(FileError::io("create", &temporary))?;
        // The marker first: a folder without one is taken for somebody else's.
        Marker { job: job.to_owned(), run: run.id.clone() }.write(&self.marker()?, &temporary)?;
        self.make_folder()?;
        sync_folder(parent)?;
        *current = Some(run);
        Ok(())
    }

    /// A job that goes on finds its output, or nothing: a consumer may have taken the folder as a whole.
    fn check_resumed(&self, marker: Option<Marker>, job: &str, incarnation: u64) -> Result<(), FileError> {
        let path = self.target.clone();
        let found = match marker {
            Some(other) if other.job != job => return Err(FileError::OtherJob { path, job: other.job }),
            Some(ours) => match incarnation_of(&ours.run) {
                Some(later) if later > incarnation => {
                    return Err(FileError::Superseded { path, incarnation, later });
                }
                Some(same) if same == incarnation => return Err(FileError::InUse { path }),
                _ => None,
            },
            None if !exists(&path)? => None,
            None if !path.is_dir() => Some("it is not a folder".to_owned()),
            None => foreign_entry(&path)?,
        };
        found.map_or(Ok(()), |found| Err(FileError::NotOurs { path: self.target.clone(), found }))
    }

    /// A job that starts afresh finds nothing in its way: not even output of its own, unless it may be overwritten. An incarnation that
    /// ended before its first checkpoint leaves an empty folder of its own behind.
    fn make_room(&self, current: Option<&Run>, marker: Option<Marker>, run: &Run) -> Result<(), FileError> {
        if let Some(marker) = marker {
            let ours = run.growing.as_ref().filter(|growing| growing.job == marker.job);
            if let (Some(ours), Some(later)) = (ours, incarnation_of(&marker.run))
                && later > ours.incarnation
            {
                let (path, incarnation) = (self.target.clone(), ours.incarnation);
                return Err(FileError::Superseded { path, incarnation, later });
            }
            let is_mine = current.is_some_and(|current| current.id == marker.run);
            if is_live(&marker.run) && !is_mine && incarnation_of(&marker.run) >= incarnation_of(&run.id) {
                return Err(FileError::InUse { path: self.target.clone() });
            }
            if ours.is_some() && self.is_empty_folder() {
                return Ok(());
            }
        }
        if self.check_target()? {
            let aside = self.aside(&run.id)?;
            fs::rename(&self.target, &aside).map_err(FileError::io("replace", &self.target))?;
            remove_folder(&aside)?;
        }
        Ok(())
    }

    fn is_empty_folder(&self) -> bool {
        fs::read_dir(&self.target).is_ok_and(|mut entries| entries.next().is_none())
    }

    fn make_folder(&self) -> Result<(), FileError> {
        match fs::create_dir(&self.target) {
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists && self.target.is_dir() => Ok(()),
            made => made.map_err(FileError::io("create", &self.target)),
        }
    }

    /// Moves each staged file that still waits into the target.
    pub(super) fn publish_growing(&self, current: Option<&Run>, staged: &[StagedFiles]) -> Result<(), FileError> {
        self.check_own_folder(current, staged)?;
        let waiting = self.waiting(current, staged)?;
        if !waiting.is_empty() && !exists(&self.target)? {
            self.make_folder()?;
            sync_folder(self.parent())?;
        }
        for (run, file) in waiting {
            self.move_file(run, file)?;
        }
        self.sync_published(staged)
    }

    /// A hidden folder goes only with a later incarnation. If that of this very run is not there, there is one, or somebody else has removed
    /// it, and files with it.
    fn check_own_folder(&self, current: Option<&Run>, staged: &[StagedFiles]) -> Result<(), FileError> {
        let Some(run) = current else { return Ok(()) };
        let mut own = staged.iter().filter(|staged| staged.run == run.id).flat_map(|staged| &staged.files);
        let Some(file) = own.next() else { return Ok(()) };
        if exists(&self.temporary(&run.id)?)? {
            return Ok(());
        }
        let path = self.target.clone();
        let later = Marker::read(&self.marker()?)?.and_then(|marker| incarnation_of(&marker.run));
        Err(match (incarnation_of(&run.id), later) {
            (Some(incarnation), Some(later)) if later > incarnation => {
                FileError::Superseded { path, incarnation, later }
            }
            _ => FileError::Lost { path, name: file.name.clone() },
        })
    }

    /// The staged files that are not published yet, once all of them are known to be intact.
    fn waiting<'a>(
        &self,
        current: Option<&Run>,
        staged: &'a [StagedFiles],
    ) -> Result<Vec<(&'a str, &'a StagedFile)>, FileError> {
        let is_elsewhere = |run: &str| {
            let growing = current.and_then(|current| current.growing.as_ref().filter(|_| current.id != run));
            growing.is_some_and(|growing| !growing.has_predecessor)
        };
        let mut waiting = Vec::new();
        for (run, file) in staged.iter().flat_map(|staged| staged.files.iter().map(|file| (&*staged.run, file))) {
            let path = self.temporary(run)?.join(&file.name);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_file() && found.len() == file.bytes => waiting.push((run, file)),
                Ok(_) => return Err(FileError::Lost { path: self.target.clone(), name: file.name.clone() }),
                // That it is not there says that it has been published, unless this is not the place where it was staged.
                Err(cause) if cause.kind() == ErrorKind::NotFound => {
                    if is_elsewhere(run) && !exists(&self.target.join(&file.name))? {
                        let (path, name) = (self.target.clone(), file.name.clone());
                        return Err(FileError::Elsewhere { path, name });
                    }
                }
                Err(cause) => return Err(FileError::io("read", &path)(cause)),
            }
        }
        Ok(waiting)
    }

    /// Another process may publish the same at the same time: whoever comes second finds nothing to move.
    fn move_file(&self, run: &str, file: &StagedFile) -> Result<(), FileError> {
        let (from, to) = (self.temporary(run)?.join(&file.name), self.target.join(&file.name));
        match fs::rename(&from, &to) {
            Err(cause) if cause.kind() == ErrorKind::NotFound && !exists(&from)? => Ok(()),
            moved => moved.map_err(FileError::io("publish", &to)),
        }
    }

    /// Also of what was moved before: whoever did it may have died before it was durable.
    fn sync_published(&self, staged: &[StagedFiles]) -> Result<(), FileError> {
        let mut folders = Vec::new();
        for staged in staged.iter().filter(|staged| !staged.files.is_empty()) {
            folders.push(self.temporary(&staged.run)?);
        }
        if folders.is_empty() {
            return Ok(());
        }
        folders.push(self.target.clone());
        folders.dedup();
        folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| sync_folder(folder))
    }

    /// Removes the hidden folders of earlier incarnations. What they had staged and committed has been published by then.
    pub(super) fn discard_earlier(&self, growing: &Growing) -> Result<(), FileError> {
        for (id, folder) in self.hidden_folders()? {
            if incarnation_of(&id).is_some_and(|incarnation| incarnation < growing.incarnation) {
                remove_folder(&folder)?;
            }
        }
        Ok(())
    }
}
