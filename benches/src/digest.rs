//! What is compared of two results: how many rows there are and a sum over them, whatever their order.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use purlin::bundle::Bundle;
use purlin::prelude::*;
use purlin::sink::{Io, Visibility, Writer};

/// Rows, and a sum of what tells them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// How many there are.
    pub rows: u64,
    /// Of each row's number, wrapping.
    pub sum: u64,
}

impl Digest {
    /// Takes one more row in.
    #[inline]
    pub fn add(&mut self, of_row: u64) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(of_row);
    }

    /// Takes in what another has.
    #[inline]
    pub fn merge(&mut self, other: Digest) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl FromIterator<u64> for Digest {
    fn from_iter<I: IntoIterator<Item = u64>>(rows: I) -> Self {
        let mut digest = Digest::default();
        rows.into_iter().for_each(|row| digest.add(row));
        digest
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows with sum {}", self.rows, self.sum)
    }
}

/// A number for several, such that equal sums of these mean equal rows but for an accident of one in 2^64.
pub fn mixed(fields: impl IntoIterator<Item = u64>) -> u64 {
    fields.into_iter().fold(0, |so_far, field| {
        let n = (so_far ^ field).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (n ^ (n >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let n = (n ^ (n >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        n ^ (n >> 32)
    })
}

/// The same for a text with figures of it.
pub fn mixed_with(text: &str, figures: impl IntoIterator<Item = u64>) -> u64 {
    mixed(text.bytes().map(u64::from).chain(figures))
}

/// A sink that keeps nothing but the digest.
pub struct DigestSink<T, F> {
    of_row: F,
    total: Arc<Mutex<Digest>>,
    of: PhantomData<fn(T)>,
}

impl<T: Element, F: Fn(&T) -> u64 + Copy> DigestSink<T, F> {
    /// One to which `of_row` gives a row's number.
    pub fn new(of_row: F) -> Self {
        DigestSink { of_row, total: Arc::default(), of: PhantomData }
    }

    /// A sink of a pipeline; all of them fill one digest.
    pub fn sink(&self) -> Self {
        DigestSink { of_row: self.of_row, total: self.total.clone(), of: PhantomData }
    }

    /// The digest so far; the next begins empty.
    pub fn take(&self) -> Digest {
        std::mem::take(&mut self.total.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl<T: Element, F: Fn(&T) -> u64 + Copy + Send + Sync + 'static> Sink for DigestSink<T, F> {
    type Item = T;
    type Staged = ();

    fn describe(&self) -> String {
        "digest".into()
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::Immediately
    }

    async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(DigestWriter { sink: self.sink(), so_far: Digest::default() }))
    }
}

struct DigestWriter<T, F> {
    sink: DigestSink<T, F>,
    so_far: Digest,
}

#[async_trait]
impl<T: Element, F: Fn(&T) -> u64 + Copy + Send + Sync + 'static> Writer<DigestSink<T, F>> for DigestWriter<T, F> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        let mut digest = Digest::default();
        bundle.values().iter().for_each(|row| digest.add((self.sink.of_row)(row)));
        self.so_far.merge(digest);
        bundle.clear();
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<()>, BoxError> {
        let so_far = std::mem::take(&mut self.so_far);
        self.sink.total.lock().unwrap_or_else(PoisonError::into_inner).merge(so_far);
        Ok(None)
    }
}
