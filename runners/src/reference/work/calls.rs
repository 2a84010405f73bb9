//! An asynchronous transform: one call after the other, each waited for.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use purlin_model::kernel::{AsyncKernel, AsyncRun};
use purlin_model::{BoxError, Failure, Timestamp};
use tokio::runtime::Runtime;

use super::{Outputs, Place, Turn, Work};

/// The instance; between two turns it has no call under way.
pub(super) struct Calls<'a> {
    place: Place<'a>,
    runtime: &'a Runtime,
    instance: Box<dyn AsyncRun>,
    watermark: Timestamp,
    torn_down: bool,
}

impl<'a> Calls<'a> {
    pub(super) fn new(place: Place<'a>, kernel: &dyn AsyncKernel, runtime: &'a Runtime) -> Result<Self, Failure> {
        let opened = kernel.open(Arc::new(|span| Box::pin(tokio::time::sleep(span))));
        let instance = runtime.block_on(opened).map_err(|cause| place.failure(cause))?;
        Ok(Calls { place, runtime, instance, watermark: Timestamp::MIN, torn_down: false })
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.torn_down = true;
        self.runtime.block_on(self.instance.teardown())
    }
}

impl Work for Calls<'_> {
    fn turn(&mut self, turn: &Turn<'_>, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        for element in turn.inputs[0] {
            let mut results = outputs.new_bundle(0);
            self.instance.push(&mut *self.place.decode([element])?);
            let instance = &mut self.instance;
            let answered = self.runtime.block_on(poll_fn(|cx| match instance.poll(cx, &mut *results) {
                Err(cause) => Poll::Ready(Err(cause)),
                Ok(_) if instance.is_empty() => Poll::Ready(Ok(())),
                Ok(_) => Poll::Pending,
            }));
            answered.map_err(|cause| self.place.failure(cause))?;
            outputs.take(0, &mut *results)?;
        }
        self.watermark = turn.watermark;
        Ok(())
    }

    fn output_watermark(&self) -> Timestamp {
        self.watermark
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.teardown().map_err(|cause| self.place.failure(cause))
    }
}

/// After a failure too; if that fails as well, the first failure is the news.
impl Drop for Calls<'_> {
    fn drop(&mut self) {
        if !self.torn_down {
            let place = self.place;
            let _ = crate::user_code::guarded(&place.node.name, None, || self.teardown());
        }
    }
}
