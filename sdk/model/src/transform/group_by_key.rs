//! `group_by_key`: all values of a key, per window and pane.

use std::sync::Arc;

use crate::coder::TypedCoder;
use crate::combine::{CombineFn, ToVec};
use crate::graph::{CollectionId, Op};
use crate::kernel::{Grouping, GroupingKernel};
use crate::pipeline::{Name, NewCollection};
use crate::window::{Window, Windowing};
use crate::{Dropped, Element, Key, PCollection, Trigger};

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// Each key once per window (and pane) with its values, in no particular order.
    pub fn group_by_key(&self, name: &str) -> PCollection<(K, Vec<V>)> {
        self.group(Name::Given(name), GroupingKernel::<K, V, ToVec>::collecting(ToVec))
    }

    /// As [`group_by_key`](Self::group_by_key), and beside the groups the elements that were dropped because their window had expired or
    /// was closed.
    pub fn group_by_key_with_dropped(&self, name: &str) -> (PCollection<(K, Vec<V>)>, PCollection<Dropped<(K, V)>>) {
        self.group_with_dropped(name, GroupingKernel::<K, V, ToVec>::collecting(ToVec))
    }

    /// Adds a grouping whose second output is what it drops.
    pub(crate) fn group_with_dropped<C: CombineFn<V>>(
        &self,
        name: &str,
        kernel: GroupingKernel<K, V, C>,
    ) -> (PCollection<(K, C::Output)>, PCollection<Dropped<(K, V)>>) {
        let made = self.dropped();
        let after = self.windowing().after_grouping();
        let outputs = self.add_group(Name::Given(name), kernel, after, Some(made));
        (PCollection::new(&self.pipeline, outputs[0]), PCollection::new(&self.pipeline, outputs[1]))
    }

    /// What a collection of dropped elements is like.
    pub(crate) fn dropped(&self) -> NewCollection {
        self.derived::<Dropped<(K, V)>>()
    }

    /// Adds a grouping.
    pub(crate) fn group<C: CombineFn<V>>(
        &self,
        name: Name<'_>,
        kernel: GroupingKernel<K, V, C>,
    ) -> PCollection<(K, C::Output)> {
        let after = self.windowing().after_grouping();
        self.group_into(name, kernel, after)
    }

    /// The same, for what it makes to be windowed by `after`.
    pub(crate) fn group_into<C: CombineFn<V>>(
        &self,
        name: Name<'_>,
        kernel: GroupingKernel<K, V, C>,
        after: Windowing,
    ) -> PCollection<(K, C::Output)> {
        PCollection::new(&self.pipeline, self.add_group(name, kernel, after, None)[0])
    }

    /// Adds a grouping by `kernel` after checking that it can ever emit.
    fn add_group<C: CombineFn<V>>(
        &self,
        name: Name<'_>,
        kernel: GroupingKernel<K, V, C>,
        after: Windowing,
        dropped: Option<NewCollection>,
    ) -> Vec<CollectionId> {
        if self.never_emits() {
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
            windowing: after,
            bounded: self.pipeline.collection(self.id).bounded,
        };
        let kernel: Arc<dyn Grouping> = Arc::new(kernel);
        let makes = [made].into_iter().chain(dropped).collect();
        self.pipeline.add(name, Op::Group(kernel), &[self.id], &[], makes).1
    }
}

impl<T: Element> PCollection<T> {
    /// Whether a grouping of it would wait for an end that does not come (SEMANTICS §3).
    pub(crate) fn never_emits(&self) -> bool {
        let this = self.pipeline.collection(self.id);
        !this.bounded
            && this.windowing.function.name() == Window::GLOBAL_NAME
            && this.windowing.trigger == Trigger::Default
            && !this.windowing.unsafe_allowed
    }
}
