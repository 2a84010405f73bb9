//! How long the example program takes on next to nothing, from exec to exit: what a user waits for before any work is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use purlin::BoxError;

use super::{by_hand, digest, text};
use crate::digest::Digest;
use crate::inputs::files;
use crate::measure::{Bench, Run};
use crate::table::Table;

const WORDS: u64 = 1_000;
/// Short runs vary more than long ones.
const ROUNDS: usize = 20;

/// Wall time always: CPU time of another process is not to be had to the millisecond.
pub(crate) fn run(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    if bench.alone.is_some() {
        return Ok(());
    }
    let program = build()?;
    let input = text::input(bench, WORDS)?;
    let expected = digest(&by_hand::count(&input)?);
    let mut start = || {
        let folder = tempfile::tempdir_in(bench.folder())?;
        run_once(&program, &input, &folder.path().join("counts"), expected)
    };
    let ([took], _) = bench.with_rounds(ROUNDS).in_turns("start", [&mut start])?;
    table.without_yardstick("start", took);
    Ok(())
}

fn run_once(program: &Path, input: &Path, output: &Path, expected: Digest) -> Run {
    let started = Instant::now();
    succeed(Command::new(program).arg("--input").arg(input).arg("--output").arg(output))?;
    let took = started.elapsed();
    let found = written(output)?;
    if found != expected {
        return Err(format!("case start: the yardstick gives {expected}, the program {found}").into());
    }
    Ok((took, found))
}

/// The program as it is now, and not as it was when somebody built it last.
fn build() -> Result<PathBuf, BoxError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--quiet", "--release", "--package", "purlin-examples", "--bin", "wordcount"];
    succeed(Command::new(cargo).args(build).current_dir(env!("CARGO_MANIFEST_DIR")))?;
    // Cargo puts the programs of a workspace into one folder.
    Ok(std::env::current_exe()?.with_file_name("wordcount"))
}

fn succeed(command: &mut Command) -> Result<(), BoxError> {
    let output = command.output().map_err(|error| format!("{:?} does not start: {error}", command.get_program()))?;
    if !output.status.success() {
        return Err(format!("{command:?} fails: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(())
}

/// Of lines like `word: count`.
fn written(folder: &Path) -> Result<Digest, BoxError> {
    let mut counts = Vec::new();
    for file in files(folder)? {
        for line in fs::read_to_string(&file)?.lines() {
            let (word, count) =
                line.rsplit_once(": ").ok_or_else(|| format!("{} has the line {line}", file.display()))?;
            counts.push((word.to_owned(), count.parse()?));
        }
    }
    Ok(digest(&counts))
}
