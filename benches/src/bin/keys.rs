//! What a key costs: the bytes that it takes beside what the user keeps, and the time that an advance of the watermark takes for keys that do
//! not fire.
//!
//! `cargo run --release -p purlin-benches --bin keys -- [KEYS]` runs jobs on the stream runner with two workers and prints two tables. Bytes are
//! those that are allocated and not freed, as a counting allocator finds them, above what the same job holds of a thousand keys; tables
//! double now and then, so they are looked at from KEYS (a million unless said) to four times as many, in small steps. An advance is CPU time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use purlin::io::memory::{self, Sender};
use purlin::prelude::*;
use purlin::runners::checkpoint::LocalStorage;
use purlin::runners::{CheckpointSettings, Observer, StopHandle, StopMode};
use purlin::state::{DAY, EventTime, EventTimer, Expires, State, Value, WindowExpiration};
use purlin::{BoxError, Failure};

/// What the user keeps: a key and a value of eight bytes each.
const PAYLOAD: f64 = 16.0;
/// Keys that come at a time: so many keys are one element of the source, which keeps what was sent.
const BLOCK: u64 = 1_000;
/// Steps in which keys double.
const STEPS: i32 = 16;
/// All is done once in this time nothing was allocated and next to nothing computed.
const QUIET: Duration = Duration::from_millis(400);
const ADVANCES: i64 = 1_000;
/// The least of so many is told: what else the machine does only adds to it.
const ROUNDS: i64 = 5;
/// Between two advances: else several reach a transform as one.
const PAUSE: Duration = Duration::from_micros(500);
/// Between two checkpoints; long enough for all keys to change.
const INTERVAL: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(300);

#[global_allocator]
static LIVE: Counting = Counting(AtomicUsize::new(0));

/// The system's allocator, and how many bytes are in use.
struct Counting(AtomicUsize);

// SAFETY: all of it is the system allocator's; beside that a number is counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        self.0.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.0.fetch_add(size, Relaxed);
        self.0.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

type Pairs = PCollection<(u64, u64)>;

/// A job to measure: its name, and what it does with pairs.
type Case = (&'static str, fn(Pairs));

fn main() -> Result<(), BoxError> {
    let keys: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |keys| keys.parse())?;
    println!("| bytes of a key beside key and value | least | most | with |");
    println!("|---|---:|---:|---:|");
    let remembering: [Case; 4] = [
        ("one value", |pairs| stateful(pairs, Remember)),
        ("one value with a time to live", |pairs| stateful(pairs, RememberForADay)),
        ("one value and a timer, each at its own time", |pairs| stateful(pairs, Remind)),
        ("a sum in a long window", sum),
    ];
    for case in &remembering {
        bytes_of(case, keys)?;
    }
    for case in [&remembering[0], &remembering[3]] {
        bytes_with_checkpoints(case, keys)?;
    }

    println!();
    println!("| CPU of an advance that fires nothing | 1,000 keys, ns | {keys} keys, ns |");
    println!("|---|---:|---:|");
    let advancing: [Case; 5] = [
        ("one value", |pairs| stateful(pairs, Remember)),
        ("one value, told when its window expires", |pairs| stateful(pairs, TellAtTheEnd)),
        ("one value with a time to live", |pairs| stateful(pairs, RememberForADay)),
        ("one value and a timer", |pairs| stateful(pairs, Remind)),
        ("a sum in a long window", sum),
    ];
    for (name, work) in advancing {
        let [few, many] = [advance(work, BLOCK)?, advance(work, keys)?];
        println!("| {name} | {few} | {many} |");
    }
    Ok(())
}

/// Prints the least and the most that a key takes while keys come.
fn bytes_of(&(name, work): &Case, keys: u64) -> Result<(), BoxError> {
    let mut job = Job::start(work, None)?;
    let base = job.live_with(BLOCK)?;
    let mut found = Vec::new();
    for step in 0..=2 * STEPS {
        let count = rounded(keys as f64 * f64::powf(2.0, f64::from(step) / f64::from(STEPS)));
        let live = job.live_with(count)?;
        found.push((per_key(live - base, count), count));
    }
    print(name, &found);
    job.stop()
}

/// The same just after all keys have changed, and after that was in a checkpoint.
fn bytes_with_checkpoints(&(name, work): &Case, keys: u64) -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let mut settings = CheckpointSettings::new("keys", Arc::new(LocalStorage::open(folder.path())?));
    settings.interval = INTERVAL;
    let mut job = Job::start(work, Some(settings))?;
    let base = job.live_with(BLOCK)?;
    let (mut changed, mut saved) = (Vec::new(), Vec::new());
    for step in 0..=STEPS / 2 {
        let count = rounded(keys as f64 * f64::powf(2.0, 2.0 * f64::from(step) / f64::from(STEPS)));
        let live = job.live_just_changed(count)?;
        changed.push((per_key(live - base, count), count));
        job.next_checkpoint()?;
        saved.push((per_key(job.settled()? - base, count), count));
    }
    print(&format!("{name}, all changed since the last checkpoint"), &changed);
    print(&format!("{name}, all in a checkpoint"), &saved);
    job.stop()
}

fn print(name: &str, found: &[(f64, u64)]) {
    let by_bytes = |a: &&(f64, u64), b: &&(f64, u64)| a.0.total_cmp(&b.0);
    if let (Some((least, _)), Some((most, at))) = (found.iter().min_by(by_bytes), found.iter().max_by(by_bytes)) {
        println!("| {name} | {least:.1} | {most:.1} | {at} keys |");
    }
}

fn rounded(keys: f64) -> u64 {
    (keys / BLOCK as f64) as u64 * BLOCK
}

fn per_key(bytes: usize, keys: u64) -> f64 {
    bytes as f64 / (keys - BLOCK) as f64 - PAYLOAD
}

/// The nanoseconds of CPU time of an advance with so many keys.
fn advance(work: fn(Pairs), keys: u64) -> Result<u64, BoxError> {
    let mut job = Job::start(work, None)?;
    job.live_with(keys)?;
    // The first one may have something to do.
    job.advance_to(0)?;
    let mut least = u64::MAX;
    for round in 0..ROUNDS {
        let before = cpu()?;
        for at in 1..=ADVANCES {
            job.sender.advance_watermark(Timestamp::from_millis(round * ADVANCES + at));
            sleep(PAUSE);
        }
        least = least.min(((cpu()? - before).as_nanos() / ADVANCES as u128) as u64);
    }
    job.stop()?;
    Ok(least)
}

struct Job {
    sender: Sender<u64>,
    /// How many keys were sent.
    sent: u64,
    observer: Arc<Observer>,
    stop: StopHandle,
    run: JoinHandle<Result<(), Failure>>,
}

impl Job {
    fn start(work: fn(Pairs), checkpoints: Option<CheckpointSettings>) -> Result<Self, BoxError> {
        let (sender, stream) = memory::channel();
        let pipeline = Pipeline::new();
        work(pipeline.read("blocks", stream).flat_map("keys", |first| (first..first + BLOCK).map(|key| (key, 1))));
        let graph = pipeline.graph()?;
        let observer = Arc::new(Observer::default());
        let mut runner = StreamRunner::new().parallelism(2).observer(observer.clone());
        if let Some(settings) = checkpoints {
            runner = runner.checkpoints(settings);
        }
        let stop = runner.stop_handle();
        Ok(Job { sender, sent: 0, observer, stop, run: std::thread::spawn(move || runner.run(&graph)) })
    }

    /// Sends keys until it is so many, and says how many bytes are in use then.
    fn live_with(&mut self, keys: u64) -> Result<usize, BoxError> {
        let blocks = (self.sent..keys).step_by(BLOCK as usize);
        for first in blocks {
            self.sender.send(first, Timestamp::from_millis(0));
            // It moves nothing, but ends the bundle: else a thousand blocks are spread out at once.
            self.sender.advance_watermark(Timestamp::MIN);
        }
        self.sent = keys;
        self.settled()
    }

    /// Sends so many keys, all anew, until no checkpoint comes in between, and says how many bytes are in use then.
    fn live_just_changed(&mut self, keys: u64) -> Result<usize, BoxError> {
        loop {
            self.next_checkpoint()?;
            let before = self.checkpoints();
            self.sent = 0;
            let live = self.live_with(keys)?;
            if self.checkpoints() == before {
                return Ok(live);
            }
        }
    }

    /// The bytes in use once nothing moves any more.
    fn settled(&self) -> Result<usize, BoxError> {
        let look = || Ok::<_, BoxError>((LIVE.0.load(Relaxed), cpu()?));
        let mut before = look()?;
        let mut failed = None;
        self.wait(QUIET, || match look() {
            Ok(now) => {
                let last = std::mem::replace(&mut before, now);
                now.0.abs_diff(last.0) < 1 << 10 && now.1.saturating_sub(last.1) < QUIET / 20
            }
            Err(cause) => failed.replace(cause).is_none(),
        })?;
        failed.map_or(Ok(before.0), Err)
    }

    fn advance_to(&self, at: i64) -> Result<(), BoxError> {
        self.sender.advance_watermark(Timestamp::from_millis(at));
        self.settled().map(drop)
    }

    fn checkpoints(&self) -> u64 {
        self.observer.checkpoint().map_or(0, |report| report.checkpoint)
    }

    fn next_checkpoint(&self) -> Result<(), BoxError> {
        let before = self.checkpoints();
        self.wait(Duration::from_millis(1), || self.checkpoints() > before)
    }

    fn wait(&self, between: Duration, mut until: impl FnMut() -> bool) -> Result<(), BoxError> {
        let began = Instant::now();
        sleep(between);
        while !until() {
            if self.run.is_finished() || began.elapsed() > PATIENCE {
                return Err("the job has ended, or takes too long".into());
            }
            sleep(between);
        }
        Ok(())
    }

    fn stop(self) -> Result<(), BoxError> {
        self.stop.stop(StopMode::Stop);
        Ok(self.run.join().map_err(|_| "the job panicked")??)
    }
}

/// The CPU time of this process. Linux only.
fn cpu() -> Result<Duration, BoxError> {
    let mut all = Duration::ZERO;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanos = stat.split_whitespace().next().ok_or("schedstat begins with the time on a CPU")?;
        all += Duration::from_nanos(nanos.parse()?);
    }
    Ok(all)
}

fn sum(pairs: Pairs) {
    pairs.window(Fixed::of(days(1))).combine_per_key("sum", Sum).write("sums", MemorySink::new());
}

fn stateful<D: StatefulDoFn<u64, u64, Out = Output<u64>>>(pairs: Pairs, do_fn: D) {
    pairs.window(Fixed::of(days(1))).par_do_stateful("remember", do_fn).write("nothing", MemorySink::new());
}

#[derive(Clone)]
struct Remember;

impl StatefulDoFn<u64, u64> for Remember {
    type State = Value<u64>;
    type Out = Output<u64>;

    fn process(
        &mut self,
        _: &u64,
        value: u64,
        last: &mut Value<u64>,
        _: &StateContext,
        _: &mut Output<u64>,
    ) -> Result<(), BoxError> {
        last.set(value);
        Ok(())
    }
}

#[derive(Clone)]
struct RememberForADay;

impl StatefulDoFn<u64, u64> for RememberForADay {
    type State = Value<u64, Expires<EventTime, DAY>>;
    type Out = Output<u64>;

    fn process(
        &mut self,
        _: &u64,
        value: u64,
        last: &mut Self::State,
        _: &StateContext,
        _: &mut Output<u64>,
    ) -> Result<(), BoxError> {
        last.set(value);
        Ok(())
    }
}

#[derive(Clone)]
struct TellAtTheEnd;

#[derive(State)]
struct Told {
    last: Value<u64>,
    end: WindowExpiration,
}

impl StatefulDoFn<u64, u64> for TellAtTheEnd {
    type State = Told;
    type Out = Output<u64>;

    fn process(
        &mut self,
        _: &u64,
        value: u64,
        state: &mut Told,
        _: &StateContext,
        _: &mut Output<u64>,
    ) -> Result<(), BoxError> {
        state.last.set(value);
        Ok(())
    }
}

#[derive(Clone)]
struct Remind;

impl StatefulDoFn<u64, u64> for Remind {
    type State = (Value<u64>, EventTimer);
    type Out = Output<u64>;

    fn process(
        &mut self,
        key: &u64,
        value: u64,
        (last, timer): &mut Self::State,
        _: &StateContext,
        _: &mut Output<u64>,
    ) -> Result<(), BoxError> {
        last.set(value);
        timer.set(Timestamp::from_millis((DAY / 2 + key) as i64));
        Ok(())
    }
}
