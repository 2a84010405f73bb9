//! What becomes of a check: whether it was asked, and what it answered.

use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::expectation::Expectation;
use crate::testing::Runner;
use crate::testing::collect::indented;
use crate::testing::recorder::Listener;
use crate::testing::watchers::{Watcher, Watchers};
use crate::{At, BoxError, Element};

/// One check. The pipeline's graph holds it, too, so it lives until nobody can run it any more.
pub(super) struct CheckRecord<T> {
    of: String,
    place: &'static Location<'static>,
    /// The watchers hold the check; were this no weak one, neither would ever be dropped.
    watchers: Weak<Watchers>,
    state: Mutex<State<T>>,
}

struct State<T> {
    expectations: Vec<Expectation<T>>,
    /// What the latest run says, once it has handed over its elements.
    verdict: Option<Result<(), String>>,
    was_tried: bool,
}

impl<T> CheckRecord<T> {
    pub(super) fn new(of: String, place: &'static Location<'static>, watchers: &Arc<Watchers>) -> Self {
        let state = Mutex::new(State { expectations: Vec::new(), verdict: None, was_tried: false });
        CheckRecord { of, place, watchers: Arc::downgrade(watchers), state }
    }

    pub(super) fn expect(&self, expectation: Expectation<T>) {
        self.state().expectations.push(expectation);
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self) -> String {
        format!("check of `{}` ({})", self.of, self.place)
    }
}

impl<T: Element> Listener<T> for CheckRecord<T> {
    fn begins(&self) {
        let mut state = self.state();
        (state.was_tried, state.verdict) = (true, None);
    }

    fn wrote(&self, elements: Vec<(T, At)>) -> Result<(), BoxError> {
        let mut state = self.state();
        let verdicts = state.expectations.iter().map(|expectation| expectation.verdict(&elements));
        let wrong: Vec<String> = verdicts.filter_map(Result::err).collect();
        let verdict = match (state.expectations.is_empty(), wrong.is_empty()) {
            (true, _) => Err(format!("{} expects nothing: say what it holds\n", self.named())),
            (false, true) => Ok(()),
            (false, false) => Err(format!("{} does not hold:\n{}", self.named(), indented(&wrong.join("\n")))),
        };
        state.verdict = Some(verdict.clone());
        if self.watchers.upgrade().is_some_and(|watchers| watchers.are_asked()) { Ok(()) } else { Ok(verdict?) }
    }
}

impl<T: Element> Watcher for CheckRecord<T> {
    fn tried(&self) {
        let mut state = self.state();
        (state.was_tried, state.verdict) = (true, None);
    }

    fn verdict(&self, _runner: Runner) -> Result<(), String> {
        let never =
            || Err(format!("{} was not asked: the run ended without handing over its elements\n", self.named()));
        self.state().verdict.take().unwrap_or_else(never)
    }
}

/// A check that was never asked cannot have failed: that is a fault of the test.
impl<T> Drop for CheckRecord<T> {
    fn drop(&mut self) {
        if !self.state().was_tried && !std::thread::panicking() {
            panic!("{} was never asked: run its pipeline", self.named());
        }
    }
}
