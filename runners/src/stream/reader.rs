//! A reader: the splits of one source on one worker, read concurrently into one channel.
//!
//! Every open split has one read under way; what it gives is sent on before the split is read again, so a full channel
//! stops reading. Statuses and the watermark are the [`SplitWatermarks`] machine's business.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use purlin_model::bundle::AnyBundle;
use purlin_model::coder::AnyCoder;
use purlin_model::source::{AnyReader, AnySource, AnySplit, Progress};
use purlin_model::{BoxError, Failure, Timestamp};

use super::channel::Sender;
use super::env::Env;
use super::message::Message;
use super::stop::{StopHandle, StopMode};
use crate::core::{SplitStatus, SplitWatermarks};
use crate::observe::{Observer, SplitReport};
use crate::user_code::guarded_async;

/// How often idleness is looked for and statuses are reported.
const TICK: Duration = Duration::from_millis(100);

/// All that a reader's task needs.
pub(super) struct ReaderTask {
    pub(super) transform: String,
    pub(super) source: Arc<dyn AnySource>,
    pub(super) coder: Arc<dyn AnyCoder>,
    pub(super) splits: Vec<AnySplit>,
    pub(super) to: Sender,
    pub(super) env: Arc<dyn Env>,
    pub(super) observer: Arc<Observer>,
    pub(super) stop: StopHandle,
}

/// A finished read: the split's number, its reader, what it found.
struct Read {
    split: usize,
    reader: Box<dyn AnyReader>,
    bundle: Box<dyn AnyBundle>,
    found: Result<Result<Progress, BoxError>, Failure>,
}

impl ReaderTask {
    /// Reads until all splits have ended or the pipeline is stopped.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let names: Vec<Arc<str>> = self.splits.iter().map(|split| Arc::from(split.name.as_str())).collect();
        let timeout = self.source.idle_timeout().and_then(|span| i64::try_from(span.as_millis()).ok());
        let status_names = names.iter().map(|name| name.to_string()).collect();
        let mut status = SplitWatermarks::new(status_names, timeout, self.env.now_ms());
        let mut reads = FuturesUnordered::new();
        for (number, split) in self.splits.iter().enumerate() {
            let opened = guarded_async(&self.transform, Some(&names[number]), self.source.open(split.clone())).await?;
            let reader = opened.map_err(|cause| self.failed(&names[number], cause))?;
            status.asked(number, self.env.now_ms());
            reads.push(self.read(number, &names[number], reader));
        }
        let mut stopped = Box::pin(self.stop.stopped()).fuse();
        let mut tick = self.env.sleep(TICK);
        let mut announced = Announced { watermark: Timestamp::MIN, idle: false };
        while !status.all_finished() {
            let woken = select(&mut stopped, select(&mut tick, reads.next())).await;
            match woken {
                Either::Left((mode, _)) => {
                    if mode == StopMode::Drain {
                        self.to.send(Message::Watermark(Timestamp::MAX)).await;
                    }
                    break;
                }
                Either::Right((Either::Left(_), _)) => {
                    status.tick(self.env.now_ms());
                    self.report(&status);
                    tick = self.env.sleep(TICK);
                }
                Either::Right((Either::Right((None, _)), _)) => break,
                Either::Right((Either::Right((Some(done), _)), _)) => {
                    let Read { split, reader, bundle, found } = done;
                    let progress = found?.map_err(|cause| self.failed(&names[split], cause))?;
                    let watermark = reader.watermark();
                    self.observer.lag(&names[split], reader.lag());
                    if bundle.is_empty() && progress == Progress::More && watermark <= status.split_watermark(split) {
                        status.gave_nothing(split, reader.is_caught_up(), self.env.now_ms());
                        reads.push(self.read(split, &names[split], reader));
                        continue;
                    }
                    status.gave(split, watermark);
                    self.observer.read(bundle.len());
                    if !bundle.is_empty() {
                        announced.idle = false;
                        let before_ms = self.env.now_ms();
                        self.to.send(Message::Data { bundle, origin: Some(names[split].clone()) }).await;
                        status.blocked(self.env.now_ms() - before_ms);
                    }
                    if progress == Progress::End {
                        status.finished(split);
                    } else {
                        status.asked(split, self.env.now_ms());
                        reads.push(self.read(split, &names[split], reader));
                    }
                }
            }
            let before_ms = self.env.now_ms();
            self.announce(&status, &mut announced).await;
            status.blocked(self.env.now_ms() - before_ms);
        }
        if status.all_finished() {
            self.to.send(Message::Watermark(Timestamp::MAX)).await;
        }
        self.report(&status);
        self.to.send(Message::End).await;
        Ok(())
    }

    async fn read(&self, split: usize, name: &str, mut reader: Box<dyn AnyReader>) -> Read {
        let mut bundle = self.coder.new_bundle();
        let found = guarded_async(&self.transform, Some(name), reader.read(&mut *bundle)).await;
        Read { split, reader, bundle, found }
    }

    /// Sends on what has changed of the watermark and of idleness.
    async fn announce(&self, status: &SplitWatermarks, announced: &mut Announced) {
        if status.watermark() > announced.watermark {
            announced.watermark = status.watermark();
            announced.idle = false;
            self.to.send(Message::Watermark(announced.watermark)).await;
        } else if announced.idle && !status.all_idle() {
            // It counts again.
            announced.idle = false;
            self.to.send(Message::Watermark(announced.watermark)).await;
        }
        if status.all_idle() && !announced.idle {
            announced.idle = true;
            self.to.send(Message::Idle).await;
        }
    }

    fn report(&self, status: &SplitWatermarks) {
        for (name, split_status, watermark) in status.splits() {
            let status = match split_status {
                SplitStatus::Active => "active".to_string(),
                SplitStatus::Idle { since_ms } => format!("idle since {}", Timestamp::from_millis(since_ms)),
                SplitStatus::Finished => "finished".to_string(),
            };
            self.observer.split(name, SplitReport { status, watermark, lag: None });
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
