//! `par_do_async`, `try_par_do_async`, `map_async`: work that waits for somebody else, many elements at a time.

use std::marker::PhantomData;
use std::sync::Arc;

use super::Failed;
use crate::calls::{AsyncDoFn, AsyncOptions, CallFactory, Closure, Deliver};
use crate::graph::Op;
use crate::pipeline::Name;
use crate::{BoxError, Element, PCollection};

/// What an [`AsyncDoFn`] makes of elements of `In`.
type OutOf<D, In> = <<D as AsyncDoFn<In>>::Out as IntoIterator>::Item;

impl<T: Element> PCollection<T> {
    /// Runs an [`AsyncDoFn`] over the elements. An element whose last attempt has failed fails the pipeline.
    pub fn par_do_async<D: AsyncDoFn<T>>(
        &self,
        name: &str,
        do_fn: D,
        options: AsyncOptions,
    ) -> PCollection<OutOf<D, T>> {
        self.add_calls(name, do_fn, options, |_, sides, outcome, results| {
            results.downcast().extend_with(outcome?, sides);
            Ok(())
        })
    }

    /// Runs an [`AsyncDoFn`] over the elements; and gives the elements whose last attempt has failed, with its error.
    ///
    /// ```
    /// # use purlin_model::{AsyncDoFn, AsyncOptions, BoxError, Failed, PCollection, Pipeline, Retry, milliseconds};
    /// #[derive(Clone)]
    /// struct Resolve;
    ///
    /// impl AsyncDoFn<String> for Resolve {
    ///     type Out = Option<u32>;
    ///     async fn process(&self, host: &String) -> Result<Option<u32>, BoxError> {
    ///         Err(format!("nobody knows {host}").into())
    ///     }
    /// }
    ///
    /// let hosts = Pipeline::new().create("hosts", ["a.example".to_string()]);
    /// let options = AsyncOptions::new().retry(Retry::exponential(milliseconds(10)));
    /// let (addresses, unknown): (PCollection<u32>, PCollection<Failed<String>>) =
    ///     hosts.try_par_do_async("resolve", Resolve, options);
    /// ```
    pub fn try_par_do_async<D: AsyncDoFn<T>>(
        &self,
        name: &str,
        do_fn: D,
        options: AsyncOptions,
    ) -> (PCollection<OutOf<D, T>>, PCollection<Failed<T>>) {
        let deliver: Deliver<T, D::Out> = |element, sides, outcome, results| {
            let results = results.downcast::<Result<OutOf<D, T>, Failed<T>>>();
            match outcome {
                Ok(out) => results.extend_with(out.into_iter().map(Ok), sides),
                Err(error) => results.push(Err(Failed { element, error: error.to_string() }), sides),
            }
            Ok(())
        };
        let answers: PCollection<Result<OutOf<D, T>, Failed<T>>> = self.add_calls(name, do_fn, options, deliver);
        answers.split_results(&format!("{name}: answers"))
    }

    /// One output for each element, for which `f` gives a future.
    ///
    /// ```
    /// # use purlin_model::{AsyncOptions, BoxError, Pipeline};
    /// # async fn length_of(url: &str) -> Result<u64, std::io::Error> { Ok(url.len() as u64) }
    /// let urls = Pipeline::new().create("urls", ["https://example.com".to_string()]);
    /// let lengths = urls.map_async("length", |url| async move { length_of(&url).await }, AsyncOptions::new().capacity(20));
    /// ```
    pub fn map_async<U, E, A>(
        &self,
        name: &str,
        f: impl Fn(T) -> A + Send + Sync + 'static,
        options: AsyncOptions,
    ) -> PCollection<U>
    where
        U: Element,
        E: Into<BoxError>,
        A: Future<Output = Result<U, E>> + Send + 'static,
    {
        self.par_do_async(name, Closure::new(f), options)
    }

    fn add_calls<D: AsyncDoFn<T>, U: Element>(
        &self,
        name: &str,
        do_fn: D,
        options: AsyncOptions,
        deliver: Deliver<T, D::Out>,
    ) -> PCollection<U> {
        let kernel = Arc::new(CallFactory { do_fn, options, deliver, of: PhantomData });
        let makes = vec![self.derived::<U>()];
        let (_, outputs) = self.pipeline.add(Name::Given(name), Op::Async(kernel), &[self.id], &[], makes);
        PCollection::new(&self.pipeline, outputs[0])
    }
}
