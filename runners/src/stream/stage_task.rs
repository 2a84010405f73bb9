//! The shell of a stage machine: receives, calls the machine, sends and writes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use purlin_model::Failure;

use super::env::Env;
use super::inputs::Inputs;
use super::machine::{Event, StageMachine};
use super::message::Message;
use super::outgoing::Action;
use super::sinks::{SinkWriter, Staged};
use super::stop::{StopHandle, StopMode};
use crate::core::Drops;
use crate::observe::Observer;

/// About how many panes one call of a machine may fire before others get their turn.
const FIRING_BUDGET: usize = 4096;
/// How often a stage reports its watermark.
const REPORT_EVERY_MS: i64 = 200;

/// All that a stage's task needs.
pub(super) struct StageTask {
    pub(super) name: String,
    pub(super) env: Arc<dyn Env>,
    pub(super) observer: Arc<Observer>,
    pub(super) machine: StageMachine,
    pub(super) inputs: Inputs,
    pub(super) stop: StopHandle,
    /// The writers of the stage's sinks, by exit.
    pub(super) writers: HashMap<usize, SinkWriter>,
}

impl StageTask {
    /// Runs until every input has ended; gives what the writers have staged.
    pub(super) async fn run(mut self) -> Result<Vec<Staged>, Failure> {
        let mut reported_ms = 0;
        let mut reported_drops = Drops::default();
        loop {
            let event = if !self.machine.is_finished() {
                self.next_event().await?
            } else if self.machine.is_working() {
                match self.next_event_behind_the_end().await? {
                    Some(event) => event,
                    None => break,
                }
            } else {
                break;
            };
            let now_ms = self.env.now_ms();
            let actions = self.machine.on(event, now_ms, FIRING_BUDGET)?;
            self.carry_out(actions).await?;
            if now_ms - reported_ms >= REPORT_EVERY_MS {
                reported_ms = now_ms;
                self.report(&mut reported_drops);
            }
        }
        self.report(&mut reported_drops);
        self.finish().await
    }

    /// Ends the machine's life and stages what its sinks were given.
    pub(super) async fn finish(self) -> Result<Vec<Staged>, Failure> {
        let StageTask { machine, mut writers, observer, .. } = self;
        for action in machine.finish()? {
            perform(action, &mut writers, &observer).await?;
        }
        let mut staged = Vec::new();
        for writer in writers.into_values() {
            staged.extend(writer.stage().await?);
        }
        Ok(staged)
    }

    /// The next thing to tell the machine: a message that is at hand, else, once its output is flushed, whatever comes first.
    async fn next_event(&mut self) -> Result<Event, Failure> {
        if self.machine.is_busy() {
            return Ok(Event::Continue);
        }
        if let Some(received) = self.inputs.recv().now_or_never() {
            return Ok(told(received));
        }
        // Nothing is at hand: what is buffered leaves before the wait.
        let actions = self.machine.on(Event::Idle, self.env.now_ms(), FIRING_BUDGET)?;
        self.carry_out(actions).await?;
        let received = self.inputs.recv();
        let Some(due) = self.machine.next_timer() else {
            return Ok(told(received.await));
        };
        let wait = until(due, self.env.now_ms());
        Ok(match select(Box::pin(received), self.env.sleep(Duration::from_millis(wait))).await {
            Either::Left((received, _)) => told(received),
            Either::Right(_) => Event::Tick,
        })
    }

    /// All inputs have ended, and work is left: the next time that something is due, or that an end of it is wanted.
    async fn next_event_behind_the_end(&mut self) -> Result<Option<Event>, Failure> {
        let actions = self.machine.on(Event::Idle, self.env.now_ms(), FIRING_BUDGET)?;
        self.carry_out(actions).await?;
        let Some(due) = self.machine.next_timer() else { return Ok(None) };
        let wait = until(due, self.env.now_ms());
        match select(Box::pin(self.stop.stopped()), self.env.sleep(Duration::from_millis(wait))).await {
            Either::Left((StopMode::Stop, _)) => return Ok(None),
            Either::Left((StopMode::Drain, _)) => self.machine.end(),
            Either::Right(_) => {}
        }
        Ok(Some(Event::Tick))
    }

    pub(super) async fn carry_out(&mut self, actions: Vec<Action>) -> Result<(), Failure> {
        for action in actions {
            perform(action, &mut self.writers, &self.observer).await?;
        }
        Ok(())
    }

    pub(super) fn report(&self, reported: &mut Drops) {
        self.observer.watermark(&self.name, self.machine.watermark());
        let drops = self.machine.drops();
        self.observer.dropped(drops.late - reported.late, drops.closed - reported.closed);
        *reported = drops;
    }
}

/// How long it is until a timer fires, which is strictly after its time; at least a moment.
fn until(due_ms: i64, now_ms: i64) -> u64 {
    u64::try_from(due_ms.saturating_sub(now_ms).saturating_add(1)).unwrap_or(0).max(1)
}

fn told(received: Option<(usize, Message)>) -> Event {
    received.map_or(Event::Idle, |(channel, message)| Event::Message(channel, message))
}

async fn perform(action: Action, writers: &mut HashMap<usize, SinkWriter>, observer: &Observer) -> Result<(), Failure> {
    match action {
        Action::Send(receiver, message) => {
            receiver.send(message).await;
            Ok(())
        }
        Action::Write { exit, mut bundle } => {
            observer.wrote(bundle.len());
            let writer = writers.get_mut(&exit).expect("every write exit has its writer");
            writer.write(&mut *bundle).await
        }
    }
}
