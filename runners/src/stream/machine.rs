//! The machine of one stage on one worker: `on(event, now, budget)`, and actions come out.
//!
//! It owns the fused steps, the groupings at their heads, and the watermarks of what comes in; it waits for nothing. An advance of the
//! watermark that makes much fire stops at its budget and goes on with [`Event::Continue`].

use std::collections::HashMap;
use std::sync::Arc;

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::NodeId;
use purlin_model::{Failure, Timestamp};

use super::inputs::Senders;
use super::message::Message;
use super::outgoing::{Action, Outgoing};
use crate::core::{Drops, GroupMachine, StageRun, ViewState};
use crate::plan::{HeadKind, Stage};
use crate::user_code::guarded;

/// What a machine is told.
pub(super) enum Event {
    /// A message came in on a channel.
    Message(usize, Message),
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
}

/// Under load, where a machine is never idle, what is buffered and the watermark leave after this many events.
const FLUSH_AFTER: usize = 16;

struct HeadState {
    senders: Senders,
    grouping: Option<Grouped>,
    output: Timestamp,
}

impl HeadState {
    /// Whether it holds no watermark back. A grouping with something in it does, though its input is idle: that is still to come out.
    fn is_idle(&self) -> bool {
        self.senders.is_idle() && self.grouping.as_ref().is_none_or(|grouped| grouped.machine.is_empty())
    }
}

struct Grouped {
    machine: GroupMachine,
    panes: Box<dyn AnyBundle>,
    /// The watermark is moving and not all that is due has fired.
    advancing: bool,
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
        let heads = stage.heads.iter().enumerate().map(|(number, head)| {
            let senders = count(&|port| matches!(port, Port::Head { head, .. } if *head == number));
            let grouping = match &head.kind {
                HeadKind::Group { form, kernel, windowing, .. } => Some(Grouped {
                    machine: GroupMachine::new(kernel.clone(), *form, windowing, worker, workers),
                    panes: head.coder.new_bundle(),
                    advancing: false,
                }),
                _ => None,
            };
            HeadState { senders: Senders::new(senders), grouping, output: Timestamp::MIN }
        });
        let heads = heads.collect();
        let view_inputs = views.iter().enumerate().map(|(number, (node, _))| {
            let senders = count(&|port| matches!(port, Port::View { view, .. } if *view == number));
            ViewInput { node: *node, senders: Senders::new(senders) }
        });
        let view_inputs = view_inputs.collect();
        let run = StageRun::new(stage.clone(), views.into_iter().collect::<HashMap<_, _>>())?;
        Ok(StageMachine { stage, run, heads, views: view_inputs, ports, outgoing, lateness_ms, events_since_flush: 0 })
    }

    /// Takes one event in, doing at most about `budget` panes' work.
    pub(super) fn on(&mut self, event: Event, now_ms: i64, budget: usize) -> Result<Vec<Action>, Failure> {
        match event {
            Event::Message(channel, message) => match self.ports[channel] {
                Port::Head { head, sender } => self.on_head(head, sender, message, now_ms)?,
                Port::View { view, sender } => self.on_view(view, sender, message)?,
            },
            Event::Continue | Event::Tick => {}
            Event::Idle => {
                self.events_since_flush = 0;
                self.outgoing.flush();
                return Ok(self.outgoing.take_actions());
            }
        }
        self.fire(now_ms, budget)?;
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
        self.heads.iter().any(|head| head.grouping.as_ref().is_some_and(|grouped| grouped.advancing))
    }

    /// Whether every input has ended and nothing is left to do.
    pub(super) fn is_finished(&self) -> bool {
        let ended = |senders: &Senders| senders.all_ended();
        !self.is_busy()
            && self.heads.iter().all(|head| ended(&head.senders))
            && self.views.iter().all(|view| ended(&view.senders))
    }

    /// The earliest processing time at which something is due.
    pub(super) fn next_timer(&self) -> Option<i64> {
        self.heads.iter().filter_map(|head| head.grouping.as_ref()?.machine.next_processing_timer()).min()
    }

    /// The least output watermark of the stage's heads.
    pub(super) fn watermark(&self) -> Timestamp {
        self.heads.iter().map(|head| head.output).min().unwrap_or(Timestamp::MAX)
    }

    /// What the groupings, and look-ups of views, have dropped.
    pub(super) fn drops(&self) -> Drops {
        let drops = self.heads.iter().filter_map(|head| Some(head.grouping.as_ref()?.machine.drops()));
        let at_views = Drops { late: self.run.late(), closed: 0 };
        drops.fold(at_views, |sum, each| Drops { late: sum.late + each.late, closed: sum.closed + each.closed })
    }

    /// Ends the machine's life; the last actions come out.
    pub(super) fn finish(mut self) -> Result<Vec<Action>, Failure> {
        self.announce();
        self.outgoing.end();
        let actions = self.outgoing.take_actions();
        self.run.teardown()?;
        Ok(actions)
    }

    fn on_head(&mut self, head: usize, sender: usize, message: Message, now_ms: i64) -> Result<(), Failure> {
        let state = &mut self.heads[head];
        match message {
            Message::Data { mut bundle, origin } => {
                state.senders.active(sender);
                self.run.start_bundle()?;
                match &mut state.grouping {
                    Some(grouped) => {
                        let name = &self.stage.heads[head].name;
                        guarded(name, None, || grouped.machine.process(&mut *bundle, now_ms, &mut *grouped.panes))?;
                        self.run.set_origin(None);
                        self.run.enter(head, &mut grouped.panes, &mut self.outgoing)?;
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
        }
        Ok(())
    }

    fn on_view(&mut self, view: usize, sender: usize, message: Message) -> Result<(), Failure> {
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
        }
        let watermark = input.senders.watermark();
        let change = |state: &mut ViewState| {
            state.update(values);
            state.advance(watermark);
        };
        let node = input.node;
        self.run.start_bundle()?;
        self.run.update_view(node, change, &mut self.outgoing)?;
        self.run.finish_bundle(&mut self.outgoing)
    }

    /// Moves heads to their inputs' watermarks and the clock; what fires goes through the steps.
    fn fire(&mut self, now_ms: i64, budget: usize) -> Result<(), Failure> {
        let mut moved = false;
        for (number, state) in self.heads.iter_mut().enumerate() {
            let watermark = state.senders.watermark();
            let before = state.output;
            match &mut state.grouping {
                None => state.output = watermark,
                Some(grouped) => {
                    let timer_due = grouped.machine.next_processing_timer().is_some_and(|due| due < now_ms);
                    let name = &self.stage.heads[number].name;
                    let Grouped { machine, panes, advancing } = grouped;
                    let done = guarded(name, None, || {
                        let in_event_time = machine.advance(watermark, now_ms, budget, &mut **panes);
                        in_event_time
                            && (!timer_due || machine.advance_processing_time(now_ms, now_ms, budget, &mut **panes))
                    })?;
                    *advancing = !done;
                    if !panes.is_empty() {
                        self.run.set_origin(None);
                        self.run.start_bundle()?;
                        self.run.enter(number, panes, &mut self.outgoing)?;
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
