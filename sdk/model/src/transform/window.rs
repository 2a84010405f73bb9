//! `window`: how a collection's event time is cut, and when what is grouped in it is emitted.

use crate::graph::Op;
use crate::pipeline::{Name, NewCollection};
use crate::window::{Window, WindowSpec, Windowing};
use crate::{Element, PCollection, Trigger};

impl<T: Element> PCollection<T> {
    /// Changes the windowing: a window function replaces the old one and inherits all else; a [`WindowSpec`] changes what it says.
    ///
    /// ```
    /// # use purlin_model::{Pipeline, minutes, window::{Fixed, WindowFn}};
    /// # let pipeline = Pipeline::new();
    /// # let orders = pipeline.create("orders", [1, 2]);
    /// let per_minute = orders.window(Fixed::of(minutes(1)));
    /// let kept_longer = per_minute.window(Fixed::of(minutes(1)).with().allowed_lateness(minutes(10)).discarding());
    /// ```
    pub fn window(&self, spec: impl Into<WindowSpec>) -> PCollection<T> {
        let before = self.pipeline.collection(self.id);
        let (windowing, reassign) = spec.into().applied_to(&before.windowing);
        let made = NewCollection { coder: before.coder, windowing: windowing.clone(), bounded: before.bounded };
        let (id, outputs) =
            self.pipeline.add(Name::Derived("window"), Op::Window { reassign }, &[self.id], &[], vec![made]);
        let _ = id;
        if reassign && windowing.function.needs_element() {
            let message = format!("windows {} are told by the elements: use `window_by`", windowing.function.name());
            self.pipeline.problem("window", message);
        }
        if let Some(message) = refusal(&windowing) {
            self.pipeline.problem("window", message);
        }
        PCollection::new(&self.pipeline, outputs[0])
    }
}

/// Why a windowing is refused, if it is (SEMANTICS §3).
pub(crate) fn refusal(windowing: &Windowing) -> Option<String> {
    if let Some(problem) = windowing.function.problem() {
        return Some(problem);
    }
    if windowing.unsafe_allowed {
        return None;
    }
    let Windowing { trigger, function, .. } = windowing;
    let (lateness, is_global) = (windowing.lateness_ms(), function.name() == Window::GLOBAL_NAME);
    if *trigger != Trigger::Default && !is_global && windowing.allowed_lateness_ms.is_none() {
        return Some(format!(
            "trigger {trigger} on windows {} needs `.allowed_lateness(..)`, which may be zero: say how long late data is waited for",
            function.name()
        ));
    }
    if trigger.may_fire_more_than_once(lateness) && windowing.mode.is_none() {
        return Some(format!(
            "trigger {trigger} with lateness {lateness} ms can emit a window more than once: say `.accumulating()` or `.discarding()`"
        ));
    }
    if trigger.may_lose_data(lateness) {
        return Some(format!(
            "trigger {trigger} finishes, and then drops the rest of its window for ever: wrap it in `.repeatedly()`, or say `.allow_data_loss()`"
        ));
    }
    None
}
