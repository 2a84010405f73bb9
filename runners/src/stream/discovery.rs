//! Splits that come up while a source is read: partitions that were added to a topic, files that came into a folder.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use purlin_model::source::{AnySource, AnySplit};
use purlin_model::{BoxError, Failure, Timestamp};

use super::env::Env;
use crate::checkpoint::SplitState;
use crate::user_code::guarded_async;

/// How often a source is asked.
const EVERY: Duration = Duration::from_secs(10);

/// What a source's look-out is made of.
pub(super) struct LookOut {
    pub(super) transform: String,
    pub(super) source: Arc<dyn AnySource>,
    pub(super) env: Arc<dyn Env>,
    pub(super) known: Vec<AnySplit>,
}

/// One source's look-out. One of its readers keeps it, and takes up what is found.
pub(super) struct Discovery {
    of: LookOut,
    /// Waits, then asks.
    asking: BoxFuture<'static, Result<Result<Vec<AnySplit>, BoxError>, Failure>>,
}

impl Discovery {
    pub(super) fn new(of: LookOut) -> Self {
        let asking = of.ask_later();
        Discovery { of, asking }
    }

    /// Waits until there are new splits; for ever where nobody looks out for any. May be dropped while it waits.
    pub(super) async fn found(discovery: &mut Option<Discovery>) -> Vec<SplitState> {
        match discovery {
            Some(discovery) => discovery.next().await,
            None => pending().await,
        }
    }

    async fn next(&mut self) -> Vec<SplitState> {
        loop {
            let answer = (&mut self.asking).await;
            let found = match answer {
                Ok(Ok(found)) => found,
                // The source may be out of reach for now: its readers will say so if that matters.
                Ok(Err(error)) => {
                    tracing::warn!("`{}` could not be asked for new splits: {error}", self.of.transform);
                    Vec::new()
                }
                Err(failure) => {
                    tracing::warn!("{failure}");
                    Vec::new()
                }
            };
            self.of.known.extend(found.iter().cloned());
            self.asking = self.of.ask_later();
            if !found.is_empty() {
                return found.into_iter().map(fresh).collect();
            }
        }
    }
}

impl LookOut {
    fn ask_later(&self) -> BoxFuture<'static, Result<Result<Vec<AnySplit>, BoxError>, Failure>> {
        let (transform, source, known) = (self.transform.clone(), self.source.clone(), self.known.clone());
        let wait = self.env.sleep(EVERY);
        async move {
            wait.await;
            guarded_async(&transform, None, source.discover(&known)).await
        }
        .boxed()
    }
}

/// A split of which nothing has been read.
pub(super) fn fresh(split: AnySplit) -> SplitState {
    SplitState { split, finished: false, watermark_ms: Timestamp::MIN.millis() }
}
