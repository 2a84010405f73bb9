//! Joins whose right side is held in memory while the left one passes: nothing is shuffled.
//!
//! The right side's elements are gathered as they come, and made one table per window when all are there. So this is for bounded
//! collections, of which no pane comes before their end.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use super::held::{Candidates, Held};
use super::{Operator, OperatorFactory, SideInputs};
use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::graph::{NodeId, ViewKernel};
use crate::window::{Window, WindowSet};
use crate::{BoxError, Element, Key, Pane};

/// The typed side of a join.
pub trait JoinKernel: Send + Sync {
    /// Takes the right side in: as a view that is held on every worker.
    fn held(&self) -> Arc<dyn ViewKernel>;
    /// Looks each element of the left side up in what `held` shows.
    fn probing(&self, held: NodeId) -> Arc<dyn OperatorFactory>;
}

/// What becomes of an element of the left side.
pub(crate) trait Pairing<A, B>: Send + Sync + 'static {
    /// What it is made.
    type Joined: Element;
    /// With an element of the right side.
    fn with(left: A, right: &B) -> Self::Joined;
    /// Where there is none.
    fn alone(left: A) -> Option<Self::Joined>;
}

/// Only pairs.
pub(crate) struct Inner;

impl<A: Element, B: Element> Pairing<A, B> for Inner {
    type Joined = (A, B);

    #[inline]
    fn with(left: A, right: &B) -> (A, B) {
        (left, right.clone())
    }

    #[inline]
    fn alone(_left: A) -> Option<(A, B)> {
        None
    }
}

/// Pairs, and whoever has no partner.
pub(crate) struct Left;

impl<A: Element, B: Element> Pairing<A, B> for Left {
    type Joined = (A, Option<B>);

    #[inline]
    fn with(left: A, right: &B) -> (A, Option<B>) {
        (left, Some(right.clone()))
    }

    #[inline]
    fn alone(left: A) -> Option<(A, Option<B>)> {
        Some((left, None))
    }
}

/// A join of `A`s with `B`s by `K`, as `P` says.
pub(crate) struct HashJoin<K, A, B, P>(PhantomData<fn(K, A, B, P)>);

impl<K, A, B, P> HashJoin<K, A, B, P> {
    pub(crate) fn new() -> Self {
        HashJoin(PhantomData)
    }
}

impl<K: Key, A: Element, B: Element, P: Pairing<A, B>> JoinKernel for HashJoin<K, A, B, P> {
    fn held(&self) -> Arc<dyn ViewKernel> {
        Arc::new(RightSide::<K, B>(PhantomData))
    }

    fn probing(&self, held: NodeId) -> Arc<dyn OperatorFactory> {
        Arc::new(Probing::<K, A, B, P>::new(held))
    }
}

/// What one bundle has of a window, until the table is made.
type Gathered<K, B> = Mutex<Vec<(K, B)>>;

struct RightSide<K, B>(PhantomData<fn(K, B)>);

impl<K: Key, B: Element> ViewKernel for RightSide<K, B> {
    fn values(&self, bundle: &mut dyn AnyBundle) -> Vec<(Window, Arc<dyn Any + Send + Sync>)> {
        let mut values: Vec<(Window, Arc<dyn Any + Send + Sync>)> = Vec::new();
        bundle.downcast::<(K, B)>().drain_by_windows(|windows, elements| {
            let Some(last) = windows.len().checked_sub(1) else { return elements.for_each(drop) };
            let elements: Vec<(K, B)> = elements.collect();
            for window in windows.iter().take(last) {
                values.push((window, Arc::new(Mutex::new(elements.clone()))));
            }
            values.extend(windows.iter().last().map(|window| (window, Arc::new(Mutex::new(elements)) as _)));
        });
        values
    }

    fn gather(&self, values: Vec<(Window, Arc<dyn Any + Send + Sync>)>) -> Vec<(Window, Arc<dyn Any + Send + Sync>)> {
        let mut by_window: HashMap<Window, Vec<Vec<(K, B)>>> = HashMap::new();
        for (window, some) in values {
            let some: &Gathered<K, B> = some.downcast_ref().expect("what `values` gives is gathered");
            let some = std::mem::take(&mut *some.lock().unwrap_or_else(PoisonError::into_inner));
            by_window.entry(window).or_default().push(some);
        }
        let tables = by_window.into_iter().map(|(window, elements)| (window, Arc::new(Held::of(elements)) as _));
        tables.collect()
    }

    fn to_bundle(&self, values: &HashMap<Window, Arc<dyn Any + Send + Sync>>) -> Box<dyn AnyBundle> {
        let mut bundle = Bundle::new();
        for (window, held) in values {
            let held = held.downcast_ref::<Held<K, B>>();
            let sides = ElementSides { windows: WindowSet::one(*window), ..ElementSides::at(window.max_timestamp()) };
            bundle.extend_with(held.into_iter().flat_map(|held| held.iter().cloned()), sides);
        }
        Box::new(bundle)
    }

    fn default_value(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::new(Held::<K, B>::default()))
    }
}

/// How many are looked up together: what is fetched for them stays in the first-level cache until it is used.
const TOGETHER: usize = 64;

struct Probing<K, A, B, P> {
    held: NodeId,
    /// Of the elements at hand.
    found: Vec<Candidates>,
    of: PhantomData<fn(K, A, B, P)>,
}

impl<K, A, B, P> Probing<K, A, B, P> {
    fn new(held: NodeId) -> Self {
        Probing { held, found: Vec::new(), of: PhantomData }
    }
}

impl<K: Key, A: Element, B: Element, P: Pairing<A, B>> OperatorFactory for Probing<K, A, B, P> {
    fn create(&self) -> Box<dyn Operator> {
        Box::new(Self::new(self.held))
    }
}

impl<K: Key, A: Element, B: Element, P: Pairing<A, B>> Operator for Probing<K, A, B, P> {
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        let input: &mut Bundle<(K, A)> = input.downcast();
        let out: &mut Bundle<(K, P::Joined)> = outputs[0].downcast();
        input.explode_windows();
        let runs: Vec<(WindowSet, usize)> = input.sides().windows().runs(input.len()).collect();
        let mut elements = input.values_mut().drain(..);
        for (windows, count) in runs {
            let window = windows.first();
            let held = sides.of_window::<Held<K, B>>(self.held, window);
            let held = held.ok_or_else(|| format!("the right side of the join is not there for {window}"))?;
            let before = out.len();
            let mut left = count;
            while left > 0 {
                let some = left.min(TOGETHER);
                left -= some;
                held.find(elements.as_slice()[..some].iter().map(|(key, _)| key), &mut self.found);
                for (found, (key, left)) in self.found.drain(..).zip(&mut elements) {
                    join_one::<K, A, B, P>(held, found, key, left, out.values_mut());
                }
            }
            let at = ElementSides::at(window.max_timestamp());
            out.note_appended(before, ElementSides { windows, pane: Pane::ON_TIME_AND_ONLY, ..at });
        }
        drop(elements);
        input.clear();
        Ok(())
    }
}

/// Appends what becomes of an element of the left side.
#[inline]
fn join_one<K: Key, A: Element, B: Element, P: Pairing<A, B>>(
    held: &Held<K, B>,
    found: Candidates,
    key: K,
    left: A,
    joined: &mut Vec<(K, P::Joined)>,
) {
    let mut rights = held.matches(&key, found);
    let Some(mut right) = rights.next() else {
        drop(rights);
        joined.extend(P::alone(left).map(|alone| (key, alone)));
        return;
    };
    for following in rights {
        joined.push((key.clone(), P::with(left.clone(), right)));
        right = following;
    }
    joined.push((key, P::with(left, right)));
}
