//! What the tasks have given for the checkpoint under way, and the wait for the rest.
//!
//! A barrier travels behind all that its channels hold, so a checkpoint takes as long as the slowest task with what lies before it. That is
//! no error however long it takes; but nothing is committed meanwhile, and whoever looks on wants to know whom it waits for.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{Either, select};
use purlin_model::graph::NodeId;
use tokio::sync::mpsc;

use super::participant::{Content, Part, StagePart, TaskId, TaskName};
use crate::checkpoint::SplitState;
use crate::stream::env::Env;

/// After how long a wait is told of. Barriers pass full channels within seconds, and a transaction stays open about two minutes beyond
/// the interval: this is late enough to mean something, and early enough to act on.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many tasks are named that have not answered.
const NAMED: usize = 3;

/// What is there of the checkpoint under way and of those that follow.
#[derive(Default)]
pub(super) struct Gathered {
    answers: BTreeMap<TaskId, Content>,
    /// Tasks that have ended, and the first checkpoint that their last part belongs to.
    ended: BTreeMap<TaskId, (u64, Option<Content>)>,
    /// What every task is known to hold: positions and shards of tasks that have ended stand in every later checkpoint.
    pub(super) positions: BTreeMap<TaskId, (NodeId, Vec<SplitState>)>,
    pub(super) stages: BTreeMap<TaskId, StagePart>,
    pub(super) calls: BTreeMap<TaskId, (String, Vec<u8>)>,
}

impl Gathered {
    /// Takes in what a task has given.
    pub(super) fn take(&mut self, part: Part) {
        if part.is_last {
            self.ended.insert(part.task, (part.checkpoint, Some(part.content)));
        } else {
            self.answers.insert(part.task, part.content);
        }
    }

    /// Waits until every task has answered the barrier, and says who has not after a minute and each time that span has doubled. `false` says
    /// that tasks are gone before their time.
    pub(super) async fn complete(
        &mut self,
        checkpoint: u64,
        tasks: &[TaskName],
        parts: &mut mpsc::UnboundedReceiver<Part>,
        env: &dyn Env,
        mut tell: impl FnMut(String),
    ) -> bool {
        let mut waited = PATIENCE;
        let mut due = env.sleep(waited);
        while !self.is_complete(checkpoint, tasks.len()) {
            match select(Box::pin(parts.recv()), due).await {
                Either::Left((part, still_due)) => {
                    let Some(part) = part else { return false };
                    self.take(part);
                    due = still_due;
                }
                Either::Right(_) => {
                    tell(self.slow(checkpoint, tasks, waited));
                    due = env.sleep(waited);
                    waited *= 2;
                }
            }
        }
        true
    }

    fn slow(&self, checkpoint: u64, tasks: &[TaskName], waited: Duration) -> String {
        let missing: Vec<_> =
            tasks.iter().enumerate().filter(|(task, _)| !self.has_answered(checkpoint, *task)).collect();
        let named: Vec<_> = missing.iter().take(NAMED).map(|(_, name)| name.to_string()).collect();
        let more = match missing.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "checkpoint {checkpoint} has waited for {} s, and of {} tasks {} have not answered: {}{more}. The barrier is behind slow work there, or behind \
             the back pressure of what follows; nothing is committed meanwhile",
            waited.as_secs(),
            tasks.len(),
            missing.len(),
            named.join(", ")
        )
    }

    /// Whether a task has answered the barrier of this checkpoint, or had ended before it came.
    fn has_answered(&self, checkpoint: u64, task: TaskId) -> bool {
        self.answers.contains_key(&task) || self.ended.get(&task).is_some_and(|(first, _)| *first <= checkpoint)
    }

    /// Whether every task has ended.
    pub(super) fn nobody_is_left(&self, tasks: usize) -> bool {
        self.ended.len() == tasks
    }

    /// Whether every task had ended before the barrier of this checkpoint came.
    pub(super) fn everything_ended(&self, checkpoint: u64, tasks: usize) -> bool {
        self.ended.values().filter(|(first, _)| *first <= checkpoint).count() == tasks
    }

    /// Whether every task has answered the barrier of this checkpoint, or had ended before it came.
    fn is_complete(&self, checkpoint: u64, tasks: usize) -> bool {
        let ended =
            self.ended.iter().filter(|(task, (first, _))| *first <= checkpoint && !self.answers.contains_key(task));
        self.answers.len() + ended.count() == tasks
    }

    /// What the tasks contribute to this checkpoint.
    pub(super) fn contributions(&mut self, checkpoint: u64) -> Vec<(TaskId, Content)> {
        let mut all: Vec<_> = std::mem::take(&mut self.answers).into_iter().collect();
        for (task, (first, content)) in &mut self.ended {
            if *first <= checkpoint
                && let Some(content) = content.take()
            {
                all.push((*task, content));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::sync::Mutex;

    use futures::FutureExt;
    use futures::channel::oneshot;
    use futures::future::{BoxFuture, LocalBoxFuture};

    use super::*;

    /// A world whose clock is a bell that the test rings.
    #[derive(Default)]
    struct Bell(Mutex<Vec<(u64, oneshot::Sender<()>)>>);

    impl Bell {
        /// Rings for whoever sleeps; gives the seconds that they wanted to.
        fn ring(&self) -> u64 {
            let (span, ring) = self.0.lock().unwrap().pop().expect("somebody sleeps");
            ring.send(()).expect("it still sleeps");
            span
        }
    }

    impl Env for Bell {
        fn now_ms(&self) -> i64 {
            unreachable!("nobody needs to know")
        }

        fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
            let (ring, rung) = oneshot::channel();
            self.0.lock().unwrap().push((span.as_secs(), ring));
            rung.map(drop).boxed()
        }

        fn spawn(&self, _: BoxFuture<'static, ()>) {
            unreachable!("nobody has anything to spawn")
        }
    }

    fn part(task: TaskId, checkpoint: u64, is_last: bool) -> Part {
        Part { task, checkpoint, is_last, content: Content::Positions { source: NodeId(0), splits: Vec::new() } }
    }

    /// A wait for checkpoint 7 of five tasks, polled by hand.
    struct Waiting<'a> {
        complete: LocalBoxFuture<'a, bool>,
        said: Rc<RefCell<Vec<String>>>,
    }

    impl<'a> Waiting<'a> {
        fn new(gathered: &'a mut Gathered, parts: &'a mut mpsc::UnboundedReceiver<Part>, bell: &'a Bell) -> Self {
            let names: Vec<_> = (0..5).map(|task| TaskName::new(format!("step {}", task / 2), task % 2)).collect();
            let said = Rc::new(RefCell::<Vec<String>>::default());
            let say = said.clone();
            let tell = move |slow| say.borrow_mut().push(slow);
            let complete = async move { gathered.complete(7, &names, parts, bell, tell).await };
            Waiting { complete: complete.boxed_local(), said }
        }

        /// Lets it go on as far as it can: what it says, if anything, and whether it is over.
        fn go_on(&mut self) -> (Option<String>, bool) {
            let over = (&mut self.complete).now_or_never();
            let mut said = self.said.take();
            assert!(said.len() <= 1, "{said:?}");
            (said.pop(), over.map(|whole| assert!(whole, "no task is gone")).is_some())
        }
    }

    #[test]
    fn a_long_wait_is_told_each_time_it_has_doubled_with_those_it_waits_for() {
        let (give, mut parts) = mpsc::unbounded_channel();
        let (bell, mut gathered) = (Bell::default(), Gathered::default());
        // It had ended in good time.
        gathered.take(part(1, 7, true));
        let mut waiting = Waiting::new(&mut gathered, &mut parts, &bell);
        let mut told_after = |seconds, parts: &[&str]| {
            assert_eq!(waiting.go_on(), (None, false), "nothing is told before its time");
            assert_eq!(bell.ring(), seconds);
            let (slow, is_over) = waiting.go_on();
            let slow = slow.expect("it is told");
            assert!(!is_over && parts.iter().all(|part| slow.contains(part)), "{slow}");
        };
        let missing = "of 5 tasks 4 have not answered: `step 0` [0], `step 1` [0], `step 1` [1] and 1 more. ";
        told_after(60, &["checkpoint 7", "for 60 s", missing]);
        give.send(part(0, 7, false)).unwrap();
        // It has ended, but behind a barrier that it answers on the way.
        give.send(part(3, 8, true)).unwrap();
        let missing = "of 5 tasks 3 have not answered: `step 1` [0], `step 1` [1], `step 2` [0]. ";
        told_after(60, &["for 120 s", missing]);
        told_after(120, &["for 240 s", missing]);
        (2..5).for_each(|task| give.send(part(task, 7, false)).unwrap());
        assert_eq!(waiting.go_on(), (None, true));
    }

    #[test]
    fn a_wait_that_is_over_in_time_is_not_told() {
        let (give, mut parts) = mpsc::unbounded_channel();
        let (bell, mut gathered) = (Bell::default(), Gathered::default());
        (0..5).for_each(|task| give.send(part(task, 7, task == 4)).unwrap());
        assert_eq!(Waiting::new(&mut gathered, &mut parts, &bell).go_on(), (None, true));
    }

    #[test]
    fn a_wait_for_tasks_that_are_gone_is_over() {
        let (give, mut parts) = mpsc::unbounded_channel();
        drop(give);
        let (bell, mut gathered) = (Bell::default(), Gathered::default());
        let names = [TaskName::new("step", 0)];
        let is_complete = gathered.complete(7, &names, &mut parts, &bell, |_| {});
        assert_eq!(is_complete.now_or_never(), Some(false));
    }
}
