//! `par_do_stateful`: a user's `DoFn` with state and timers by key and window (SEMANTICS §8).

use std::sync::Arc;

use crate::graph::{CollectionId, NodeId, Op};
use crate::kernel::{SideInputs, StateClock, TypedStateful};
use crate::pipeline::{Name, NewCollection};
use crate::state::State;
use crate::view::{View, Views};
use crate::window::Window;
use crate::{BoxError, Dropped, Element, Key, Outputs, PCollection, Pane, Timestamp};

/// User code that remembers: for each key, in each window, it has a [`State`] of cells and timers.
///
/// The elements of a key come one after the other, in no particular order unless [`TIME_SORTED_INPUT`](Self::TIME_SORTED_INPUT) says so, each
/// in one window. A timer that was set in the state fires in [`on_timer`](Self::on_timer). When the watermark has passed the window's end and
/// the allowed lateness, the state is forgotten. Instances live as those of a [`DoFn`](crate::DoFn) do; what they hold beside the state belongs
/// to no key.
///
/// Alerts on amounts that are more than ten times the one before:
///
/// ```
/// use purlin_model::state::Value;
/// use purlin_model::{BoxError, Output, Pipeline, StateContext, StatefulDoFn};
///
/// #[derive(Clone)]
/// struct TenTimesMore;
///
/// impl StatefulDoFn<u64, i64> for TenTimesMore {
///     type State = Value<i64>; // the last amount
///     type Out = Output<(u64, i64)>;
///     const TIME_SORTED_INPUT: bool = true;
///
///     fn process(
///         &mut self,
///         account: &u64,
///         amount: i64,
///         last: &mut Value<i64>,
///         _: &StateContext,
///         out: &mut Output<(u64, i64)>,
///     ) -> Result<(), BoxError> {
///         if last.get().is_some_and(|last| amount > 10 * last) {
///             out.emit((*account, amount));
///         }
///         last.set(amount);
///         Ok(())
///     }
/// }
///
/// let pipeline = Pipeline::new();
/// let amounts = pipeline.create("amounts", [(7_u64, 3_i64), (7, 31)]);
/// let alerts = amounts.par_do_stateful("ten times more", TenTimesMore);
/// # let _ = alerts;
/// ```
///
/// State is by key, so a collection without keys has none:
///
/// ```compile_fail,E0599
/// # use purlin_model::state::Value;
/// # use purlin_model::{BoxError, Output, Pipeline, StateContext, StatefulDoFn};
/// # #[derive(Clone)]
/// # struct TenTimesMore;
/// # impl StatefulDoFn<u64, i64> for TenTimesMore {
/// #     type State = Value<i64>;
/// #     type Out = Output<(u64, i64)>;
/// #     fn process(
/// #         &mut self, _: &u64, _: i64, _: &mut Value<i64>, _: &StateContext, _: &mut Output<(u64, i64)>,
/// #     ) -> Result<(), BoxError> { Ok(()) }
/// # }
/// # let pipeline = Pipeline::new();
/// let amounts = pipeline.create("amounts", [3_i64, 31]);
/// amounts.par_do_stateful("ten times more", TenTimesMore);
/// ```
pub trait StatefulDoFn<K, V>: Clone + Send + Sync + 'static {
    /// What it remembers for each key and window.
    type State: State;
    /// One [`Output`](crate::Output), or a tuple of them.
    type Out: Outputs;

    /// The elements of a key come in the order of their timestamps: each waits until the watermark has passed it by the allowed lateness, so that
    /// nothing earlier can come. Elements that come later than that are dropped.
    const TIME_SORTED_INPUT: bool = false;

    /// What its timers hold is work on elements that is not done: the input is not past it, nor at its end, before they have fired.
    #[doc(hidden)]
    const HOLDS_INPUT: bool = false;

    /// Before the first bundle: open what is expensive.
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Before the elements and timers of a bundle.
    fn start_bundle(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// One element, in one of its windows.
    fn process(
        &mut self,
        key: &K,
        value: V,
        state: &mut Self::State,
        cx: &StateContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError>;

    /// A timer of the state has fired; its [`fired`](crate::state::Timer::fired) says which. What is emitted has the timer's output time.
    fn on_timer(
        &mut self,
        key: &K,
        state: &mut Self::State,
        cx: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let _ = (key, state, cx, out);
        Err("a timer fired, but on_timer is not implemented".into())
    }

    /// The window has expired, and its timers have fired; the key's state goes now. Called if the state declares a
    /// [`WindowExpiration`](crate::state::WindowExpiration). What is emitted stands at the window's last timestamp.
    fn on_window_expiration(
        &mut self,
        key: &K,
        state: &mut Self::State,
        cx: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let _ = (key, state, cx, out);
        Err("a window expired, but on_window_expiration is not implemented".into())
    }

    /// After the elements and timers of a bundle. What it emits needs a timestamp and a window:
    /// [`Output::emit_in`](crate::Output::emit_in).
    fn finish_bundle(&mut self, out: &mut Self::Out) -> Result<(), BoxError> {
        let _ = out;
        Ok(())
    }

    /// After the last bundle: close what `setup` opened.
    fn teardown(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// What a [`StatefulDoFn`] may ask about the element at hand.
pub struct StateContext {
    pub(crate) timestamp: Timestamp,
    pub(crate) window: Window,
    pub(crate) pane: Pane,
    pub(crate) now_ms: i64,
    pub(crate) ending: bool,
    sides: SideInputs,
}

impl StateContext {
    /// For the elements of one bundle; where each stands is filled in.
    pub(crate) fn of_bundle(clock: StateClock, sides: &SideInputs) -> Self {
        StateContext {
            timestamp: Timestamp::MIN,
            window: Window::GLOBAL,
            pane: Pane::UNGROUPED,
            now_ms: clock.now_ms,
            ending: clock.ending,
            sides: sides.clone(),
        }
    }

    /// The value of a view for the element's window. The view must have been given to `par_do_stateful_with`.
    pub fn side<T: 'static>(&self, view: &View<T>) -> Result<&T, BoxError> {
        self.sides.get(view.node, self.window)
    }

    /// The element's event time.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The element's window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The emission that the element belongs to.
    pub fn pane(&self) -> Pane {
        self.pane
    }

    /// The present by the clock on the wall. In batch it stands still.
    pub fn processing_time(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }
}

/// What a [`StatefulDoFn`] may ask about the timer that fires, or the window that expires.
pub struct TimerContext {
    pub(crate) timestamp: Timestamp,
    pub(crate) firing_time: Timestamp,
    pub(crate) window: Window,
    pub(crate) now_ms: i64,
    pub(crate) ending: bool,
    sides: SideInputs,
}

impl TimerContext {
    pub(crate) fn new(
        timestamp: Timestamp,
        firing_time: Timestamp,
        window: Window,
        clock: StateClock,
        sides: &SideInputs,
    ) -> Self {
        let StateClock { now_ms, ending, .. } = clock;
        TimerContext { timestamp, firing_time, window, now_ms, ending, sides: sides.clone() }
    }

    /// The value of a view for the window. The view must have been given to `par_do_stateful_with`.
    pub fn side<T: 'static>(&self, view: &View<T>) -> Result<&T, BoxError> {
        self.sides.get(view.node, self.window)
    }

    /// The timestamp of what is emitted: the timer's output time; the window's last timestamp when it expires.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The time that the timer was set to, by its own clock; the last at which the window was kept when it expires.
    pub fn firing_time(&self) -> Timestamp {
        self.firing_time
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The present by the clock on the wall. In batch it stands still.
    pub fn processing_time(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }
}

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// Runs a [`StatefulDoFn`] over the elements, which has state and timers for each key and window.
    pub fn par_do_stateful<D: StatefulDoFn<K, V>>(&self, name: &str, do_fn: D) -> <D::Out as Outputs>::Collections {
        let outputs = self.add_stateful(name, &[], do_fn, None);
        D::Out::collections(self, &outputs)
    }

    /// Runs a [`StatefulDoFn`] that looks up `views`, `&view` or a tuple of references: see [`StateContext::side`]. An element waits until
    /// they are ready for its window.
    pub fn par_do_stateful_with<D: StatefulDoFn<K, V>>(
        &self,
        name: &str,
        views: impl Views,
        do_fn: D,
    ) -> <D::Out as Outputs>::Collections {
        let outputs = self.add_stateful(name, &views.nodes(), do_fn, None);
        D::Out::collections(self, &outputs)
    }

    /// As [`par_do_stateful`](Self::par_do_stateful), and beside its outputs the elements that were dropped because their window had
    /// expired, or with time-sorted input because they came too late for the order.
    pub fn par_do_stateful_with_dropped<D: StatefulDoFn<K, V>>(
        &self,
        name: &str,
        do_fn: D,
    ) -> (<D::Out as Outputs>::Collections, PCollection<Dropped<(K, V)>>) {
        let outputs = self.add_stateful(name, &[], do_fn, Some(self.dropped()));
        let dropped = outputs.last().copied().expect("it was asked for");
        (D::Out::collections(self, &outputs), PCollection::new(&self.pipeline, dropped))
    }

    fn add_stateful<D: StatefulDoFn<K, V>>(
        &self,
        name: &str,
        views: &[NodeId],
        do_fn: D,
        dropped: Option<NewCollection>,
    ) -> Vec<CollectionId> {
        let windowing = self.windowing();
        if windowing.is_merging() {
            self.pipeline.problem(
                name,
                format!(
                    "it keeps state per key and window, and its input's windows ({}) may still merge, which state cannot follow: group by key \
                     first, after which they no longer do, or use windows that do not merge",
                    windowing.function.name()
                ),
            );
        }
        let kernel = Op::Stateful(Arc::new(TypedStateful::<K, V, D>::new(do_fn, dropped.is_some())));
        let makes = D::Out::coders().into_iter().map(|coder| NewCollection { coder, ..self.derived::<V>() });
        let makes = makes.chain(dropped).collect();
        self.pipeline.add(Name::Given(name), kernel, &[self.id], views, makes).1
    }
}
