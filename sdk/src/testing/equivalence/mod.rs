//! `equivalence`: a user's own pipeline, held to the laws that every pipeline has to keep however it is run (SEMANTICS §12).

mod law;
mod outcome;
mod report;
mod search;
mod setup;
mod shrink;

use std::collections::hash_map::RandomState;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher};
use std::marker::PhantomData;

use proptest::collection::{SizeRange, vec};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use self::law::Law;
use self::report::Found;
use self::setup::{Random, Setup};
use crate::{Element, PCollection, Timestamp};

/// A test of a whole pipeline: what it makes of any input must not depend on how it is run.
///
/// `elements` generates an element of the input: a value, or a value with its timestamp, `(T, Timestamp)`. `pipeline` is what is tested; it is
/// built anew for every run, over [up to 16](Equivalence::lengths) elements.
///
/// ```
/// use purlin::prelude::*;
/// use purlin::testing::equivalence;
/// use purlin::testing::proptest::prelude::*;
///
/// fn totals(sales: PCollection<(u8, i64)>) -> PCollection<(u8, i64)> {
///     sales.window(Fixed::of(minutes(1))).combine_per_key("total", Sum)
/// }
///
/// let sale = ((0..3_u8, -9..9_i64), (0..300_000_i64).prop_map(Timestamp::from_millis));
/// equivalence(sale, totals).check();
/// ```
///
/// Every generated input is run by the reference, the batch and the stream runner, with 1 to 8 workers, in several orders of arrival, splits and
/// bundle sizes, with and without a watermark that follows the elements (nothing is ever late), with memory limits that make groupings spill, with
/// combiners lifted before the shuffle and not. The outputs, as multisets of value, timestamp, window and pane, have to be the same.
///
/// So it finds what a test with one input on one runner does not: closures that depend on the order of elements, combiners that are not associative
/// or commutative, types that their coder changes, clocks, random numbers and the order of hash maps. It shrinks the input, looks for the one thing
/// that changes the result, and says which law is broken:
///
/// ```should_panic
/// use purlin::prelude::*;
/// use purlin::testing::equivalence;
/// use purlin::testing::proptest::prelude::*;
/// use std::sync::Mutex;
///
/// let changes = |prices: PCollection<i64>| {
///     let last = Mutex::new(0);
///     prices.map("change", move |price| price - std::mem::replace(&mut *last.lock().unwrap(), price))
/// };
/// equivalence(0..100_i64, changes).check();
/// // the pipeline's results depend on the order in which elements arrive
/// // …
/// // the smallest input found, 2 elements:
/// //   1. 0
/// //   2. 1
/// ```
///
/// # Triggers
///
/// Early and late firings come when the runner's bundles let them: what is the same in every run is less then. The windowing of what is grouped
/// tells which law holds:
///
/// | the last grouping | what must be the same | what you say |
/// |---|---|---|
/// | fires once per window, or the default trigger | every element with timestamp, window and pane (law 1; with allowed lateness, not whether a pane is the last) | nothing |
/// | accumulating | the values of the last pane of every key and window (law 2) | [`keyed_by`](Equivalence::keyed_by) |
/// | discarding | the values of all panes of a key and window, combined (law 3) | [`keyed_by`](Equivalence::keyed_by) and [`panes_combined_by`](Equivalence::panes_combined_by) |
///
/// With merging windows (sessions) laws 2 and 3 are about the window that a key's windows have become. Where several groupings in a row fire
/// early, or a trigger finishes and drops the rest, no law holds; `check` says so, and a [`TestStream`](super::TestStream) is the tool.
pub fn equivalence<S, In, Out>(
    elements: S,
    pipeline: impl Fn(PCollection<In>) -> PCollection<Out> + 'static,
) -> Equivalence<S, In, Out>
where
    S: Strategy,
    S::Value: InputElement<In>,
    In: Element + Debug,
    Out: Element + PartialEq + Debug,
{
    let subject = Subject { pipeline: Box::new(pipeline), normal: None, same_key: None, combine: None };
    Equivalence { elements, lengths: (0..=16).into(), subject, cases: None, seed: None, of: PhantomData }
}

/// A test of a whole pipeline; made by [`equivalence`], run by [`check`](Self::check).
#[must_use = "nothing is tested before `.check()`"]
pub struct Equivalence<S, In, Out> {
    elements: S,
    lengths: SizeRange,
    subject: Subject<In, Out>,
    cases: Option<u32>,
    seed: Option<u64>,
    of: PhantomData<fn(In)>,
}

/// A pipeline, and what is to be known of its output.
struct Subject<In, Out> {
    pipeline: Box<dyn Fn(PCollection<In>) -> PCollection<Out>>,
    normal: Option<Box<dyn Fn(Out) -> Out>>,
    same_key: Option<Box<dyn Fn(&Out, &Out) -> bool>>,
    combine: Option<Box<dyn Fn(Out, Out) -> Out>>,
}

/// What a strategy may give as an element of the input: `T`, or `(T, Timestamp)`.
pub trait InputElement<T>: Debug {
    /// The value and its timestamp, [`Timestamp::MIN`] where it has none.
    fn into_input(self) -> (T, Timestamp);
}

impl<T: Debug> InputElement<T> for T {
    fn into_input(self) -> (T, Timestamp) {
        (self, Timestamp::MIN)
    }
}

impl<T: Debug> InputElement<T> for (T, Timestamp) {
    fn into_input(self) -> (T, Timestamp) {
        self
    }
}

impl<S, In, Out> Equivalence<S, In, Out>
where
    S: Strategy,
    S::Value: InputElement<In>,
    In: Element + Debug,
    Out: Element + PartialEq + Debug,
{
    /// How many elements an input has; 0 to 16 unless said.
    pub fn lengths(self, lengths: impl Into<SizeRange>) -> Self {
        Equivalence { lengths: lengths.into(), ..self }
    }

    /// How many inputs are tried; 256 unless said here or by `PROPTEST_CASES`.
    pub fn cases(self, cases: u32) -> Self {
        Equivalence { cases: Some(cases), ..self }
    }

    /// Generates the same inputs each time. Otherwise they are new each time, or those of `PROPTEST_RNG_SEED`.
    pub fn seed(self, seed: u64) -> Self {
        Equivalence { seed: Some(seed), ..self }
    }

    /// Compares outputs as `normal` gives them: for what may differ within a value, as the order of the values in a group.
    ///
    /// ```
    /// use purlin::prelude::*;
    /// use purlin::testing::equivalence;
    /// use purlin::testing::proptest::prelude::*;
    ///
    /// equivalence((0..3, 0..9), |pairs: PCollection<(i32, i32)>| pairs.group_by_key("group"))
    ///     .normalized_by(|(key, mut values)| {
    ///         values.sort();
    ///         (key, values)
    ///     })
    ///     .check();
    /// ```
    pub fn normalized_by(mut self, normal: impl Fn(Out) -> Out + 'static) -> Self {
        self.subject.normal = Some(Box::new(normal));
        self
    }

    /// The key of an output, by which panes belong together: for groupings that fire more than once per window.
    ///
    /// ```
    /// use purlin::prelude::*;
    /// use purlin::testing::equivalence;
    /// use purlin::testing::proptest::prelude::*;
    ///
    /// let so_far = |pairs: PCollection<(i32, i64)>| {
    ///     let early = Trigger::after_watermark().early(Trigger::after_count(2));
    ///     let windows = Fixed::of(milliseconds(10)).with().trigger(early).allowed_lateness(milliseconds(0));
    ///     pairs.window(windows.accumulating()).combine_per_key("so far", Sum)
    /// };
    /// let pair = ((0..3, -9..9_i64), (0..40_i64).prop_map(Timestamp::from_millis));
    /// equivalence(pair, so_far).keyed_by(|(key, _)| *key).check();
    /// ```
    pub fn keyed_by<K: PartialEq>(mut self, key: impl Fn(&Out) -> K + 'static) -> Self {
        self.subject.same_key = Some(Box::new(move |a, b| key(a) == key(b)));
        self
    }

    /// What two panes of one key and window come to, in any order: for discarding groupings that fire more than once per window.
    ///
    /// ```
    /// use purlin::prelude::*;
    /// use purlin::testing::equivalence;
    /// use purlin::testing::proptest::prelude::*;
    ///
    /// let in_parts = |pairs: PCollection<(i32, i64)>| {
    ///     let often = Trigger::after_count(2).repeatedly();
    ///     let windows = Fixed::of(milliseconds(10)).with().trigger(often).allowed_lateness(milliseconds(0));
    ///     pairs.window(windows.discarding()).combine_per_key("part", Sum)
    /// };
    /// let pair = ((0..3, -9..9_i64), (0..40_i64).prop_map(Timestamp::from_millis));
    /// equivalence(pair, in_parts).keyed_by(|(key, _)| *key).panes_combined_by(|(key, a), (_, b)| (key, a + b)).check();
    /// ```
    pub fn panes_combined_by(mut self, combine: impl Fn(Out, Out) -> Out + 'static) -> Self {
        self.subject.combine = Some(Box::new(combine));
        self
    }

    /// Runs the test.
    ///
    /// # Panics
    ///
    /// If two runs differ, with the whole story: what the results depend on, which law that breaks, the smallest input found, the two runs,
    /// how they differ, and the seed. If a run fails, likewise. If there is no law for the pipeline, with the reason.
    #[track_caller]
    pub fn check(self) {
        let law = self.law().unwrap_or_else(|reason| panic!("{reason}"));
        let config = Config { failure_persistence: None, ..Config::default() };
        let cases = self.cases.unwrap_or(config.cases);
        let seed = self.seed.unwrap_or(match config.rng_seed {
            RngSeed::Fixed(seed) => seed,
            RngSeed::Random => RandomState::new().build_hasher().finish(),
        });
        let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..config });
        let inputs = vec(&self.elements, self.lengths.clone());
        let timed = |input: Vec<S::Value>| input.into_iter().map(InputElement::into_input).collect::<Vec<_>>();
        let mut random = Random(seed);
        for case in 1..=cases {
            let mut tree =
                inputs.new_tree(&mut runner).unwrap_or_else(|reason| panic!("no input can be had: {reason}"));
            let Some(fault) = self.subject.fault(law, &timed(tree.current()), &mut random) else { continue };
            let (input, fault) = self.subject.shrunk(law, &mut tree, timed, fault);
            panic!("{}", Found { law, input: &input, case, cases, seed }.report(&fault));
        }
    }

    /// The law that the pipeline is under, if what it needs to be tested is known.
    fn law(&self) -> Result<Law, String> {
        let (graph, output, _) = self.subject.build(&Setup::PLAIN, &[]);
        let law = Law::of(&graph, output)?;
        let missing = match law {
            Law::LastPanes { .. } if self.subject.same_key.is_none() => "`.keyed_by(..)`",
            Law::CombinedPanes { .. } if self.subject.same_key.is_none() || self.subject.combine.is_none() => {
                "`.keyed_by(..)` and `.panes_combined_by(..)`"
            }
            _ => return Ok(law),
        };
        Err(format!("{}: say how panes belong together with {missing}", law.in_words()))
    }
}
