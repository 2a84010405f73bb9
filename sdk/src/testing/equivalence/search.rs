//! The search: one input in several setups, and whether two runs differ.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use super::Subject;
use super::law::Law;
use super::outcome::Outcome;
use super::setup::{Aspect, Random, Setup};
use crate::graph::{CollectionId, Graph};
use crate::testing::recorder::{Listener, record};
use crate::{At, BoxError, Element, Pipeline, Timestamp};

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

    pub(super) fn fault_in(
        &self,
        law: Law,
        input: &[(In, Timestamp)],
        b: Setup,
        plainest: &Outcome<Out>,
    ) -> Option<Fault> {
        let difference = self.difference(law, plainest, &self.outcome(&b, input))?;
        let aspect = if b == Setup::PLAIN { Aspect::Nothing } else { Aspect::Several };
        Some(Fault::Differs { aspect, a: Setup::PLAIN, b, difference })
    }

    /// What a run gives.
    pub(super) fn outcome(&self, setup: &Setup, input: &[(In, Timestamp)]) -> Outcome<Out> {
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
