//! `group_by_key`: all values of a key, per window and pane.

use std::sync::Arc;

use crate::coder::TypedCoder;
use crate::combine::{CombineFn, ToVec};
use crate::graph::Op;
use crate::kernel::{Grouping, GroupingKernel};
use crate::pipeline::{Name, NewCollection};
use crate::window::Window;
use crate::{Element, Key, PCollection, Trigger};

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// Each key once per window (and pane) with its values, in no particular order.
    pub fn group_by_key(&self, name: &str) -> PCollection<(K, Vec<V>)> {
        self.group(Name::Given(name), GroupingKernel::<K, V, ToVec>::collecting(ToVec))
    }

    /// Adds a grouping by `kernel` after checking that it can ever emit.
    pub(crate) fn group<C: CombineFn<V>>(
        &self,
        name: Name<'_>,
        kernel: GroupingKernel<K, V, C>,
    ) -> PCollection<(K, C::Output)> {
        let before = self.pipeline.collection(self.id);
        let windowing = &before.windowing;
        let never_ends = !before.bounded
            && windowing.function.name() == Window::GLOBAL_NAME
            && windowing.trigger == Trigger::Default
            && !windowing.unsafe_allowed;
        if never_ends {
            let shown = match &name {
                Name::Given(name) | Name::Derived(name) => (*name).to_string(),
            };
            self.pipeline.problem(
                &shown,
                "it groups an unbounded collection in the global window with the default trigger, so it would never emit: \
                 give the collection windows with `.window(..)` or a trigger, or bound its source",
            );
        }
        let made = NewCollection {
            coder: TypedCoder::<(K, C::Output)>::standard(),
            windowing: windowing.after_grouping(),
            bounded: before.bounded,
        };
        let kernel: Arc<dyn Grouping> = Arc::new(kernel);
        let (_, outputs) = self.pipeline.add(name, Op::Group(kernel), &[self.id], &[], vec![made]);
        PCollection::new(&self.pipeline, outputs[0])
    }
}
