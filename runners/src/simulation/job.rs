//! A job in a simulated world: started, killed, paused, stopped, started again, until it has ended well.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use purlin_model::graph::Graph;
use purlin_model::transaction::PositionError;
use purlin_model::{Failure, Pipeline};

use super::env::SimulatedEnv;
use super::faults::{Faults, Network};
use super::storage::SimulatedStorage;
use super::surroundings::Surroundings;
use super::tampering;
use super::world::{ProcessId, World};
use crate::observe::Observer;
use crate::reference::ReferenceRunner;
use crate::stream::{CheckpointSettings, StopHandle, StopMode, StreamRunner};

/// A run that takes longer than this has gone round in circles.
const MOST_STEPS: u64 = 3_000_000;
/// A job that is started more often will never end.
const MOST_STARTS: u32 = 60;

/// What the job is called.
const JOB: &str = "simulated";
/// How long nobody tampers after a try for which there was nothing there yet.
const STEPS_BETWEEN_TRIES: u64 = 40;

/// Builds a pipeline whose output goes to [`Surroundings`].
pub type Build = dyn Fn(&Pipeline, &Surroundings) + Send + Sync;

/// A pipeline, a seed, and how much goes wrong.
pub struct Job {
    build: Arc<Build>,
    seed: u64,
    faults: Faults,
    is_drained: bool,
    rots: bool,
    is_tampered_with: bool,
}

/// What became of a job.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How often it was started.
    pub starts: u32,
    /// How many of its processes were killed or left for dead.
    pub kills: u32,
    /// Of these, how many were only paused and went on later.
    pub zombies: u32,
    /// How often it was asked to stop.
    pub stops: u32,
    /// How many checkpoints were committed.
    pub checkpoints: u64,
    /// How often a process went on from its last checkpoint by itself.
    pub recoveries: u64,
    /// How many steps it took.
    pub steps: u64,
    /// Why it could not be started again, for good.
    pub refused: Option<String>,
    /// The encoded elements that a reader of committed output sees, by sink.
    pub written: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Job {
    /// The pipeline that `build` builds, under `seed`.
    pub fn new(build: Arc<Build>, seed: u64, faults: Faults) -> Self {
        Job { build, seed, faults, is_drained: false, rots: false, is_tampered_with: false }
    }

    /// The same job, drained at some moment: it ends before its sources do.
    pub fn drained(self) -> Self {
        Job { is_drained: true, ..self }
    }

    /// The same job, of which some file of some snapshot rots at some moment, at which it is killed. If it needs that file it cannot be
    /// started again.
    pub fn rotting(self) -> Self {
        Job { rots: true, ..self }
    }

    /// The same job, killed at some moment at which somebody has tampered with what it goes on from: with the offsets of its consumer group, or
    /// with the logs that it reads. If that touches it, it cannot be started again.
    pub fn tampered(self) -> Self {
        Job { is_tampered_with: true, ..self }
    }

    /// What the reference runner writes, by sink.
    pub fn expected(build: &Build) -> Result<BTreeMap<String, Vec<Vec<u8>>>, Failure> {
        let surroundings = Surroundings::plain();
        let pipeline = Pipeline::new();
        build(&pipeline, &surroundings);
        ReferenceRunner::new().run(&pipeline.graph()?)?;
        Ok(surroundings.written())
    }

    /// Runs the job to its end. An error says why there was none.
    pub fn run(&self) -> Result<Outcome, String> {
        let world = World::new(self.seed);
        let network = Network::new(world.clone(), self.faults);
        let storage = SimulatedStorage::new(network.clone());
        let surroundings = Surroundings::simulated(network.clone());
        let interval = Duration::from_millis(world.random(|random| 1 << random.u32(0..9)));
        let mut settings = CheckpointSettings::new(JOB, Arc::new(storage.clone()));
        settings.interval = interval;
        let kills = world.random(|random| random.u32(0..=self.faults.kills));
        let stops = world.random(|random| random.u32(0..=self.faults.stops));
        let cuts = world.random(|random| random.u32(0..=self.faults.cuts));
        let mut run = Run {
            job: self,
            world,
            network,
            storage,
            settings,
            surroundings,
            ended: Arc::default(),
            process: 0,
            stop: StopHandle::new(),
            kills_left: kills,
            next_kill: None,
            stops_left: stops,
            next_stop: None,
            drain_at: None,
            trouble_at: None,
            cuts_left: cuts,
            next_cut: None,
            graph: None,
            paused: Vec::new(),
            observers: Vec::new(),
            outcome: Outcome::default(),
        };
        run.go_to_the_end()?;
        if run.surroundings.clusters().iter().any(|cluster| cluster.overwrote_what_was_moved()) {
            return Err("somebody had moved an offset of its consumer group, and it went on as if nobody had".into());
        }
        run.outcome.steps = run.world.steps();
        run.outcome.checkpoints =
            run.observers.iter().filter_map(|each| each.checkpoint()).map(|each| each.checkpoint).max().unwrap_or(0);
        run.outcome.recoveries = run.observers.iter().map(|each| each.recoveries()).sum();
        run.outcome.written = run.surroundings.written();
        Ok(run.outcome)
    }
}

/// When something befalls a process.
#[derive(Clone, Copy)]
enum Moment {
    /// After so many steps of the world.
    Step(u64),
    /// When so many requests or answers have set out.
    Travel(u64),
}

struct Run<'a> {
    job: &'a Job,
    world: World,
    network: Network,
    storage: SimulatedStorage,
    settings: CheckpointSettings,
    surroundings: Surroundings,
    /// How processes ended.
    ended: Arc<Mutex<BTreeMap<ProcessId, Result<(), Failure>>>>,
    /// The one that is at work.
    process: ProcessId,
    /// Stops it.
    stop: StopHandle,
    kills_left: u32,
    /// When the process is killed.
    next_kill: Option<Moment>,
    stops_left: u32,
    /// The step at which the process is asked to stop.
    next_stop: Option<u64>,
    /// From which step on each process is asked to drain, or only the first.
    drain_at: Option<u64>,
    /// When a file rots, or somebody tampers.
    trouble_at: Option<Moment>,
    cuts_left: u32,
    /// The step at which logs are cut.
    next_cut: Option<u64>,
    /// The pipeline, as it was built last.
    graph: Option<Graph>,
    /// Processes that were left for dead, and the steps at which they go on.
    paused: Vec<(ProcessId, u64)>,
    observers: Vec<Arc<Observer>>,
    outcome: Outcome,
}

impl Run<'_> {
    fn go_to_the_end(&mut self) -> Result<(), String> {
        self.start()?;
        loop {
            self.step()?;
            self.kill_if_due()?;
            self.stop_if_due();
            self.cut_if_due();
            self.make_trouble_if_due();
            self.wake_the_dead();
            match self.take_end(self.process) {
                None => {}
                Some(Ok(())) if self.stop.mode() == Some(StopMode::Stop) => self.start()?,
                Some(Ok(())) => break,
                Some(Err(failure)) if self.is_in_trouble() && is_refusal(&failure) => {
                    self.outcome.refused = Some(failure.to_string());
                    break;
                }
                Some(Err(failure)) if failure.is_misuse() => return Err(format!("it is refused: {failure}")),
                // As a supervisor would.
                Some(Err(failure)) if self.outcome.starts < MOST_STARTS => {
                    tracing::debug!("process {} ended: {failure}", self.process);
                    self.start()?;
                }
                Some(Err(failure)) => {
                    return Err(format!("it was started {MOST_STARTS} times, and failed at last: {failure}"));
                }
            }
        }
        // Those left for dead wake up in the end, and what the cluster has accepted is carried out.
        let paused: Vec<_> = self.paused.drain(..).collect();
        paused.iter().for_each(|(process, _)| self.world.resume(*process));
        let alive = |run: &Self| paused.iter().any(|(process, _)| !run.has_ended(*process));
        while alive(self) {
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        if !self.world.step() {
            return Err("nobody goes on: the job waits for something that never comes".into());
        }
        if self.world.steps() > MOST_STEPS {
            return Err(format!("it has not ended after {MOST_STEPS} steps"));
        }
        Ok(())
    }

    /// Starts the job in a new process.
    fn start(&mut self) -> Result<(), String> {
        self.process += 1;
        self.outcome.starts += 1;
        let pipeline = Pipeline::new();
        self.surroundings.build_anew();
        (self.job.build)(&pipeline, &self.surroundings);
        let graph = pipeline.graph().map_err(|failure| failure.to_string())?;
        self.graph = Some(graph.clone());
        let workers = self.world.random(|random| random.usize(1..=3));
        let observer = Arc::new(Observer::default());
        self.observers.push(observer.clone());
        let runner = StreamRunner::new().parallelism(workers).observer(observer).checkpoints(self.settings.clone());
        let (clock_jumps, offset_ms) = (self.job.faults.clock_jumps, AtomicI64::new(0));
        let env = Arc::new(SimulatedEnv { world: self.world.clone(), process: self.process, clock_jumps, offset_ms });
        self.stop = runner.stop_handle();
        let (ended, process) = (self.ended.clone(), self.process);
        let work = async move {
            let result = runner.run_in(env, &graph).await;
            ended.lock().unwrap_or_else(PoisonError::into_inner).insert(process, result);
        };
        self.world.spawn(self.process, Box::pin(work));
        self.next_kill = (self.kills_left > 0).then(|| self.some_moment());
        self.next_stop = (self.stops_left > 0).then(|| self.some_step());
        self.next_cut = (self.cuts_left > 0).then(|| self.some_step());
        if (self.job.rots || self.job.is_tampered_with) && self.outcome.starts == 1 {
            self.trouble_at = Some(self.some_moment());
        }
        if self.job.is_drained && self.outcome.starts == 1 {
            self.drain_at = Some(self.some_step());
        }
        Ok(())
    }

    /// Half of the time in the middle of a request to the storage or to the cluster, where it matters most.
    fn some_moment(&self) -> Moment {
        if self.world.random(|random| random.bool()) {
            return Moment::Step(self.some_step());
        }
        let travels = self.world.random(|random| {
            let most = 2 << random.u32(1..8);
            random.u64(1..most)
        });
        Moment::Travel(self.network.travels() + travels)
    }

    fn is_due(&self, moment: Moment) -> bool {
        match moment {
            Moment::Step(step) => self.world.steps() >= step,
            Moment::Travel(number) => self.network.travels() >= number,
        }
    }

    /// A step to come: often in the middle of starting, sometimes late.
    fn some_step(&self) -> u64 {
        let steps = self.world.random(|random| {
            let most = 2 << random.u32(4..12);
            random.u64(1..most)
        });
        self.world.steps() + steps
    }

    fn stop_if_due(&mut self) {
        let is_due = |step: &u64| *step <= self.world.steps();
        if self.drain_at.as_ref().is_some_and(is_due) {
            self.stop.stop(StopMode::Drain);
            if self.world.random(|random| random.bool()) {
                // Nobody asks its successors again.
                self.drain_at = None;
            }
        } else if self.next_stop.as_ref().is_some_and(is_due) {
            self.next_stop = None;
            self.stops_left -= 1;
            self.outcome.stops += 1;
            self.stop.stop(StopMode::Stop);
        }
    }

    fn kill_if_due(&mut self) -> Result<(), String> {
        if self.next_kill.is_none_or(|moment| !self.is_due(moment)) || self.has_ended(self.process) {
            return Ok(());
        }
        self.next_kill = None;
        self.kills_left -= 1;
        self.outcome.kills += 1;
        let zombies = self.job.faults.zombies;
        if self.world.random(|random| random.u32(0..100)) < zombies {
            self.outcome.zombies += 1;
            self.world.pause(self.process);
            self.paused.push((self.process, self.some_step()));
        } else {
            self.world.kill(self.process);
        }
        self.start()
    }

    fn cut_if_due(&mut self) {
        if self.next_cut.is_some_and(|step| step <= self.world.steps()) {
            self.cuts_left -= 1;
            self.next_cut = (self.cuts_left > 0).then(|| self.some_step());
            tampering::retain(&self.world, &self.committed());
        }
    }

    fn make_trouble_if_due(&mut self) {
        if !self.trouble_at.is_some_and(|moment| self.is_due(moment)) {
            return;
        }
        let is_done = match self.job.rots {
            true => self.storage.rot(),
            false => tampering::tamper(&self.world, &self.surroundings, &self.committed()),
        };
        if is_done {
            self.trouble_at = None;
            // What it has in memory is whole; what counts is what it could start from.
            self.kills_left += 1;
            self.next_kill = Some(Moment::Step(0));
        } else {
            self.trouble_at = Some(Moment::Step(self.world.steps() + STEPS_BETWEEN_TRIES));
        }
    }

    fn is_in_trouble(&self) -> bool {
        (self.job.rots || self.job.is_tampered_with) && self.trouble_at.is_none()
    }

    fn committed(&self) -> Vec<tampering::Committed> {
        let graph = self.graph.iter();
        graph.flat_map(|graph| tampering::committed(graph, &self.surroundings, &self.storage, JOB)).collect()
    }

    fn wake_the_dead(&mut self) {
        let now = self.world.steps();
        let world = &self.world;
        self.paused.retain(|(process, step)| {
            let sleeps = *step > now;
            if !sleeps {
                world.resume(*process);
            }
            sleeps
        });
    }

    fn has_ended(&self, process: ProcessId) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&process)
    }

    fn take_end(&self, process: ProcessId) -> Option<Result<(), Failure>> {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(&process)
            .map(|result| std::mem::replace(result, Ok(())))
    }
}

/// Whether a job says that it cannot go on from where it is, whatever is tried again.
fn is_refusal(failure: &Failure) -> bool {
    match failure {
        Failure::Source { cause, .. } => cause.is::<PositionError>(),
        failure => failure.is_misuse(),
    }
}
