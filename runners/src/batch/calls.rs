//! Asynchronous work as one fused step: the calls of a bundle are made many at a time, and its end waits for all of them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use purlin_model::BoxError;
use purlin_model::bundle::AnyBundle;
use purlin_model::kernel::{AsyncKernel, AsyncRun, Operator, OperatorFactory, SideInputs};
use tokio::runtime::Handle;

/// Makes operators whose calls are made on the tokio runtime that their thread has entered.
pub(super) fn fused(kernel: Arc<dyn AsyncKernel>) -> Arc<dyn OperatorFactory> {
    Arc::new(Fused(kernel))
}

struct Fused(Arc<dyn AsyncKernel>);

impl OperatorFactory for Fused {
    fn create(&self) -> Box<dyn Operator> {
        Box::new(FusedCalls { kernel: self.0.clone(), calls: None })
    }
}

struct FusedCalls {
    kernel: Arc<dyn AsyncKernel>,
    calls: Option<Box<dyn AsyncRun>>,
}

impl FusedCalls {
    /// Makes calls until `is_done`; the thread has nothing else to do.
    fn wait(&mut self, results: &mut dyn AnyBundle, is_done: fn(&dyn AsyncRun) -> bool) -> Result<(), BoxError> {
        let calls = self.calls.as_deref_mut().ok_or("calls are made before the setup")?;
        Handle::try_current()?.block_on(poll_fn(|cx| {
            let ended = match calls.poll(cx, results) {
                Ok(ended) => ended,
                Err(cause) => return Poll::Ready(Err(cause)),
            };
            if is_done(calls) {
                return Poll::Ready(Ok(()));
            }
            if ended > 0 {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }))
    }
}

impl Operator for FusedCalls {
    fn setup(&mut self) -> Result<(), BoxError> {
        let opened = self.kernel.open(Arc::new(|span| Box::pin(tokio::time::sleep(span))));
        self.calls = Some(Handle::try_current()?.block_on(opened)?);
        Ok(())
    }

    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        _sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        self.calls.iter_mut().for_each(|calls| calls.push(input));
        self.wait(&mut *outputs[0], |calls| calls.has_room())
    }

    fn finish_bundle(&mut self, outputs: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        self.wait(&mut *outputs[0], |calls| calls.is_empty())
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        match self.calls.take() {
            Some(mut calls) => Handle::try_current()?.block_on(calls.teardown()),
            None => Ok(()),
        }
    }
}
