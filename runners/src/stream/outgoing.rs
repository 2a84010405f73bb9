//! A stage machine's output: buffered per receiver, then handed to the shell in one go.
//!
//! Bundles for one receiver are put together until they are worth a message, or until nothing more is at hand: big under load, immediate
//! when idle. A watermark never overtakes the elements before it, for both wait in the same flush.

use std::sync::Arc;

use purlin_model::bundle::{AnyBundle, BUNDLE_TARGET};
use purlin_model::graph::{Op, ViewKernel};
use purlin_model::{Failure, Timestamp};

use super::channel::Sender;
use super::message::Message;
use crate::core::Exits;
use crate::plan::{ExitKind, KeyedWork, Plan, Stage};
use crate::user_code::guarded;

/// What a machine asks its shell to do.
pub(super) enum Action {
    /// Send to a receiver.
    Send(Sender, Message),
    /// Hand to the sink of this exit.
    Write { exit: usize, bundle: Box<dyn AnyBundle> },
}

/// All exits of one stage on one worker.
pub(super) struct Outgoing {
    exits: Vec<OutgoingExit>,
    actions: Vec<Action>,
}

struct OutgoingExit {
    name: String,
    route: Route,
    receivers: Vec<Sender>,
    /// Elements on their way to each receiver.
    buffers: Vec<Box<dyn AnyBundle>>,
    watermark: Timestamp,
    announced: Timestamp,
    idle: bool,
    idle_announced: bool,
    /// Elements were sent since the last announcement: whoever got them counts this worker as active.
    has_sent: bool,
}

enum Route {
    ByKey(KeyedWork),
    InTurn { next: usize },
    Direct,
    View { kernel: Arc<dyn ViewKernel> },
    Sink,
}

impl Outgoing {
    /// `receivers[exit]` are the channels of each exit: one per worker, one in all, or none for a sink.
    pub(super) fn new(plan: &Plan, stage: &Stage, receivers: Vec<Vec<Sender>>) -> Self {
        let exit = |(exit, receivers): (&crate::plan::Exit, Vec<Sender>)| {
            let (name, route) = match &exit.kind {
                ExitKind::Shuffle { node, work } => (&plan.graph.node(*node).name, Route::ByKey(work.clone())),
                ExitKind::Spread(collection) => (producer(plan, *collection), Route::InTurn { next: 0 }),
                ExitKind::Calls(node) => (&plan.graph.node(*node).name, Route::Direct),
                ExitKind::Hand { collection, .. } => (producer(plan, *collection), Route::Direct),
                ExitKind::View(node) => {
                    let node = plan.graph.node(*node);
                    let Op::View(kernel) = &node.op else { unreachable!("a view exit names a view") };
                    (&node.name, Route::View { kernel: kernel.clone() })
                }
                ExitKind::Write(node) => (&plan.graph.node(*node).name, Route::Sink),
            };
            let buffers = receivers.iter().map(|_| exit.coder.new_bundle()).collect();
            OutgoingExit {
                name: name.clone(),
                route,
                receivers,
                buffers,
                watermark: Timestamp::MIN,
                announced: Timestamp::MIN,
                idle: false,
                idle_announced: false,
                has_sent: false,
            }
        };
        Outgoing { exits: stage.exits.iter().zip(receivers).map(exit).collect(), actions: Vec::new() }
    }

    /// Says how far an exit has come.
    pub(super) fn advance(&mut self, exit: usize, watermark: Timestamp, idle: bool) {
        let exit = &mut self.exits[exit];
        exit.watermark = exit.watermark.max(watermark);
        exit.idle = idle;
    }

    /// Turns everything that is buffered into actions, watermarks behind the elements.
    pub(super) fn flush(&mut self) {
        for exit in &mut self.exits {
            for (buffer, receiver) in exit.buffers.iter_mut().zip(&exit.receivers) {
                if !buffer.is_empty() {
                    exit.has_sent = true;
                    let message = Message::Data { bundle: buffer.take(), origin: None };
                    self.actions.push(Action::Send(receiver.clone(), message));
                }
            }
            if exit.watermark > exit.announced {
                exit.announced = exit.watermark;
                exit.idle_announced = false;
                for receiver in &exit.receivers {
                    self.actions.push(Action::Send(receiver.clone(), Message::Watermark(exit.watermark)));
                }
            }
            if exit.idle_announced && !exit.idle {
                // Every receiver must know that this worker counts again, not only those that get elements.
                for receiver in &exit.receivers {
                    self.actions.push(Action::Send(receiver.clone(), Message::Watermark(exit.announced)));
                }
            }
            if exit.idle && (!exit.idle_announced || exit.has_sent) {
                for receiver in &exit.receivers {
                    self.actions.push(Action::Send(receiver.clone(), Message::Idle));
                }
            }
            exit.idle_announced = exit.idle;
            exit.has_sent = false;
        }
    }

    /// Hands everything on that is buffered, and behind it to every receiver the barrier of a checkpoint.
    pub(super) fn barrier(&mut self, checkpoint: u64) {
        self.flush();
        for receiver in self.exits.iter().flat_map(|exit| &exit.receivers) {
            self.actions.push(Action::Send(receiver.clone(), Message::Barrier(checkpoint)));
        }
    }

    /// Says to every receiver that this worker has ended.
    pub(super) fn end(&mut self) {
        self.flush();
        for receiver in self.exits.iter().flat_map(|exit| &exit.receivers) {
            self.actions.push(Action::Send(receiver.clone(), Message::End));
        }
    }

    /// What the shell is to do, in order.
    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }
}

impl Exits for Outgoing {
    fn emit(&mut self, exit: usize, bundle: &mut dyn AnyBundle) -> Result<(), Failure> {
        if bundle.is_empty() {
            return Ok(());
        }
        let index = exit;
        let exit = &mut self.exits[exit];
        match &mut exit.route {
            Route::ByKey(work) => guarded(&exit.name, None, || work.partition(bundle, &mut exit.buffers))??,
            Route::InTurn { next } => {
                exit.buffers[*next].append(bundle);
                *next = (*next + 1) % exit.buffers.len();
            }
            Route::Direct => exit.buffers.iter_mut().for_each(|buffer| buffer.append(bundle)),
            Route::View { kernel } => {
                exit.has_sent = true;
                let values = kernel.values(bundle);
                for receiver in &exit.receivers {
                    self.actions.push(Action::Send(receiver.clone(), Message::View(values.clone())));
                }
                return Ok(());
            }
            Route::Sink => {
                self.actions.push(Action::Write { exit: index, bundle: bundle.take() });
                return Ok(());
            }
        }
        for (buffer, receiver) in exit.buffers.iter_mut().zip(&exit.receivers) {
            if buffer.len() >= BUNDLE_TARGET {
                exit.has_sent = true;
                let message = Message::Data { bundle: buffer.take(), origin: None };
                self.actions.push(Action::Send(receiver.clone(), message));
            }
        }
        Ok(())
    }
}

fn producer(plan: &Plan, collection: purlin_model::graph::CollectionId) -> &String {
    &plan.graph.node(plan.graph.collection(collection).producer).name
}
