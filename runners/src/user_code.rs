//! User code behind a guard: a panic becomes a failure that names the transform.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use purlin_model::Failure;

thread_local! {
    static IN_USER_CODE: Cell<bool> = const { Cell::new(false) };
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`, which calls into the user's code of `transform`. After a panic whatever `work` was changing is broken: discard it.
pub fn guarded<R>(transform: &str, origin: Option<&str>, work: impl FnOnce() -> R) -> Result<R, Failure> {
    let outer = IN_USER_CODE.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IN_USER_CODE.set(outer);
    result.map_err(|payload| {
        let place = PANICKED_AT.take().map(|place| format!(" ({place})")).unwrap_or_default();
        Failure::Panic {
            transform: transform.to_string(),
            origin: origin.map(String::from),
            message: format!("{}{place}", message_of(payload.as_ref())),
        }
    })
}

/// As [`guarded`], for what waits: sources and sinks.
pub async fn guarded_async<R>(
    transform: &str,
    origin: Option<&str>,
    work: impl Future<Output = R>,
) -> Result<R, Failure> {
    let mut work = pin!(work);
    poll_fn(|cx| match guarded(transform, origin, || work.as_mut().poll(cx)) {
        Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}

/// Makes panics in guarded user code silent, for they come back as failures with message and place; others print as before.
/// For programs' `main`: it replaces the process's panic hook.
pub fn quiet_user_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if IN_USER_CODE.get() {
            let place = info.location().map(|at| format!("at {}:{}", at.file(), at.line()));
            PANICKED_AT.with(|slot| *slot.borrow_mut() = place);
        } else {
            usual(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_names_the_transform_and_the_origin() {
        let failure = guarded("parse", Some("orders/3"), || panic!("bad order {}", 7)).expect_err("it panicked");
        assert_eq!(failure.to_string(), "transform `parse` panicked at orders/3: bad order 7");
    }
}
