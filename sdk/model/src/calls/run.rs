//! The running calls of one worker.
//!
//! An element waits, then stands in a slot while its call is under way, then its results leave. The call has its own clone of the
//! element; the one in the slot is for snapshots and dead letters. Slots are used again, so that beside the future nothing is allocated per element.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

use super::attempts::call;
use super::{AsyncDoFn, AsyncOptions};
use crate::bundle::{AnyBundle, BUNDLE_TARGET, ElementSides};
use crate::kernel::{AsyncKernel, AsyncRun, Sleep};
use crate::{BoxError, Element, Timestamp};

/// Makes elements of the output of what has become of an element.
pub(crate) type Deliver<In, Out> =
    fn(In, ElementSides, Result<Out, BoxError>, &mut dyn AnyBundle) -> Result<(), BoxError>;

/// The kernel of an asynchronous transform.
pub(crate) struct CallFactory<In, D: AsyncDoFn<In>> {
    pub(crate) do_fn: D,
    pub(crate) options: AsyncOptions,
    pub(crate) deliver: Deliver<In, D::Out>,
    pub(crate) of: PhantomData<fn(In)>,
}

impl<In: Element, D: AsyncDoFn<In>> AsyncKernel for CallFactory<In, D> {
    fn describe(&self) -> String {
        self.options.to_string()
    }

    fn open(&self, sleep: Sleep) -> BoxFuture<'static, Result<Box<dyn AsyncRun>, BoxError>> {
        let (mut do_fn, options, deliver) = (self.do_fn.clone(), Arc::new(self.options.clone()), self.deliver);
        Box::pin(async move {
            if let Err(cause) = do_fn.setup().await {
                let _ = do_fn.teardown().await;
                return Err(cause);
            }
            let (do_fn, of_calls) = (Arc::new(do_fn), options.clone());
            let start = move |do_fn: &Arc<D>, slot: usize, number: u64, element: In| {
                let (do_fn, options, sleep) = (do_fn.clone(), of_calls.clone(), sleep.clone());
                async move { (slot, call(&*do_fn, &element, number, &options, &sleep).await) }
            };
            Ok(Box::new(Calls::new(do_fn, options, start, deliver)) as Box<dyn AsyncRun>)
        })
    }
}

/// The calls of one worker. `F` is the future of a call, which has no name that could be written down.
struct Calls<In, D: AsyncDoFn<In>, S, F> {
    do_fn: Arc<D>,
    options: Arc<AsyncOptions>,
    start: S,
    deliver: Deliver<In, D::Out>,
    waiting: VecDeque<(In, ElementSides)>,
    slots: Vec<Option<Slot<In, D::Out>>>,
    free: Vec<usize>,
    /// The slots in use, in the order in which their elements came; kept only where results have to come in order.
    order: VecDeque<usize>,
    running: FuturesUnordered<F>,
    started: u64,
}

struct Slot<In, Out> {
    number: u64,
    element: In,
    sides: ElementSides,
    /// What has become of the call, if those before it have not left yet.
    outcome: Option<Result<Out, BoxError>>,
}

impl<In, D, S, F> Calls<In, D, S, F>
where
    In: Element,
    D: AsyncDoFn<In>,
    S: Fn(&Arc<D>, usize, u64, In) -> F,
    F: Future<Output = (usize, Result<D::Out, BoxError>)>,
{
    fn new(do_fn: Arc<D>, options: Arc<AsyncOptions>, start: S, deliver: Deliver<In, D::Out>) -> Self {
        Calls {
            do_fn,
            options,
            start,
            deliver,
            waiting: VecDeque::new(),
            slots: Vec::new(),
            free: Vec::new(),
            order: VecDeque::new(),
            running: FuturesUnordered::new(),
            started: 0,
        }
    }

    /// Elements that have a call, or results that cannot leave yet.
    fn in_use(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn start_waiting(&mut self) {
        while self.in_use() < self.options.capacity
            && let Some((element, sides)) = self.waiting.pop_front()
        {
            let number = self.started;
            self.started += 1;
            let slot = self.free.pop().unwrap_or(self.slots.len());
            self.running.push((self.start)(&self.do_fn, slot, number, element.clone()));
            let taken = Some(Slot { number, element, sides, outcome: None });
            match self.slots.get_mut(slot) {
                Some(free) => *free = taken,
                None => self.slots.push(taken),
            }
            if self.options.ordered {
                self.order.push_back(slot);
            }
        }
    }

    fn ended(
        &mut self,
        slot: usize,
        outcome: Result<D::Out, BoxError>,
        results: &mut dyn AnyBundle,
    ) -> Result<(), BoxError> {
        let Some(taken) = &mut self.slots[slot] else { return Err("a call ended twice".into()) };
        taken.outcome = Some(outcome);
        if !self.options.ordered {
            return self.leave(slot, results);
        }
        while let Some(first) = self.order.front().copied()
            && self.slots[first].as_ref().is_some_and(|slot| slot.outcome.is_some())
        {
            self.order.pop_front();
            self.leave(first, results)?;
        }
        Ok(())
    }

    /// Frees a slot whose call has ended.
    fn leave(&mut self, slot: usize, results: &mut dyn AnyBundle) -> Result<(), BoxError> {
        let Some(Slot { element, sides, outcome: Some(outcome), .. }) = self.slots[slot].take() else {
            return Err("a slot was left before its call had ended".into());
        };
        self.free.push(slot);
        (self.deliver)(element, sides, outcome, results)
    }
}

impl<In, D, S, F> AsyncRun for Calls<In, D, S, F>
where
    In: Element,
    D: AsyncDoFn<In>,
    S: Fn(&Arc<D>, usize, u64, In) -> F + Send,
    F: Future<Output = (usize, Result<D::Out, BoxError>)> + Send,
{
    fn push(&mut self, bundle: &mut dyn AnyBundle) {
        self.waiting.extend(bundle.downcast::<In>().drain());
    }

    fn has_room(&self) -> bool {
        self.waiting.is_empty() && self.in_use() < self.options.capacity
    }

    fn poll(&mut self, cx: &mut Context<'_>, results: &mut dyn AnyBundle) -> Result<usize, BoxError> {
        let enough = results.len() + BUNDLE_TARGET;
        let mut ended = 0;
        while results.len() < enough {
            self.start_waiting();
            let Poll::Ready(Some((slot, outcome))) = self.running.poll_next_unpin(cx) else { break };
            self.ended(slot, outcome, results)?;
            ended += 1;
        }
        Ok(ended)
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_use() == 0
    }

    fn hold(&self) -> Option<Timestamp> {
        let asked = self.slots.iter().flatten().map(|slot| slot.sides.timestamp);
        asked.chain(self.waiting.iter().map(|(_, sides)| sides.timestamp)).min()
    }

    fn unfinished(&self, into: &mut dyn AnyBundle) {
        let into = into.downcast::<In>();
        let mut asked: Vec<_> = self.slots.iter().flatten().collect();
        asked.sort_unstable_by_key(|slot| slot.number);
        asked.into_iter().for_each(|slot| into.push(slot.element.clone(), slot.sides));
        self.waiting.iter().for_each(|(element, sides)| into.push(element.clone(), *sides));
    }

    fn teardown(&mut self) -> BoxFuture<'_, Result<(), BoxError>> {
        self.running.clear();
        let do_fn = self.do_fn.clone();
        Box::pin(async move { do_fn.teardown().await })
    }
}
