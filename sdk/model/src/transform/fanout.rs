//! Combining with fan-out: a key with too many values for one worker is combined in parts, and then the parts are.
//!
//! A hot key is spread over sub-keys, bundle by bundle in turn. The first combine emits what is new of each sub-key: it is discarding and
//! emits no empty pane. The second goes by the collection's own windowing, its trigger continued (SEMANTICS §7). Other keys are
//! combined as ever. By the laws of [`CombineFn`] the spread does not show in results.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::bundle::{AnyBundle, Bundle};
use crate::combine::{Accumulating, CombineFn, Merging};
use crate::graph::Op;
use crate::kernel::{GroupingKernel, Operator, OperatorFactory, SideInputs, per_bundle};
use crate::pipeline::{Name, NewCollection};
use crate::window::{Accumulation, ClosingBehavior, OnTimeBehavior, Window, Windowing};
use crate::{BoxError, Element, Key, PCollection};

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// [`combine_per_key`](Self::combine_per_key) where some keys are hot: `fanout` says over how many sub-keys a key is spread;
    /// 0 and 1 leave it whole. It must always say the same of a key.
    ///
    /// The results are those of `combine_per_key`; only when early and late panes come may differ. Refused are windows that still merge,
    /// for sub-keys would end their sessions each by itself, and triggers that count elements or lose data.
    ///
    /// ```
    /// # use purlin_model::{Pipeline, combine::Sum};
    /// # let pipeline = Pipeline::new();
    /// # let sales = pipeline.create("sales", [("tea".to_string(), 3_i64)]);
    /// let totals = sales.combine_per_key_with_fanout("total", Sum, |shop| if shop == "online" { 16 } else { 1 });
    /// ```
    pub fn combine_per_key_with_fanout<C: CombineFn<V>>(
        &self,
        name: &str,
        combiner: C,
        fanout: impl Fn(&K) -> u32 + Send + Sync + 'static,
    ) -> PCollection<(K, C::Output)> {
        let pipeline = self.pipeline.clone();
        pipeline.scoped(name, || {
            if self.refuses_fanout() {
                return self.combine_per_key("combine", combiner);
            }
            let combiner = Arc::new(combiner);
            let (whole, hot) = self.spread(fanout);
            let whole = whole.combine_per_key("whole keys", combiner.clone());
            let hot = hot.combine_parts(&self.windowing(), combiner, None);
            pipeline.flatten("all keys", [whole, hot])
        })
    }

    /// The elements of keys that stay whole, and those of hot ones under their sub-keys.
    fn spread(
        &self,
        fanout: impl Fn(&K) -> u32 + Send + Sync + 'static,
    ) -> (PCollection<(K, V)>, PCollection<((K, u32), V)>) {
        let whole = NewCollection { coder: self.pipeline.collection(self.id).coder, ..self.derived::<(K, V)>() };
        let hot = NewCollection { windowing: of_parts(self.windowing()), ..self.derived::<((K, u32), V)>() };
        let spread = Spread { fanout: Arc::new(fanout), turn: Arc::default(), of: PhantomData::<fn(K, V)> };
        let op = Op::ParDo(Arc::new(spread));
        let (_, outputs) = self.pipeline.add(Name::Given("spread"), op, &[self.id], &[], vec![whole, hot]);
        (PCollection::new(&self.pipeline, outputs[0]), PCollection::new(&self.pipeline, outputs[1]))
    }
}

impl<T: Element> PCollection<T> {
    /// [`combine_globally`](Self::combine_globally), first in as many parts as `fanout` says, then all together.
    ///
    /// What is refused is what [`combine_per_key_with_fanout`](PCollection::combine_per_key_with_fanout) refuses.
    ///
    /// ```
    /// # use purlin_model::{Pipeline, combine::Mean};
    /// # let pipeline = Pipeline::new();
    /// # let latencies = pipeline.create("latencies", [3_i64, 9]);
    /// let mean = latencies.combine_globally_with_fanout("mean", Mean, 32);
    /// ```
    pub fn combine_globally_with_fanout<C: CombineFn<T>>(
        &self,
        name: &str,
        combiner: C,
        fanout: u32,
    ) -> PCollection<C::Output> {
        let pipeline = self.pipeline.clone();
        let windowing = self.windowing();
        pipeline.scoped(name, || {
            if self.refuses_fanout() || fanout <= 1 {
                return self.combine_globally("combine", combiner);
            }
            let turn = AtomicU32::new(0);
            let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<(((), u32), T)>| {
                let part = turn.fetch_add(1, Ordering::Relaxed) % fanout;
                let mut spread = Bundle::new();
                input.map_into(&mut spread, |value| (((), part), value));
                out.append(&mut spread);
                Ok(())
            });
            let made = NewCollection { windowing: of_parts(windowing.clone()), ..self.derived::<(((), u32), T)>() };
            let (_, outputs) = pipeline.add(Name::Given("spread"), Op::ParDo(factory), &[self.id], &[], vec![made]);
            let spread = PCollection::<(((), u32), T)>::new(&pipeline, outputs[0]);
            let key_if_empty = (windowing.function.name() == Window::GLOBAL_NAME).then_some(());
            spread.combine_parts(&windowing, Arc::new(combiner), key_if_empty).values()
        })
    }

    /// Notes why a fan-out cannot give right results, if it cannot.
    fn refuses_fanout(&self) -> bool {
        let windowing = self.windowing();
        let message = if windowing.is_merging() {
            format!(
                "windows {} merge per key, and the sub-keys of a fan-out would each merge and end by itself: combine without a fan-out",
                windowing.function.name()
            )
        } else if windowing.trigger.counts_elements() {
            format!(
                "trigger {} counts the elements of a key, which a fan-out spreads: use a trigger on time or the watermark",
                windowing.trigger
            )
        } else if windowing.trigger.may_lose_data(windowing.lateness_ms()) {
            format!(
                "trigger {} finishes, for each sub-key of a fan-out by itself, and would drop what others hold: repeat it",
                windowing.trigger
            )
        } else {
            return self.never_emits();
        };
        self.pipeline.problem("spread", message);
        true
    }
}

impl<K: Key, V: Element> PCollection<((K, u32), V)> {
    /// Combines each sub-key, then what they give, as a collection windowed by `windowing` is combined.
    fn combine_parts<C: CombineFn<V>>(
        &self,
        windowing: &Windowing,
        combiner: Arc<C>,
        key_if_empty: Option<K>,
    ) -> PCollection<(K, C::Output)> {
        let first = GroupingKernel::<(K, u32), V, _>::combining(Accumulating(combiner.clone()));
        let second = GroupingKernel::<K, C::Accumulator, _>::combining(Merging::<C, V>::of(combiner));
        let second = match key_if_empty {
            Some(key) => second.with_result_if_empty(key),
            None => second,
        };
        let continued = Windowing { trigger: windowing.trigger.continuation(), ..windowing.clone() };
        self.group_into(Name::Given("parts"), first, continued)
            .map("without sub-key", |((key, _), part)| (key, part))
            .group_into(Name::Given("combine"), second, windowing.after_grouping())
    }
}

/// How the parts are windowed: each pane holds what is new, and is emitted only if anything is.
fn of_parts(windowing: Windowing) -> Windowing {
    Windowing {
        mode: windowing.mode.map(|_| Accumulation::Discarding),
        closing: ClosingBehavior::IfNonEmpty,
        on_time: OnTimeBehavior::IfNonEmpty,
        ..windowing
    }
}

/// Parts whole keys from hot ones. All of a bundle goes to one sub-key, so that combining within bundles loses nothing by it.
struct Spread<K, V, F> {
    fanout: Arc<F>,
    /// Counts bundles, for all instances together: else they would take their turns in step.
    turn: Arc<AtomicU32>,
    of: PhantomData<fn(K, V)>,
}

impl<K: Key, V: Element, F: Fn(&K) -> u32 + Send + Sync + 'static> OperatorFactory for Spread<K, V, F> {
    fn create(&self) -> Box<dyn Operator> {
        Box::new(Spread { fanout: self.fanout.clone(), turn: self.turn.clone(), of: self.of })
    }
}

impl<K: Key, V: Element, F: Fn(&K) -> u32 + Send + Sync> Operator for Spread<K, V, F> {
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        _sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        let [whole, hot] = outputs else { return Err("a fan-out has two outputs".into()) };
        let (whole, hot) = (whole.downcast::<(K, V)>(), hot.downcast::<((K, u32), V)>());
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for ((key, value), sides) in input.downcast::<(K, V)>().drain() {
            match (self.fanout)(&key) {
                0 | 1 => whole.push((key, value), sides),
                parts => hot.push(((key, turn % parts), value), sides),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::combine::Sum;
    use crate::window::{Fixed, Sessions, WindowFn, WindowSpec};
    use crate::{Pipeline, Trigger, minutes, seconds};

    fn refused(spec: impl Into<WindowSpec>) -> String {
        let pipeline = Pipeline::new();
        let pairs = pipeline.create("pairs", [(1, 2_i64)]).window(spec);
        pairs.combine_per_key_with_fanout("total", Sum, |_| 4);
        pairs.values().combine_globally_with_fanout("all", Sum, 4);
        pipeline.graph().err().map(|failure| failure.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_sub_keys_cannot_do_right_is_refused() {
        assert_eq!(refused(Fixed::of(minutes(1))), "");
        let text = refused(Sessions::of(minutes(1)));
        assert!(text.contains("`total/spread`: windows sessions(60000 ms) merge per key"), "{text}");
        assert!(text.contains("`all/spread`: windows"), "{text}");
        let kept = || Fixed::of(minutes(1)).with().allowed_lateness(minutes(1)).accumulating();
        let early = |trigger| kept().trigger(Trigger::after_watermark().early(trigger).late(Trigger::after_count(1)));
        assert!(refused(early(Trigger::after_count(5))).contains("counts the elements of a key"));
        assert_eq!(refused(early(Trigger::after_processing_time(seconds(5)))), "");
        let once = kept().trigger(Trigger::after_processing_time(seconds(1))).allow_data_loss();
        assert!(refused(once).contains("for each sub-key of a fan-out by itself"));
    }

    #[test]
    fn what_comes_out_is_windowed_as_without() {
        let pipeline = Pipeline::new();
        let until = Trigger::after_processing_time(seconds(1)).repeatedly().or_finally(Trigger::after_watermark());
        let spec = Fixed::of(minutes(1)).with().allowed_lateness(minutes(0)).trigger(until).discarding();
        let pairs = pipeline.create("pairs", [(1, 2_i64)]).window(spec);
        let plain = pairs.combine_per_key("plain", Sum);
        let spread = pairs.combine_per_key_with_fanout("spread", Sum, |_| 3);
        pipeline.flatten("both", [plain.clone(), spread]);
        let globally = plain.values();
        pipeline.flatten("all", [globally, pairs.values().combine_globally_with_fanout("global", Sum, 3)]);
        assert_eq!(pipeline.graph().map(drop).map_err(|failure| failure.to_string()), Ok(()));
    }
}
