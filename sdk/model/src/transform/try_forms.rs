//! `try_map`, `try_filter`, `try_flat_map`: closures that may fail, with what failed as an output of its own.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::graph::Op;
use crate::kernel::{Operator, OperatorFactory, SideInputs};
use crate::pipeline::Name;
use crate::{BoxError, Element, PCollection};

/// An element that a `try_` closure refused: the dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed<T> {
    /// The element.
    pub element: T,
    /// Why.
    pub error: String,
}

impl<T: Element> PCollection<T> {
    /// One output for each element for which `f` succeeds; and the elements for which it does not, with the error.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// # let lines = pipeline.create("lines", ["17".to_string(), "x".to_string()]);
    /// let (numbers, dead_letters) = lines.try_map("parse", |line: &String| line.parse::<i64>());
    /// ```
    pub fn try_map<U: Element, E: Into<BoxError>>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Result<U, E> + Send + Sync + 'static,
    ) -> (PCollection<U>, PCollection<Failed<T>>) {
        self.try_each(name, move |value: T, sides, good: &mut Bundle<U>, bad: &mut Bundle<Failed<T>>| match f(&value) {
            Ok(output) => good.push(output, sides),
            Err(error) => bad.push(Failed { element: value, error: error.into().to_string() }, sides),
        })
    }

    /// The elements for which `keep` gives `true`; and those for which it fails, with the error.
    pub fn try_filter<E: Into<BoxError>>(
        &self,
        name: &str,
        keep: impl Fn(&T) -> Result<bool, E> + Send + Sync + 'static,
    ) -> (PCollection<T>, PCollection<Failed<T>>) {
        self.try_each(name, move |value: T, sides, good: &mut Bundle<T>, bad: &mut Bundle<Failed<T>>| {
            match keep(&value) {
                Ok(true) => good.push(value, sides),
                Ok(false) => {}
                Err(error) => bad.push(Failed { element: value, error: error.into().to_string() }, sides),
            }
        })
    }

    /// All that `f` gives for each element; and the elements for which it fails, with the error.
    pub fn try_flat_map<U: Element, I: IntoIterator<Item = U>, E: Into<BoxError>>(
        &self,
        name: &str,
        f: impl Fn(&T) -> Result<I, E> + Send + Sync + 'static,
    ) -> (PCollection<U>, PCollection<Failed<T>>) {
        self.try_each(name, move |value: T, sides, good: &mut Bundle<U>, bad: &mut Bundle<Failed<T>>| match f(&value) {
            Ok(outputs) => good.extend_with(outputs, sides),
            Err(error) => bad.push(Failed { element: value, error: error.into().to_string() }, sides),
        })
    }

    fn try_each<U, F>(&self, name: &str, each: F) -> (PCollection<U>, PCollection<Failed<T>>)
    where
        U: Element,
        F: Fn(T, ElementSides, &mut Bundle<U>, &mut Bundle<Failed<T>>) + Send + Sync + 'static,
    {
        let factory = Arc::new(TryEach { each: Arc::new(each), types: std::marker::PhantomData::<fn(T) -> U> });
        let good = self.derived::<U>();
        let bad = self.derived::<Failed<T>>();
        let (_, outputs) = self.pipeline.add(Name::Given(name), Op::ParDo(factory), &[self.id], &[], vec![good, bad]);
        (PCollection::new(&self.pipeline, outputs[0]), PCollection::new(&self.pipeline, outputs[1]))
    }
}

struct TryEach<T, U, F> {
    each: Arc<F>,
    types: std::marker::PhantomData<fn(T) -> U>,
}

impl<T, U, F> OperatorFactory for TryEach<T, U, F>
where
    T: Element,
    U: Element,
    F: Fn(T, ElementSides, &mut Bundle<U>, &mut Bundle<Failed<T>>) + Send + Sync + 'static,
{
    fn create(&self) -> Box<dyn Operator> {
        Box::new(TryEach { each: self.each.clone(), types: self.types })
    }
}

impl<T, U, F> Operator for TryEach<T, U, F>
where
    T: Element,
    U: Element,
    F: Fn(T, ElementSides, &mut Bundle<U>, &mut Bundle<Failed<T>>) + Send + Sync,
{
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        _sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        let [good, bad] = outputs else { return Err("a try_ form has two outputs".into()) };
        let (good, bad) = (good.downcast(), bad.downcast());
        for (value, sides) in input.downcast::<T>().drain() {
            (self.each)(value, sides, good, bad);
        }
        Ok(())
    }
}

impl<T: Element, E: Element> PCollection<Result<T, E>> {
    /// The `Ok` values and the `Err` values, apart: what a source with dead letters gives.
    pub fn split_results(&self, name: &str) -> (PCollection<T>, PCollection<E>) {
        let factory = Arc::new(SplitResults(std::marker::PhantomData::<fn(T, E)>));
        let makes = vec![self.derived::<T>(), self.derived::<E>()];
        let (_, outputs) = self.pipeline.add(Name::Given(name), Op::ParDo(factory), &[self.id], &[], makes);
        (PCollection::new(&self.pipeline, outputs[0]), PCollection::new(&self.pipeline, outputs[1]))
    }
}

struct SplitResults<T, E>(std::marker::PhantomData<fn(T, E)>);

impl<T: Element, E: Element> OperatorFactory for SplitResults<T, E> {
    fn create(&self) -> Box<dyn Operator> {
        Box::new(SplitResults(self.0))
    }
}

impl<T: Element, E: Element> Operator for SplitResults<T, E> {
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        _sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        for (value, sides) in input.downcast::<Result<T, E>>().drain() {
            match value {
                Ok(value) => outputs[0].downcast().push(value, sides),
                Err(error) => outputs[1].downcast().push(error, sides),
            }
        }
        Ok(())
    }
}
