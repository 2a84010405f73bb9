//! `reshuffle`: elements spread evenly over the workers.

use crate::graph::Op;
use crate::pipeline::{Name, NewCollection};
use crate::{Element, PCollection};

impl<T: Element> PCollection<T> {
    /// The same elements, spread evenly: after a transform that makes much of little, or before an expensive one. Timestamps, windows and
    /// panes stay, and nothing is dropped.
    #[doc(alias = "redistribute")]
    pub fn reshuffle(&self) -> PCollection<T> {
        let coder = self.pipeline.collection(self.id).coder;
        let made = NewCollection { coder, ..self.derived::<T>() };
        let (_, outputs) = self.pipeline.add(Name::Derived("reshuffle"), Op::Reshuffle, &[self.id], &[], vec![made]);
        PCollection::new(&self.pipeline, outputs[0])
    }
}
