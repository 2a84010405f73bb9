//! What can be wrong with an input or output path.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A path that cannot be read from or written to.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot {doing} `{}`: {cause}{}", .path.display(), advice(.cause))]
    Io {
        /// What was tried: a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },

    /// An input path that names nothing.
    #[error("there is no file or folder `{}`", .path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },

    /// A pattern that matches nothing.
    #[error("no file matches `{pattern}`; patterns pass over names that begin with `.` or `_`")]
    NoMatch {
        /// The pattern as given.
        pattern: String,
    },

    /// A pattern that is none.
    #[error("`{pattern}` is no valid file pattern: {reason}")]
    BadPattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A device, pipe or socket: it has no length and cannot be read twice.
    #[error("`{}` is neither a file nor a folder: only these can be read in pieces and again", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },

    /// A path that cannot be stored with the position in it.
    #[error("the name `{}` is not UTF-8: rename it", .path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },

    /// An output path without a last name: `/` or `..`.
    #[error("`{}` cannot be the name of an output folder", .path.display())]
    NoName {
        /// The path as given.
        path: PathBuf,
    },

    /// The folder around the output is missing.
    #[error("output `{}` cannot be made, because there is no folder `{}`: create it first", .path.display(), .parent.display())]
    NoParent {
        /// The output.
        path: PathBuf,
        /// The missing folder.
        parent: PathBuf,
    },

    /// There is something where the output belongs.
    #[error("output `{}` exists already: choose another path, remove it, or set `.overwrite()` on the sink", .path.display())]
    TargetExists {
        /// The output.
        path: PathBuf,
    },

    /// `.overwrite()` would delete what no sink wrote.
    #[error(
        "`{}` is not overwritten, because {found}, which no sink wrote: choose another path or remove it yourself",
        .path.display()
    )]
    NotOverwritten {
        /// The output.
        path: PathBuf,
        /// What is there.
        found: String,
    },

    /// The same sink writes twice at a time.
    #[error("output `{}` is being written already: give each `write` a path of its own", .path.display())]
    InUse {
        /// The output.
        path: PathBuf,
    },

    /// A later start of the job has begun this output.
    #[error(
        "output `{}` has been taken over by incarnation {later} of the job, and this is incarnation {incarnation}: stop this process. If the \
         job's checkpoints were removed to start it afresh, remove its output, too",
        .path.display()
    )]
    Superseded {
        /// The output.
        path: PathBuf,
        /// Who asks.
        incarnation: u64,
        /// Who came later.
        later: u64,
    },

    /// A job goes on, and its output is another's.
    #[error(
        "output `{}` is that of job `{job}`: give each job an output of its own, or start this one under the name that it had",
        .path.display()
    )]
    OtherJob {
        /// The output.
        path: PathBuf,
        /// Whose it is.
        job: String,
    },

    /// A job goes on, and something else stands where its output was.
    #[error(
        "the job cannot go on writing `{}`, because {found}, which no sink wrote: move it away, and the output goes on in a new folder",
        .path.display()
    )]
    NotOurs {
        /// The output.
        path: PathBuf,
        /// What is there.
        found: String,
    },

    /// A file cannot be published piece by piece.
    #[error(
        "output `{}` is one file, which cannot grow with each checkpoint: leave `.single_file()` away, so that it is a folder, or run the \
         pipeline without checkpoints",
        .path.display()
    )]
    CannotGrow {
        /// The output.
        path: PathBuf,
    },

    /// Writing without `begin`.
    #[error("output `{}` was not begun in this process", .path.display())]
    NotBegun {
        /// The output.
        path: PathBuf,
    },

    /// A finished file has gone or changed before it was published.
    #[error(
        "file `{name}` of output `{}` is gone or has another length than when it was finished: somebody has changed the hidden folder beside \
         the output. Run the pipeline again from its beginning",
        .path.display()
    )]
    Lost {
        /// The output.
        path: PathBuf,
        /// The file.
        name: String,
    },

    /// What is to be published was staged beside another output.
    #[error(
        "file `{name}` is committed, but `{}` is not where the job has written it: give the output the path that it had, on the same volume, or begin \
         anew with another --checkpoint-dir and --job-name",
        .path.display()
    )]
    Elsewhere {
        /// The output.
        path: PathBuf,
        /// The file.
        name: String,
    },

    /// Staged names that no writer of this sink made.
    #[error("output `{}` is asked to publish `{name}`, which is not of this run", .path.display())]
    Foreign {
        /// The output.
        path: PathBuf,
        /// The file or run.
        name: String,
    },
}

/// What to do about a refusal, where that is known.
fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            ". Make room there and run the pipeline again: nothing incomplete can be seen"
        }
        ErrorKind::CrossesDevices => ". The output and the folder around it have to be on one file system",
        _ => "",
    }
}

impl FileError {
    /// For `map_err`: what was tried on which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
        move |cause| FileError::Io { doing, path: path.to_owned(), cause }
    }
}
