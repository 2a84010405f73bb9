//! Files as input and output: what every file connector shares, whatever stands in the files.
//!
//! Input: [`expand`] turns a path or pattern into a sorted list of files.
//!
//! Output: a sink's output is a *folder* that appears complete or not at all. All of a run's files are made in a hidden folder beside the
//! target, `.NAME.tmp-RUN`, which one rename makes visible:
//!
//! | step | who | on disk |
//! |---|---|---|
//! | [`OutputFolder::begin`] | launcher | the target does not exist; `.NAME.tmp-RUN/` is made |
//! | [`OutputFolder::parts`], [`Parts::create`], [`Parts::finish`] | each worker | `part-WORKER-SEQUENCE.EXT` written and synced |
//! | [`Parts::take_staged`] | each worker | nothing; names and lengths are handed over as [`StagedFiles`] |
//! | [`OutputFolder::publish`] | launcher | files that nobody staged are removed; `.NAME.tmp-RUN/` is renamed to the target |
//! | [`OutputFolder::abort`] | launcher, instead | `.NAME.tmp-RUN/` is removed |
//!
//! With `.single_file()` the target is a file: `publish` appends the parts to one another in the hidden folder and renames the whole.
//!
//! Promises: a reader of the target sees either nothing or everything (with `.overwrite()`: the old output, for an instant nothing unless it is
//! a file, then the new). Publishing again changes nothing. Nothing is written, renamed or removed outside the target and its hidden siblings, whatever
//! stands in what was staged. A process that is killed leaves at most a hidden folder, of which the next run to the same target warns.

mod error;
mod input;
mod output;
mod part;
mod single;

pub use error::FileError;
pub(crate) use input::{InputFile, expand};
pub(crate) use output::OutputFolder;
pub use part::StagedFiles;
pub(crate) use part::{PartFile, Parts};

#[cfg(test)]
mod tests;
