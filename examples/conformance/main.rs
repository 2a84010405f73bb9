//! Plays conformance scenarios on a named runner and prints what each step leads to.
//!
//! `conformance --runner stream tests/data/conformance/scenarios.txt` prints an outcome that can be compared with
//! `expected.txt` beside that file, which holds what Apache Beam's Java core gives.

use std::io::{ErrorKind, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use purlin::RunnerKind;
use purlin::graph::Graph;
use purlin::launch::exit_code;
use purlin::prelude::*;
use purlin_examples::conformance::parse;

/// Play conformance scenarios and print their outcome.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Which runner plays them.
    #[arg(long, value_enum)]
    runner: RunnerKind,

    /// How many workers it has [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    parallelism: Option<u16>,

    /// A file of scenarios.
    file: PathBuf,
}

impl Options {
    fn run(&self, graph: &Graph) -> Result<(), Failure> {
        let (mut batch, mut stream) = (BatchRunner::new(), StreamRunner::new());
        if let Some(workers) = self.parallelism {
            batch = batch.parallelism(workers.into());
            stream = stream.parallelism(workers.into());
        }
        match self.runner {
            RunnerKind::Batch => batch.run(graph),
            RunnerKind::Stream => stream.run(graph),
            RunnerKind::Reference => ReferenceRunner::new().run(graph),
        }
    }

    fn play_all(&self) -> Result<(), Failure> {
        let file = self.file.display();
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| Failure::Options(format!("{file} cannot be read: {error}")))?;
        let scenarios = parse(&text).map_err(|error| Failure::Options(format!("{file}, {error}")))?;
        for scenario in scenarios {
            let outcome = scenario
                .play(|graph| self.run(graph))
                .map_err(|failure| Failure::other(format!("scenario `{}`: {failure}", scenario.name)))?;
            match stdout().write_all(outcome.as_bytes()) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                written => written.map_err(Failure::other)?,
            }
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    exit_code(Options::parse().play_all())
}
