//! `partition`: one collection as several, by a function of the element.

use std::sync::Arc;

use crate::bundle::AnyBundle;
use crate::graph::Op;
use crate::kernel::{Operator, OperatorFactory, SideInputs};
use crate::pipeline::{Name, NewCollection};
use crate::{BoxError, Element, PCollection};

impl<T: Element> PCollection<T> {
    /// `count` collections: an element goes to the one whose number `which` gives. A number that is not below `count` is an error.
    pub fn partition(
        &self,
        name: &str,
        count: usize,
        which: impl Fn(&T) -> usize + Send + Sync + 'static,
    ) -> Vec<PCollection<T>> {
        let coder = self.pipeline.collection(self.id).coder;
        let makes = (0..count).map(|_| NewCollection { coder: coder.clone(), ..self.derived::<T>() }).collect();
        let factory = Arc::new(Partition { which: Arc::new(which), of: std::marker::PhantomData::<fn(T)> });
        let (_, outputs) = self.pipeline.add(Name::Given(name), Op::ParDo(factory), &[self.id], &[], makes);
        outputs.into_iter().map(|id| PCollection::new(&self.pipeline, id)).collect()
    }
}

struct Partition<T, F> {
    which: Arc<F>,
    of: std::marker::PhantomData<fn(T)>,
}

impl<T: Element, F: Fn(&T) -> usize + Send + Sync + 'static> OperatorFactory for Partition<T, F> {
    fn create(&self) -> Box<dyn Operator> {
        Box::new(Partition { which: self.which.clone(), of: self.of })
    }
}

impl<T: Element, F: Fn(&T) -> usize + Send + Sync> Operator for Partition<T, F> {
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        _sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        let count = outputs.len();
        for (value, sides) in input.downcast::<T>().drain() {
            let which = (self.which)(&value);
            let output = outputs.get_mut(which).ok_or_else(|| {
                format!("the partition function gave {which}, but there are {count} partitions, from 0")
            })?;
            output.downcast().push(value, sides);
        }
        Ok(())
    }
}
