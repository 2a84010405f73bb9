//! `check`: what a collection has to hold, said where the pipeline is built, verified by every run.

mod expectation;
mod keyed;
mod record;
mod selection;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;

use self::expectation::Expectation;
use self::record::CheckRecord;
use self::selection::{Panes, Selection};
use super::difference::{listed, unexpected};
use super::recorder::record;
use super::watchers::Watchers;
use crate::window::Window;
use crate::{At, Element, PCollection, Timestamp};

/// Begins a check of what `collection` holds at the end of a run.
///
/// ```
/// use purlin::prelude::*;
/// use purlin::testing::{TestPipeline, check};
///
/// let test = TestPipeline::new();
/// let words = test.create("words", ["to", "be", "or", "not", "to", "be"].map(String::from));
/// let counts = words.key_by("word", |word| word.clone()).combine_per_key("count", Count);
/// check(&counts).contains_in_any_order([("to", 2), ("be", 2), ("or", 1), ("not", 1)].map(|(word, n)| (word.to_string(), n)));
/// test.run();
/// ```
///
/// A check is part of the pipeline. [`TestPipeline::run`](super::TestPipeline::run) verifies that every check was asked and
/// reports all that do not hold; on a runner of your own choice a check that does not hold fails the run. A check that no run has ever asked
/// panics when its pipeline is dropped, and so does one that expects nothing: there is no check that cannot fail.
///
/// What is selected ([`in_window`](Check::in_window), [`in_final_pane`](Check::in_final_pane) and their kin) holds for the next expectation;
/// then the whole collection is meant again:
///
/// ```
/// use purlin::prelude::*;
/// use purlin::testing::{TestPipeline, check};
/// use purlin::window::Window;
///
/// let at = Timestamp::from_millis;
/// let (first, second) = (Window::new(at(0), at(60_000)), Window::new(at(60_000), at(120_000)));
/// let test = TestPipeline::new();
/// let sums = test
///     .create_at("amounts", [(5, at(1)), (6, at(2)), (7, at(60_000))])
///     .window(Fixed::of(minutes(1)))
///     .combine_globally("sum", Sum);
/// check(&sums)
///     .in_window(first).equals(11)
///     .in_window(second).in_on_time_pane().equals(7)
///     .in_late_pane().is_empty();
/// test.run();
/// ```
///
/// What does not hold is told as a difference:
///
/// ```
/// # use purlin::prelude::*;
/// # use purlin::testing::{Runner, TestPipeline, check};
/// # let test = TestPipeline::on([Runner::Reference]);
/// check(&test.create("numbers", [1, 2, 2, 10, 9])).contains_in_any_order([1, 2, 3]);
/// let failure = test.try_run().unwrap_err().to_string();
/// assert!(failure.starts_with("on the reference runner:\ncheck of `numbers` ("));
/// assert!(failure.ends_with("does not hold:
///   missing:
///     3
///   not expected:
///     9
///     10
///   another number of times:
///     2   expected once, came twice
///   one other is the same
/// "));
/// ```
#[track_caller]
#[must_use = "it expects nothing yet"]
pub fn check<T: Element>(collection: &PCollection<T>) -> Check<T> {
    let watchers = collection.pipeline().extension::<Watchers>();
    let check = Arc::new(CheckRecord::new(collection.name(), Location::caller(), &watchers));
    record(collection, "check", check.clone());
    watchers.add(check.clone());
    Check { record: check, selection: Selection::default() }
}

/// A check under construction; made by [`check`].
pub struct Check<T> {
    record: Arc<CheckRecord<T>>,
    selection: Selection,
}

/// Which elements the next expectation is about.
impl<T: Element> Check<T> {
    /// Those in this window.
    pub fn in_window(mut self, window: Window) -> Self {
        self.selection.window = Some(window);
        self
    }

    /// Those of panes that came before the watermark had passed the end of their window.
    pub fn in_early_pane(self) -> Self {
        self.in_panes(Panes::Early)
    }

    /// Those of the pane that came when the watermark passed the end of their window.
    pub fn in_on_time_pane(self) -> Self {
        self.in_panes(Panes::OnTime)
    }

    /// Those of panes that came after the on-time one.
    pub fn in_late_pane(self) -> Self {
        self.in_panes(Panes::Late)
    }

    /// Those of panes that no other follows in their window.
    pub fn in_final_pane(self) -> Self {
        self.in_panes(Panes::Final)
    }

    /// Those of the pane that is number `index` of its key and window, counted from 0.
    pub fn in_pane(self, index: u64) -> Self {
        self.in_panes(Panes::Index(index))
    }

    fn in_panes(mut self, panes: Panes) -> Self {
        self.selection.panes = Some(panes);
        self
    }
}

/// What is expected of them.
impl<T: Element + Debug> Check<T> {
    /// Exactly these values, each as often as it stands here.
    pub fn contains_in_any_order(self, values: impl IntoIterator<Item = T>) -> Self
    where
        T: PartialEq,
    {
        let expected: Vec<T> = values.into_iter().collect();
        self.expects(move |came| unexpected(&expected, came).map_or(Ok(()), Err))
    }

    /// Exactly these values, each at its timestamp.
    ///
    /// ```
    /// use purlin::prelude::*;
    /// use purlin::testing::{TestPipeline, check};
    /// let at = Timestamp::from_millis;
    /// let test = TestPipeline::new();
    /// let sums = test.create_at("n", [(1, at(3)), (2, at(4))]).window(Fixed::of(milliseconds(10))).combine_globally("sum", Sum);
    /// check(&sums).contains_at([(3, at(9))]);
    /// test.run();
    /// ```
    pub fn contains_at(self, values: impl IntoIterator<Item = (T, Timestamp)>) -> Self
    where
        T: PartialEq,
    {
        let expected: Vec<(T, Timestamp)> = values.into_iter().collect();
        self.expects(move |came| {
            let came: Vec<_> = came.iter().map(|(value, at)| ((value.clone(), at.timestamp), *at)).collect();
            unexpected(&expected, &came).map_or(Ok(()), Err)
        })
    }

    /// One value, equal to `value`: for the result of a global combine, say.
    pub fn equals(self, value: T) -> Self
    where
        T: PartialEq,
    {
        self.contains_in_any_order([value])
    }

    /// Nothing.
    pub fn is_empty(self) -> Self {
        self.expects(|came| {
            // Not by equality, which not every type has.
            let came: Vec<(String, At)> = came.iter().map(|(value, at)| (format!("{value:?}"), *at)).collect();
            unexpected(&[], &came).map_or(Ok(()), Err)
        })
    }

    /// Whatever `f`, given the values in no order, does not panic at.
    ///
    /// ```
    /// use purlin::testing::{TestPipeline, check};
    /// let test = TestPipeline::new();
    /// check(&test.create("numbers", [0.1, 0.2])).satisfies(|values| {
    ///     assert_eq!(values.len(), 2);
    ///     assert!((values.iter().sum::<f64>() - 0.3).abs() < 1e-9, "the sum is {}", values.iter().sum::<f64>());
    /// });
    /// test.run();
    /// ```
    pub fn satisfies(self, f: impl Fn(&[T]) + Send + Sync + 'static) -> Self {
        self.expects(move |came| {
            let values: Vec<T> = came.iter().map(|(value, _)| value.clone()).collect();
            catch_unwind(AssertUnwindSafe(|| f(&values))).map_err(|panic| {
                let text = panic.downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                let values = listed(values.iter().map(|value| format!("{value:?}")).collect());
                format!("{}\nthe values are:\n{values}", text.unwrap_or("a panic without a message"))
            })
        })
    }

    fn expects(mut self, holds: impl Fn(&[(T, At)]) -> Result<(), String> + Send + Sync + 'static) -> Self {
        let selection = std::mem::take(&mut self.selection);
        self.record.expect(Expectation { selection, holds: Box::new(holds) });
        self
    }
}
