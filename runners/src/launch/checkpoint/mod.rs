//! `PROGRAM checkpoint list | show | verify`: what is in a checkpoint store, read beside a job that may be running.
//!
//! It is a subcommand of every program, and needs none of the options without which the program does not run.

mod readable;
mod report;

use clap::{ArgMatches, Args, Subcommand};
use purlin_model::Failure;

use crate::checkpoint::{CheckpointError, Checkpoints, existing_storage};

const NAME: &str = "checkpoint";

/// Look at the checkpoints of a job.
#[derive(Args, Debug)]
pub(super) struct CheckpointCommand {
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand, Debug)]
enum Question {
    /// All checkpoints that are there.
    List {
        #[command(flatten)]
        store: Store,
    },
    /// What a checkpoint is: positions, staged output, state.
    Show {
        #[command(flatten)]
        store: Store,
        /// Its number [default: the last committed one].
        #[arg(value_name = "N")]
        checkpoint: Option<u64>,
        /// Show the state of this transform, entry by entry.
        #[arg(long, value_name = "TRANSFORM")]
        state: Option<String>,
        /// How many entries of state to show at most.
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: usize,
    },
    /// Read every file; name those that are damaged or missing, and end with exit code 1 if there are any.
    Verify {
        #[command(flatten)]
        store: Store,
    },
}

#[derive(Args, Debug)]
struct Store {
    /// Where the job keeps its checkpoints: a folder, or a URL such as s3://BUCKET/PREFIX.
    #[arg(long, value_name = "PLACE")]
    checkpoint_dir: String,
    /// The job that the checkpoints should be of [default: whichever they are of].
    #[arg(long, value_name = "NAME")]
    job_name: Option<String>,
}

/// Adds the subcommand to a program's command line, unless the program has one of that name.
pub(super) fn offer<O: Args>(command: clap::Command) -> clap::Command {
    let users = users::<O>();
    if users.find_subcommand(NAME).is_some() {
        return command;
    }
    let ours = CheckpointCommand::augment_args(clap::Command::new(NAME));
    let command = command.subcommand(ours.subcommand_required(true).arg_required_else_help(true));
    if users.has_subcommands() {
        // What the program says of its own subcommands stays as it is.
        return command;
    }
    // Only the very first argument is taken as the subcommand, and then the program's own may be missing.
    command.args_conflicts_with_subcommands(true).subcommand_negates_reqs(true)
}

/// The subcommand's own arguments, if the command line begins with it.
pub(super) fn asked_for<O: Args>(matches: &ArgMatches) -> Option<&ArgMatches> {
    matches.subcommand_matches(NAME).filter(|_| users::<O>().find_subcommand(NAME).is_none())
}

fn users<O: Args>() -> clap::Command {
    O::augment_args(clap::Command::default())
}

impl CheckpointCommand {
    /// Prints the answer.
    pub(super) fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::other)?;
        let answer = runtime.block_on(self.question.answer())?;
        print_all(&answer)
    }
}

impl Question {
    async fn answer(&self) -> Result<String, Failure> {
        match self {
            Question::List { store } => report::list(&store.open().await?).await,
            Question::Verify { store } => report::verify(&store.open().await?).await,
            Question::Show { store, checkpoint, state, limit } => {
                let store = store.open().await?;
                let (committed, manifest) = report::find(&store, *checkpoint).await?;
                match state {
                    Some(transform) => report::state(&store, &manifest, transform, *limit).await,
                    None => report::show(&store, committed, &manifest).await,
                }
            }
        }
    }
}

impl Store {
    async fn open(&self) -> Result<Checkpoints, Failure> {
        let misuse = |message: String| Failure::Options(message);
        let storage = existing_storage(&self.checkpoint_dir).map_err(|error| misuse(error.to_string()))?;
        let place = storage.describe();
        let Some(store) = Checkpoints::existing(storage.clone()).await.map_err(Failure::other)? else {
            let files = storage.list("").await.map_err(Failure::other)?;
            return match &self.job_name {
                Some(job) if !files.is_empty() => Ok(Checkpoints::new(storage, job)),
                None if !files.is_empty() => Err(misuse(format!(
                    "{place} has files, but none that says whose checkpoints they are: if it is the right place, say --job-name"
                ))),
                _ => Err(misuse(format!(
                    "there are no checkpoints in {place}: is it what the job was given as --checkpoint-dir?"
                ))),
            };
        };
        match &self.job_name {
            Some(job) if job != store.job() => {
                let (job, found) = (job.clone(), store.job().to_string());
                Err(misuse(CheckpointError::OtherJob { place, job, found }.to_string()))
            }
            _ => Ok(store),
        }
    }
}

/// Writes to standard output; that nobody reads to the end (`| head`) is no failure.
fn print_all(text: &str) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::other(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
