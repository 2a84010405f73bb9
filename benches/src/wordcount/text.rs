//! Text to count: words whose frequencies fall as they do in a language.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use purlin::BoxError;

use crate::digest::mixed;
use crate::measure::Bench;

const VOCABULARY: u64 = 50_000;
const WORDS_PER_LINE: u64 = 12;

/// A file of so many words, made if this is the first time: about 110 MB for 17.5 million.
pub(super) fn input(bench: &Bench, words: u64) -> Result<PathBuf, BoxError> {
    let path = bench.folder().join(format!("words-{words}.txt"));
    if !path.exists() {
        eprintln!("making {words} words in {}", path.display());
        let unfinished = path.with_extension("unfinished");
        let mut file = BufWriter::new(File::create(&unfinished)?);
        for n in 0..words {
            let (mut word, separator) =
                (word(rank(n)), if n % WORDS_PER_LINE == WORDS_PER_LINE - 1 { "\n" } else { " " });
            if n % WORDS_PER_LINE == 0 {
                word[..1].make_ascii_uppercase();
            }
            file.write_all(&word)?;
            file.write_all(if n % 9 == 8 { b"," } else { b"" })?;
            file.write_all(separator.as_bytes())?;
        }
        file.into_inner()?.sync_all()?;
        std::fs::rename(unfinished, &path)?;
    }
    Ok(path)
}

/// The rank of word `n`: the share of the ranks up to r grows with log r, as Zipf has it.
fn rank(n: u64) -> u64 {
    let uniform = mixed([n]) as f64 / u64::MAX as f64;
    (VOCABULARY as f64).powf(uniform) as u64
}

/// The word of a rank: frequent words are short.
fn word(rank: u64) -> Vec<u8> {
    const SYLLABLES: [&str; 16] =
        ["be", "to", "la", "or", "in", "mu", "sa", "the", "ri", "no", "ka", "est", "vo", "du", "ne", "ing"];
    let mut text = Vec::new();
    let mut left = rank;
    while left > 0 {
        text.extend_from_slice(SYLLABLES[(left % 16) as usize].as_bytes());
        left /= 16;
    }
    text
}
