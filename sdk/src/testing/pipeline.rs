//! `TestPipeline`: a pipeline that is run where it stands, on every runner, and that asks its checks.

use std::ops::Deref;

use super::Runner;
use super::watchers::Watchers;
use crate::{Failure, Pipeline};

/// A pipeline for a test: built like any other, run on one runner or on several in turn, its checks asked after each run.
///
/// ```
/// use purlin::prelude::*;
/// use purlin::testing::{TestPipeline, check, collect};
///
/// let test = TestPipeline::new();
/// let numbers = test.create("numbers", 1..=4);
/// let even = numbers.filter("even", |n| n % 2 == 0);
/// check(&even).contains_in_any_order([2, 4]);
/// let squares = collect(&even.map("square", |n| n * n));
/// test.run();
/// assert_eq!(squares.sorted(), [4, 16]);
/// ```
///
/// [`new`](Self::new) takes the three runners in turn, and what [`collect`](super::collect)ed results hold must be the same on all of them.
/// That is right for every pipeline whose results do not depend on the moment: default triggers, or any triggers behind a
/// [`TestStream`](super::TestStream). Where they do (early firings of an ordinary source), choose [one runner](Self::on).
pub struct TestPipeline {
    pipeline: Pipeline,
    runners: Vec<Runner>,
}

impl TestPipeline {
    /// An empty pipeline, to be run by the reference, the batch and the stream runner.
    pub fn new() -> Self {
        TestPipeline::on([Runner::Reference, Runner::Batch(2), Runner::Stream(2)])
    }

    /// An empty pipeline, to be run by these runners, one after the other.
    ///
    /// ```
    /// use purlin::testing::{Runner, TestPipeline, check};
    /// let test = TestPipeline::on([Runner::Batch(4)]);
    /// check(&test.create("numbers", [1, 2])).contains_in_any_order([2, 1]);
    /// test.run();
    /// ```
    pub fn on(runners: impl IntoIterator<Item = Runner>) -> Self {
        let runners: Vec<Runner> = runners.into_iter().collect();
        assert!(!runners.is_empty(), "a test pipeline needs a runner");
        TestPipeline { pipeline: Pipeline::new(), runners }
    }

    /// Runs the pipeline on each of its runners to the end.
    ///
    /// # Panics
    ///
    /// If the pipeline cannot be built, a run fails, a check does not hold or was not asked, or two runners give different results. The message
    /// is the whole story, readable as it stands.
    #[track_caller]
    pub fn run(&self) {
        if let Err(failure) = self.try_run() {
            panic!("{failure}");
        }
    }

    /// The same, for tests of pipelines that have to fail: the failure of the first runner that did not end well.
    ///
    /// ```
    /// use purlin::testing::TestPipeline;
    /// let test = TestPipeline::new();
    /// test.create("numbers", [1, 0]).map("invert", |n| 1 / n);
    /// let failure = test.try_run().unwrap_err();
    /// assert!(failure.to_string().contains("transform `invert` panicked"));
    /// ```
    pub fn try_run(&self) -> Result<(), Failure> {
        let watchers = self.pipeline.extension::<Watchers>();
        watchers.tried();
        let graph = self.pipeline.graph()?;
        self.runners.iter().try_for_each(|runner| {
            watchers.while_asked(|| runner.run(&graph))?;
            let wrong = watchers.verdicts(*runner);
            if wrong.is_empty() { Ok(()) } else { Err(Failure::other(format!("on {runner}:\n{}", wrong.join("\n")))) }
        })
    }
}

/// Sources are read, and composites applied, as on any [`Pipeline`].
impl Deref for TestPipeline {
    type Target = Pipeline;
    fn deref(&self) -> &Pipeline {
        &self.pipeline
    }
}

impl Default for TestPipeline {
    fn default() -> Self {
        TestPipeline::new()
    }
}
