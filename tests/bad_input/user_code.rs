//! User code that panics or fails, wherever it is called from: the failure names the transform, and no sink publishes.

use purlin::Failure;
use purlin::prelude::*;
use purlin_tests::Runner;

pub(crate) const REASON: &str = "this goes wrong on purpose";

/// Panics that are meant to happen are not printed.
pub(crate) fn quiet() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&REASON) {
                usual(info);
            }
        }));
    });
}

/// Every runner fails with `transform`'s name and the reason, and publishes nothing.
fn check<T: Element>(transform: &str, panics: bool, build: impl Fn(PCollection<i64>) -> PCollection<T>) {
    check_with(&Runner::ALL, transform, panics, build);
}

fn check_with<T: Element>(
    runners: &[Runner],
    transform: &str,
    panics: bool,
    build: impl Fn(PCollection<i64>) -> PCollection<T>,
) {
    quiet();
    for &runner in runners {
        let (pipeline, results, untouched) = (Pipeline::new(), MemorySink::new(), MemorySink::new());
        // More than one bundle and split; the trouble is with the last element.
        let numbers = pipeline.read("numbers", MemorySource::new(0..LAST + 1).split_into(3).bundles_of(50));
        numbers.write("untouched", untouched.sink());
        build(numbers).write("results", results.sink());
        let graph = pipeline.graph().expect("a sound graph");
        let Err(failure) = runner.run(&graph) else { panic!("{runner:?}: {transform} succeeds") };
        let told = failure.to_string();
        assert!(told.contains(REASON), "{runner:?}: {told}");
        assert!(!failure.is_misuse());
        let named = match failure {
            Failure::Panic { transform, .. } if panics => transform,
            Failure::Transform { transform, .. } if !panics => transform,
            _ => panic!("{runner:?}: {told}"),
        };
        assert_eq!(named, transform, "{runner:?}: {told}");
        assert!(results.take().is_empty() && untouched.take().is_empty(), "{runner:?}: something was published");
    }
}

const LAST: i64 = 399;

fn panic_at_last(n: i64) -> i64 {
    assert_ne_quietly(n);
    n
}

fn assert_ne_quietly(n: i64) {
    if n == LAST {
        panic!("this goes wrong on purpose");
    }
}

#[test]
fn closures_that_panic() {
    check("bad", true, |numbers| numbers.map("bad", panic_at_last));
    check("bad", true, |numbers| numbers.map_in("bad", |n, _| panic_at_last(n)));
    check("bad", true, |numbers| numbers.filter("bad", |n| panic_at_last(*n) >= 0));
    check("bad", true, |numbers| numbers.flat_map("bad", |n| [panic_at_last(n)]));
    check("bad", true, |numbers| numbers.key_by("bad", |n| panic_at_last(*n)));
    check("bad", true, |numbers| numbers.with_timestamps("bad", |n| Timestamp::from_millis(panic_at_last(*n))));
    check("bad", true, |numbers| numbers.try_map("bad", |n| Ok::<_, BoxError>(panic_at_last(*n))).0);
    check("outer/bad", true, |numbers| numbers.apply("outer", |n: PCollection<i64>| n.map("bad", panic_at_last)));
    check("bad", true, |numbers| {
        let view = numbers.pipeline().create("one", [1_i64]).as_singleton();
        numbers.map_with("bad", &view, |n, one| panic_at_last(n) + one)
    });
    let options = AsyncOptions::new;
    check("bad", true, |numbers| {
        numbers.map_async("bad", |n| async move { Ok::<_, BoxError>(panic_at_last(n)) }, options())
    });
    // While it is called, not while it is waited for.
    check("bad", true, |numbers| {
        let called = |n| std::future::ready(Ok::<_, BoxError>(panic_at_last(n)));
        numbers.map_async("bad", called, options().ordered())
    });
    // Behind a grouping.
    check("bad", true, |numbers| {
        numbers.key_by("key", |n| n % 7).group_by_key("group").map("bad", |(_, all)| {
            all.into_iter().for_each(assert_ne_quietly);
            0
        })
    });
}

/// A combiner that panics in one of its methods.
#[derive(Clone, Copy, PartialEq)]
enum BadCombiner {
    Create,
    Add,
    Merge,
    Extract,
}

impl BadCombiner {
    fn trouble(self, at: BadCombiner) {
        if self == at {
            panic!("this goes wrong on purpose");
        }
    }
}

impl CombineFn<i64> for BadCombiner {
    type Accumulator = i64;
    type Output = i64;

    fn create(&self) -> i64 {
        self.trouble(BadCombiner::Create);
        0
    }

    fn add(&self, sum: &mut i64, n: &i64) {
        if *n == LAST {
            self.trouble(BadCombiner::Add);
        }
        *sum += n;
    }

    fn merge(&self, sum: &mut i64, other: i64) {
        self.trouble(BadCombiner::Merge);
        *sum += other;
    }

    fn extract(&self, sum: i64) -> i64 {
        self.trouble(BadCombiner::Extract);
        sum
    }
}

#[test]
fn combiners_that_panic() {
    for method in [BadCombiner::Create, BadCombiner::Add, BadCombiner::Extract] {
        check("sum", true, move |numbers| numbers.key_by("key", |n| n % 7).combine_per_key("sum", method));
        let windowed = Fixed::of(seconds(1)).with().trigger(Trigger::after_count(3).repeatedly());
        let windowed = windowed.allowed_lateness(seconds(1)).accumulating();
        check("sum", true, move |numbers| {
            numbers.key_by("key", |n| n % 7).window(windowed.clone()).combine_per_key("sum", method)
        });
    }
}

/// When accumulators are merged is a runner's business; these have several of one key whose elements came in several bundles.
#[test]
fn a_merge_that_panics() {
    let runners = [Runner::Spilling(2), Runner::Stream(1), Runner::Stream(2), Runner::Stream(8)];
    check_with(&runners, "sum", true, |numbers| {
        numbers.key_by("key", |n| n % 7).combine_per_key("sum", BadCombiner::Merge)
    });
}

/// A `DoFn` in which one step of the lifecycle goes wrong.
#[derive(Clone)]
struct BadDoFn {
    step: Step,
    panics: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Setup,
    StartBundle,
    Process,
    FinishBundle,
    Teardown,
}

impl BadDoFn {
    fn reach(&self, step: Step) -> Result<(), BoxError> {
        match self.step == step {
            true if self.panics => panic!("this goes wrong on purpose"),
            true => Err(REASON.into()),
            false => Ok(()),
        }
    }
}

impl DoFn<i64> for BadDoFn {
    type Out = Output<i64>;

    fn setup(&mut self) -> Result<(), BoxError> {
        self.reach(Step::Setup)
    }

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        self.reach(Step::StartBundle)
    }

    fn process(&mut self, n: i64, _: &Context<'_>, out: &mut Output<i64>) -> Result<(), BoxError> {
        if n == LAST {
            self.reach(Step::Process)?;
        }
        out.emit(n);
        Ok(())
    }

    fn finish_bundle(&mut self, _: &mut Output<i64>) -> Result<(), BoxError> {
        self.reach(Step::FinishBundle)
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.reach(Step::Teardown)
    }
}

#[test]
fn do_fns_that_panic_or_fail() {
    for step in [Step::Setup, Step::StartBundle, Step::Process, Step::FinishBundle, Step::Teardown] {
        for panics in [true, false] {
            check("bad", panics, move |numbers| numbers.par_do("bad", BadDoFn { step, panics }));
        }
    }
}

/// Counts instances that were set up and those that were torn down; goes wrong where it is told to.
#[derive(Clone)]
struct Resource {
    wrong_in: &'static str,
    panics: bool,
    open: std::sync::Arc<std::sync::atomic::AtomicI64>,
    opened: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

impl Resource {
    fn reached(&self, place: &str) -> Result<(), BoxError> {
        match (place == self.wrong_in, self.panics) {
            (false, _) => Ok(()),
            (true, true) => panic!("this goes wrong on purpose"),
            (true, false) => Err(REASON.into()),
        }
    }
}

impl DoFn<i64> for Resource {
    type Out = Output<i64>;

    fn setup(&mut self) -> Result<(), BoxError> {
        self.open.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.opened.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.reached("setup")
    }

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        self.reached("start_bundle")
    }

    fn process(&mut self, n: i64, _: &Context<'_>, out: &mut Output<i64>) -> Result<(), BoxError> {
        out.emit(n);
        if n == LAST { self.reached("process") } else { Ok(()) }
    }

    fn finish_bundle(&mut self, _: &mut Output<i64>) -> Result<(), BoxError> {
        self.reached("finish_bundle")
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.open.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        self.reached("teardown")
    }
}

#[test]
fn what_a_do_fn_has_opened_is_torn_down_once_whatever_goes_wrong() {
    for wrong_in in ["setup", "start_bundle", "process", "finish_bundle", "teardown"] {
        for panics in [false, true] {
            let resource = Resource { wrong_in, panics, open: Default::default(), opened: Default::default() };
            check("resource", panics, |numbers| numbers.par_do("resource", resource.clone()));
            let count = |of: &std::sync::atomic::AtomicI64| of.load(std::sync::atomic::Ordering::SeqCst);
            assert!(count(&resource.opened) >= Runner::ALL.len() as i64, "{wrong_in}: it was set up on every runner");
            assert_eq!(count(&resource.open), 0, "{wrong_in}, panics: {panics}: all that was set up is torn down");
        }
    }
}
