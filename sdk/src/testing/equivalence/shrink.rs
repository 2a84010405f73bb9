//! From an input and a setup with a fault to the smallest input and the plainest setup that have it, and to the one thing that matters.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use proptest::strategy::ValueTree;

use super::Subject;
use super::law::Law;
use super::search::Fault;
use super::setup::{Aspect, Setup};
use crate::{Element, Timestamp};

/// Where chance is at work, shrinking could go on for long.
const SHRINKING_MAX: Duration = Duration::from_secs(10);

impl<In: Element + Debug, Out: Element + PartialEq + Debug> Subject<In, Out> {
    /// The smallest input that is found to have the fault, and the fault there, between setups as much alike as can be.
    pub(super) fn shrunk<E>(
        &self,
        law: Law,
        tree: &mut impl ValueTree<Value = Vec<E>>,
        elements: impl Fn(Vec<E>) -> Vec<(In, Timestamp)>,
        fault: Fault,
    ) -> (Vec<(In, Timestamp)>, Fault) {
        let until = Instant::now() + SHRINKING_MAX;
        let input = elements(tree.current());
        // In a plain setup an input shrinks better.
        let fault = self.plainer(law, &input, fault);
        let mut smallest = (input, fault);
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
        let (input, fault) = smallest;
        let fault = self.plainer(law, &input, fault);
        let fault = self.narrowed(law, &input, fault);
        (input, fault)
    }

    /// The same fault in the plainest setup that shows it.
    fn plainer(&self, law: Law, input: &[(In, Timestamp)], mut fault: Fault) -> Fault {
        let plainest = self.outcome(&Setup::PLAIN, input);
        while let Fault::Differs { b, .. } = &fault {
            let look = |setup: Setup| (0..setup.looks()).find_map(|_| self.fault_in(law, input, setup, &plainest));
            match b.plainer().into_iter().find_map(look) {
                Some(plainer) => fault = plainer,
                None => break,
            }
        }
        fault
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
    fn narrowed(&self, law: Law, input: &[(In, Timestamp)], fault: Fault) -> Fault {
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
}
