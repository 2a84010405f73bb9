//! What goes over a channel.

use std::any::Any;
use std::sync::Arc;

use purlin_model::Timestamp;
use purlin_model::bundle::AnyBundle;
use purlin_model::window::Window;

/// One message from a task to the next.
pub enum Message {
    /// Elements, with where they came from where that is known.
    Data {
        /// The elements.
        bundle: Box<dyn AnyBundle>,
        /// The split that they were read from.
        origin: Option<Arc<str>>,
    },
    /// Values of a view.
    View(Vec<(Window, Arc<dyn Any + Send + Sync>)>),
    /// Nothing earlier follows.
    Watermark(Timestamp),
    /// What came before it belongs to this checkpoint, what follows to the next.
    Barrier(u64),
    /// The sender has nothing for now and does not hold the watermark until it sends again.
    Idle,
    /// The sender has ended.
    End,
}
