//! The yardstick: each core counts the words of pieces of the file in a table of its own.
//!
//! Where words begin and end is found for 64 bytes at a time, and a word of up to 16 bytes is a number to the table: neither
//! takes a branch per byte or a string per word.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hashbrown::HashMap;
use purlin::BoxError;

/// Small enough that a piece stays in the cache while its words are counted.
const PIECE_BYTES: u64 = 256 * 1024;
/// Bytes that are looked at together.
const BLOCK: usize = 64;
/// Longer words are no numbers.
const SHORT: usize = 16;
/// Bytes of other alphabets have one of these.
const NOT_ASCII: u128 = u128::from_le_bytes([0x80; SHORT]);

/// Every word in lower case, and how often it stands in the file.
pub(super) fn count(path: &Path) -> Result<Vec<(String, u64)>, BoxError> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let next = AtomicU64::new(0);
    let counters = rayon::broadcast(|_| -> Result<Counter, BoxError> {
        let mut counter = Counter::default();
        loop {
            let begin = next.fetch_add(PIECE_BYTES, Relaxed);
            if begin >= bytes {
                return Ok(counter);
            }
            let [begin, end] = [begin, begin + PIECE_BYTES].map(|at| line_begin(&file, at, bytes));
            let (begin, end) = (begin?, end?);
            counter.text.resize((end - begin) as usize, 0);
            file.read_exact_at(&mut counter.text, begin)?;
            counter.count_text()?;
        }
    });
    let mut counts = HashMap::new();
    for counter in counters {
        let counter = counter?;
        counter.short.into_iter().for_each(|(word, count)| *counts.entry(short_word(word)).or_default() += count);
        counter.other.into_iter().for_each(|(word, count)| *counts.entry(word).or_default() += count);
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

#[derive(Default)]
struct Counter {
    text: Vec<u8>,
    /// Where words begin and end, in turns.
    edges: Vec<u32>,
    /// By the bytes of a word, the first one lowest.
    short: HashMap<u128, u64>,
    other: HashMap<Vec<u8>, u64>,
}

impl Counter {
    fn count_text(&mut self) -> Result<(), BoxError> {
        let Counter { text, edges, short, other } = self;
        text.make_ascii_lowercase();
        // So that the last word ends, and sixteen bytes can be had wherever one begins.
        text.resize(text.len().next_multiple_of(BLOCK) + BLOCK, b' ');
        find_edges(text, edges);
        for edge in edges.chunks_exact(2) {
            let (begin, end) = (edge[0] as usize, edge[1] as usize);
            let length = end - begin;
            let bytes: [u8; SHORT] = text[begin..begin + SHORT].try_into()?;
            let word = u128::from_le_bytes(bytes) & (u128::MAX >> (8 * (SHORT - length.min(SHORT))));
            if length <= SHORT && word & NOT_ASCII == 0 {
                *short.entry(word).or_default() += 1;
            } else {
                count_other(&text[begin..end], other)?;
            }
        }
        Ok(())
    }
}

/// Words that are long, or of other alphabets: whether all of a token is a word shows only now.
fn count_other(token: &[u8], counts: &mut HashMap<Vec<u8>, u64>) -> Result<(), BoxError> {
    let words = str::from_utf8(token)?.split(|c: char| !c.is_alphanumeric() && c != '\'');
    for word in words.filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase().into_bytes()).or_default() += 1;
    }
    Ok(())
}

fn short_word(word: u128) -> Vec<u8> {
    word.to_le_bytes().into_iter().take_while(|byte| *byte != 0).collect()
}

fn find_edges(text: &[u8], edges: &mut Vec<u32>) {
    edges.clear();
    let mut in_word = 0;
    for (number, block) in text.chunks_exact(BLOCK).enumerate() {
        let bits = word_bits(block);
        let mut changes = bits ^ (bits << 1 | in_word);
        in_word = bits >> 63;
        while changes != 0 {
            edges.push((number * BLOCK) as u32 + changes.trailing_zeros());
            changes &= changes - 1;
        }
    }
}

/// A bit for each byte of a block, the first one lowest: whether it may stand in a word.
fn word_bits(block: &[u8]) -> u64 {
    let mut marks = [0; BLOCK];
    for (mark, byte) in marks.iter_mut().zip(block) {
        *mark = u8::from(may_stand_in_word(*byte));
    }
    // The product brings the lowest bits of eight bytes together in the highest byte.
    let bits_of = |eight: &[u8]| {
        let marks = eight.iter().rev().fold(0, |so_far, mark| so_far << 8 | u64::from(*mark));
        marks.wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    marks.chunks_exact(8).rev().fold(0, |bits, eight| bits << 8 | bits_of(eight))
}

/// Of other alphabets all bytes, until one looks closer. Arithmetic, so that many are done at once; letters are in lower case.
fn may_stand_in_word(byte: u8) -> bool {
    (byte.wrapping_sub(b'a') < 26) | (byte.wrapping_sub(b'0') < 10) | (byte == b'\'') | (byte >= 0x80)
}
