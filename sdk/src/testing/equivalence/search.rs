//! The search: generated inputs, each in several setups; then the smallest input for which two runs differ.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use proptest::strategy::ValueTree;

use super::Subject;
use super::law::Law;
use super::outcome::Outcome;
use super::setup::{Aspect, Random, Setup};
use crate::graph::{CollectionId, Graph};
use crate::testing::recorder::{Listener, record};
use crate::{At, BoxError, Element, Pipeline, Timestamp};

/// Where chance is at work, shrinking could go on for long.
const SHRINKING_MAX: Duration = Duration::from_secs(10);

/// What is wrong for some input.
pub(super) enum Fault {
    /// Every run fails.
    Fails(String),
    /// Two runs differ.
    Differs {
        /// In which one thing their setups differ.
        aspect: Aspect,
        /// The setup of one.
        a: Setup,
        /// The setup of the other.
        b: Setup,
        /// How their outcomes differ.
        difference: String,
    },
}

impl<In: Element + Debug, Out: Element + PartialEq + Debug> Subject<In, Out> {
    /// Tries one input in all setups of a case.
    pub(super) fn fault(&self, law: Law, input: &[(In, Timestamp)], random: &mut Random) -> Option<Fault> {
        let plainest = self.outcome(&Setup::PLAIN, input);
        if let Err(failure) = plainest {
            return Some(Fault::Fails(failure));
        }
        Setup::of_a_case(random).into_iter().find_map(|setup| self.fault_in(law, input, setup, &plainest))
    }

    fn fault_in(&self, law: Law, input: &[(In, Timestamp)], b: Setup, plainest: &Outcome<Out>) -> Option<Fault> {
        let difference = self.difference(law, plainest, &self.outcome(&b, input))?;
        let aspect = if b == Setup::PLAIN { Aspect::Nothing } else { Aspect::Several };
        Some(Fault::Differs { aspect, a: Setup::PLAIN, b, difference })
    }

    /// Whether the same thing is wrong for another input.
    fn again(&self, law: Law, input: &[(In, Timestamp)], fault: &Fault) -> Option<Fault> {
        let plainest = self.outcome(&Setup::PLAIN, input);
        match (fault, &plainest) {
            (Fault::Fails(_), Err(failure)) => Some(Fault::Fails(failure.clone())),
            (Fault::Differs { b, .. }, Ok(_)) => {
                (0..b.looks()).find_map(|look| self.fault_in(law, input, b.varied(look), &plainest))
            }
            _ => None,
        }
    }

    /// The smallest input that is found to have the fault, and the fault there.
    pub(super) fn shrunk<E>(
        &self,
        law: Law,
        tree: &mut impl ValueTree<Value = Vec<E>>,
        elements: impl Fn(Vec<E>) -> Vec<(In, Timestamp)>,
        fault: Fault,
    ) -> (Vec<(In, Timestamp)>, Fault) {
        let until = Instant::now() + SHRINKING_MAX;
        let mut smallest = (elements(tree.current()), fault);
        let mut goes_on = tree.simplify();
        while goes_on && Instant::now() < until {
            let input = elements(tree.current());
            goes_on = match self.again(law, &input, &smallest.1) {
                Some(fault) => {
                    smallest = (input, fault);
                    tree.simplify()
                }
                None => tree.complicate(),
            };
        }
        while let Some(smaller) = self.without_some(law, &smallest, until) {
            smallest = smaller;
        }
        smallest
    }

    /// The input without one or two elements, if it still has the fault. Strategies take away one at a time, and not again once they have
    /// simplified what is left.
    fn without_some(
        &self,
        law: Law,
        (input, fault): &(Vec<(In, Timestamp)>, Fault),
        until: Instant,
    ) -> Option<(Vec<(In, Timestamp)>, Fault)> {
        let pairs = (0..input.len()).flat_map(|i| (i..input.len()).map(move |j| (i, j)));
        let (ones, twos): (Vec<_>, Vec<_>) = pairs.partition(|(i, j)| i == j);
        ones.into_iter().chain(twos).take_while(|_| Instant::now() < until).find_map(|(i, j)| {
            let places = input.iter().enumerate().filter(|(place, _)| *place != i && *place != j);
            let fewer: Vec<_> = places.map(|(_, element)| element.clone()).collect();
            let fault = self.again(law, &fewer, fault)?;
            Some((fewer, fault))
        })
    }

    /// The same fault between two setups that differ in one thing only, if it can be had.
    pub(super) fn narrowed(&self, law: Law, input: &[(In, Timestamp)], fault: Fault) -> Fault {
        let Fault::Differs { b: found, .. } = fault else { return fault };
        let plainest = self.outcome(&Setup::PLAIN, input);
        let mut a = Setup::PLAIN;
        for (aspect, b) in [(Aspect::Nothing, a)].into_iter().chain(found.steps()) {
            for _ in 0..found.looks() {
                if let Some(difference) = self.difference(law, &plainest, &self.outcome(&b, input)) {
                    return Fault::Differs { aspect, a, b, difference };
                }
            }
            a = b;
        }
        fault
    }

    /// What a run gives.
    fn outcome(&self, setup: &Setup, input: &[(In, Timestamp)]) -> Outcome<Out> {
        let (graph, _, results) = self.build(setup, input);
        setup.runner.run(&graph).map_err(|failure| failure.to_string())?;
        Ok(std::mem::take(&mut *results.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The pipeline over `input`, its output, and where that is kept.
    pub(super) fn build(&self, setup: &Setup, input: &[(In, Timestamp)]) -> (Graph, CollectionId, Arc<Results<Out>>) {
        let pipeline = Pipeline::new();
        let output = (self.pipeline)(pipeline.read("input of the test", setup.source(input)));
        let results = Arc::new(Results(Mutex::new(Vec::new())));
        record(&output, "output of the test:", results.clone());
        let graph = pipeline.graph().unwrap_or_else(|failure| panic!("{failure}"));
        let output = graph.nodes.last().map(|write| write.inputs[0]).expect("the recorder writes the output");
        (graph, output, results)
    }
}

/// What the latest run gave.
pub(super) struct Results<T>(Mutex<Vec<(T, At)>>);

impl<T: Element> Listener<T> for Results<T> {
    fn begins(&self) {}

    fn wrote(&self, elements: Vec<(T, At)>) -> Result<(), BoxError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = elements;
        Ok(())
    }
}
