//! Publishing as one file: the parts appended to one another, then one rename.
//!
//! The whole is made beside the parts in the hidden folder and synced before the first part is removed, so that a run that is interrupted
//! anywhere can be published again: what is complete by its length is taken as it is, all else is made anew from the parts.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::output::{exists, remove_folder, sync_folder};
use super::part::StagedFile;
use super::{FileError, OutputFolder};

/// The whole's name in the hidden folder: not one of a part.
const WHOLE: &str = "whole";

impl OutputFolder {
    /// Makes the staged files visible as one: parts of one worker one after the other, as they were written.
    pub(super) fn publish_file(&self, run: &str, mut files: Vec<&StagedFile>) -> Result<(), FileError> {
        // Shorter names first: names are numbered with five digits, or with as many as it takes.
        files.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
        let bytes = files.iter().map(|file| file.bytes).sum();
        let temporary = self.temporary(run)?;
        let whole = temporary.join(WHOLE);
        if !exists(&temporary)? || self.is_published(&temporary, &files, bytes) {
            self.check_length(bytes)?;
            return remove_folder(&temporary);
        }
        if !has_length(&whole, bytes) {
            self.check_lengths(&temporary, &files)?;
            append(&temporary, &files, &whole)?;
            sync_folder(&temporary)?;
        }
        for part in files.iter().map(|file| temporary.join(&file.name)) {
            if exists(&part)? {
                fs::remove_file(&part).map_err(FileError::io("remove", &part))?;
            }
        }
        self.check_target()?;
        fs::rename(&whole, &self.target).map_err(FileError::io("publish", &self.target))?;
        sync_folder(self.parent())?;
        remove_folder(&temporary)
    }

    /// Whether an earlier attempt has got as far as the rename: then nothing to rename is left.
    fn is_published(&self, temporary: &Path, files: &[&StagedFile], bytes: u64) -> bool {
        let is_left = |name: &str| temporary.join(name).exists();
        has_length(&self.target, bytes) && !is_left(WHOLE) && !files.iter().any(|file| is_left(&file.name))
    }

    fn check_length(&self, bytes: u64) -> Result<(), FileError> {
        match has_length(&self.target, bytes) {
            true => Ok(()),
            false => Err(FileError::Lost { path: self.target.clone(), name: self.target.display().to_string() }),
        }
    }
}

/// Makes `whole` of the files in `folder`, in their order, and makes it durable.
fn append(folder: &Path, files: &[&StagedFile], whole: &Path) -> Result<(), FileError> {
    let mut into = File::create(whole).map_err(FileError::io("create", whole))?;
    for path in files.iter().map(|file| folder.join(&file.name)) {
        let mut part = File::open(&path).map_err(FileError::io("read", &path))?;
        io::copy(&mut part, &mut into).map_err(FileError::io("write", whole))?;
    }
    into.sync_all().map_err(FileError::io("sync", whole))
}

fn has_length(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes)
}
