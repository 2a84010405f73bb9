//! How interrupted work is kept and gone on with: state, a timer, and a hold where the estimator stands (SEMANTICS §5, §8).

use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Continuation, Restriction, SplitWork, SplittableDoFn, WatermarkEstimator};
use crate::metrics::{Counter, Gauge};
use crate::state::{OutputTime, ProcessingTimer, Value};
use crate::{At, BoxError, Element, Output, Outputs, StateContext, StatefulDoFn, TimerContext, Timestamp};

/// After so many claims work is interrupted, so that others on the worker, and checkpoints, get their turn.
const CLAIMS_AT_ONCE: usize = 10_000;

/// Runs a splittable `DoFn` as a stateful one, keyed by the parts of work.
pub(super) struct Resuming<In, D> {
    do_fn: D,
    reported: Reported,
    of: PhantomData<fn(In)>,
}

/// The metrics of the work.
#[derive(Clone)]
pub(super) struct Reported {
    pub(super) done: Counter,
    pub(super) remaining: Gauge,
}

impl Reported {
    fn remaining(restriction: &impl Restriction) -> i64 {
        restriction.progress().remaining.map_or(0, |remaining| remaining as i64)
    }
}

/// A part of the work on an element, and where the element stands.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "In: Serialize, R: Serialize"))]
#[serde(bound(deserialize = "In: serde::de::DeserializeOwned, R: serde::de::DeserializeOwned"))]
pub(super) struct Part<In, R> {
    pub(super) element: In,
    pub(super) restriction: R,
    pub(super) at: At,
}

/// Work that was interrupted.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "In: Serialize, R: Serialize, E: Serialize"))]
#[serde(bound(
    deserialize = "In: serde::de::DeserializeOwned, R: serde::de::DeserializeOwned, E: serde::de::DeserializeOwned"
))]
pub(super) struct Pending<In, R, E> {
    element: In,
    rest: R,
    estimator: E,
    at: At,
    watermark: Timestamp,
    after: Duration,
    /// It has the end that was wanted of it.
    is_truncated: bool,
}

impl<In, D: Clone> Resuming<In, D> {
    pub(super) fn new(do_fn: D, reported: Reported) -> Self {
        Resuming { do_fn, reported, of: PhantomData }
    }
}

impl<In, D: Clone> Clone for Resuming<In, D> {
    fn clone(&self) -> Self {
        Resuming::new(self.do_fn.clone(), self.reported.clone())
    }
}

type PendingOf<In, D> = Pending<In, <D as SplittableDoFn<In>>::Restriction, <D as SplittableDoFn<In>>::Estimator>;

impl<In: Element, D: SplittableDoFn<In>> Resuming<In, D> {
    /// Works on one part; gives what is left of it.
    fn run(
        &mut self,
        mut part: PendingOf<In, D>,
        ending: bool,
        out: &mut Output<D::Out>,
    ) -> Result<Option<PendingOf<In, D>>, BoxError> {
        let remaining = Reported::remaining(&part.rest);
        if ending && !part.is_truncated {
            match self.do_fn.truncate(&part.element, part.rest) {
                Some(rest) => (part.rest, part.is_truncated) = (rest, true),
                None => {
                    self.reported.remaining.add(-remaining);
                    return Ok(None);
                }
            }
        }
        // Behind the watermark that is late, but it is not refused: where work is interrupted is not the user's choice.
        out.set_earliest(part.at.timestamp);
        let mut work = SplitWork {
            restriction: part.rest,
            estimator: part.estimator,
            rest: None,
            claims_left: CLAIMS_AT_ONCE,
            at: part.at,
            out,
        };
        let continuation = self.do_fn.process(&part.element, &mut work)?;
        let SplitWork { mut restriction, estimator, rest, .. } = work;
        let (rest, after) = match (continuation, rest) {
            (_, Some(rest)) => (Some(rest), Duration::ZERO),
            (Continuation::Resume(after), None) => (restriction.split_off(), after),
            (Continuation::Stop, None) if restriction.is_done() => (None, Duration::ZERO),
            (Continuation::Stop, None) => {
                return Err("process returned Stop, but it has not claimed all of its restriction: claim until a claim fails, or \
                            return Resume"
                    .into());
            }
        };
        self.reported.done.add(restriction.progress().done as u64);
        self.reported.remaining.add(rest.as_ref().map_or(0, Reported::remaining) - remaining);
        let Some(rest) = rest else { return Ok(None) };
        let watermark = part.watermark.max(estimator.watermark());
        Ok(Some(Pending { rest, estimator, watermark, after, ..part }))
    }

    /// Keeps what is left, and its place in time.
    fn keep(left: Vec<PendingOf<In, D>>, (pending, resume): &mut (Value<Vec<PendingOf<In, D>>>, ProcessingTimer)) {
        let Some(after) = left.iter().map(|part| part.after).min() else { return };
        let holds = left.iter().map(|part| part.watermark.min(part.at.window.max_timestamp()));
        // What has outrun its window, or came with a time beyond it, is held no earlier than it stands.
        let held = holds.zip(&left).map(|(hold, part)| hold.max(part.at.timestamp)).min().unwrap_or(Timestamp::MIN);
        resume.set_relative_with_output(after, OutputTime::At(held));
        pending.set(left);
    }
}

impl<In: Element, D: SplittableDoFn<In>> StatefulDoFn<u64, Part<In, D::Restriction>> for Resuming<In, D> {
    type State = (Value<Vec<PendingOf<In, D>>>, ProcessingTimer);
    type Out = Output<D::Out>;
    const HOLDS_INPUT: bool = true;

    fn setup(&mut self) -> Result<(), BoxError> {
        self.do_fn.setup()
    }

    fn process(
        &mut self,
        _: &u64,
        Part { element, restriction: rest, at }: Part<In, D::Restriction>,
        state: &mut Self::State,
        cx: &StateContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let estimator = D::Estimator::new(at.timestamp);
        self.reported.remaining.add(Reported::remaining(&rest));
        let part = Pending {
            element,
            rest,
            estimator,
            at,
            watermark: at.timestamp,
            after: Duration::ZERO,
            is_truncated: false,
        };
        if let Some(left) = self.run(part, cx.ending, out)? {
            // Parts that are equal, and stand at one place, share a key.
            let mut all = state.0.take().unwrap_or_default();
            all.push(left);
            Self::keep(all, state);
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &u64,
        state: &mut Self::State,
        cx: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let mut left = Vec::new();
        for part in state.0.take().unwrap_or_default() {
            left.extend(self.run(part, cx.ending, out)?);
        }
        Self::keep(left, state);
        Ok(())
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.do_fn.teardown()
    }
}
