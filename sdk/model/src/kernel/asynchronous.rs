//! Asynchronous work: what a runner drives so that many calls are under way at a time.

use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::bundle::AnyBundle;
use crate::{BoxError, Timestamp};

/// How calls wait for a span of processing time: the runner's clock.
pub type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// The typed side of [`Op::Async`](crate::graph::Op::Async): makes running instances.
pub trait AsyncKernel: Send + Sync {
    /// How calls are made, for `--explain`.
    fn describe(&self) -> String;
    /// A new instance, set up.
    fn open(&self, sleep: Sleep) -> BoxFuture<'static, Result<Box<dyn AsyncRun>, BoxError>>;
}

/// One running instance of an asynchronous transform, used by one task at a time.
///
/// It knows no clock and no threads: whoever drives it [pushes](Self::push) elements while it [has room](Self::has_room) and
/// [polls](Self::poll) it. An element is *unfinished* from its push until its results have come out.
pub trait AsyncRun: Send {
    /// Takes all elements out of `bundle`. They wait until calls can be made for them.
    fn push(&mut self, bundle: &mut dyn AnyBundle);
    /// Whether more elements are wanted: none waits for others' calls to end.
    fn has_room(&self) -> bool;
    /// Makes the calls there is room for, goes on with those under way, and appends the results of those that have ended, each none, one or
    /// many; says how many calls have ended. If none has, it wakes the task once one can go on; else it has to be polled again.
    fn poll(&mut self, cx: &mut Context<'_>, results: &mut dyn AnyBundle) -> Result<usize, BoxError>;
    /// Whether nothing is unfinished.
    fn is_empty(&self) -> bool;
    /// The earliest timestamp of an unfinished element: it holds the watermark.
    fn hold(&self) -> Option<Timestamp>;
    /// Appends clones of the unfinished elements, in the order in which they came: what a snapshot keeps. Pushed into a new instance, they
    /// are asked about again.
    fn unfinished(&self, into: &mut dyn AnyBundle);
    /// Ends the instance's life; unfinished calls are dropped.
    fn teardown(&mut self) -> BoxFuture<'_, Result<(), BoxError>>;
}
