//! `deduplicate`: what comes again within a span of time is left out.

use std::marker::PhantomData;
use std::time::Duration;

use crate::state::{Clock, OutputTime, Timer};
use crate::{BoxError, Element, Key, Output, PCollection, StateContext, StatefulDoFn, TimerContext};

impl<T: Key> PCollection<T> {
    /// Each value once within `span`, by [`EventTime`](crate::state::EventTime) or [`ProcessingTime`](crate::state::ProcessingTime), and
    /// window: what is equal to an earlier one is left out until that one's span is over. Of several that come together the first is kept,
    /// whichever the runner sees first.
    ///
    /// In event time the span is over when the watermark has passed its end; in batch processing time stands still. To have each value
    /// once per window, whatever the span, [`distinct`](Self::distinct) needs no memory of the time.
    ///
    /// ```
    /// # use purlin_model::{Pipeline, minutes, state::ProcessingTime};
    /// # let pipeline = Pipeline::new();
    /// # let messages = pipeline.create("messages", ["hello".to_string()]);
    /// let once = messages.deduplicate("resent", ProcessingTime, minutes(10));
    /// # let _ = once;
    /// ```
    pub fn deduplicate<C: Clock>(&self, name: &str, by: C, span: Duration) -> PCollection<T> {
        self.deduplicate_by(name, by, span, T::clone)
    }
}

impl<T: Element> PCollection<T> {
    /// The same for values that count as equal where `representative` gives equal keys.
    ///
    /// ```
    /// # use purlin_model::{Pipeline, hours, state::EventTime};
    /// # let pipeline = Pipeline::new();
    /// # let orders = pipeline.create("orders", [(7_u64, "tea".to_string())]);
    /// let once = orders.deduplicate_by("resent orders", EventTime, hours(1), |(id, _)| *id);
    /// # let _ = once;
    /// ```
    pub fn deduplicate_by<K: Key, C: Clock>(
        &self,
        name: &str,
        by: C,
        span: Duration,
        representative: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> PCollection<T> {
        self.pipeline.clone().scoped(name, || {
            let keyed = self.key_by("key", representative);
            keyed.deduplicate_per_key("first", by, span).values()
        })
    }
}

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// The first element of each key, and then none for `span`: as [`deduplicate`](PCollection::deduplicate) with the key as what counts.
    pub fn deduplicate_per_key<C: Clock>(&self, name: &str, _: C, span: Duration) -> PCollection<(K, V)> {
        self.par_do_stateful(name, FirstOf::<C> { span, of: PhantomData })
    }
}

/// While its timer is set the key has been seen.
#[derive(Clone)]
struct FirstOf<C> {
    span: Duration,
    of: PhantomData<C>,
}

impl<K: Key, V: Element, C: Clock> StatefulDoFn<K, V> for FirstOf<C> {
    type State = Timer<C>;
    type Out = Output<(K, V)>;

    fn process(
        &mut self,
        key: &K,
        value: V,
        seen: &mut Timer<C>,
        _: &StateContext,
        out: &mut Output<(K, V)>,
    ) -> Result<(), BoxError> {
        if !seen.is_set() {
            seen.set_relative_with_output(self.span, OutputTime::NotHeld);
            out.emit((key.clone(), value));
        }
        Ok(())
    }

    fn on_timer(&mut self, _: &K, _: &mut Timer<C>, _: &TimerContext, _: &mut Output<(K, V)>) -> Result<(), BoxError> {
        Ok(())
    }
}
