//! One call: its attempts, one after the other, until there is an answer or none is to be had.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use super::{AsyncDoFn, AsyncOptions};
use crate::BoxError;
use crate::kernel::Sleep;

/// An attempt got no answer in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there was no answer within {after:?}")]
pub struct TimedOut {
    /// How long was waited.
    pub after: Duration,
}

/// The last of several attempts has failed.
#[derive(Debug, thiserror::Error)]
#[error("{cause}, at attempt {attempt} of {attempts_max}")]
struct GaveUp {
    attempt: u32,
    attempts_max: u32,
    cause: BoxError,
}

/// Asks about `element`, the `number`th, as often as `options` say.
pub(super) async fn call<In, D: AsyncDoFn<In>>(
    do_fn: &D,
    element: &In,
    number: u64,
    options: &AsyncOptions,
    sleep: &Sleep,
) -> Result<D::Out, BoxError> {
    let attempts_max = options.retry.attempts_max;
    let mut attempt = 1;
    loop {
        let cause = match in_time(do_fn.process(element), options.timeout, sleep).await {
            Ok(out) => return Ok(out),
            Err(cause) => cause,
        };
        if !options.retry.goes_on(attempt, &cause) {
            let tried_again = attempts_max > 1;
            return Err(if tried_again { GaveUp { attempt, attempts_max, cause }.into() } else { cause });
        }
        sleep(options.retry.delay(attempt, number)).await;
        attempt += 1;
    }
}

async fn in_time<R>(
    attempt: impl Future<Output = Result<R, BoxError>>,
    timeout: Option<Duration>,
    sleep: &Sleep,
) -> Result<R, BoxError> {
    let Some(after) = timeout else { return attempt.await };
    match select(pin!(attempt), sleep(after)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(TimedOut { after }.into()),
    }
}
