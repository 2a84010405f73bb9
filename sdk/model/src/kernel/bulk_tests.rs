//! Aggregators and the groups made of what they hold, against the plainest way to group: every machine, in memory and out of bytes.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Grouping, GroupingKernel, Partial};
use crate::bundle::{Bundle, ElementSides};
use crate::combine::{CombineFn, Sum, ToVec};
use crate::window::{ByElement, Sessions, Sliding, Window, WindowFn, WindowSet};
use crate::{Pane, Timestamp, milliseconds};

/// A key, a value, and the windows that it lies in.
type Element = (String, i64, WindowSet);
type Results<O> = BTreeMap<(Window, String), O>;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn window(start: i64, end: i64, tag: u64) -> Window {
    Window { tag, ..Window::new(at(start), at(end)) }
}

/// What comes out, each once, and for each key in order of time.
fn grouped<C: CombineFn<i64>>(
    kernel: &dyn Grouping,
    merging: Option<&dyn WindowFn>,
    shares: &[Vec<Element>],
    spilled: bool,
    limit: usize,
) -> Results<C::Output> {
    let mut partitions: BTreeMap<usize, Vec<Box<dyn Partial>>> = BTreeMap::new();
    for share in shares {
        let mut aggregator = kernel.aggregator(merging.is_some());
        for elements in share.chunks(7) {
            let mut bundle = Bundle::new();
            for (key, value, windows) in elements {
                bundle.push((key.clone(), *value), ElementSides { windows: *windows, ..ElementSides::at(at(0)) });
            }
            aggregator.add(&mut bundle);
        }
        for (partition, partial) in aggregator.take().into_iter().enumerate().filter(|(_, part)| !part.is_empty()) {
            partitions.entry(partition).or_default().push(partial);
        }
        assert_eq!(aggregator.bytes(), 0);
    }
    let mut results = Results::new();
    for (_, mut partials) in partitions {
        if spilled {
            let mut read_back = kernel.empty_partial(merging.is_some());
            for partial in partials.drain(1..) {
                let mut bytes = Vec::new();
                partial.encode(&mut bytes).unwrap();
                read_back.decode(&bytes).unwrap();
            }
            partials.push(read_back);
        }
        let mut groups = kernel.merge(partials, merging);
        let mut latest: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut more = true;
        while more {
            let mut out = Bundle::<(String, C::Output)>::new();
            more = groups.emit(limit, &mut out);
            assert!(out.len() <= limit);
            for ((key, result), sides) in out.drain() {
                let window = sides.windows.single().unwrap();
                assert_eq!((sides.timestamp, sides.pane), (window.max_timestamp(), Pane::ON_TIME_AND_ONLY));
                assert!(latest.insert(key.clone(), window.end).is_none_or(|before| before <= window.end));
                assert!(results.insert((window, key), result).is_none(), "each group comes once");
            }
        }
    }
    results
}

/// Every value in every window of its own, which `merging` has merged.
fn plainly(merging: Option<&dyn WindowFn>, shares: &[Vec<Element>]) -> Results<Vec<i64>> {
    let mut by_key: BTreeMap<String, Vec<(Window, i64)>> = BTreeMap::new();
    for (key, value, windows) in shares.iter().flatten() {
        by_key.entry(key.clone()).or_default().extend(windows.iter().map(|window| (window, *value)));
    }
    let mut results = Results::new();
    for (key, values) in by_key {
        let mut windows: Vec<Window> = values.iter().map(|(window, _)| *window).collect();
        windows.sort();
        windows.dedup();
        let merged = merging.map(|function| function.merge(&windows)).unwrap_or_default();
        for (window, value) in values {
            let becomes = merged.iter().find(|merged| merged.parts.contains(&window)).map_or(window, |m| m.result);
            results.entry((becomes, key.clone())).or_insert_with(Vec::new).push(value);
        }
    }
    results
}

/// Sums and lists are what the plainest way gives.
fn agree(merging: Option<&dyn WindowFn>, shares: &[Vec<Element>], spilled: bool, limit: usize) {
    let expected = plainly(merging, shares);
    let sums: Results<i64> = expected.iter().map(|(group, values)| (group.clone(), values.iter().sum())).collect();
    let summing = GroupingKernel::<String, i64, Sum>::combining(Sum);
    assert_eq!(grouped::<Sum>(&summing, merging, shares, spilled, limit), sums);
    let sorted = |results: Results<Vec<i64>>| -> Results<Vec<i64>> {
        let sorted = |mut values: Vec<i64>| {
            values.sort_unstable();
            values
        };
        results.into_iter().map(|(group, values)| (group, sorted(values))).collect()
    };
    let listing = GroupingKernel::<String, i64, ToVec>::collecting(ToVec);
    assert_eq!(sorted(grouped::<ToVec>(&listing, merging, shares, spilled, limit)), sorted(expected));
}

/// Elements on several threads, in any order; `windows` gives those of a time and a second number.
fn shares(windows: impl Fn(i64, i64) -> WindowSet + Clone + 'static) -> impl Strategy<Value = Vec<Vec<Element>>> {
    let element = (0..5_u8, -9..9_i64, -60..60_i64, 0..9_i64);
    let element = element.prop_map(move |(key, value, t, other)| (format!("key {key}"), value, windows(t, other)));
    vec(vec(element, 0..40), 1..4)
}

proptest! {
    #[test]
    fn sliding_windows(
        (size, period, offset) in (1..40_u64, 1..20_u64, 0..20_u64),
        spilled: bool,
        limit in 1..20_usize,
        shares in shares(|t, _| WindowSet::one(window(t, t + 1, 0))),
    ) {
        let sliding = Sliding::of(milliseconds(size)).every(milliseconds(period)).offset(milliseconds(offset));
        let windowed = |(key, value, at): &Element| (key.clone(), *value, sliding.assign(at.first().start));
        let shares: Vec<Vec<Element>> = shares.iter().map(|share| share.iter().map(windowed).collect()).collect();
        agree(None, &shares, spilled, limit);
    }

    #[test]
    fn sets_that_are_no_slices(
        shares in shares(|t, n| WindowSet::run(window(t, t + 5 + n % 2, n as u64 % 2), 1 + n % 3, n as u32 % 5)),
        spilled: bool,
        limit in 1..20_usize,
    ) {
        agree(None, &shares, spilled, limit);
    }

    #[test]
    fn sessions(
        gap in 1..20_i64,
        shares in shares(|t, _| WindowSet::one(window(t, t, 0))),
        spilled: bool,
        limit in 1..20_usize,
    ) {
        let sessions = Sessions::of(milliseconds(gap as u64));
        let windowed = |(key, value, at): &Element| (key.clone(), *value, sessions.assign(at.first().start));
        let shares: Vec<Vec<Element>> = shares.iter().map(|share| share.iter().map(windowed).collect()).collect();
        agree(Some(&sessions), &shares, spilled, limit);
    }

    /// Of several lengths and tags, in several windows, in none, and empty ones.
    #[test]
    fn windows_that_merge(
        tags in 1..3_i64,
        lengths in shares(|t, n| WindowSet::run(window(t, t + n, n as u64), 30, n as u32 % 3)),
        spilled: bool,
        limit in 1..20_usize,
    ) {
        let tagged = |set: &WindowSet| {
            let first = set.first();
            WindowSet::run(Window { tag: first.tag % tags as u64, ..first }, 30, set.len() as u32)
        };
        let tagged = |(key, value, set): &Element| (key.clone(), *value, tagged(set));
        let shares: Vec<Vec<Element>> = lengths.iter().map(|share| share.iter().map(tagged).collect()).collect();
        agree(Some(&ByElement::named("lengths").merging_overlaps()), &shares, spilled, limit);
    }
}

/// Tables of sets are emptied and filled again, and folding ends where it does not pay.
#[test]
fn many_elements_on_one_thread() {
    for keys in [3, 50_000] {
        let sliding = Sliding::of(milliseconds(30)).every(milliseconds(7));
        let element = |n: i64| {
            let key = (n * 7_919 % keys).to_string();
            (key, n % 5, sliding.assign(at(n / 10 + n * 31 % 200)))
        };
        agree(None, &[(0..60_000).map(element).collect()], false, 1024);
    }
}

#[test]
fn a_window_larger_than_a_bundle_comes_in_pieces() {
    let sliding = Sliding::of(milliseconds(4)).every(milliseconds(2));
    let element = |n: i64| (n.to_string(), 1, sliding.assign(at(n % 6)));
    agree(None, &[(0..20_000).map(element).collect()], false, 16);
}
