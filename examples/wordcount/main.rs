//! Word count: text in, text out.
//!
//! `wordcount --input 'texts/*.txt' --output counts` counts words in text files, plain or compressed (`.gz`, `.zst`), and
//! writes `word: count` lines into the new folder `counts`.

use std::path::PathBuf;
use std::process::ExitCode;

use purlin::io::text::{TextSink, TextSource};
use purlin::prelude::*;

/// A string for each line is made by one task and dropped by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Count the words in text files.
#[derive(clap::Args)]
struct Options {
    /// A file, a folder, or a glob pattern.
    #[arg(long, value_name = "PATH")]
    input: String,

    /// A folder that appears when the run has succeeded.
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
}

fn count_words(lines: PCollection<String>) -> PCollection<(CompactString, u64)> {
    lines
        .emit_each("words", |line, out| {
            for word in line.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()) {
                out.emit((in_lower_case(word), ()));
            }
        })
        .combine_per_key("count", Count)
}

/// Most words are short and ASCII: then nothing is allocated.
fn in_lower_case(word: &str) -> CompactString {
    if !word.is_ascii() {
        return word.to_lowercase().into();
    }
    let mut word = CompactString::from(word);
    word.make_ascii_lowercase();
    word
}

fn build(options: &Options, pipeline: &Pipeline) -> Result<(), Failure> {
    pipeline
        .read("lines", TextSource::lines(&options.input))
        .apply("count words", count_words)
        .map("format", |(word, count)| format!("{word}: {count}"))
        .write("counts", TextSink::lines(&options.output));
    Ok(())
}

fn main() -> ExitCode {
    purlin::main(build)
}
