//! From a path or pattern to files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, glob_with};

use super::FileError;

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InputFile {
    /// Where it is; UTF-8.
    pub(crate) path: PathBuf,
    /// How long it is now.
    pub(crate) bytes: u64,
}

/// The files that `path` names, sorted by path:
///
/// - a file: itself, whatever its name;
/// - a folder: all files in it and in its subfolders, none if it is empty;
/// - anything else that contains `*`, `?` or `[`: a pattern, where `**` stands for any number of folders. A folder that matches counts as
///   its files, so that a pattern can name the outputs of several runs.
///
/// In folders and under wildcards, names that begin with `.` or `_` are passed over: they are temporary output and markers.
pub(crate) fn expand(path: &Path) -> Result<Vec<InputFile>, FileError> {
    let mut found = Vec::new();
    match fs::metadata(path) {
        Ok(_) => visit(path.to_owned(), &mut found)?,
        Err(_) if is_pattern(path) => matches(path, &mut found)?,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Err(FileError::NotFound { path: path.to_owned() }),
        Err(cause) => return Err(FileError::io("read", path)(cause)),
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn matches(path: &Path, found: &mut Vec<InputFile>) -> Result<(), FileError> {
    let pattern = path.to_str().ok_or_else(|| FileError::NotUtf8 { path: path.to_owned() })?;
    let literal_names =
        path.components().take_while(|component| !is_pattern(component.as_ref())).filter(is_name).count();
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let paths = glob_with(pattern, options)
        .map_err(|error| FileError::BadPattern { pattern: pattern.to_owned(), reason: error.msg.to_owned() })?;
    for path in paths {
        let path = path.map_err(|error| {
            let path = error.path().to_owned();
            FileError::Io { doing: "read", path, cause: error.into() }
        })?;
        if !path.components().filter(is_name).skip(literal_names).any(is_hidden) {
            visit(path, found)?;
        }
    }
    if found.is_empty() {
        return Err(FileError::NoMatch { pattern: pattern.to_owned() });
    }
    Ok(())
}

fn is_name(component: &Component<'_>) -> bool {
    matches!(component, Component::Normal(_))
}

fn is_hidden(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(name) if matches!(name.as_encoded_bytes()[0], b'.' | b'_'))
}

fn visit(path: PathBuf, found: &mut Vec<InputFile>) -> Result<(), FileError> {
    let metadata = fs::metadata(&path).map_err(FileError::io("read", &path))?;
    if metadata.is_dir() {
        for entry in fs::read_dir(&path).map_err(FileError::io("list", &path))? {
            let entry = entry.map_err(FileError::io("list", &path))?.path();
            if !entry.components().next_back().is_some_and(is_hidden) {
                visit(entry, found)?;
            }
        }
        return Ok(());
    }
    if !metadata.is_file() {
        return Err(FileError::NotAFile { path });
    }
    if path.to_str().is_none() {
        return Err(FileError::NotUtf8 { path });
    }
    found.push(InputFile { path, bytes: metadata.len() });
    Ok(())
}
