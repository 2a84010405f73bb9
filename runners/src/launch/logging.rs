//! Logs on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging by `filter`; a filter that cannot be read means warnings only. Does nothing where the program has its own subscriber.
pub(super) fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("the log filter `{filter}` cannot be read ({error}); logging warnings");
        EnvFilter::new("warn")
    });
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
    drop(started);
}
