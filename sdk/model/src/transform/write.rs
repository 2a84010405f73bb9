//! `write`: a collection into a sink.

use crate::graph::Op;
use crate::pipeline::Name;
use crate::sink::{Sink, erase};
use crate::{Element, PCollection};

impl<T: Element> PCollection<T> {
    /// Hands every element to `sink`.
    pub fn write(&self, name: &str, sink: impl Sink<Item = T>) {
        self.pipeline.add(Name::Given(name), Op::Write(erase(sink)), &[self.id], &[], vec![]);
    }
}
