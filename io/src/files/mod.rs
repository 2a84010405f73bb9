//! Files as input and output: what every file connector shares, whatever stands in the files.
//!
//! Input: [`expand`] turns a path or pattern into a sorted list of files.
//!
//! Output: a sink's output is a *folder* of part files, each of which is complete in itself. All are made in a hidden folder beside the
//! target, `.NAME.tmp-RUN`, and become visible by renaming.
//!
//! **A run that publishes once**: the output appears complete or not at all.
//!
//! | step | who | on disk |
//! |---|---|---|
//! | [`OutputFolder::begin`] | launcher | the target does not exist; `.NAME.tmp-RUN/` is made |
//! | [`OutputFolder::parts`], [`Parts::create`], [`Parts::finish`] | each worker | `part-WORKER-SEQUENCE.EXT` written and synced |
//! | [`Parts::stage`] | each worker | the hidden folder synced; names and lengths are handed over as [`StagedFiles`] |
//! | [`OutputFolder::publish`] | launcher | files that nobody staged are removed; `.NAME.tmp-RUN/` is renamed to the target |
//! | [`OutputFolder::discard`] | launcher, instead | `.NAME.tmp-RUN/` is removed |
//!
//! With `.single_file()` the target is a file: `publish` appends the parts to one another in the hidden folder and renames the whole.
//!
//! **A job with checkpoints**: the output grows with each of them.
//!
//! | step | who | on disk |
//! |---|---|---|
//! | [`OutputFolder::begin`] | launcher, each incarnation | a fresh start: the target does not exist, or goes now if it may be overwritten; else it is this job's. The target and `.NAME.tmp-INCARNATION-HASH/` are made, and the file `.NAME.job` says who was here |
//! | [`OutputFolder::publish`] | launcher, if it resumes | what the last committed checkpoint had staged, if it is not there yet |
//! | [`OutputFolder::discard`] | launcher | the hidden folders of earlier incarnations are removed |
//! | [`Parts::create`], [`Parts::finish`] | each worker | `part-INCARNATION-SEQUENCE-HASH.EXT` written and synced, one for each checkpoint that has something to write |
//! | [`Parts::stage`] | each worker, at the barrier | the hidden folder synced; names and lengths go into the checkpoint |
//! | [`OutputFolder::publish`] | launcher, once it is committed | each staged file that is still in the hidden folder is renamed into the target; both are synced |
//!
//! Promises: a reader of the target sees only complete files, each with rows of one checkpoint; of a run that publishes once either nothing
//! or everything (with `.overwrite()`: the old output, for an instant nothing unless it is a file, then the new). Publishing again changes
//! nothing, in another process, too. What a consumer moves away does not come back, be it files or the target as a whole. Of an incarnation that
//! was given up but lives on, nothing becomes visible that was not committed. Nothing is written, renamed or removed outside the target and its
//! hidden siblings, whatever stands in what was staged. A process that is killed leaves at most a hidden folder: the job's next incarnation
//! removes it; of one that publishes once, the next run to the same target warns.

mod error;
mod growing;
mod input;
mod marker;
mod output;
mod part;
mod run;
mod single;

pub use error::FileError;
pub(crate) use input::{InputFile, expand};
pub(crate) use output::OutputFolder;
pub use part::StagedFiles;
pub(crate) use part::{PartFile, Parts};

#[cfg(test)]
mod tests;
