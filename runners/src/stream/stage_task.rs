//! The shell of a stage machine: receives, calls the machine, sends and writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use purlin_model::Failure;

use super::checkpoint::{Content, Participant, StagePart, requested};
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
    pub(super) worker: usize,
    pub(super) env: Arc<dyn Env>,
    pub(super) observer: Arc<Observer>,
    pub(super) machine: StageMachine,
    pub(super) inputs: Inputs,
    pub(super) stop: StopHandle,
    /// The writers of the stage's sinks, by exit.
    pub(super) writers: BTreeMap<usize, SinkWriter>,
    /// Where there are checkpoints.
    pub(super) participant: Option<Participant>,
    /// The checkpoint whose barrier some of the inputs have brought.
    pub(super) barrier: Option<u64>,
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
            match event {
                Event::Message(channel, Message::Barrier(checkpoint)) => {
                    self.inputs.wait_at_barrier(channel);
                    self.barrier = Some(checkpoint);
                }
                event => {
                    let actions = self.machine.on(event, now_ms, FIRING_BUDGET)?;
                    self.carry_out(actions).await?;
                }
            }
            if let Some(checkpoint) = self.barrier
                && self.inputs.are_aligned()
            {
                self.take_part_in(checkpoint).await?;
            }
            let steady_ms = self.env.steady_ms();
            if steady_ms - reported_ms >= REPORT_EVERY_MS {
                reported_ms = steady_ms;
                self.report(&mut reported_drops);
            }
        }
        self.report(&mut reported_drops);
        self.finish().await
    }

    /// Every input has brought the barrier, or has ended: what came before it is worked off, handed on and staged, and the state as it then is
    /// goes to the coordinator.
    async fn take_part_in(&mut self, checkpoint: u64) -> Result<(), Failure> {
        while self.machine.is_busy() {
            let actions = self.machine.on(Event::Continue, self.env.now_ms(), FIRING_BUDGET)?;
            self.carry_out(actions).await?;
        }
        let actions = self.machine.hand_on_barrier(checkpoint);
        self.carry_out(actions).await?;
        let content = self.part(Some(checkpoint)).await?;
        if let Some(participant) = &mut self.participant {
            participant.answer(checkpoint, content);
        }
        self.barrier = None;
        self.inputs.resume();
        Ok(())
    }

    /// The stage's state, and what its sinks were given since the last barrier.
    async fn part(&mut self, checkpoint: Option<u64>) -> Result<Content, Failure> {
        let mut staged = Vec::new();
        for writer in self.writers.values_mut() {
            staged.extend(writer.stage(checkpoint).await?);
        }
        let (shards, steps) = self.machine.snapshot()?;
        Ok(Content::Stage(StagePart { stage: self.machine.stage_name(), worker: self.worker, shards, steps, staged }))
    }

    /// Ends the machine's life and stages what its sinks were given.
    pub(super) async fn finish(mut self) -> Result<Vec<Staged>, Failure> {
        let actions = self.machine.end_outputs();
        self.carry_out(actions).await?;
        if let Some(participant) = self.participant.take() {
            participant.leave(self.part(None).await?);
            self.machine.teardown()?;
            return Ok(Vec::new());
        }
        let mut staged = Vec::new();
        for writer in self.writers.values_mut() {
            staged.extend(writer.stage(None).await?);
        }
        self.machine.teardown()?;
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
        // Nobody brings a barrier any more: the request itself is one.
        let wanted = Box::pin(requested(&mut self.participant));
        let stopped = Box::pin(self.stop.stopped());
        match select(select(stopped, wanted), self.env.sleep(Duration::from_millis(wait))).await {
            Either::Left((Either::Left((StopMode::Stop, _)), _)) => return Ok(None),
            Either::Left((Either::Left((StopMode::Drain, _)), _)) => self.machine.end(),
            Either::Left((Either::Right((checkpoint, _)), _)) => self.barrier = Some(checkpoint),
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

async fn perform(
    action: Action,
    writers: &mut BTreeMap<usize, SinkWriter>,
    observer: &Observer,
) -> Result<(), Failure> {
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
