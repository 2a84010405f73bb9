//! A reader: the splits of one source on one worker, read concurrently into one channel.
//!
//! Every open split has one read under way; what it gives is sent on before the split is read again, so a full channel
//! stops reading. Splits of a finite input whose reads never wait and that tell nothing of time are opened one after the other: together they
//! would be no faster, and would mix what lies far apart in the input, and mostly in time, so that more windows are at work at once. Statuses and
//! the watermark are the [`SplitWatermarks`] machine's business. Where there are checkpoints, a split's position is that behind the last bundle
//! it gave, and a barrier goes out behind what was given.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, Either, poll_immediate, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use purlin_model::bundle::AnyBundle;
use purlin_model::coder::AnyCoder;
use purlin_model::graph::NodeId;
use purlin_model::source::{AnyReader, AnySource, Boundedness, Io, Progress};
use purlin_model::{BoxError, Failure, Timestamp};

use super::channel::Sender;
use super::checkpoint::{Content, Participant, requested};
use super::discovery::{Discovery, LookOut};
use super::env::Env;
use super::message::Message;
use super::stop::{StopHandle, StopMode};
use crate::checkpoint::SplitState;
use crate::core::{SplitStatus, SplitWatermarks};
use crate::observe::{Observer, SplitReport};
use crate::user_code::guarded_async;

/// How often idleness is looked for and statuses are reported.
const TICK: Duration = Duration::from_millis(100);

/// A split that gives nothing for so long is told of as silent, whether or not that makes it idle.
const SILENT_AFTER_MS: i64 = 1_000;

/// All that a reader's task needs.
pub(super) struct ReaderTask {
    pub(super) node: NodeId,
    pub(super) transform: String,
    pub(super) source: Arc<dyn AnySource>,
    pub(super) coder: Arc<dyn AnyCoder>,
    pub(super) splits: Vec<SplitState>,
    /// Where this reader looks for splits that come up.
    pub(super) discovery: Option<LookOut>,
    pub(super) to: Sender,
    pub(super) env: Arc<dyn Env>,
    pub(super) observer: Arc<Observer>,
    pub(super) stop: StopHandle,
    /// Where there are checkpoints.
    pub(super) participant: Option<Participant>,
}

/// A finished read: the split's number, its reader, what it found.
struct Read {
    split: usize,
    reader: Box<dyn AnyReader>,
    bundle: Box<dyn AnyBundle>,
    found: Result<Result<Progress, BoxError>, Failure>,
}

type Reads = FuturesUnordered<BoxFuture<'static, Read>>;

/// What a reader waits for.
enum Woken {
    Stopped(StopMode),
    Barrier(u64),
    Tick,
    Discovered(Vec<SplitState>),
    Read(Option<Read>),
}

/// The splits that are read, by number.
struct Splits {
    names: Vec<Arc<str>>,
    status: SplitWatermarks,
    positions: Vec<SplitState>,
    reads: Reads,
    /// Those that are still to be opened.
    unopened: VecDeque<usize>,
    /// They are opened one after the other.
    in_turn: bool,
    /// Positions are wanted.
    are_tracked: bool,
}

impl ReaderTask {
    /// Reads until all splits have ended or the pipeline is stopped.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        let timeout = self.source.idle_timeout().and_then(|span| i64::try_from(span.as_millis()).ok());
        let status = SplitWatermarks::new(timeout);
        let are_tracked = self.participant.is_some();
        let in_turn = self.source.boundedness() == Boundedness::Bounded && self.source.io() == Io::Local;
        let (names, positions, reads, unopened) = (Vec::new(), Vec::new(), Reads::new(), VecDeque::new());
        let mut splits = Splits { names, status, positions, reads, unopened, in_turn, are_tracked };
        std::mem::take(&mut self.splits).into_iter().for_each(|split| self.take_up(split, &mut splits));
        self.open_next(&mut splits).await?;
        let mut discovery = self.discovery.take().map(Discovery::new);
        let mut participant = self.participant.take();
        let stop = self.stop.clone();
        let mut stopped = Box::pin(stop.stopped()).fuse();
        let mut tick = self.env.sleep(TICK);
        let mut announced = Announced { watermark: Timestamp::MIN, idle: false };
        let mut is_drained = false;
        while !splits.status.all_finished() {
            let woken = {
                let barrier = Box::pin(requested(&mut participant));
                let discovered = Box::pin(Discovery::found(&mut discovery));
                let control = select(&mut stopped, select(barrier, discovered));
                match select(control, select(&mut tick, splits.reads.next())).await {
                    Either::Left((Either::Left((mode, _)), _)) => Woken::Stopped(mode),
                    Either::Left((Either::Right((Either::Left((barrier, _)), _)), _)) => Woken::Barrier(barrier),
                    Either::Left((Either::Right((Either::Right((found, _)), _)), _)) => Woken::Discovered(found),
                    Either::Right((Either::Left(_), _)) => Woken::Tick,
                    Either::Right((Either::Right((read, _)), _)) => Woken::Read(read),
                }
            };
            match woken {
                Woken::Stopped(mode) => {
                    is_drained = mode == StopMode::Drain;
                    break;
                }
                Woken::Barrier(checkpoint) => {
                    self.send(Message::Barrier(checkpoint), &mut splits).await;
                    let content = self.positions(&splits);
                    if let Some(participant) = &mut participant {
                        participant.answer(checkpoint, content);
                    }
                }
                Woken::Tick => {
                    splits.status.tick(self.env.steady_ms());
                    self.report(&splits.status);
                    tick = self.env.sleep(TICK);
                }
                Woken::Discovered(found) => {
                    for split in found {
                        tracing::info!("`{}` has a new split: {}", self.transform, split.split.name);
                        self.take_up(split, &mut splits);
                    }
                    self.open_next(&mut splits).await?;
                }
                Woken::Read(None) => break,
                Woken::Read(Some(done)) => self.take_in(done, &mut splits, &mut announced).await?,
            }
            self.announce(&mut splits, &mut announced).await;
        }
        if is_drained || splits.status.all_finished() {
            self.to.send(Message::Watermark(Timestamp::MAX)).await;
        }
        self.report(&splits.status);
        self.to.send(Message::End).await;
        if is_drained {
            for position in splits.positions.iter_mut().filter(|position| !position.finished) {
                (position.finished, position.watermark_ms) = (true, SplitState::DRAINED_MS);
            }
        }
        let content = self.positions(&splits);
        if let Some(participant) = participant {
            participant.leave(content);
        }
        Ok(())
    }

    /// Adds a split, which is to be opened unless it has ended.
    fn take_up(&self, split: SplitState, splits: &mut Splits) {
        let name = split.split.name.clone();
        if split.finished {
            splits.status.add_finished(name.clone());
        } else {
            let watermark = Timestamp::from_millis(split.watermark_ms);
            let number = splits.status.add(name.clone(), watermark, self.env.steady_ms());
            splits.unopened.push_back(number);
            splits.in_turn &= watermark == Timestamp::MIN;
        }
        splits.names.push(Arc::from(name));
        splits.positions.push(split);
    }

    /// Opens all splits whose turn it is, each where it stands, and begins to read them.
    async fn open_next(&self, splits: &mut Splits) -> Result<(), Failure> {
        while (splits.reads.is_empty() || !splits.in_turn)
            && let Some(number) = splits.unopened.pop_front()
        {
            let name = splits.names[number].clone();
            let opening = self.source.open(splits.positions[number].split.clone());
            let opened = guarded_async(&self.transform, Some(&name), opening).await?;
            let reader = opened.map_err(|cause| self.failed(&name, cause))?;
            splits.status.asked(number, self.env.steady_ms());
            splits.reads.push(self.read(number, &name, reader));
        }
        Ok(())
    }

    /// Hands on what a read gave, and reads on.
    async fn take_in(&self, done: Read, splits: &mut Splits, announced: &mut Announced) -> Result<(), Failure> {
        let Read { split, reader, bundle, found } = done;
        let name = splits.names[split].clone();
        let progress = found?.map_err(|cause| self.failed(&name, cause))?;
        let watermark = reader.watermark();
        self.observer.lag(&name, reader.lag());
        let status = &mut splits.status;
        if bundle.is_empty() && progress == Progress::More && watermark <= status.split_watermark(split) {
            status.gave_nothing(split, reader.is_caught_up(), self.env.steady_ms());
            splits.reads.push(self.read(split, &name, reader));
            return Ok(());
        }
        status.gave(split, watermark);
        splits.in_turn &= watermark == Timestamp::MIN || progress == Progress::End;
        self.observer.read(bundle.len());
        if splits.are_tracked {
            let position = &mut splits.positions[split];
            position.split = reader.remaining().map_err(|cause| self.failed(&name, cause))?;
            position.watermark_ms = status.split_watermark(split).millis();
            position.finished = progress == Progress::End;
        }
        if !bundle.is_empty() {
            announced.idle = false;
            self.send(Message::Data { bundle, origin: Some(name.clone()) }, splits).await;
        }
        if progress == Progress::End {
            splits.status.finished(split);
            drop(reader);
        } else {
            splits.status.asked(split, self.env.steady_ms());
            splits.reads.push(self.read(split, &name, reader));
        }
        self.open_next(splits).await
    }

    fn read(&self, split: usize, name: &Arc<str>, mut reader: Box<dyn AnyReader>) -> BoxFuture<'static, Read> {
        let mut bundle = self.coder.new_bundle();
        let (transform, name) = (self.transform.clone(), name.clone());
        async move {
            let found = guarded_async(&transform, Some(&name), reader.read(&mut *bundle)).await;
            Read { split, reader, bundle, found }
        }
        .boxed()
    }

    fn positions(&self, splits: &Splits) -> Content {
        Content::Positions { source: self.node, splits: splits.positions.clone() }
    }

    /// Sends on what has changed of the watermark and of idleness.
    async fn announce(&self, splits: &mut Splits, announced: &mut Announced) {
        let (watermark, all_idle) = (splits.status.watermark(), splits.status.all_idle());
        // One that was idle counts again.
        if watermark > announced.watermark || announced.idle && !all_idle {
            announced.watermark = announced.watermark.max(watermark);
            announced.idle = false;
            self.send(Message::Watermark(announced.watermark), splits).await;
        }
        if all_idle && !announced.idle {
            announced.idle = true;
            self.send(Message::Idle, splits).await;
        }
    }

    /// Sends, and waits for room. Meanwhile no split is asked, and whoever looks is told so: it is not they who are silent.
    async fn send(&self, message: Message, splits: &mut Splits) {
        let mut sending = pin!(self.to.send(message));
        if poll_immediate(&mut sending).await.is_some() {
            return;
        }
        let (since_ms, since) = (self.env.steady_ms(), Timestamp::from_millis(self.env.now_ms()));
        splits.names.iter().for_each(|name| self.observer.blocked(name, Some(since)));
        sending.await;
        splits.names.iter().for_each(|name| self.observer.blocked(name, None));
        splits.status.blocked(self.env.steady_ms() - since_ms);
    }

    fn report(&self, status: &SplitWatermarks) {
        let steady_ms = self.env.steady_ms();
        let at = |since_ms: i64| Timestamp::from_millis(self.env.now_ms() - (steady_ms - since_ms));
        for (number, (name, split_status, watermark)) in status.splits().enumerate() {
            let words = match split_status {
                SplitStatus::Active => "active".to_string(),
                SplitStatus::Idle { since_ms } => format!("idle since {}", at(since_ms)),
                SplitStatus::Finished => "finished".to_string(),
            };
            let silent = status.silent_since(number).filter(|since_ms| steady_ms - since_ms >= SILENT_AFTER_MS);
            let silent_since = silent.map(at);
            self.observer
                .split(name, SplitReport { status: words, watermark, silent_since, blocked_since: None, lag: None });
        }
    }

    fn failed(&self, split: &str, cause: BoxError) -> Failure {
        Failure::Source { transform: self.transform.clone(), origin: Some(split.to_string()), cause }
    }
}

struct Announced {
    watermark: Timestamp,
    idle: bool,
}
