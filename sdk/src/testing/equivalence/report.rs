//! What was found, in words: what changes the results, the smallest input, the two runs, how they differ, how to repeat it.

use std::fmt::{Debug, Write};

use super::law::Law;
use super::search::Fault;
use super::setup::{Aspect, Setup, plural};
use crate::Timestamp;
use crate::testing::collect::indented;

/// Where the search came upon the fault.
pub(super) struct Found<'a, In> {
    pub(super) law: Law,
    pub(super) input: &'a [(In, Timestamp)],
    pub(super) case: u32,
    pub(super) cases: u32,
    pub(super) seed: u64,
}

impl<In: Debug> Found<'_, In> {
    /// The message.
    pub(super) fn report(&self, fault: &Fault) -> String {
        let mut text = match fault {
            Fault::Fails(failure) => format!("the pipeline fails\n\n{}\n{}", self.input(), indented(failure)),
            Fault::Differs { aspect, a, b, difference } => {
                let (what, law, likely) = told(*aspect);
                let mut text = format!("the pipeline's results depend on {what}\n\n{law}\n");
                let _ = writeln!(text, "what is compared: {}", self.law.in_words());
                let _ = writeln!(text, "likely causes: {likely}\n");
                text.push_str(&self.input());
                let _ = writeln!(text, "\nA: {}", a.in_words(Aspect::Several, self.input));
                let _ = writeln!(text, "B: {}\n", changed(*aspect, b, self.input));
                text.push_str(&indented(difference));
                text
            }
        };
        let Found { case, cases, seed, .. } = self;
        let _ =
            write!(text, "\nfound in case {case} of {cases}; to repeat it, run the test with PROPTEST_RNG_SEED={seed}");
        text
    }

    fn input(&self) -> String {
        let mut text = match self.input.len() {
            0 => "for an empty input\n".to_string(),
            len => format!("the smallest input found, {}:\n", plural(len, "element")),
        };
        for (number, (value, at)) in self.input.iter().enumerate() {
            let at = if *at == Timestamp::MIN { String::new() } else { format!("   at {at}") };
            let _ = writeln!(text, "  {}. {value:?}{at}", number + 1);
        }
        text
    }
}

fn changed<In>(aspect: Aspect, b: &Setup, input: &[(In, Timestamp)]) -> String {
    match aspect {
        Aspect::Nothing => "the same again".into(),
        Aspect::Several => b.in_words(aspect, input),
        one => format!("the same, but {}", b.in_words(one, input)),
    }
}

/// What the results depend on, the law that forbids it, and what usually is the cause.
fn told(aspect: Aspect) -> (&'static str, &'static str, &'static str) {
    match aspect {
        Aspect::Nothing => (
            "chance: the same run, repeated, gives something else",
            "broken: transforms must be deterministic (SEMANTICS §12)",
            "a clock, a random number, the order in which a HashMap is walked, or state that outlives a run (a static)",
        ),
        Aspect::Runner => (
            "the runner",
            "broken: batch, stream and reference give the same results (SEMANTICS §12, law 1), and fusing changes nothing (law 4)",
            "a coder that loses something (serde's `skip`, a float written with less precision): the reference runner takes every element \
             through its coder, others only where elements leave a stage. Or a `DoFn` that keeps something from bundle to bundle: the reference \
             runner gives it one element at a time",
        ),
        Aspect::Order => (
            "the order in which elements arrive",
            "broken: any order of arrival gives the same results (SEMANTICS §12, law 1)",
            "a closure or `DoFn` that remembers elements it has seen, a combiner that is not commutative, or the order of the values in a \
             group, which is open: sort them, or compare with `.normalized_by(..)`",
        ),
        Aspect::Splits => (
            "how the input is split",
            "broken: any partitioning gives the same results (SEMANTICS §12, law 1)",
            "a closure or `DoFn` that remembers elements it has seen, or a combiner whose `merge` is not associative or not commutative",
        ),
        Aspect::Bundles => (
            "where bundles begin and end",
            "broken: bundle boundaries are the runner's choice (SEMANTICS §10; §12, law 1)",
            "a `DoFn` that emits per bundle, in `finish_bundle`, or keeps something from bundle to bundle",
        ),
        Aspect::Watermark => (
            "how the watermark moves",
            "broken: any sound watermark schedule gives the same results (SEMANTICS §12, law 1)",
            "timestamps that a transform moves back (`with_timestamps`, `emit_at`): behind the watermark elements are late, and dropped. Or \
             something that looks at when panes come",
        ),
        Aspect::Workers => (
            "the number of workers",
            "broken: any parallelism gives the same results (SEMANTICS §12, law 1)",
            "a combiner whose `merge` is not associative or not commutative (each worker combines a part), or state that a `DoFn`'s instances \
             were meant to share and do not",
        ),
        Aspect::Lifting => (
            "whether combiners are lifted before the shuffle",
            "broken: lifting changes nothing (SEMANTICS §12, law 4)",
            "a combiner whose `merge` does not give what adding all values to one accumulator gives, or an accumulator that its coder changes",
        ),
        Aspect::Memory => (
            "whether grouped data is spilled",
            "broken: spilling changes nothing (SEMANTICS §12, law 4)",
            "a combiner whose `merge` does not give what adding all values to one accumulator gives, or an accumulator that its coder changes",
        ),
        Aspect::Several => (
            "how it is run, and not every time",
            "broken: batch, stream and reference give the same results in any order and at any parallelism (SEMANTICS §12, law 1)",
            "what threads share (a static, a `Mutex` in a closure): its content depends on who comes first",
        ),
    }
}
