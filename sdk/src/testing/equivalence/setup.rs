//! How one input is run: by which runner, in which order, splits and bundles, under which watermark.

use std::fmt;

use crate::testing::{Runner, ScriptedSource};
use crate::{Element, Timestamp};

/// Everything that a pipeline's results must not depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Setup {
    pub(super) runner: Runner,
    pub(super) order: Order,
    pub(super) splits: usize,
    /// How many elements come together; `usize::MAX` for all of a split.
    pub(super) bundle: usize,
    pub(super) moving_watermark: bool,
}

/// In which order elements arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    AsGiven,
    Reversed,
    ByTime,
    Shuffled(u64),
}

/// One thing in which two setups differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aspect {
    Nothing,
    Runner,
    Order,
    Splits,
    Bundles,
    Watermark,
    Workers,
    Lifting,
    Memory,
    /// Several at once: the difference came and went.
    Several,
}

impl Setup {
    /// The plainest: what all others are compared with.
    pub(super) const PLAIN: Setup = Setup {
        runner: Runner::Reference,
        order: Order::AsGiven,
        splits: 1,
        bundle: usize::MAX,
        moving_watermark: false,
    };

    /// The setups that one input is tried with. Those on one worker come first, for what they find can be repeated: the same again, another order,
    /// another runner, parts of results that are merged because bundles or memory are small. Then anything.
    pub(super) fn of_a_case(random: &mut Random) -> [Setup; 7] {
        let plain = Setup::PLAIN;
        let workers = |random: &mut Random| [2, 2, 3, 4, 8][random.below(5)];
        let (for_batch, for_stream) = (workers(random), workers(random));
        let batch = [Runner::Batch(for_batch), Runner::Spilling(for_batch)][random.below(2)];
        let stream = [Runner::Stream(for_stream), Runner::Unlifted(for_stream)][random.below(2)];
        [
            plain,
            Setup { order: Order::Reversed, ..plain },
            Setup { runner: Runner::Batch(1), ..plain },
            Setup { runner: Runner::Stream(1), bundle: 1, ..Setup::any(random) },
            Setup { runner: Runner::Spilling(1), ..Setup::any(random) },
            Setup { runner: batch, ..Setup::any(random) },
            Setup { runner: stream, ..Setup::any(random) },
        ]
    }

    /// The setups that are plainer than this in one thing, the plainest first.
    pub(super) fn plainer(self) -> Vec<Setup> {
        let runners: &[Runner] = match self.runner {
            Runner::Reference => &[],
            Runner::Batch(1) | Runner::Unlifted(1) => &[Runner::Reference],
            Runner::Spilling(1) => &[Runner::Reference, Runner::Batch(1)],
            Runner::Stream(1) => &[Runner::Reference, Runner::Unlifted(1)],
            Runner::Batch(_) => &[Runner::Batch(1), Runner::Batch(2)],
            Runner::Spilling(_) => &[Runner::Spilling(1), Runner::Batch(2), Runner::Spilling(2)],
            Runner::Stream(_) => &[Runner::Stream(1), Runner::Unlifted(2), Runner::Stream(2)],
            Runner::Unlifted(_) => &[Runner::Unlifted(1), Runner::Unlifted(2)],
        };
        let orders: &[Order] = match self.order {
            Order::AsGiven => &[],
            Order::Reversed => &[Order::AsGiven],
            Order::ByTime | Order::Shuffled(_) => &[Order::AsGiven, Order::Reversed],
        };
        let bundles: &[usize] = match self.bundle {
            usize::MAX => &[],
            1 => &[usize::MAX],
            _ => &[usize::MAX, 1],
        };
        let still = self.moving_watermark.then_some(Setup { moving_watermark: false, ..self });
        let plainer = runners.iter().map(|runner| Setup { runner: *runner, ..self });
        let plainer = plainer.chain(orders.iter().map(|order| Setup { order: *order, ..self }));
        let plainer = plainer.chain((1..self.splits.min(3)).map(|splits| Setup { splits, ..self }));
        let plainer = plainer.chain(bundles.iter().map(|bundle| Setup { bundle: *bundle, ..self })).chain(still);
        plainer.filter(|setup| *setup != self).collect()
    }

    /// How often to look for a difference before it is believed gone: threads and clocks may hide one, and a shuffle has to be met. On a stream,
    /// watermarks that follow each other closely may be seen as one.
    pub(super) fn looks(self) -> u64 {
        let is_stream = matches!(self.runner, Runner::Stream(_) | Runner::Unlifted(_));
        if self.runner.workers() > 1 || is_stream && self.moving_watermark { 25 } else { 6 }
    }

    fn any(random: &mut Random) -> Setup {
        let order = match random.below(4) {
            0 => Order::AsGiven,
            1 => Order::Reversed,
            2 => Order::ByTime,
            _ => Order::Shuffled(random.next()),
        };
        let bundle = [1, 2, 3, usize::MAX][random.below(4)];
        let moving_watermark = random.below(2) == 0;
        Setup { runner: Runner::Reference, order, splits: 1 + random.below(4), bundle, moving_watermark }
    }

    /// The same with another shuffle, where there is one: shrinking changes what a shuffle does.
    pub(super) fn varied(self, by: u64) -> Setup {
        match self.order {
            Order::Shuffled(seed) => Setup { order: Order::Shuffled(seed.wrapping_add(by)), ..self },
            _ => self,
        }
    }

    /// From [`PLAIN`](Self::PLAIN) to this setup, one aspect at a time. What leaves least room for doubt comes first, and what only merges
    /// parts of results last.
    pub(super) fn steps(self) -> Vec<(Aspect, Setup)> {
        let workers = self.runner.workers();
        let (one_worker, unmerged, last) = match self.runner {
            Runner::Spilling(_) => (Runner::Batch(1), Runner::Batch(workers), Aspect::Memory),
            Runner::Batch(_) => (Runner::Batch(1), self.runner, Aspect::Workers),
            Runner::Stream(_) => (Runner::Unlifted(1), Runner::Unlifted(workers), Aspect::Lifting),
            Runner::Unlifted(_) => (Runner::Unlifted(1), self.runner, Aspect::Workers),
            Runner::Reference => (self.runner, self.runner, Aspect::Workers),
        };
        let mut steps: Vec<(Aspect, Setup)> = Vec::new();
        let mut step = |aspect, change: &dyn Fn(&mut Setup)| {
            let before = steps.last().map_or(Setup::PLAIN, |(_, setup)| *setup);
            let mut after = before;
            change(&mut after);
            if after != before {
                steps.push((aspect, after));
            }
        };
        step(Aspect::Runner, &|setup| setup.runner = one_worker);
        step(Aspect::Order, &|setup| setup.order = self.order);
        step(Aspect::Splits, &|setup| setup.splits = self.splits);
        step(Aspect::Bundles, &|setup| setup.bundle = self.bundle);
        step(Aspect::Watermark, &|setup| setup.moving_watermark = self.moving_watermark);
        step(Aspect::Workers, &|setup| setup.runner = unmerged);
        step(last, &|setup| setup.runner = self.runner);
        steps
    }

    /// The elements as they arrive.
    pub(super) fn source<T: Element>(&self, elements: &[(T, Timestamp)]) -> ScriptedSource<T> {
        let mut splits = vec![Vec::new(); self.splits];
        for (number, place) in self.order.of(elements).into_iter().enumerate() {
            splits[number % self.splits].push(elements[place].clone());
        }
        ScriptedSource::new(splits).bundles_of(self.bundle).moving_watermark(self.moving_watermark)
    }

    /// What this setup has in one aspect, in words.
    pub(super) fn in_words<T>(&self, aspect: Aspect, elements: &[(T, Timestamp)]) -> String {
        match aspect {
            Aspect::Nothing => "nothing changed".into(),
            Aspect::Runner | Aspect::Workers | Aspect::Lifting | Aspect::Memory => format!("on {}", self.runner),
            Aspect::Order => match self.order {
                Order::AsGiven => "elements as they stand above".into(),
                Order::Reversed => "elements in reverse order".into(),
                Order::ByTime => "elements in order of time".into(),
                Order::Shuffled(_) => {
                    let places: Vec<String> = self.order.of(elements).iter().map(|i| (i + 1).to_string()).collect();
                    format!("elements in the order {}", places.join(", "))
                }
            },
            Aspect::Splits => plural(self.splits, "split"),
            Aspect::Bundles if self.bundle == usize::MAX => "each split in one bundle".into(),
            Aspect::Bundles => format!("bundles of {}", plural(self.bundle, "element")),
            Aspect::Watermark if self.moving_watermark => "a watermark that follows the elements".into(),
            Aspect::Watermark => "no watermark before the end".into(),
            Aspect::Several => {
                let all = [Aspect::Runner, Aspect::Order, Aspect::Splits, Aspect::Bundles, Aspect::Watermark];
                all.map(|aspect| self.in_words(aspect, elements)).join("; ")
            }
        }
    }
}

impl Order {
    /// The places of elements, in the order in which they arrive.
    fn of<T>(self, elements: &[(T, Timestamp)]) -> Vec<usize> {
        let mut places: Vec<usize> = (0..elements.len()).collect();
        match self {
            Order::AsGiven => {}
            Order::Reversed => places.reverse(),
            Order::ByTime => places.sort_by_key(|place| elements[*place].1),
            Order::Shuffled(seed) => {
                let mut random = Random(seed);
                for end in (1..places.len()).rev() {
                    places.swap(end, random.below(end + 1));
                }
            }
        }
        places
    }
}

/// A count with its noun.
pub(super) fn plural(count: usize, noun: impl fmt::Display) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Reproducible randomness (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_change_one_thing_each_and_arrive() {
        let mut random = Random(7);
        for _ in 0..200 {
            for setup in Setup::of_a_case(&mut random) {
                let steps = setup.steps();
                assert_eq!(steps.last().map_or(Setup::PLAIN, |(_, last)| *last), setup);
                let mut before = Setup::PLAIN;
                for (_, after) in steps {
                    let changed = [
                        before.runner != after.runner,
                        before.order != after.order,
                        before.splits != after.splits,
                        before.bundle != after.bundle,
                        before.moving_watermark != after.moving_watermark,
                    ];
                    assert_eq!(changed.iter().filter(|changed| **changed).count(), 1, "{before:?} {after:?}");
                    before = after;
                }
            }
        }
    }

    #[test]
    fn what_is_plainer_comes_to_an_end() {
        let mut random = Random(3);
        for _ in 0..200 {
            for setup in Setup::of_a_case(&mut random) {
                let mut all = vec![setup];
                let mut steps = 0;
                while let Some(next) = all.pop() {
                    all.extend(next.plainer().last());
                    steps += 1;
                    assert!(steps < 20, "{setup:?}");
                }
            }
        }
        assert!(Setup::PLAIN.plainer().is_empty());
    }

    #[test]
    fn an_order_loses_nothing() {
        let elements: Vec<(i32, Timestamp)> = (0..9).map(|i| (i, Timestamp::from_millis(-i64::from(i)))).collect();
        for order in [Order::AsGiven, Order::Reversed, Order::ByTime, Order::Shuffled(3)] {
            let mut places = order.of(&elements);
            places.sort_unstable();
            assert_eq!(places, (0..9).collect::<Vec<_>>());
        }
        assert_eq!(Order::ByTime.of(&elements), Order::Reversed.of(&elements));
        assert_ne!(Order::Shuffled(1).of(&elements), Order::Shuffled(2).of(&elements));
    }
}
