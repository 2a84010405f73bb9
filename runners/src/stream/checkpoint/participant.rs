//! A task's side of checkpoints: it hears of barriers and answers with its part.
//!
//! Readers put the barrier behind what they have given; it then travels with the data. A task whose inputs have all ended has nobody to bring
//! it one, and goes by the request itself. A task that ends gives a last part, which stands for every checkpoint after the last
//! barrier that it answered.

use std::fmt;

use purlin_model::graph::NodeId;
use tokio::sync::{mpsc, watch};

use crate::checkpoint::SplitState;
use crate::core::{ShardSnapshot, StageSnapshot};
use crate::stream::sinks::Staged;

/// Names a task within a run.
pub(in crate::stream) type TaskId = usize;

/// A task in messages.
pub(in crate::stream) struct TaskName {
    work: String,
    worker: usize,
}

impl TaskName {
    /// What it does, which is a stage or a transform, and where.
    pub(in crate::stream) fn new(work: impl Into<String>, worker: usize) -> Self {
        TaskName { work: work.into(), worker }
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` [{}]", self.work, self.worker)
    }
}

/// A task's connection to the coordinator.
pub(in crate::stream) struct Participant {
    task: TaskId,
    requests: watch::Receiver<u64>,
    parts: mpsc::UnboundedSender<Part>,
    /// The last barrier that was answered.
    answered: u64,
}

/// What one task contributes to a checkpoint.
pub(in crate::stream) struct Part {
    pub(in crate::stream) task: TaskId,
    /// The checkpoint; of a task that has ended the first that this part belongs to.
    pub(in crate::stream) checkpoint: u64,
    /// The task has ended: nothing follows.
    pub(in crate::stream) is_last: bool,
    pub(in crate::stream) content: Content,
}

/// What a part holds.
pub(in crate::stream) enum Content {
    /// Of a reader: where its splits stand.
    Positions { source: NodeId, splits: Vec<SplitState> },
    /// Of a stage on a worker.
    Stage(StagePart),
    /// Of the calls in front of a stage: the elements that have no answer.
    Calls { transform: String, unfinished: Vec<u8> },
}

/// The state of one stage on one worker.
pub(in crate::stream) struct StagePart {
    pub(in crate::stream) stage: String,
    pub(in crate::stream) worker: usize,
    /// Of each keyed head: its transform, what is not by key, and what has changed by key.
    pub(in crate::stream) shards: Vec<(String, ShardSnapshot, Vec<u8>)>,
    pub(in crate::stream) steps: StageSnapshot,
    /// What the sinks' writers were given since the last barrier.
    pub(in crate::stream) staged: Vec<Staged>,
}

impl Participant {
    pub(in crate::stream) fn new(
        task: TaskId,
        requests: watch::Receiver<u64>,
        parts: mpsc::UnboundedSender<Part>,
    ) -> Self {
        let answered = *requests.borrow();
        Participant { task, requests, parts, answered }
    }

    /// Waits until a checkpoint is wanted that this task has not answered.
    pub(in crate::stream) async fn requested(&mut self) -> u64 {
        loop {
            let wanted = *self.requests.borrow_and_update();
            if wanted > self.answered {
                return wanted;
            }
            if self.requests.changed().await.is_err() {
                // The coordinator is gone, and its failure is on its way.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Gives this task's part of a checkpoint.
    pub(in crate::stream) fn answer(&mut self, checkpoint: u64, content: Content) {
        self.answered = checkpoint;
        self.send(checkpoint, false, content);
    }

    /// Gives the last part: the task ends.
    pub(in crate::stream) fn leave(self, content: Content) {
        self.send(self.answered + 1, true, content);
    }

    fn send(&self, checkpoint: u64, is_last: bool, content: Content) {
        // A coordinator that is gone has failed.
        let _ = self.parts.send(Part { task: self.task, checkpoint, is_last, content });
    }
}

/// Waits for the next checkpoint that is wanted; for ever where there are none.
pub(in crate::stream) async fn requested(participant: &mut Option<Participant>) -> u64 {
    match participant {
        Some(participant) => participant.requested().await,
        None => std::future::pending().await,
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "task {} for checkpoint {}{}",
            self.task,
            self.checkpoint,
            if self.is_last { ", its last" } else { "" }
        )
    }
}
