//! The yardstick: each core counts the words of pieces of the file in a table of its own, without a string per word.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hashbrown::HashMap;
use purlin::BoxError;

/// Small enough that a piece stays in the cache while its words are counted.
const PIECE_BYTES: u64 = 512 * 1024;

type Counts = HashMap<Vec<u8>, u64>;

/// Every word in lower case, and how often it stands in the file.
pub(super) fn count(path: &Path) -> Result<Vec<(String, u64)>, BoxError> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let next = AtomicU64::new(0);
    let counters = rayon::broadcast(|_| -> Result<Counts, BoxError> {
        let mut counter = Counter::default();
        loop {
            let begin = next.fetch_add(PIECE_BYTES, Relaxed);
            if begin >= bytes {
                return Ok(counter.counts);
            }
            let [begin, end] = [begin, begin + PIECE_BYTES].map(|at| line_begin(&file, at, bytes));
            let (begin, end) = (begin?, end?);
            counter.text.resize((end - begin) as usize, 0);
            file.read_exact_at(&mut counter.text, begin)?;
            counter.count_text()?;
        }
    });
    let mut counts = Counts::new();
    for counted in counters {
        counts = merged(counts, counted?);
    }
    counts.into_iter().map(|(word, count)| Ok((String::from_utf8(word)?, count))).collect()
}

/// Where the first line begins at `offset` or behind it.
fn line_begin(file: &File, offset: u64, bytes: u64) -> Result<u64, BoxError> {
    if offset == 0 || offset >= bytes {
        return Ok(offset.min(bytes));
    }
    let mut block = [0; 4096];
    let mut from = offset - 1;
    loop {
        let read = file.read_at(&mut block, from)?;
        match memchr::memchr(b'\n', &block[..read]) {
            Some(at) => return Ok(from + at as u64 + 1),
            None if read == 0 => return Ok(bytes),
            None => from += read as u64,
        }
    }
}

fn merged(left: Counts, right: Counts) -> Counts {
    let (mut into, from) = if left.len() < right.len() { (right, left) } else { (left, right) };
    for (word, count) in from {
        *into.entry(word).or_default() += count;
    }
    into
}

#[derive(Default)]
struct Counter {
    text: Vec<u8>,
    lower: Vec<u8>,
    counts: Counts,
}

impl Counter {
    fn count_text(&mut self) -> Result<(), BoxError> {
        let Counter { text, lower, counts } = self;
        for token in text.split(|byte| !IN_WORD[usize::from(*byte)]).filter(|token| !token.is_empty()) {
            if token.is_ascii() {
                lower.clear();
                lower.extend(token.iter().map(u8::to_ascii_lowercase));
                *counts.entry_ref(&lower[..]).or_default() += 1;
                continue;
            }
            let words = str::from_utf8(token)?.split(|c: char| !c.is_alphanumeric() && c != '\'');
            for word in words.filter(|word| !word.is_empty()) {
                *counts.entry(word.to_lowercase().into_bytes()).or_default() += 1;
            }
        }
        Ok(())
    }
}

/// Which bytes may stand in a word: of other alphabets' all, until one looks closer.
const IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte >= 0x80 || (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'\'';
        byte += 1;
    }
    table
};
