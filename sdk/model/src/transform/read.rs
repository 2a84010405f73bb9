//! `read`: a collection from a source.

use crate::coder::TypedCoder;
use crate::graph::Op;
use crate::pipeline::{Name, NewCollection};
use crate::source::{Boundedness, Source, erase};
use crate::window::Windowing;
use crate::{PCollection, Pipeline};

impl Pipeline {
    /// The elements of `source`, in the global window.
    pub fn read<S: Source>(&self, name: &str, source: S) -> PCollection<S::Item> {
        let made = NewCollection {
            coder: TypedCoder::<S::Item>::standard(),
            windowing: Windowing::default(),
            bounded: source.boundedness() == Boundedness::Bounded,
        };
        let (_, outputs) = self.add(Name::Given(name), Op::Read(erase(source)), &[], &[], vec![made]);
        PCollection::new(self, outputs[0])
    }
}
