//! Bounded channels between tasks.

use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::message::Message;

/// Messages that one channel holds: at most this many bundles wait in front of a task. Enough to decouple two tasks that take turns
/// on a core, little enough that a slow sink stops the source within a few megabytes.
pub(super) const CHANNEL_BOUND: usize = 16;

/// The sending end; waits for room.
#[derive(Clone)]
pub struct Sender(mpsc::Sender<Message>);

/// The receiving end.
pub struct Receiver(mpsc::Receiver<Message>);

/// A channel that holds at most `bound` messages.
pub(crate) fn bounded(bound: usize) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(bound);
    (Sender(sender), Receiver(receiver))
}

impl Sender {
    /// Sends, waiting for room. A receiver that is gone has failed, and its failure is on its way: the message is dropped.
    pub async fn send(&self, message: Message) {
        let _ = self.0.send(message).await;
    }
}

impl Receiver {
    /// The next message if one is there; [`Message::End`] when the sender is gone without one.
    pub fn try_recv(&mut self) -> Option<Message> {
        match self.0.try_recv() {
            Ok(message) => Some(message),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(Message::End),
        }
    }

    /// The next message; `None` when the sender is gone without an [`Message::End`].
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.0.poll_recv(cx)
    }
}
