//! `par_do`: a user's `DoFn` with its whole lifecycle, typed outputs and side inputs.

use std::sync::Arc;

use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::coder::{AnyCoder, TypedCoder};
use crate::graph::Op;
use crate::kernel::{Operator, OperatorFactory, SideInputs};
use crate::pipeline::{Name, NewCollection};
use crate::view::{View, Views};
use crate::window::{Window, WindowSet};
use crate::{At, BoxError, Element, PCollection, Pane, Timestamp};

/// Element-wise user code with a lifecycle: connections to open, work to batch, several outputs.
///
/// An instance is a clone of the value given to `par_do`, used by one thread. Its life is `setup`, then bundles
/// (`start_bundle`, `process` for each element, `finish_bundle`), then `teardown`. After an error or a panic the instance
/// is torn down and the pipeline fails. Where bundles begin and end is the runner's choice.
///
/// ```
/// use purlin_model::{BoxError, Context, DoFn, Output, Pipeline};
///
/// #[derive(Clone)]
/// struct SplitBySign;
///
/// impl DoFn<i64> for SplitBySign {
///     type Out = (Output<i64>, Output<String>);
///     fn process(&mut self, n: i64, cx: &Context<'_>, out: &mut Self::Out) -> Result<(), BoxError> {
///         if n >= 0 { out.0.emit(n) } else { out.1.emit(format!("{n} at {}", cx.timestamp())) }
///         Ok(())
///     }
/// }
///
/// let pipeline = Pipeline::new();
/// let (positive, negative) = pipeline.create("numbers", [1, -2]).par_do("split", SplitBySign);
/// # let _ = (positive, negative);
/// ```
pub trait DoFn<In>: Clone + Send + Sync + 'static {
    /// One [`Output`], or a tuple of them.
    type Out: Outputs;

    /// Before the first bundle: open what is expensive.
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Before the elements of a bundle.
    fn start_bundle(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// One element, in each of its windows if the context is asked for one.
    fn process(&mut self, element: In, cx: &Context<'_>, out: &mut Self::Out) -> Result<(), BoxError>;

    /// After the elements of a bundle. What it emits needs a timestamp and a window: [`Output::emit_in`].
    fn finish_bundle(&mut self, out: &mut Self::Out) -> Result<(), BoxError> {
        let _ = out;
        Ok(())
    }

    /// After the last bundle: close what `setup` opened.
    fn teardown(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// What a `DoFn` may ask about the element at hand.
pub struct Context<'a> {
    sides: ElementSides,
    views: &'a SideInputs,
}

impl Context<'_> {
    /// The element's event time.
    pub fn timestamp(&self) -> Timestamp {
        self.sides.timestamp
    }

    /// The element's window.
    pub fn window(&self) -> Window {
        self.sides.windows.first()
    }

    /// The emission that the element belongs to.
    pub fn pane(&self) -> Pane {
        self.sides.pane
    }

    /// The value of a view for the element's window. The view must have been given to `par_do_with`.
    pub fn side<V: 'static>(&self, view: &View<V>) -> Result<&V, BoxError> {
        self.views.get(view.node, self.window())
    }
}

/// One typed output of a `DoFn`.
pub struct Output<T> {
    bundle: Bundle<T>,
    /// Where the element at hand stands; `None` outside `process`.
    current: Option<ElementSides>,
    /// Something was emitted where no element is at hand, without saying where.
    nowhere: bool,
    /// The first timestamp given that no element may have.
    invalid: Option<Timestamp>,
    /// Nothing may be emitted before this; the first timestamp given that is.
    earliest: Timestamp,
    too_early: Option<TooEarly>,
}

/// A timestamp given that lies before what is at hand.
#[derive(Clone, Copy)]
struct TooEarly {
    given: Timestamp,
    earliest: Timestamp,
}

impl<T> Output<T> {
    /// Emits with the timestamp and window of the element at hand. Where there is none, in `finish_bundle`, that fails the transform.
    #[inline]
    pub fn emit(&mut self, value: T) {
        match self.current {
            Some(sides) => self.bundle.push(value, sides),
            None => self.nowhere = true,
        }
    }

    /// Emits at another timestamp, in the window of the element at hand. A timestamp that no element may have fails the transform.
    pub fn emit_at(&mut self, value: T, timestamp: Timestamp) {
        self.check(timestamp);
        match self.current {
            Some(sides) => self.bundle.push(value, ElementSides { timestamp, ..sides }),
            None => self.nowhere = true,
        }
    }

    /// Emits at a timestamp in a window: for `finish_bundle`, where no element is at hand. A timestamp that no element may have
    /// fails the transform.
    pub fn emit_in(&mut self, value: T, timestamp: Timestamp, window: Window) {
        self.emit_at_place(value, At { timestamp, window, pane: Pane::UNGROUPED });
    }

    /// Emits at a timestamp, in a window and a pane.
    pub(crate) fn emit_at_place(&mut self, value: T, at: At) {
        self.check(at.timestamp);
        let At { timestamp, window, pane } = at;
        self.bundle.push(value, ElementSides { timestamp, windows: WindowSet::one(window), pane });
    }

    fn check(&mut self, timestamp: Timestamp) {
        if !timestamp.is_valid_for_element() {
            self.invalid.get_or_insert(timestamp);
        } else if timestamp < self.earliest {
            self.too_early.get_or_insert(TooEarly { given: timestamp, earliest: self.earliest });
        }
    }
}

impl<T> Default for Output<T> {
    fn default() -> Self {
        Output {
            bundle: Bundle::new(),
            current: None,
            nowhere: false,
            invalid: None,
            earliest: Timestamp::MIN,
            too_early: None,
        }
    }
}

/// The outputs of a `DoFn`: an [`Output`] or a tuple of up to six. Sealed by its hidden methods.
pub trait Outputs: Default + Send + 'static {
    /// The collections that `par_do` gives: a [`PCollection`] or a tuple of them.
    type Collections;
    #[doc(hidden)]
    fn coders() -> Vec<Arc<dyn AnyCoder>>;
    #[doc(hidden)]
    fn collections<In: Element>(input: &PCollection<In>, ids: &[crate::graph::CollectionId]) -> Self::Collections;
    #[doc(hidden)]
    fn set_current(&mut self, sides: Option<ElementSides>);
    #[doc(hidden)]
    fn set_earliest(&mut self, earliest: Timestamp);
    #[doc(hidden)]
    fn flush(&mut self, into: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError>;
}

impl<T: Element> Outputs for Output<T> {
    type Collections = PCollection<T>;

    fn coders() -> Vec<Arc<dyn AnyCoder>> {
        vec![TypedCoder::<T>::standard()]
    }

    fn collections<In: Element>(input: &PCollection<In>, ids: &[crate::graph::CollectionId]) -> PCollection<T> {
        PCollection::new(&input.pipeline, ids[0])
    }

    #[inline]
    fn set_current(&mut self, sides: Option<ElementSides>) {
        self.current = sides;
    }

    #[inline]
    fn set_earliest(&mut self, earliest: Timestamp) {
        self.earliest = earliest;
    }

    fn flush(&mut self, into: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        if self.nowhere {
            return Err(
                "it emitted in finish_bundle without saying where: use `emit_in` with a timestamp and a window".into(),
            );
        }
        if let Some(at) = self.invalid.take() {
            let (least, greatest) = (Timestamp::MIN.millis(), Timestamp::GLOBAL_MAX.millis());
            return Err(format!(
                "it emitted at {} ms; an element's timestamp lies in [{least}, {greatest}]",
                at.millis()
            )
            .into());
        }
        if let Some(TooEarly { given, earliest }) = self.too_early.take() {
            return Err(format!(
                "it emitted at {given}, which is before {earliest}, the time of the element or timer at hand: the watermark may have passed                  it. Emit no earlier, or give the timer an earlier output time"
            )
            .into());
        }
        into[0].downcast().append(&mut self.bundle);
        Ok(())
    }
}

macro_rules! tuple_of_outputs {
    ($($name:ident $index:tt),+) => {
        impl<$($name: Element),+> Outputs for ($(Output<$name>,)+) {
            type Collections = ($(PCollection<$name>,)+);

            fn coders() -> Vec<Arc<dyn AnyCoder>> {
                vec![$(TypedCoder::<$name>::standard()),+]
            }

            fn collections<In: Element>(
                input: &PCollection<In>,
                ids: &[crate::graph::CollectionId],
            ) -> Self::Collections {
                ($(PCollection::<$name>::new(&input.pipeline, ids[$index]),)+)
            }

            #[inline]
            fn set_current(&mut self, sides: Option<ElementSides>) {
                $(self.$index.set_current(sides);)+
            }

            #[inline]
            fn set_earliest(&mut self, earliest: Timestamp) {
                $(self.$index.set_earliest(earliest);)+
            }

            fn flush(&mut self, into: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
                $(self.$index.flush(&mut into[$index..])?;)+
                Ok(())
            }
        }
    };
}

tuple_of_outputs!(A 0, B 1);
tuple_of_outputs!(A 0, B 1, C 2);
tuple_of_outputs!(A 0, B 1, C 2, D 3);
tuple_of_outputs!(A 0, B 1, C 2, D 3, E 4);
tuple_of_outputs!(A 0, B 1, C 2, D 3, E 4, F 5);

impl<T: Element> PCollection<T> {
    /// Runs a [`DoFn`] over the elements.
    pub fn par_do<D: DoFn<T>>(&self, name: &str, do_fn: D) -> <D::Out as Outputs>::Collections {
        self.add_do_fn(name, &[], do_fn)
    }

    /// Runs a [`DoFn`] that looks up `views`: `&view`, or a tuple of references.
    pub fn par_do_with<D: DoFn<T>>(&self, name: &str, views: impl Views, do_fn: D) -> <D::Out as Outputs>::Collections {
        self.add_do_fn(name, &views.nodes(), do_fn)
    }

    fn add_do_fn<D: DoFn<T>>(
        &self,
        name: &str,
        views: &[crate::graph::NodeId],
        do_fn: D,
    ) -> <D::Out as Outputs>::Collections {
        let factory = Arc::new(DoFnFactory { do_fn, of: std::marker::PhantomData::<fn(T)> });
        let makes = D::Out::coders().into_iter().map(|coder| NewCollection { coder, ..self.derived::<T>() }).collect();
        let (_, ids) = self.pipeline.add(Name::Given(name), Op::ParDo(factory), &[self.id], views, makes);
        D::Out::collections(self, &ids)
    }
}

struct DoFnFactory<T, D> {
    do_fn: D,
    of: std::marker::PhantomData<fn(T)>,
}

impl<T: Element, D: DoFn<T>> OperatorFactory for DoFnFactory<T, D> {
    fn create(&self) -> Box<dyn Operator> {
        Box::new(DoFnOperator { do_fn: self.do_fn.clone(), out: D::Out::default(), of: self.of })
    }
}

struct DoFnOperator<T, D: DoFn<T>> {
    do_fn: D,
    out: D::Out,
    of: std::marker::PhantomData<fn(T)>,
}

impl<T: Element, D: DoFn<T>> Operator for DoFnOperator<T, D> {
    fn setup(&mut self) -> Result<(), BoxError> {
        self.do_fn.setup()
    }

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        self.do_fn.start_bundle()
    }

    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        views: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        let input = input.downcast::<T>();
        input.explode_windows();
        for (element, sides) in input.drain() {
            self.out.set_current(Some(sides));
            self.do_fn.process(element, &Context { sides, views }, &mut self.out)?;
        }
        self.out.flush(outputs)
    }

    fn finish_bundle(&mut self, outputs: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        self.out.set_current(None);
        self.do_fn.finish_bundle(&mut self.out)?;
        self.out.flush(outputs)
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.do_fn.teardown()
    }
}
