//! `combine_per_key` and `combine_globally`: many values as one.

use crate::combine::CombineFn;
use crate::kernel::GroupingKernel;
use crate::pipeline::Name;
use crate::window::Window;
use crate::{Dropped, Element, Key, PCollection};

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// Each key once per window (and pane) with its values combined.
    ///
    /// ```
    /// # use purlin_model::{Pipeline, combine::{Count, Sum}};
    /// # let pipeline = Pipeline::new();
    /// let sales = pipeline.create("sales", [("tea".to_string(), 3_i64), ("tea".to_string(), 4)]);
    /// let totals = sales.combine_per_key("total", (Sum, Count)); // ("tea", (7, 2))
    /// ```
    pub fn combine_per_key<C: CombineFn<V>>(&self, name: &str, combiner: C) -> PCollection<(K, C::Output)> {
        self.group(Name::Given(name), GroupingKernel::<K, V, C>::combining(combiner))
    }

    /// As [`combine_per_key`](Self::combine_per_key), and beside the results the elements that were dropped because their window had
    /// expired or was closed: the late-data output.
    ///
    /// ```
    /// # use purlin_model::{Pipeline, combine::Sum, minutes, window::Fixed};
    /// # let pipeline = Pipeline::new();
    /// let sales = pipeline.create("sales", [("tea".to_string(), 3_i64)]).window(Fixed::of(minutes(1)));
    /// let (totals, dropped) = sales.combine_per_key_with_dropped("total", Sum);
    /// let for_review = dropped.map("late sales", |dropped| dropped.element);
    /// # let _ = (totals, for_review);
    /// ```
    pub fn combine_per_key_with_dropped<C: CombineFn<V>>(
        &self,
        name: &str,
        combiner: C,
    ) -> (PCollection<(K, C::Output)>, PCollection<Dropped<(K, V)>>) {
        self.group_with_dropped(name, GroupingKernel::<K, V, C>::combining(combiner))
    }
}

impl<T: Element> PCollection<T> {
    /// All elements of a window combined. In the global window an input without elements gives the result of none.
    pub fn combine_globally<C: CombineFn<T>>(&self, name: &str, combiner: C) -> PCollection<C::Output> {
        let pipeline = self.pipeline.clone();
        let is_global = self.windowing().function.name() == Window::GLOBAL_NAME;
        pipeline.scoped(name, || {
            let kernel = GroupingKernel::<(), T, C>::combining(combiner);
            let kernel = if is_global { kernel.with_result_if_empty(()) } else { kernel };
            self.map_named(Name::Given("one key"), |value| ((), value)).group(Name::Given("combine"), kernel).values()
        })
    }
}
