//! Word count over about 100 MB of text: short strings as elements and as keys. `--rows 90000000` makes it 1 GB.

mod by_hand;
pub(crate) mod start;
mod text;

use std::path::Path;

use purlin::io::text::TextSource;
use purlin::prelude::*;

use crate::digest::{Digest, mixed_with};
use crate::measure::{Bench, timed};
use crate::table::Table;

/// Each side on all cores; the counts stay in memory.
pub(crate) fn run(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let words = bench.rows * 7 / 4;
    let input = text::input(bench, words)?;
    let by_hand = || timed(|| by_hand::count(&input)).map(|(took, counts)| (took, digest(&counts)));
    let purlin = || timed(|| count(&input)).map(|(took, counts)| (took, digest(&counts)));
    bench.compare(table, "wordcount", words, by_hand, purlin)
}

fn digest<W: AsRef<str>>(counts: &[(W, u64)]) -> Digest {
    counts.iter().map(|(word, count)| mixed_with(word.as_ref(), [*count])).collect()
}

/// The pipeline of `examples/wordcount`.
fn count(input: &Path) -> Result<Vec<(CompactString, u64)>, BoxError> {
    let pipeline = Pipeline::new();
    let counts = MemorySink::new();
    pipeline
        .read("lines", TextSource::lines(input))
        .emit_each("words", |line, out| {
            for word in line.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()) {
                out.emit((in_lower_case(word), ()));
            }
        })
        .combine_per_key("count", Count)
        .write("counts", counts.sink());
    BatchRunner::new().run(&pipeline.graph()?)?;
    Ok(counts.take())
}

fn in_lower_case(word: &str) -> CompactString {
    if !word.is_ascii() {
        return word.to_lowercase().into();
    }
    let mut word = CompactString::from(word);
    word.make_ascii_lowercase();
    word
}
