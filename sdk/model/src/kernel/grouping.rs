//! The kernel of a grouping by key: keys and values of known types, handed out in the shapes that runners drive.

use std::any::type_name;
use std::marker::PhantomData;
use std::sync::Arc;

use super::aggregator::{Aggregator, Groups, Partial, TypedAggregator};
use super::groups::TypedGroups;
use super::lift::{Combined, Lift, Raw};
use super::merging_aggregator::{MergingAggregator, MergingPart};
use super::merging_groups::MergingGroups;
use super::partition::Part;
use super::shares::Shares;
use super::slices::Slices;
use super::sliding_groups::SlidingGroups;
use super::store::{GroupStore, TypedStore};
use super::table::{TypedTable, WindowTable};
use super::tracking::{Tracked, Untracked};
use super::{KEY_GROUPS, Lifted, Operator};
use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::coder::{AnyCoder, TypedCoder, encode_key, placement_of};
use crate::combine::CombineFn;
use crate::snapshot::{key_group, shard_of};
use crate::window::WindowFn;
use crate::{BoxError, DropCause, Dropped, Element, Key};

/// What arrives at a grouping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Elements `(K, V)`.
    Raw,
    /// Pairs `(K, Lifted<A>)` of a key and an accumulator that was combined upstream.
    Lifted,
}

/// All that a runner needs of a `group_by_key` or `combine_per_key`.
pub trait Grouping: Send + Sync {
    /// `group_by_key` or `combine_per_key`: how the node is called.
    fn kind(&self) -> &'static str;
    /// Whether combining upstream makes what is shuffled smaller: not for a plain group-by-key.
    fn is_liftable(&self) -> bool;
    /// The one key's empty result, wanted by a global combine whose input has no element.
    fn empty_result(&self, sides: ElementSides, out: &mut dyn AnyBundle) -> bool;
    /// The shard that owns the key of [`empty_result`](Self::empty_result), if there is one.
    fn shard_of_empty_result(&self, shards: usize) -> Option<usize>;
    /// The coder of what arrives in this form, where that is not the input collection's own.
    fn lifted_coder(&self) -> Arc<dyn AnyCoder>;
    /// Combines raw bundles before a shuffle.
    fn lifter(&self) -> Box<dyn Operator>;
    /// Moves each element to the output of the shard that owns its key: `key group · shards / KEY_GROUPS`.
    fn partition(
        &self,
        form: Form,
        bundle: &mut dyn AnyBundle,
        shards: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError>;
    /// How many source elements element `i` stands for.
    fn elements(&self, form: Form, bundle: &dyn AnyBundle, i: usize) -> u64;
    /// Takes all raw elements out of `bundle` and appends them to `dropped`, a bundle of [`Dropped`], as they are.
    fn drop_into(&self, bundle: &mut dyn AnyBundle, cause: DropCause, dropped: &mut dyn AnyBundle);
    /// An empty bundle of [`Dropped`] raw elements.
    fn new_dropped(&self) -> Box<dyn AnyBundle>;
    /// Cells for a trigger machine; raw elements only.
    fn store(&self) -> Box<dyn GroupStore>;
    /// Whole windows at once. `tracked`: it keeps book of changes, for snapshots.
    fn table(&self, form: Form, tracked: bool) -> Box<dyn WindowTable>;
    /// The type of the keys.
    fn key_type(&self) -> &'static str;
    /// What is kept of a key's values, as text that is equal for equal types.
    fn accumulator(&self) -> String;
    /// One thread's share of a bounded input; raw elements only. `merging`: windows of one key grow together.
    fn aggregator(&self, merging: bool) -> Box<dyn Aggregator>;
    /// A part of a partition with nothing in it, to decode spilled ones into.
    fn empty_partial(&self, merging: bool) -> Box<dyn Partial>;
    /// The groups of one partition, from what all aggregators hold of it. `merging`: the function that says how windows grow together.
    fn merge(&self, partials: Vec<Box<dyn Partial>>, merging: Option<&dyn WindowFn>) -> Box<dyn Groups>;
    /// Appends the encoding of element `i`'s key.
    fn encode_key(&self, bundle: &dyn AnyBundle, i: usize, into: &mut Vec<u8>) -> Result<(), BoxError>;
    /// Folds raw elements of one key, one after the other, and appends the result with `sides`: the plainest form, for the reference
    /// runner. The key is that of the first element of `key_of`, whose value does not count: `bundle` may be empty, as a pane may.
    fn fold_one_key(
        &self,
        key_of: &dyn AnyBundle,
        bundle: &mut dyn AnyBundle,
        sides: ElementSides,
        out: &mut dyn AnyBundle,
    );
}

/// The kernel for keys `K`, values `V` and combiner `C`.
pub struct GroupingKernel<K, V, C> {
    kind: &'static str,
    combiner: Arc<C>,
    liftable: bool,
    key_if_empty: Option<K>,
    of: PhantomData<fn(V)>,
}

impl<K: Key, V: Element, C: CombineFn<V>> GroupingKernel<K, V, C> {
    /// A grouping whose combiner makes accumulators smaller than their inputs.
    pub fn combining(combiner: C) -> Self {
        GroupingKernel {
            kind: "combine_per_key",
            combiner: Arc::new(combiner),
            liftable: true,
            key_if_empty: None,
            of: PhantomData,
        }
    }

    /// A grouping that collects its values.
    pub fn collecting(combiner: C) -> Self {
        GroupingKernel { kind: "group_by_key", liftable: false, ..Self::combining(combiner) }
    }

    /// Gives an empty input one result, under `key`.
    pub fn with_result_if_empty(self, key: K) -> Self {
        GroupingKernel { key_if_empty: Some(key), ..self }
    }
}

impl<K: Key, V: Element, C: CombineFn<V>> Grouping for GroupingKernel<K, V, C> {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn is_liftable(&self) -> bool {
        self.liftable
    }

    fn empty_result(&self, sides: ElementSides, out: &mut dyn AnyBundle) -> bool {
        let Some(key) = &self.key_if_empty else { return false };
        out.downcast().push((key.clone(), self.combiner.extract(self.combiner.create())), sides);
        true
    }

    fn shard_of_empty_result(&self, shards: usize) -> Option<usize> {
        let mut encoded = Vec::new();
        encode_key(self.key_if_empty.as_ref()?, &mut encoded).ok()?;
        Some(shard_of(key_group(&encoded), shards))
    }

    fn lifted_coder(&self) -> Arc<dyn AnyCoder> {
        TypedCoder::<(K, Lifted<C::Accumulator>)>::standard()
    }

    fn lifter(&self) -> Box<dyn Operator> {
        Box::new(Lift::<K, V, C>::new(self.combiner.clone()))
    }

    fn partition(
        &self,
        form: Form,
        bundle: &mut dyn AnyBundle,
        shards: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        match form {
            Form::Raw => partition(bundle.downcast::<(K, V)>(), shards),
            Form::Lifted => partition(bundle.downcast::<(K, Lifted<C::Accumulator>)>(), shards),
        }
    }

    fn elements(&self, form: Form, bundle: &dyn AnyBundle, i: usize) -> u64 {
        match form {
            Form::Raw => 1,
            Form::Lifted => bundle.downcast_ref::<(K, Lifted<C::Accumulator>)>().values()[i].1.elements,
        }
    }

    fn drop_into(&self, bundle: &mut dyn AnyBundle, cause: DropCause, dropped: &mut dyn AnyBundle) {
        drop_into::<(K, V)>(bundle, cause, dropped);
    }

    fn new_dropped(&self) -> Box<dyn AnyBundle> {
        Box::new(Bundle::<Dropped<(K, V)>>::new())
    }

    fn store(&self) -> Box<dyn GroupStore> {
        Box::new(TypedStore::<K, V, C>::new(self.combiner.clone()))
    }

    fn table(&self, form: Form, tracked: bool) -> Box<dyn WindowTable> {
        let combiner = self.combiner.clone();
        match (form, tracked) {
            (Form::Raw, false) => Box::new(TypedTable::<K, V, C, Raw, Untracked>::new(combiner)),
            (Form::Raw, true) => Box::new(TypedTable::<K, V, C, Raw, Tracked>::new(combiner)),
            (Form::Lifted, false) => Box::new(TypedTable::<K, V, C, Combined, Untracked>::new(combiner)),
            (Form::Lifted, true) => Box::new(TypedTable::<K, V, C, Combined, Tracked>::new(combiner)),
        }
    }

    fn key_type(&self) -> &'static str {
        type_name::<K>()
    }

    fn accumulator(&self) -> String {
        format!("{} of {} as {}", type_name::<C>(), type_name::<V>(), type_name::<C::Accumulator>())
    }

    fn aggregator(&self, merging: bool) -> Box<dyn Aggregator> {
        if merging {
            return Box::new(MergingAggregator::<K, V>::new());
        }
        Box::new(TypedAggregator::<K, V, C>::new(self.combiner.clone(), self.liftable))
    }

    fn empty_partial(&self, merging: bool) -> Box<dyn Partial> {
        if merging {
            return Box::new(MergingPart::<K, V>::default());
        }
        Box::new(Part::<K, V, C::Accumulator>::default())
    }

    fn merge(&self, partials: Vec<Box<dyn Partial>>, merging: Option<&dyn WindowFn>) -> Box<dyn Groups> {
        let combiner = self.combiner.clone();
        if let Some(function) = merging {
            return Box::new(MergingGroups::<K, V, C>::new(combiner, function, partials));
        }
        let shares = Shares::<K, V, C::Accumulator>::of(partials);
        match Slices::of(&shares.sets) {
            Some(slices) => {
                let keeps_values = !self.liftable || combiner.extent(&combiner.create()).is_some();
                Box::new(SlidingGroups::<K, V, C>::new(combiner, keeps_values, shares, slices))
            }
            None => Box::new(TypedGroups::<K, V, C>::new(combiner, shares)),
        }
    }

    fn encode_key(&self, bundle: &dyn AnyBundle, i: usize, into: &mut Vec<u8>) -> Result<(), BoxError> {
        encode_key(&bundle.downcast_ref::<(K, V)>().values()[i].0, into)
    }

    fn fold_one_key(
        &self,
        key_of: &dyn AnyBundle,
        bundle: &mut dyn AnyBundle,
        sides: ElementSides,
        out: &mut dyn AnyBundle,
    ) {
        let key = key_of.downcast_ref::<(K, V)>().values()[0].0.clone();
        let mut accumulator = self.combiner.create();
        for ((_, value), _) in bundle.downcast::<(K, V)>().drain() {
            self.combiner.add(&mut accumulator, &value);
        }
        out.downcast().push((key, self.combiner.extract(accumulator)), sides);
    }
}

/// The elements of `bundle` as dropped ones.
pub(super) fn drop_into<T: Element>(bundle: &mut dyn AnyBundle, cause: DropCause, dropped: &mut dyn AnyBundle) {
    let dropped = dropped.downcast();
    for (element, sides) in bundle.downcast::<T>().drain() {
        dropped.push(Dropped { element, cause }, sides);
    }
}

/// Places by the hash of the key's encoding, which snapshots and other processes compute alike.
pub(super) fn partition<K: Key, X: Element>(
    bundle: &mut Bundle<(K, X)>,
    shards: &mut [Box<dyn AnyBundle>],
) -> Result<(), BoxError> {
    if let [only] = shards {
        only.downcast().append(bundle);
        return Ok(());
    }
    let shard_of_group = |group: u64| shard_of(group as u8, shards.len()) as u8;
    let shard_of_group: Vec<u8> = (0..KEY_GROUPS as u64).map(shard_of_group).collect();
    let mut scratch = Vec::new();
    let mut places = Vec::with_capacity(bundle.len());
    for (key, _) in bundle.values() {
        places.push(shard_of_group[placement_of(key, &mut scratch)? as usize % KEY_GROUPS]);
    }
    let mut typed: Vec<&mut Bundle<(K, X)>> = shards.iter_mut().map(|shard| shard.downcast()).collect();
    bundle.scatter(&places, &mut typed);
    Ok(())
}
