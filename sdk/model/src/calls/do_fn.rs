//! `AsyncDoFn`: what is asked about each element.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::{BoxError, Element};

/// Element-wise user code that waits: a look-up in a database, a call of a service.
///
/// An instance is a clone of the value given to `par_do_async`. Its life is `setup`, then `process` for each element, several at a time, then
/// `teardown`. The futures run on tokio, on every runner.
///
/// ```
/// use purlin_model::{AsyncDoFn, AsyncOptions, BoxError, Pipeline, Retry, milliseconds, seconds};
/// use std::collections::HashMap;
/// use std::sync::Arc;
///
/// # #[derive(Clone)]
/// # struct Prices(Arc<HashMap<String, i64>>);
/// # impl Prices {
/// #     async fn connect(_: &str) -> Result<Self, BoxError> { Ok(Prices(Arc::default())) }
/// #     async fn of(&self, article: &str) -> Result<Option<i64>, BoxError> { Ok(self.0.get(article).copied()) }
/// # }
/// /// Finds the price of an ordered article; articles without one are left out.
/// #[derive(Clone)]
/// struct PriceLookup {
///     url: String,
///     prices: Option<Prices>,
/// }
///
/// impl AsyncDoFn<String> for PriceLookup {
///     type Out = Option<(String, i64)>;
///
///     async fn setup(&mut self) -> Result<(), BoxError> {
///         self.prices = Some(Prices::connect(&self.url).await?);
///         Ok(())
///     }
///
///     async fn process(&self, article: &String) -> Result<Self::Out, BoxError> {
///         let prices = self.prices.as_ref().ok_or("not connected")?;
///         Ok(prices.of(article).await?.map(|price| (article.clone(), price)))
///     }
/// }
///
/// let pipeline = Pipeline::new();
/// let articles = pipeline.create("articles", ["apple".to_string()]);
/// let lookup = PriceLookup { url: "prices.internal:4711".into(), prices: None };
/// let patiently = AsyncOptions::new()
///     .capacity(200)
///     .timeout(seconds(5))
///     .retry(Retry::exponential(milliseconds(100)).max_attempts(4));
/// let priced = articles.par_do_async("price lookup", lookup, patiently);
/// # let _ = priced;
/// ```
pub trait AsyncDoFn<In>: Clone + Send + Sync + 'static {
    /// What an element becomes: `Option<T>`, `[T; 1]`, `Vec<T>`, anything that can be gone through.
    type Out: IntoIterator<Item: Element> + Send + 'static;

    /// Before the first element: open what is expensive.
    fn setup(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }

    /// One element. May be called again for it, after an error or too long a wait, and after a restore.
    fn process(&self, element: &In) -> impl Future<Output = Result<Self::Out, BoxError>> + Send;

    /// After the last element, or after a failure of its own. When another transform fails, instances are dropped as they are.
    fn teardown(&self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}

/// A closure that makes one element of one.
pub(crate) struct Closure<F, A> {
    f: Arc<F>,
    of: PhantomData<fn() -> A>,
}

impl<F, A> Closure<F, A> {
    pub(crate) fn new(f: F) -> Self {
        Closure { f: Arc::new(f), of: PhantomData }
    }
}

impl<F, A> Clone for Closure<F, A> {
    fn clone(&self) -> Self {
        Closure { f: self.f.clone(), of: PhantomData }
    }
}

impl<In, U, E, F, A> AsyncDoFn<In> for Closure<F, A>
where
    In: Element,
    U: Element,
    E: Into<BoxError>,
    F: Fn(In) -> A + Send + Sync + 'static,
    A: Future<Output = Result<U, E>> + Send + 'static,
{
    type Out = [U; 1];

    fn process(&self, element: &In) -> impl Future<Output = Result<[U; 1], BoxError>> + Send {
        let answer = (self.f)(element.clone());
        async move { answer.await.map(|value| [value]).map_err(Into::into) }
    }
}
