//! The launcher: a program's `main`, which chooses the runner.
//!
//! It parses the user's options together with its own, builds the pipeline, and runs it. The pipeline is built by a function that
//! can be called again, so that a job can be rebuilt: to restart it, or to be a worker elsewhere.

mod checkpoint;
mod logging;
mod metrics_server;
mod options;
mod progress;
mod signals;
mod stalled;

pub use options::{LaunchOptions, RunnerKind};

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser};
use purlin_model::graph::Graph;
use purlin_model::metrics::Metric;
use purlin_model::{Failure, Pipeline};

use crate::batch::BatchRunner;
use crate::observe::Observer;
use crate::reference::ReferenceRunner;
use crate::stream::StreamRunner;
use crate::user_code::quiet_user_panics;
use checkpoint::CheckpointCommand;
use signals::Signals;

#[derive(Parser)]
#[command(version)]
struct CommandLine<O: clap::Args> {
    #[command(flatten)]
    user: O,
    #[command(flatten, next_help_heading = "Runner options")]
    launch: LaunchOptions,
}

/// Runs a pipeline program: parses the command line, builds the pipeline by `build`, and runs it as the options say.
///
/// `O` holds the program's own options (`#[derive(clap::Args)]`). The exit code is 0 when the pipeline has finished or was stopped
/// gracefully, 1 when it failed, 2 when it cannot be run as asked; a failure is one message on standard error.
///
/// With `checkpoint list`, `show` or `verify` as its first arguments the program looks at the checkpoints of a job instead. (A positional argument of the
/// program's own that is called `checkpoint` goes behind `--`.)
pub fn main<O: clap::Args>(build: impl Fn(&O, &Pipeline) -> Result<(), Failure>) -> ExitCode {
    let CommandLine { user, launch } = match parsed::<O>() {
        Asked::Run(line) => line,
        Asked::Checkpoint(command) => return exit_code(command.run()),
    };
    logging::start(&launch.log);
    quiet_user_panics();
    let built = || {
        let pipeline = Pipeline::new();
        build(&user, &pipeline)?;
        pipeline.graph()
    };
    exit_code(launch.check().and_then(|()| built()).and_then(|graph| run(&graph, &launch)))
}

/// What the command line asks for.
enum Asked<O: clap::Args> {
    Run(CommandLine<O>),
    Checkpoint(CheckpointCommand),
}

/// The command line, its help introduced by what the program says of its options.
fn parsed<O: clap::Args>() -> Asked<O> {
    asked(command::<O>().get_matches()).unwrap_or_else(|error| error.exit())
}

fn command<O: clap::Args>() -> clap::Command {
    let users = O::augment_args(clap::Command::default());
    let about = Resettable::from(users.get_about().cloned());
    let long_about = Resettable::from(users.get_long_about().cloned());
    checkpoint::offer::<O>(CommandLine::<O>::command().about(about).long_about(long_about))
}

fn asked<O: clap::Args>(matches: clap::ArgMatches) -> Result<Asked<O>, clap::Error> {
    match checkpoint::asked_for::<O>(&matches) {
        Some(of) => CheckpointCommand::from_arg_matches(of).map(Asked::Checkpoint),
        None => CommandLine::from_arg_matches(&matches).map(Asked::Run),
    }
}

/// A result as a program's exit code; a failure is printed on standard error.
pub fn exit_code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(if failure.is_misuse() { 2 } else { 1 })
        }
    }
}

/// Runs a finished graph as the options say; returns when it has ended.
pub fn run(graph: &Graph, options: &LaunchOptions) -> Result<(), Failure> {
    options.check()?;
    let observer = Arc::new(Observer::default());
    let batch =
        BatchRunner::new().parallelism(options.workers()).memory_limit(options.memory_limit).observer(observer.clone());
    let stream = StreamRunner::new().parallelism(options.workers()).observer(observer.clone());
    if options.explain {
        let plan = match options.runner {
            RunnerKind::Stream => stream.plan(graph.clone()),
            RunnerKind::Batch | RunnerKind::Reference => batch.plan(graph.clone()),
        };
        print!("{}", plan.explain_with(options.promise()));
        return Ok(());
    }
    let stream = match options.checkpoints()? {
        Some(settings) => stream.checkpoints(settings),
        None => stream,
    };
    let signals = Signals::new(stream.stop_handle(), options.drain);
    let batch = batch.cancel_flag(signals.cancel_flag());
    let _service =
        signals.serve(options.metrics_listen, observer.clone(), graph.metrics.clone(), &options.job_name())?;
    let bar = progress::start(options, observer.clone());
    let _watch = (options.runner == RunnerKind::Stream).then(|| stalled::watch(observer.clone()));
    let started = Instant::now();
    let result = match options.runner {
        RunnerKind::Batch => batch.run(graph),
        RunnerKind::Stream => stream.run(graph),
        RunnerKind::Reference => ReferenceRunner::new().run(graph),
    };
    drop(bar);
    if result.is_ok() {
        log_summary(graph, &observer, started);
    }
    result
}

fn log_summary(graph: &Graph, observer: &Observer, started: Instant) {
    let (late, closed) = observer.elements_dropped();
    tracing::info!(
        "read {} elements and wrote {} in {:.3} s",
        observer.elements_read(),
        observer.elements_written(),
        started.elapsed().as_secs_f64()
    );
    if late + closed > 0 {
        tracing::warn!(
            "{late} elements were dropped because they came after their window had expired, {closed} because its trigger had finished; \
             a larger out-of-orderness bound or allowed lateness keeps the former"
        );
    }
    for (name, metric) in graph.metrics.all() {
        match metric {
            Metric::Counter(counter) => tracing::info!("counter {name}: {}", counter.value()),
            Metric::Gauge(gauge) => tracing::info!("gauge {name}: {}", gauge.value()),
            Metric::Distribution(distribution) => tracing::info!("distribution {name}: {:?}", distribution.value()),
        }
    }
}
