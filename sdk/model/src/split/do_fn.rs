//! `SplittableDoFn`, and how it is applied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::resume::{Part, Reported, Resuming};
use super::{Continuation, Restriction, SplitWork, WatermarkEstimator};
use crate::bundle::{Bundle, ElementSides};
use crate::coder::placement;
use crate::graph::Op;
use crate::kernel::{SideInputs, per_bundle};
use crate::pipeline::{Name, NewCollection};
use crate::window::{WindowSet, Windowing};
use crate::{At, BoxError, Element, PCollection};

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
    ///
    /// How far the work has come, in the restrictions' own units, stands in two metrics: the counter `NAME: done` and the gauge
    /// `NAME: remaining`, for the parts that have an end and were begun.
    ///
    /// What it emits for an element stands in the element's window, late or not: as in all element-wise work nothing is dropped.
    pub fn par_do_splittable<D: SplittableDoFn<In>>(&self, name: &str, do_fn: D) -> PCollection<D::Out> {
        self.pipeline.clone().scoped(name, || {
            let parts = self.parts(Arc::new(do_fn.clone()));
            let split = self.pipeline.producer_name(parts.id);
            let full_name = split.trim_end_matches("/split");
            let progress = Reported {
                done: self.pipeline.counter(&format!("{full_name}: done")),
                remaining: self.pipeline.gauge(&format!("{full_name}: remaining")),
            };
            let worked = parts.par_do_stateful("work", Resuming::new(do_fn, progress));
            self.pipeline.set_windowing(worked.id, self.windowing());
            worked
        })
    }

    /// The parts of each element's work, keyed so that they spread. They lie in the global window, where their state does not expire before
    /// they are done, and know their own.
    fn parts<D: SplittableDoFn<In>>(&self, do_fn: Arc<D>) -> PCollection<(u64, Part<In, D::Restriction>)> {
        // Equal parts are kept apart, each with its own time to go on.
        let number = AtomicU64::new(0);
        let work = move |input: &mut Bundle<In>, _: &SideInputs, out: &mut Bundle<(u64, Part<In, D::Restriction>)>| {
            input.explode_windows();
            for (element, sides) in input.drain() {
                let whole = do_fn.restriction(&element)?;
                for restriction in do_fn.split(&element, whole) {
                    let part = Part { element: element.clone(), restriction, at: At::of(sides) };
                    let key =
                        placement(&postcard::to_stdvec(&part)?).wrapping_add(number.fetch_add(1, Ordering::Relaxed));
                    out.push((key, part), ElementSides { windows: WindowSet::GLOBAL, ..sides });
                }
            }
            Ok::<(), BoxError>(())
        };
        let made =
            NewCollection { windowing: Windowing::default(), ..self.derived::<(u64, Part<In, D::Restriction>)>() };
        let op = Op::ParDo(per_bundle(work));
        let (_, outputs) = self.pipeline.add(Name::Given("split"), op, &[self.id], &[], vec![made]);
        PCollection::new(&self.pipeline, outputs[0])
    }
}
