//! Waiting that ends: a test that hangs fails, and says what it waited for.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything that works takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks again and again until there is something, which is returned: for pipelines that run on while the test watches.
///
/// ```
/// use purlin::testing::{PATIENCE, eventually};
/// let mut polls = 0;
/// let third = eventually("a third look", PATIENCE, || {
///     polls += 1;
///     (polls == 3).then_some(polls)
/// });
/// assert_eq!(third, 3);
/// ```
///
/// # Panics
///
/// If there is nothing after `limit`.
pub fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain: {what}");
        thread::sleep(LOOK_EVERY);
    }
}

/// The result of `work`, which runs on a thread of its own; its panic is passed on.
///
/// ```
/// use purlin::testing::{PATIENCE, within};
/// assert_eq!(within("a sum", PATIENCE, || 1 + 1), 2);
/// ```
///
/// # Panics
///
/// If `work` has not ended after `limit`. It is then left running.
pub fn within<T: Send + 'static>(what: &str, limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waiting) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = work();
        let _ = done.send(());
        result
    });
    if waiting.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("{what} hangs: no end after {limit:?}");
    }
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
