//! Results that are counted instead of kept: a sink that costs next to nothing, for measuring.

use std::marker::PhantomData;

use async_trait::async_trait;
use purlin::bundle::Bundle;
use purlin::prelude::*;
use purlin::sink::{Io, Visibility, Writer};

/// Says on standard output how many elements there were, once the run has succeeded.
pub(crate) struct Counted<T>(PhantomData<fn(T)>);

impl<T> Counted<T> {
    pub(crate) fn new() -> Self {
        Counted(PhantomData)
    }
}

#[async_trait]
impl<T: Element> Sink for Counted<T> {
    type Item = T;
    /// How many came to one writer.
    type Staged = u64;

    fn describe(&self) -> String {
        "a count".into()
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn open(&self, _: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(Counter(0)))
    }

    async fn publish(&self, counts: Vec<u64>) -> Result<(), BoxError> {
        println!("{} results", counts.iter().sum::<u64>());
        Ok(())
    }
}

struct Counter(u64);

#[async_trait]
impl<T: Element> Writer<Counted<T>> for Counter {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.0 += bundle.len() as u64;
        bundle.clear();
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<u64>, BoxError> {
        Ok(Some(std::mem::take(&mut self.0)))
    }
}
