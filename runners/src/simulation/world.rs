//! Tasks, processes, and a clock that moves when nothing else does.
//!
//! A process is a group of tasks. It can be killed, which drops all of them between two steps, or paused and go on later, as one does that
//! was swapped out or cut off. Process 0 is the world's own: brokers, which nobody kills.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::task::{ArcWake, waker};

/// Names a process.
pub(super) type ProcessId = usize;

/// The world's own process.
pub(super) const BROKERS: ProcessId = 0;

/// When the virtual clock starts: some day in 2023.
const START_MS: i64 = 1_700_000_000_000;

/// How often time passes though somebody could go on: once in so many steps.
const TIME_PASSES: usize = 40;

/// A span that nobody waits out: whoever sleeps so long waits for something else, and time does not leap to its end.
const FOR_EVER: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);

/// Everything that runs.
#[derive(Clone)]
pub(super) struct World {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    ready: Arc<Mutex<Vec<usize>>>,
}

struct State {
    random: fastrand::Rng,
    now_ms: i64,
    steps: u64,
    tasks: BTreeMap<usize, Task>,
    next_task: usize,
    /// Who is woken when, each under a number of its own. What nobody waits for any more is not there.
    alarms: BTreeMap<(i64, u64), Waker>,
    next_alarm: u64,
    paused: Vec<ProcessId>,
}

struct Task {
    process: ProcessId,
    /// Away while it is polled.
    work: Option<BoxFuture<'static, ()>>,
}

struct WakeTask {
    task: usize,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl ArcWake for WakeTask {
    fn wake_by_ref(wake: &Arc<Self>) {
        let mut ready = lock(&wake.ready);
        if !ready.contains(&wake.task) {
            ready.push(wake.task);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed),
            now_ms: START_MS,
            steps: 0,
            tasks: BTreeMap::new(),
            next_task: 0,
            alarms: BTreeMap::new(),
            next_alarm: 0,
            paused: Vec::new(),
        };
        World { shared: Arc::new(Shared { state: Mutex::new(state), ready: Arc::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    /// Asks the dice.
    pub(super) fn random<T>(&self, ask: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        ask(&mut self.state().random)
    }

    /// The virtual time.
    pub(super) fn now_ms(&self) -> i64 {
        self.state().now_ms
    }

    /// Waits for a span of virtual time; for one that is [for ever](FOR_EVER), without an end.
    pub(super) fn sleep(&self, span: Duration) -> Sleep {
        let span_ms = i64::try_from(span.min(FOR_EVER).as_millis()).unwrap_or(i64::MAX);
        let at_ms = (span < FOR_EVER).then(|| self.now_ms() + span_ms);
        Sleep { world: self.clone(), at_ms, alarm: None }
    }

    /// Adds a task to a process.
    pub(super) fn spawn(&self, process: ProcessId, work: BoxFuture<'static, ()>) {
        let mut state = self.state();
        let task = state.next_task;
        state.next_task += 1;
        state.tasks.insert(task, Task { process, work: Some(work) });
        lock(&self.shared.ready).push(task);
    }

    /// Ends a process between two of its steps.
    pub(super) fn kill(&self, process: ProcessId) {
        let mut state = self.state();
        let dead: Vec<usize> =
            state.tasks.iter().filter(|(_, task)| task.process == process).map(|(id, _)| *id).collect();
        let dropped: Vec<Option<Task>> = dead.iter().map(|id| state.tasks.remove(id)).collect();
        // What a task drops may ask for the time.
        drop(state);
        drop(dropped);
    }

    /// Lets a process stand still.
    pub(super) fn pause(&self, process: ProcessId) {
        self.state().paused.push(process);
    }

    /// Lets a process that was paused go on.
    pub(super) fn resume(&self, process: ProcessId) {
        self.state().paused.retain(|paused| *paused != process);
    }

    /// How many steps were taken.
    pub(super) fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Lets one task take one step, or time pass; `false` if nobody will ever go on.
    pub(super) fn step(&self) -> bool {
        let (task, mut work) = {
            let mut state = self.state();
            state.steps += 1;
            // Work takes time, too.
            state.now_ms += if state.random.bool() { state.random.i64(0..5) } else { 0 };
            let mut ready = lock(&self.shared.ready);
            ready.retain(|task| state.tasks.contains_key(task));
            // Who was woken first may depend on more than the seed.
            ready.sort_unstable();
            let state = &mut *state;
            let can: Vec<usize> = (0..ready.len())
                .filter(|at| state.tasks.get(&ready[*at]).is_some_and(|task| !state.paused.contains(&task.process)))
                .collect();
            if can.is_empty() || state.random.usize(0..TIME_PASSES) == 0 {
                let rang = state.pass_time();
                drop(ready);
                let could = !can.is_empty();
                let any = rang.is_some();
                rang.into_iter().flatten().for_each(Waker::wake);
                return any || could;
            }
            let at = can[state.random.usize(0..can.len())];
            let task = ready.swap_remove(at);
            let Some(work) = state.tasks.get_mut(&task).and_then(|task| task.work.take()) else { return true };
            (task, work)
        };
        let waker = waker(Arc::new(WakeTask { task, ready: self.shared.ready.clone() }));
        let done = work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let finished = {
            let mut state = self.state();
            if done {
                state.tasks.remove(&task)
            } else {
                if let Some(task) = state.tasks.get_mut(&task) {
                    task.work = Some(work);
                    return true;
                }
                None
            }
        };
        drop(finished);
        true
    }
}

impl State {
    /// Moves the clock to the next alarm, and gives those that ring.
    fn pass_time(&mut self) -> Option<Vec<Waker>> {
        let (at_ms, _) = *self.alarms.first_key_value()?.0;
        self.now_ms = self.now_ms.max(at_ms);
        let later = self.alarms.split_off(&(self.now_ms + 1, 0));
        Some(std::mem::replace(&mut self.alarms, later).into_values().collect())
    }
}

/// A span of virtual time. Its alarm goes with it.
pub(super) struct Sleep {
    world: World,
    /// `None`: it never ends.
    at_ms: Option<i64>,
    alarm: Option<(i64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at_ms) = self.at_ms else { return Poll::Pending };
        let world = self.world.clone();
        let mut state = world.state();
        if state.now_ms >= at_ms {
            return Poll::Ready(());
        }
        let next = state.next_alarm;
        let alarm = *self.alarm.get_or_insert((at_ms, next));
        state.next_alarm = next.max(alarm.1 + 1);
        state.alarms.insert(alarm, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm {
            self.world.state().alarms.remove(&alarm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64) -> Vec<u8> {
        let world = World::new(seed);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for number in 0..4 {
            let (world_, seen) = (world.clone(), seen.clone());
            let work = async move {
                for _ in 0..3 {
                    world_.sleep(Duration::from_millis(10)).await;
                    lock(&seen).push(number);
                }
            };
            world.spawn(1, Box::pin(work));
        }
        while world.step() {}
        assert!(world.now_ms() >= START_MS + 30);
        std::mem::take(&mut *lock(&seen))
    }

    #[test]
    fn a_seed_is_a_schedule() {
        assert_eq!(order(7), order(7));
        assert!((0..20).any(|seed| order(seed) != order(7)), "schedules differ");
    }

    #[test]
    fn a_killed_process_takes_no_step_and_a_paused_one_goes_on_later() {
        let world = World::new(1);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for process in [1, 2] {
            let (world_, seen) = (world.clone(), seen.clone());
            let work = async move {
                world_.sleep(Duration::from_millis(10)).await;
                lock(&seen).push(process);
            };
            world.spawn(process, Box::pin(work));
        }
        world.kill(1);
        world.pause(2);
        while world.step() {}
        assert!(lock(&seen).is_empty());
        world.resume(2);
        while world.step() {}
        assert_eq!(*lock(&seen), [2]);
    }

    #[test]
    fn time_does_not_pass_for_those_who_wait_no_more_or_for_ever() {
        let world = World::new(1);
        let world_ = world.clone();
        let work = async move {
            let long = world_.sleep(Duration::from_secs(1_000_000));
            let short = world_.sleep(Duration::from_millis(10));
            futures::future::select(long, short).await;
            world_.sleep(Duration::MAX).await;
        };
        world.spawn(1, Box::pin(work));
        while world.step() {}
        let passed_ms = world.now_ms() - START_MS;
        assert!((10..1_000).contains(&passed_ms), "{passed_ms}");
    }
}
