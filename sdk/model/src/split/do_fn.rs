//! `SplittableDoFn`, and how it is applied.

use std::sync::Arc;

use super::resume::Resuming;
use super::{Continuation, Restriction, SplitWork, WatermarkEstimator};
use crate::coder::placement;
use crate::pipeline::Name;
use crate::{BoxError, Element, PCollection};

/// Work on an element that is divided and can be interrupted.
///
/// Numbers below each limit, which run in pieces of a thousand:
///
/// ```
/// use purlin_model::split::{Continuation, Monotonic, Offsets, SplitWork, SplittableDoFn};
/// use purlin_model::{BoxError, Pipeline};
///
/// #[derive(Clone)]
/// struct NumbersBelow;
///
/// impl SplittableDoFn<u64> for NumbersBelow {
///     type Restriction = Offsets;
///     type Estimator = Monotonic;
///     type Out = u64;
///
///     fn restriction(&self, limit: &u64) -> Result<Offsets, BoxError> {
///         Ok(Offsets::between(0, *limit))
///     }
///
///     fn split(&self, _: &u64, all: Offsets) -> Vec<Offsets> {
///         all.split_every(1_000)
///     }
///
///     fn process(
///         &mut self,
///         _: &u64,
///         work: &mut SplitWork<'_, Offsets, Monotonic, u64>,
///     ) -> Result<Continuation, BoxError> {
///         let mut number = work.restriction().next();
///         while work.try_claim(number) {
///             work.emit(number);
///             number += 1;
///         }
///         Ok(Continuation::Stop)
///     }
/// }
///
/// let pipeline = Pipeline::new();
/// let numbers = pipeline.create("limits", [10_u64, 5_000]).par_do_splittable("numbers below", NumbersBelow);
/// # let _ = numbers;
/// ```
pub trait SplittableDoFn<In>: Clone + Send + Sync + 'static {
    /// How a part of the work is described.
    type Restriction: Restriction;
    /// How the watermark of the output is told.
    type Estimator: WatermarkEstimator;
    /// What is emitted.
    type Out: Element;

    /// All the work on an element.
    fn restriction(&self, element: &In) -> Result<Self::Restriction, BoxError>;

    /// The work in parts that run in parallel, before the start.
    fn split(&self, element: &In, restriction: Self::Restriction) -> Vec<Self::Restriction> {
        let _ = element;
        vec![restriction]
    }

    /// Before the first call: open what is expensive.
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Works on the restriction: claims a position, does what is to be done for it, and claims the next, until a claim fails.
    fn process(
        &mut self,
        element: &In,
        work: &mut SplitWork<'_, Self::Restriction, Self::Estimator, Self::Out>,
    ) -> Result<Continuation, BoxError>;

    /// What is still to be done of `rest` where an end is wanted: in batch, and when a stream is drained. `None`: nothing. By default
    /// what has an end is done to it, and what has none is left.
    fn truncate(&self, element: &In, rest: Self::Restriction) -> Option<Self::Restriction> {
        let _ = element;
        rest.is_bounded().then_some(rest)
    }

    /// After the last call: close what `setup` opened.
    fn teardown(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<In: Element> PCollection<In> {
    /// Runs a [`SplittableDoFn`] on each element: its restrictions are spread over the workers, interrupted and gone on with.
    pub fn par_do_splittable<D: SplittableDoFn<In>>(&self, name: &str, do_fn: D) -> PCollection<D::Out> {
        self.pipeline.clone().scoped(name, || {
            let splitter = Arc::new(do_fn.clone());
            let parts = self.try_each_part(splitter);
            parts.par_do_stateful("work", Resuming::new(do_fn))
        })
    }

    /// The parts of each element's work, keyed so that they spread.
    fn try_each_part<D: SplittableDoFn<In>>(&self, do_fn: Arc<D>) -> PCollection<(u64, (In, D::Restriction))> {
        use crate::bundle::Bundle;
        use crate::kernel::{SideInputs, per_bundle};

        let work = move |input: &mut Bundle<In>, _: &SideInputs, out: &mut Bundle<(u64, (In, D::Restriction))>| {
            for (element, sides) in input.drain() {
                let whole = do_fn.restriction(&element)?;
                for part in do_fn.split(&element, whole) {
                    let part = (element.clone(), part);
                    let key = placement(&postcard::to_stdvec(&part)?);
                    out.push((key, part), sides);
                }
            }
            Ok::<(), BoxError>(())
        };
        self.element_wise(Name::Given("split"), &[], per_bundle(work))
    }
}
