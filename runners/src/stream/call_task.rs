//! Calls in front of a stage, on one worker: elements go in, answers come out, many calls at a time.
//!
//! The task stands on a channel between two stages and hands on what goes over it: bundles of answers instead of bundles of elements, the
//! watermark held back by the earliest element that has no answer, idleness and the end once all have one. It takes nothing in while
//! there is no room for more calls, so the channel fills and whoever sends waits. While it waits itself, to hand answers on, its calls go on.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{Either, select};
use purlin_model::bundle::{AnyBundle, BUNDLE_TARGET, decode_bundle, encode_bundle};
use purlin_model::coder::AnyCoder;
use purlin_model::kernel::{AsyncKernel, AsyncRun};
use purlin_model::{BoxError, Failure, Timestamp};

use super::channel::{Receiver, Sender};
use super::checkpoint::{Content, Participant, requested};
use super::env::Env;
use super::message::Message;
use crate::plan::StageId;
use crate::user_code::{guarded, guarded_async};

/// The calls of one asynchronous transform on one worker.
pub(super) struct CallTask {
    transform: String,
    stage: StageId,
    kernel: Arc<dyn AsyncKernel>,
    asked: Arc<dyn AnyCoder>,
    from: Receiver,
    to: Sender,
    env: Arc<dyn Env>,
    /// Opened with the first event.
    calls: Option<Box<dyn AsyncRun>>,
    results: Box<dyn AnyBundle>,
    /// Calls have ended, with results or without, since the last announcement.
    progressed: bool,
    /// How far the elements have come, and how far the answers.
    watermark: Timestamp,
    announced: Timestamp,
    idle: bool,
    idle_announced: bool,
    ended: bool,
    end_announced: bool,
    /// Where there are checkpoints.
    participant: Option<Participant>,
}

/// What comes next.
enum Next {
    /// A message from upstream.
    Message(Message),
    /// Calls have ended: what has become of them should go on.
    Answers,
}

impl CallTask {
    /// Calls of `kernel` in front of `stage`, with the coders of what goes in and of what comes out.
    pub(super) fn new(
        transform: String,
        stage: StageId,
        kernel: Arc<dyn AsyncKernel>,
        (asked, answers): (Arc<dyn AnyCoder>, Arc<dyn AnyCoder>),
        from: Receiver,
        to: Sender,
        env: Arc<dyn Env>,
    ) -> Self {
        CallTask {
            transform,
            stage,
            kernel,
            asked,
            from,
            to,
            env,
            calls: None,
            results: answers.new_bundle(),
            progressed: false,
            watermark: Timestamp::MIN,
            announced: Timestamp::MIN,
            idle: false,
            idle_announced: false,
            ended: false,
            end_announced: false,
            participant: None,
        }
    }

    /// Takes part in checkpoints.
    pub(super) fn with_participant(self, participant: Option<Participant>) -> Self {
        CallTask { participant, ..self }
    }

    /// The stage behind it.
    pub(super) fn stage(&self) -> StageId {
        self.stage
    }

    /// Works until upstream has ended and everything is answered.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        let mut participant = self.participant.take();
        let worked = self.work(&mut participant).await;
        let content = self.part();
        let closed = self.close().await;
        worked.and(closed)?;
        if let Some(participant) = participant {
            participant.leave(content?);
        }
        Ok(())
    }

    async fn work(&mut self, participant: &mut Option<Participant>) -> Result<(), Failure> {
        self.open().await?;
        while !self.end_announced {
            let has_ended = self.ended;
            let next = poll_fn(|cx| self.poll_next(cx));
            // Behind the end nobody brings a barrier any more: the request itself is one.
            let wanted = async { if has_ended { requested(participant).await } else { pending().await } };
            let next = match select(pin!(next), pin!(wanted)).await {
                Either::Left((next, _)) => next?,
                Either::Right((checkpoint, _)) => Next::Message(Message::Barrier(checkpoint)),
            };
            match next {
                Next::Message(Message::Barrier(checkpoint)) => {
                    let content = self.pass_barrier(checkpoint).await?;
                    if let Some(participant) = participant {
                        participant.answer(checkpoint, content);
                    }
                }
                next => self.on(next).await?,
            }
        }
        Ok(())
    }

    /// Parts what belongs to a checkpoint from what does not. Each element is on one side: its answer goes before the barrier, or the element is
    /// in the snapshot. Calls may end during each wait, so there is none between the last answer that goes before and the snapshot.
    async fn pass_barrier(&mut self, checkpoint: u64) -> Result<Content, Failure> {
        while !self.results.is_empty() {
            self.hand_on().await?;
        }
        let content = self.part()?;
        self.send(Message::Barrier(checkpoint)).await?;
        Ok(content)
    }

    /// What has no answer is asked about again after a restore.
    fn part(&self) -> Result<Content, Failure> {
        Ok(Content::Calls { transform: self.transform.clone(), unfinished: self.snapshot()? })
    }

    /// Answers everything that has come so far and hands it on: for scripts, whose events go one by one.
    pub(super) async fn settle(&mut self) -> Result<(), Failure> {
        self.open().await?;
        while !self.ended
            && let Some(message) = self.from.try_recv()
        {
            self.on(Next::Message(message)).await?;
        }
        while self.calls.as_ref().is_some_and(|calls| !calls.is_empty()) {
            poll_fn(|cx| match poll_calls(&self.transform, &mut self.calls, cx, &mut *self.results) {
                Ok(false) => Poll::Pending,
                ended => Poll::Ready(ended),
            })
            .await?;
            self.on(Next::Answers).await?;
        }
        if self.end_announced { self.close().await } else { Ok(()) }
    }

    /// The elements without an answer, as bytes for [`restore`](Self::restore). Answers that are there must have been handed on before.
    pub(super) fn snapshot(&self) -> Result<Vec<u8>, Failure> {
        let mut unfinished = self.asked.new_bundle();
        guarded(&self.transform, None, || self.calls.iter().for_each(|calls| calls.unfinished(&mut *unfinished)))?;
        let mut bytes = Vec::new();
        encode_bundle(&*self.asked, &*unfinished, &mut bytes).map_err(|cause| self.coder_failure(cause))?;
        Ok(bytes)
    }

    /// Asks again about the elements of a snapshot, of this worker or any other, before anything else comes.
    pub(super) async fn restore(&mut self, snapshot: &[u8]) -> Result<(), Failure> {
        let mut unfinished = self.asked.new_bundle();
        decode_bundle(&*self.asked, snapshot, &mut *unfinished).map_err(|cause| self.coder_failure(cause))?;
        self.open().await?;
        self.calls.iter_mut().for_each(|calls| calls.push(&mut *unfinished));
        Ok(())
    }

    async fn open(&mut self) -> Result<(), Failure> {
        if self.calls.is_none() && !self.end_announced {
            let env = self.env.clone();
            let opened = self.kernel.open(Arc::new(move |span| env.sleep_outside(span)));
            let opened = guarded_async(&self.transform, None, opened).await?;
            self.calls = Some(opened.map_err(|cause| self.failure(cause))?);
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), Failure> {
        let Some(mut calls) = self.calls.take() else { return Ok(()) };
        let closed = guarded_async(&self.transform, None, calls.teardown()).await?;
        closed.map_err(|cause| self.failure(cause))
    }

    /// Goes on with the calls and looks for more elements, if there is room for any.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, Failure>> {
        self.progressed |= poll_calls(&self.transform, &mut self.calls, cx, &mut *self.results)?;
        if self.results.len() >= BUNDLE_TARGET {
            return Poll::Ready(Ok(Next::Answers));
        }
        if !self.ended
            && self.calls.as_ref().is_some_and(|calls| calls.has_room())
            && let Poll::Ready(received) = self.from.poll_recv(cx)
        {
            return Poll::Ready(Ok(Next::Message(received.unwrap_or(Message::End))));
        }
        if self.progressed || !self.results.is_empty() { Poll::Ready(Ok(Next::Answers)) } else { Poll::Pending }
    }

    async fn on(&mut self, next: Next) -> Result<(), Failure> {
        match next {
            Next::Answers => self.hand_on().await?,
            Next::Message(Message::Data { mut bundle, .. }) => {
                self.active().await?;
                self.calls.iter_mut().for_each(|calls| calls.push(&mut *bundle));
            }
            Next::Message(Message::Watermark(watermark)) => {
                self.active().await?;
                self.watermark = self.watermark.max(watermark);
            }
            Next::Message(Message::Idle) => self.idle = true,
            Next::Message(Message::End) => self.ended = true,
            Next::Message(Message::View(_)) => unreachable!("views have channels of their own"),
            Next::Message(Message::Barrier(_)) => unreachable!("scripts have no checkpoints"),
        }
        self.announce().await
    }

    /// Whoever takes the answers must count this worker again before elements are on their way.
    async fn active(&mut self) -> Result<(), Failure> {
        self.idle = false;
        if self.idle_announced {
            self.idle_announced = false;
            self.send(Message::Watermark(self.announced)).await?;
        }
        Ok(())
    }

    /// Says how far the answers have come, where that has changed. Calls may end while it is said; so the end is said only when
    /// everything before it has been.
    async fn announce(&mut self) -> Result<(), Failure> {
        self.progressed = false;
        while let Some(reached) = self.reached() {
            // What the watermark waited for goes before it.
            self.hand_on().await?;
            self.announced = reached;
            self.send(Message::Watermark(reached)).await?;
        }
        let all_answered = self.calls.as_ref().is_none_or(|calls| calls.is_empty());
        if all_answered && (self.idle && !self.idle_announced || self.ended) {
            self.hand_on().await?;
            if self.idle && !self.idle_announced {
                self.idle_announced = true;
                self.send(Message::Idle).await?;
            }
            if self.ended {
                self.end_announced = true;
                self.send(Message::End).await?;
            }
        }
        Ok(())
    }

    /// How far the answers have come, if that is further than was said.
    fn reached(&self) -> Option<Timestamp> {
        if self.watermark <= self.announced {
            return None;
        }
        let hold = self.calls.as_ref().and_then(|calls| calls.hold());
        Some(self.watermark.min(hold.unwrap_or(Timestamp::MAX))).filter(|reached| *reached > self.announced)
    }

    /// Hands on the answers that are there.
    async fn hand_on(&mut self) -> Result<(), Failure> {
        if self.results.is_empty() {
            return Ok(());
        }
        let bundle = self.results.take();
        self.send(Message::Data { bundle, origin: None }).await
    }

    /// Sends; the calls go on while there is no room for the message.
    async fn send(&mut self, message: Message) -> Result<(), Failure> {
        let CallTask { transform, calls, results, progressed, to, .. } = self;
        let mut sending = pin!(to.send(message));
        poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => match poll_calls(transform, calls, cx, &mut **results) {
                Ok(more) => {
                    *progressed |= more;
                    Poll::Pending
                }
                Err(failure) => Poll::Ready(Err(failure)),
            },
        })
        .await
    }

    fn failure(&self, cause: BoxError) -> Failure {
        failure(&self.transform, cause)
    }

    fn coder_failure(&self, cause: BoxError) -> Failure {
        Failure::Coder { transform: self.transform.clone(), element_type: self.asked.element_type(), cause }
    }
}

/// Goes on with the calls; says whether any has ended.
fn poll_calls(
    transform: &str,
    calls: &mut Option<Box<dyn AsyncRun>>,
    cx: &mut Context<'_>,
    results: &mut dyn AnyBundle,
) -> Result<bool, Failure> {
    let Some(calls) = calls else { return Ok(false) };
    let ended = guarded(transform, None, || calls.poll(cx, results))?;
    ended.map(|ended| ended > 0).map_err(|cause| failure(transform, cause))
}

fn failure(transform: &str, cause: BoxError) -> Failure {
    Failure::Transform { transform: transform.to_string(), origin: None, cause }
}

#[cfg(test)]
mod tests;
