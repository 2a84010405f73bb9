//! The machine of one stage on one worker: `on(event, now, budget)`, and actions come out.
//!
//! It owns the fused steps, the groupings at their heads, and the watermarks of what comes in; it waits for nothing. An advance of the
//! watermark that makes much fire stops at its budget and goes on with [`Event::Continue`].

use std::collections::HashMap;
use std::sync::Arc;

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::NodeId;
use purlin_model::snapshot::StateLog;
use purlin_model::{BoxError, Failure, Timestamp};

use super::checkpoint::Restored;
use super::inputs::Senders;
use super::message::Message;
use super::outgoing::{Action, Outgoing};
use crate::core::{Drops, KeyedMachine, Now, ShardSnapshot, StageRun, StageSnapshot, ViewState};
use crate::plan::{HeadKind, Stage};
use crate::user_code::guarded;

/// What a machine is told.
pub(super) enum Event {
    /// A message came in on a channel.
    Message(usize, Message),
    /// These came; nothing fires yet.
    Take(Vec<(usize, Message)>),
    /// Move heads to the watermarks that they were told of.
    AdvanceWatermarks,
    /// Move heads to the present processing time.
    AdvanceProcessingTime,
    /// Go on with what the budget cut short.
    Continue,
    /// Nothing more is at hand: hand over what is buffered.
    Idle,
    /// Processing time has passed.
    Tick,
}

/// Where a channel leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Port {
    /// To a head of the stage, from its n-th sender.
    Head { head: usize, sender: usize },
    /// To a view, from its n-th sender.
    View { view: usize, sender: usize },
}

/// One stage on one worker.
pub(super) struct StageMachine {
    stage: Arc<Stage>,
    run: StageRun,
    heads: Vec<HeadState>,
    views: Vec<ViewInput>,
    ports: Vec<Port>,
    outgoing: Outgoing,
    /// Windows of side inputs are forgotten this long after the main input has passed them.
    lateness_ms: i64,
    events_since_flush: usize,
    worker: usize,
    workers: usize,
}

/// Under load, where a machine is never idle, what is buffered and the watermark leave after this many events.
const FLUSH_AFTER: usize = 16;

struct HeadState {
    senders: Senders,
    keyed: Option<Keyed>,
    output: Timestamp,
    /// The earliest processing time that something upstream waits for, where that is known.
    upstream_pending_ms: Option<i64>,
}

impl HeadState {
    fn now(&self, local_ms: i64) -> Now {
        Now { local_ms, synchronized_ms: self.upstream_pending_ms.map_or(local_ms, |pending| pending.min(local_ms)) }
    }

    /// Whether it holds no watermark back. A grouping with something in it does, though its input is idle: that is still to come out.
    fn is_idle(&self) -> bool {
        self.senders.is_idle() && self.keyed.as_ref().is_none_or(|keyed| keyed.machine.is_empty())
    }
}

/// Work by key at a head.
struct Keyed {
    machine: KeyedMachine,
    /// What it gives, one bundle for each collection that it makes.
    outs: Vec<Box<dyn AnyBundle>>,
    /// The watermark is moving and not all that is due has fired.
    advancing: bool,
}

/// Which clocks are moved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clocks {
    Watermark,
    ProcessingTime,
    Both,
}

struct ViewInput {
    node: NodeId,
    senders: Senders,
}

/// What a machine is made of.
pub(super) struct Parts {
    pub(super) stage: Arc<Stage>,
    pub(super) worker: usize,
    pub(super) workers: usize,
    pub(super) ports: Vec<Port>,
    pub(super) views: Vec<(NodeId, ViewState)>,
    pub(super) outgoing: Outgoing,
    pub(super) lateness_ms: i64,
}

impl StageMachine {
    pub(super) fn new(parts: Parts) -> Result<Self, Failure> {
        let Parts { stage, worker, workers, ports, views, outgoing, lateness_ms } = parts;
        let count = |wanted: &dyn Fn(&Port) -> bool| ports.iter().filter(|port| wanted(port)).count();
        let mut heads = Vec::with_capacity(stage.heads.len());
        for (number, head) in stage.heads.iter().enumerate() {
            let senders = count(&|port| matches!(port, Port::Head { head, .. } if *head == number));
            let keyed = match &head.kind {
                HeadKind::Keyed { work, windowing, views: looked_up, .. } => {
                    let own = views.iter().filter(|(view, _)| looked_up.contains(view)).cloned().collect();
                    let shard = (worker, workers);
                    let made = guarded(&head.name, None, || KeyedMachine::new(work, windowing, own, shard))?;
                    let machine = made.map_err(|cause| failed(&head.name, cause))?;
                    Some(Keyed { machine, outs: head.new_bundles(), advancing: false })
                }
                _ => None,
            };
            heads.push(HeadState {
                senders: Senders::new(senders),
                keyed,
                output: Timestamp::MIN,
                upstream_pending_ms: None,
            });
        }
        let view_inputs = views.iter().enumerate().map(|(number, (node, _))| {
            let senders = count(&|port| matches!(port, Port::View { view, .. } if *view == number));
            ViewInput { node: *node, senders: Senders::new(senders) }
        });
        let view_inputs = view_inputs.collect();
        let run = StageRun::new(stage.clone(), views.into_iter().collect::<HashMap<_, _>>())?;
        let views = view_inputs;
        let events_since_flush = 0;
        Ok(StageMachine { stage, run, heads, views, ports, outgoing, lateness_ms, events_since_flush, worker, workers })
    }

    /// Takes one event in, doing at most about `budget` panes' work.
    pub(super) fn on(&mut self, event: Event, now_ms: i64, budget: usize) -> Result<Vec<Action>, Failure> {
        match event {
            Event::Message(channel, message) => self.on_message(channel, message, now_ms)?,
            Event::Take(messages) => {
                for (channel, message) in messages {
                    self.on_message(channel, message, now_ms)?;
                }
                return Ok(self.outgoing.take_actions());
            }
            Event::AdvanceWatermarks => {
                self.fire(Clocks::Watermark, now_ms, budget)?;
                return Ok(self.outgoing.take_actions());
            }
            Event::AdvanceProcessingTime => {
                self.fire(Clocks::ProcessingTime, now_ms, budget)?;
                return Ok(self.outgoing.take_actions());
            }
            Event::Continue | Event::Tick => {}
            Event::Idle => {
                self.announce();
                self.events_since_flush = 0;
                self.outgoing.flush();
                return Ok(self.outgoing.take_actions());
            }
        }
        self.fire(Clocks::Both, now_ms, budget)?;
        self.announce();
        self.events_since_flush += 1;
        if self.events_since_flush >= FLUSH_AFTER {
            self.events_since_flush = 0;
            self.outgoing.flush();
        }
        Ok(self.outgoing.take_actions())
    }

    /// Whether the budget cut something short.
    pub(super) fn is_busy(&self) -> bool {
        self.heads.iter().any(|head| head.keyed.as_ref().is_some_and(|keyed| keyed.advancing))
    }

    /// Whether work on elements is under way that goes on behind the inputs' end.
    pub(super) fn is_working(&self) -> bool {
        self.heads.iter().any(|head| head.keyed.as_ref().is_some_and(|keyed| keyed.machine.is_working()))
    }

    /// An end is wanted: such work is done without waiting for any time.
    pub(super) fn end(&mut self) {
        self.heads.iter_mut().filter_map(|head| head.keyed.as_mut()).for_each(|keyed| keyed.machine.end());
    }

    /// Whether every input has ended and nothing is due.
    pub(super) fn is_finished(&self) -> bool {
        let ended = |senders: &Senders| senders.all_ended();
        !self.is_busy()
            && self.heads.iter().all(|head| ended(&head.senders))
            && self.views.iter().all(|view| ended(&view.senders))
    }

    /// The earliest processing time at which something is due.
    /// (A timer is due strictly after its time.)
    pub(super) fn next_timer(&self) -> Option<i64> {
        self.heads.iter().filter_map(|head| head.keyed.as_ref()?.machine.earliest_pending_processing_time()).min()
    }

    /// How many heads the stage has.
    pub(super) fn heads(&self) -> usize {
        self.heads.len()
    }

    /// The earliest processing time that this head waits for.
    pub(super) fn pending_at(&self, head: usize) -> Option<i64> {
        self.heads[head].keyed.as_ref()?.machine.earliest_pending_processing_time()
    }

    /// Tells a head what the earliest processing time is that anything upstream waits for.
    pub(super) fn set_upstream_pending(&mut self, head: usize, pending_ms: Option<i64>) {
        self.heads[head].upstream_pending_ms = pending_ms;
    }

    /// How far this head's output could be, were there no other workers.
    pub(super) fn own_output(&mut self, head: usize) -> Timestamp {
        let state = &mut self.heads[head];
        state.keyed.as_mut().map_or(state.output, |keyed| keyed.machine.own_output_watermark())
    }

    /// Holds a head's output back to `reached`, which is where the other workers' stand.
    pub(super) fn hold_output_back(&mut self, head: usize, reached: Timestamp) {
        let state = &mut self.heads[head];
        if let Some(keyed) = &mut state.keyed {
            keyed.machine.hold_output_back(reached);
            state.output = keyed.machine.output_watermark();
        }
    }

    /// Whether the channel leads to a view.
    pub(super) fn is_view(&self, channel: usize) -> bool {
        matches!(self.ports[channel], Port::View { .. })
    }

    /// The head that the channel leads to, if it leads to one.
    pub(super) fn head_of(&self, channel: usize) -> Option<usize> {
        match self.ports[channel] {
            Port::Head { head, .. } => Some(head),
            Port::View { .. } => None,
        }
    }

    /// The least output watermark of the stage's heads.
    pub(super) fn watermark(&self) -> Timestamp {
        self.heads.iter().map(|head| head.output).min().unwrap_or(Timestamp::MAX)
    }

    /// What the groupings, and look-ups of views, have dropped.
    pub(super) fn drops(&self) -> Drops {
        let drops = self.heads.iter().filter_map(|head| Some(head.keyed.as_ref()?.machine.drops()));
        let at_views = Drops { late: self.run.late(), closed: 0 };
        drops.fold(at_views, |sum, each| Drops { late: sum.late + each.late, closed: sum.closed + each.closed })
    }

    /// From now on changes of state are kept book of.
    pub(super) fn track_changes(&mut self) {
        self.heads.iter_mut().filter_map(|head| head.keyed.as_mut()).for_each(|keyed| keyed.machine.track_changes());
    }

    /// Takes over what a snapshot holds for this stage on this worker, before the first message.
    pub(super) fn restore(&mut self, from: &Restored) -> Result<(), Failure> {
        for (state, head) in self.heads.iter_mut().zip(&self.stage.heads) {
            let Some(keyed) = &mut state.keyed else { continue };
            let Some((entries, shards, types)) = from.take(&head.name, self.worker) else { continue };
            let done = guarded(&head.name, None, || keyed.machine.restore(entries, shards, types))?;
            done.map_err(|cause| failed(&head.name, cause))?;
            state.output = keyed.machine.output_watermark();
        }
        self.run.restore(&from.stages, self.worker, self.workers)
    }

    /// What is kept for each keyed head, by key as changes since the last snapshot, and in the steps. Nothing may be due.
    pub(super) fn snapshot(&mut self) -> Result<(Vec<(String, ShardSnapshot, Vec<u8>)>, StageSnapshot), Failure> {
        let mut shards = Vec::new();
        for (state, head) in self.heads.iter_mut().zip(&self.stage.heads) {
            let Some(keyed) = &mut state.keyed else { continue };
            let mut log = StateLog::default();
            let shard = guarded(&head.name, None, || keyed.machine.snapshot(&mut log))?;
            let shard = shard.map_err(|cause| failed(&head.name, cause))?;
            shards.push((head.name.clone(), shard, log.into_bytes()));
        }
        let steps = self.run.snapshot().map_err(|cause| failed(&self.stage.name, cause))?;
        Ok((shards, steps))
    }

    /// The stage's name.
    pub(super) fn stage_name(&self) -> String {
        self.stage.name.clone()
    }

    /// Hands everything on that is buffered, and the barrier behind it.
    pub(super) fn hand_on_barrier(&mut self, checkpoint: u64) -> Vec<Action> {
        self.announce();
        self.events_since_flush = 0;
        self.outgoing.barrier(checkpoint);
        self.outgoing.take_actions()
    }

    /// The last actions: those downstream are told that this worker has ended.
    pub(super) fn end_outputs(&mut self) -> Vec<Action> {
        self.announce();
        self.outgoing.end();
        self.outgoing.take_actions()
    }

    /// Ends the machine's life.
    pub(super) fn teardown(mut self) -> Result<(), Failure> {
        for (state, head) in self.heads.iter_mut().zip(&self.stage.heads) {
            let Some(keyed) = &mut state.keyed else { continue };
            let done = guarded(&head.name, None, || keyed.machine.teardown())?;
            done.map_err(|cause| failed(&head.name, cause))?;
        }
        self.run.teardown()
    }

    fn on_message(&mut self, channel: usize, message: Message, now_ms: i64) -> Result<(), Failure> {
        match self.ports[channel] {
            Port::Head { head, sender } => self.on_head(head, sender, message, now_ms),
            Port::View { view, sender } => self.on_view(view, sender, message, now_ms),
        }
    }

    fn on_head(&mut self, head: usize, sender: usize, message: Message, now_ms: i64) -> Result<(), Failure> {
        let state = &mut self.heads[head];
        match message {
            Message::Data { mut bundle, origin } => {
                state.senders.active(sender);
                self.run.start_bundle()?;
                let now = state.now(now_ms);
                match &mut state.keyed {
                    Some(Keyed { machine, outs, .. }) => {
                        let name = &self.stage.heads[head].name;
                        let done = guarded(name, None, || machine.process(&mut *bundle, now, outs))?;
                        done.map_err(|cause| failed(name, cause))?;
                        self.run.set_origin(None);
                        self.run.enter_all(head, outs, &mut self.outgoing)?;
                    }
                    None => {
                        self.run.set_origin(origin.map(|origin| origin.to_string()));
                        self.run.enter(head, &mut bundle, &mut self.outgoing)?;
                    }
                }
                self.run.finish_bundle(&mut self.outgoing)?;
            }
            Message::Watermark(watermark) => state.senders.advanced(sender, watermark),
            Message::Idle => state.senders.idle(sender),
            Message::End => state.senders.ended(sender),
            Message::View(_) => unreachable!("views have ports of their own"),
            Message::Barrier(_) => unreachable!("barriers are the shell's"),
        }
        Ok(())
    }

    fn on_view(&mut self, view: usize, sender: usize, message: Message, now_ms: i64) -> Result<(), Failure> {
        let input = &mut self.views[view];
        let mut values = Vec::new();
        match message {
            Message::View(new) => {
                input.senders.active(sender);
                values = new;
            }
            Message::Watermark(watermark) => input.senders.advanced(sender, watermark),
            Message::Idle => input.senders.idle(sender),
            // A view that ended by itself has said MAX before; one that was stopped leaves those who wait for it waiting.
            Message::End => input.senders.ended(sender),
            Message::Data { .. } => unreachable!("views take values"),
            Message::Barrier(_) => unreachable!("barriers are the shell's"),
        }
        let watermark = input.senders.watermark();
        let change = |state: &mut ViewState| {
            state.update(values.clone());
            state.advance(watermark);
        };
        let node = input.node;
        self.run.start_bundle()?;
        self.run.update_view(node, change, &mut self.outgoing)?;
        for (number, state) in self.heads.iter_mut().enumerate() {
            let now = state.now(now_ms);
            let Some(Keyed { machine, outs, .. }) = &mut state.keyed else { continue };
            let name = &self.stage.heads[number].name;
            let done = guarded(name, None, || machine.update_view(node, change, now, outs))?;
            done.map_err(|cause| failed(name, cause))?;
            self.run.enter_all(number, outs, &mut self.outgoing)?;
        }
        self.run.finish_bundle(&mut self.outgoing)
    }

    /// Moves heads to their inputs' watermarks and the clock; what fires goes through the steps.
    fn fire(&mut self, clocks: Clocks, now_ms: i64, budget: usize) -> Result<(), Failure> {
        let mut moved = false;
        for (number, state) in self.heads.iter_mut().enumerate() {
            let watermark = state.senders.watermark();
            let before = state.output;
            let now = state.now(now_ms);
            match &mut state.keyed {
                None => state.output = watermark,
                Some(Keyed { machine, outs, advancing }) => {
                    let name = &self.stage.heads[number].name;
                    let done = guarded(name, None, || {
                        if clocks != Clocks::ProcessingTime && !machine.advance(watermark, now, budget, outs)? {
                            return Ok(false);
                        }
                        let waits = machine.earliest_pending_processing_time();
                        let is_due = waits.is_some_and(|due| due < now.local_ms) || machine.is_working();
                        if clocks == Clocks::Watermark || !is_due {
                            return Ok(true);
                        }
                        machine.advance_processing_time(now, budget, outs)
                    })?;
                    *advancing = !done.map_err(|cause| failed(name, cause))?;
                    if outs.iter().any(|out| !out.is_empty()) {
                        self.run.set_origin(None);
                        self.run.start_bundle()?;
                        self.run.enter_all(number, outs, &mut self.outgoing)?;
                        self.run.finish_bundle(&mut self.outgoing)?;
                    }
                    state.output = machine.output_watermark();
                }
            }
            moved |= state.output > before;
        }
        if moved && !self.views.is_empty() {
            self.run.forget_views_before(self.watermark(), self.lateness_ms);
        }
        Ok(())
    }

    /// Tells each exit how far it has come: the least of the heads that lead to it and are not idle, and of what waits on the way.
    fn announce(&mut self) {
        for (number, exit) in self.stage.exits.iter().enumerate() {
            let open = |idle: bool| {
                let heads = exit.heads.iter().map(|head| &self.heads[*head]);
                let open = heads.filter(move |head| head.output != Timestamp::MAX && head.is_idle() == idle);
                open.map(|head| head.output)
            };
            let heads = open(false).min().or_else(|| open(true).max()).unwrap_or(Timestamp::MAX);
            let held = self.run.hold(number).unwrap_or(Timestamp::MAX);
            let mut all = exit.heads.iter().map(|head| &self.heads[*head]);
            let some_idle = all.clone().any(|head| head.is_idle());
            let idle = some_idle && all.all(|head| head.is_idle() || head.output == Timestamp::MAX);
            self.outgoing.advance(number, heads.min(held), idle && held == Timestamp::MAX);
        }
    }
}

fn failed(transform: &str, cause: BoxError) -> Failure {
    Failure::Transform { transform: transform.to_string(), origin: None, cause }
}
