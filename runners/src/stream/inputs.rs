//! The receiving ends of one task, and the watermark that its senders amount to.

use std::task::Poll;

use futures::future::poll_fn;
use purlin_model::Timestamp;

use super::channel::Receiver;
use super::message::Message;

/// Channels into one task, asked in turn.
pub(super) struct Inputs {
    receivers: Vec<Option<Receiver>>,
    next: usize,
    /// Channels that have brought the barrier: they wait until all others have.
    waiting: Vec<bool>,
}

impl Inputs {
    pub(super) fn new(receivers: Vec<Receiver>) -> Self {
        let waiting = vec![false; receivers.len()];
        Inputs { receivers: receivers.into_iter().map(Some).collect(), next: 0, waiting }
    }

    /// The channel has brought the barrier: nothing behind it is taken before [`resume`](Self::resume).
    pub(super) fn wait_at_barrier(&mut self, channel: usize) {
        self.waiting[channel] = true;
    }

    /// Whether every channel has brought the barrier or has ended.
    pub(super) fn are_aligned(&self) -> bool {
        self.receivers.iter().zip(&self.waiting).all(|(receiver, waiting)| receiver.is_none() || *waiting)
    }

    /// Takes up what stands behind the barrier.
    pub(super) fn resume(&mut self) {
        self.waiting.fill(false);
    }

    /// All messages that are there, each with its channel's number; those of one channel in order.
    pub(super) fn take_ready(&mut self) -> Vec<(usize, Message)> {
        let mut ready = Vec::new();
        for (index, receiver) in self.receivers.iter_mut().enumerate() {
            while let Some(message) = receiver.as_mut().and_then(Receiver::try_recv) {
                if matches!(message, Message::End) {
                    *receiver = None;
                }
                ready.push((index, message));
            }
        }
        ready
    }

    /// The next message with its channel's number, of those that do not wait at a barrier; `None` when every channel has ended.
    pub(super) async fn recv(&mut self) -> Option<(usize, Message)> {
        poll_fn(|cx| {
            let count = self.receivers.len();
            let mut open = false;
            for offset in 0..count {
                let index = (self.next + offset) % count;
                let Some(receiver) = &mut self.receivers[index] else { continue };
                open = true;
                if self.waiting[index] {
                    continue;
                }
                if let Poll::Ready(received) = receiver.poll_recv(cx) {
                    self.next = (index + 1) % count;
                    let message = received.unwrap_or(Message::End);
                    if matches!(message, Message::End) {
                        self.receivers[index] = None;
                    }
                    return Poll::Ready(Some((index, message)));
                }
            }
            if open { Poll::Pending } else { Poll::Ready(None) }
        })
        .await
    }
}

/// The senders of one input, each with its watermark: the least of those that are not idle counts (SEMANTICS §5).
pub(super) struct Senders {
    senders: Vec<SenderState>,
    watermark: Timestamp,
}

#[derive(Clone, Copy)]
struct SenderState {
    watermark: Timestamp,
    idle: bool,
    ended: bool,
}

impl Senders {
    pub(super) fn new(count: usize) -> Self {
        let fresh = SenderState { watermark: Timestamp::MIN, idle: false, ended: false };
        Senders { senders: vec![fresh; count], watermark: Timestamp::MIN }
    }

    pub(super) fn active(&mut self, sender: usize) {
        self.senders[sender].idle = false;
    }

    pub(super) fn advanced(&mut self, sender: usize, watermark: Timestamp) {
        let state = &mut self.senders[sender];
        state.idle = false;
        state.watermark = state.watermark.max(watermark);
    }

    pub(super) fn idle(&mut self, sender: usize) {
        self.senders[sender].idle = true;
    }

    pub(super) fn ended(&mut self, sender: usize) {
        self.senders[sender].ended = true;
    }

    pub(super) fn all_ended(&self) -> bool {
        self.senders.iter().all(|state| state.ended)
    }

    /// Whether no sender holds the watermark, though some are still there.
    pub(super) fn is_idle(&self) -> bool {
        !self.all_ended() && self.senders.iter().all(|state| state.idle || state.watermark == Timestamp::MAX)
    }

    /// Nothing earlier comes; monotone.
    pub(super) fn watermark(&mut self) -> Timestamp {
        let live =
            |idle: bool| self.senders.iter().filter(move |state| state.idle == idle).map(|state| state.watermark);
        let ending = |watermark: &Timestamp| *watermark == Timestamp::MAX;
        let holding = live(false).filter(|watermark| !ending(watermark)).min();
        let idle = live(true).filter(|watermark| !ending(watermark)).max();
        let now = holding.or(idle).unwrap_or(Timestamp::MAX);
        self.watermark = self.watermark.max(now);
        self.watermark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn the_least_sender_that_is_not_idle_counts() {
        let mut senders = Senders::new(3);
        senders.advanced(0, at(5));
        senders.advanced(1, at(7));
        assert_eq!(senders.watermark(), Timestamp::MIN);
        senders.idle(2);
        assert_eq!(senders.watermark(), at(5));
        senders.advanced(0, Timestamp::MAX);
        assert_eq!(senders.watermark(), at(7));
        senders.idle(1);
        assert!(senders.is_idle());
        senders.advanced(1, Timestamp::MAX);
        senders.advanced(2, Timestamp::MAX);
        assert_eq!(senders.watermark(), Timestamp::MAX);
    }
}
