//! `collect`: what a collection held, as values in the test.

use std::fmt::Debug;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Runner;
use super::difference::disagreement;
use super::recorder::{Listener, record};
use super::watchers::{Watcher, Watchers};
use crate::{At, BoxError, Element, PCollection};

/// Keeps what `collection` holds, for the test to look at after the run. Where [`check`](super::check) can say it, a check says it better.
///
/// ```
/// use purlin::prelude::*;
/// use purlin::testing::{TestPipeline, collect};
///
/// let at = Timestamp::from_millis;
/// let test = TestPipeline::new();
/// let clicks = test.create_at("clicks", [("a".to_string(), at(1)), ("a".to_string(), at(70_000))]);
/// let per_minute = collect(&clicks.window(Fixed::of(minutes(1))).combine_globally("count", Count));
/// test.run();
///
/// assert_eq!(per_minute.values(), [1, 1]);
/// assert!(per_minute.elements().iter().all(|(_, at)| at.timestamp == at.window.max_timestamp()));
/// ```
#[track_caller]
pub fn collect<T: Element + PartialEq + Debug>(collection: &PCollection<T>) -> Collected<T> {
    let kept = Kept { of: collection.name(), place: Location::caller(), runs: Mutex::new(Runs::default()) };
    let collected = Collected { kept: Arc::new(kept) };
    record(collection, "collect", collected.kept.clone());
    collection.pipeline().extension::<Watchers>().add(collected.kept.clone());
    collected
}

/// What a collection held in the last run; made by [`collect`].
pub struct Collected<T> {
    kept: Arc<Kept<T>>,
}

struct Kept<T> {
    of: String,
    place: &'static Location<'static>,
    runs: Mutex<Runs<T>>,
}

struct Runs<T> {
    latest: Option<Vec<(T, At)>>,
    /// The first of several runners, and what it gave.
    first: Option<(Runner, Vec<(T, At)>)>,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Runs { latest: None, first: None }
    }
}

impl<T: Element> Collected<T> {
    /// The values, in no order.
    ///
    /// # Panics
    ///
    /// If the pipeline has not been run to a good end.
    #[track_caller]
    pub fn values(&self) -> Vec<T> {
        self.elements().into_iter().map(|(value, _)| value).collect()
    }

    /// The values in their order.
    ///
    /// # Panics
    ///
    /// If the pipeline has not been run to a good end.
    #[track_caller]
    pub fn sorted(&self) -> Vec<T>
    where
        T: Ord,
    {
        let mut values = self.values();
        values.sort();
        values
    }

    /// Every element with its timestamp, window and pane: an element of several windows once in each.
    ///
    /// # Panics
    ///
    /// If the pipeline has not been run to a good end.
    #[track_caller]
    pub fn elements(&self) -> Vec<(T, At)> {
        let latest = self.kept.runs().latest.clone();
        latest.unwrap_or_else(|| panic!("`{}` has not been collected yet: run the pipeline first", self.kept.of))
    }
}

impl<T> Kept<T> {
    fn runs(&self) -> MutexGuard<'_, Runs<T>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Element> Listener<T> for Kept<T> {
    fn begins(&self) {
        self.runs().latest = None;
    }

    fn wrote(&self, elements: Vec<(T, At)>) -> Result<(), BoxError> {
        self.runs().latest = Some(elements);
        Ok(())
    }
}

impl<T: Element + PartialEq + Debug> Watcher for Kept<T> {
    fn tried(&self) {}

    fn verdict(&self, runner: Runner) -> Result<(), String> {
        let mut runs = self.runs();
        let Some(latest) = runs.latest.clone() else {
            return Err(format!("`{}` was not collected: the run ended without handing over its elements", self.of));
        };
        let Some((first, expected)) = &runs.first else {
            runs.first = Some((runner, latest));
            return Ok(());
        };
        let (a, b) = (first.to_string(), runner.to_string());
        match disagreement((&a, expected), (&b, &latest)) {
            None => Ok(()),
            Some(difference) => {
                let (of, place) = (&self.of, self.place);
                Err(format!("`{of}`, collected at {place}, is not the same as on {a}\n{}", indented(&difference)))
            }
        }
    }
}

/// Every line that says something two blanks further to the right.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_string() } else { format!("  {line}\n") }).collect()
}
