//! Cells as bytes, with time to live and without: the full form equals a base and the deltas since.

use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use crate::combine::Sum;
use crate::kernel::{StateClock, StatefulSpec, TimeDomain, TimeToLive, TimerChange};
use crate::window::Window;
use crate::{BoxError, Timestamp, milliseconds, minutes};

type Soon = Expires<ProcessingTime, 20>;

/// What happens to a cell of small numbers.
#[derive(Clone, Debug)]
enum Event {
    Write(u8, i64),
    Remove(u8),
    Clear,
    /// So many milliseconds pass.
    Later(i64),
    Sweep,
    Delta,
    /// It is written as bytes and taken back.
    RoundTrip,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => (0..30_u8, -5..5_i64).prop_map(|(key, value)| Event::Write(key, value)),
        3 => (0..30_u8).prop_map(Event::Remove),
        1 => Just(Event::Clear),
        2 => (0..15_i64).prop_map(Event::Later),
        1 => Just(Event::Sweep),
        2 => Just(Event::Delta),
        1 => Just(Event::RoundTrip),
    ];
    proptest::collection::vec(event, 0..120)
}

/// `apply` makes the changes to a cell, `contents` shows what is in it.
fn check<C: Cell, X: PartialEq + Debug>(
    events: &[Event],
    apply: impl Fn(&mut C, &Event),
    contents: impl Fn(&C) -> X,
) -> Result<(), TestCaseError> {
    let (mut cell, mut replica) = (C::default(), C::default());
    let mut now = Now { event: Timestamp::from_millis(0), processing_ms: 0 };
    let mut bytes = Vec::new();
    for event in events.iter().chain([&Event::Delta]) {
        match event {
            Event::Later(span_ms) => now.processing_ms += span_ms,
            Event::Sweep => _ = cell.sweep(now),
            Event::Delta => {
                bytes.clear();
                let is_changed = cell.take_delta(&mut bytes).expect("it encodes");
                prop_assert_eq!(is_changed, !bytes.is_empty());
                let mut from = bytes.as_slice();
                if is_changed {
                    replica.apply_delta(&mut from).expect("it decodes");
                }
                prop_assert!(from.is_empty());
                prop_assert_eq!(contents(&cell), contents(&replica));
            }
            Event::RoundTrip => {
                bytes.clear();
                cell.encode(&mut bytes).expect("it encodes");
                let before = contents(&cell);
                cell.decode(&mut bytes.as_slice()).expect("it decodes");
                prop_assert_eq!(before, contents(&cell));
            }
            other => apply(&mut cell, other),
        }
        cell.begin(now);
        replica.begin(now);
    }
    bytes.clear();
    cell.encode(&mut bytes).expect("it encodes");
    let mut restored = C::default();
    restored.begin(now);
    let mut from = bytes.as_slice();
    restored.decode(&mut from).expect("it decodes");
    prop_assert!(from.is_empty());
    prop_assert_eq!(contents(&restored), contents(&cell));
    prop_assert_eq!(restored.is_empty(), cell.is_empty());
    Ok(())
}

fn value<L: Lifetime>(events: &[Event]) -> Result<(), TestCaseError> {
    let apply = |cell: &mut Value<i64, L>, event: &Event| match event {
        Event::Write(0, _) => drop(cell.take()),
        Event::Write(key, value) if key % 3 == 0 => *cell.get_or_insert_with(|| 0) += value,
        Event::Write(key, value) if key % 3 == 1 => cell.get_mut().into_iter().for_each(|held| *held += value),
        Event::Write(_, value) => cell.set(*value),
        _ => cell.clear(),
    };
    check(events, apply, |cell| cell.get().copied())
}

fn combining<L: Lifetime>(events: &[Event]) -> Result<(), TestCaseError> {
    let apply = |cell: &mut Combining<Sum, i64, L>, event: &Event| match event {
        Event::Write(0, _) => drop(cell.take()),
        Event::Write(_, value) => cell.add(*value),
        _ => cell.clear(),
    };
    check(events, apply, |cell| (cell.get(), cell.is_empty()))
}

fn bag<L: Lifetime>(events: &[Event]) -> Result<(), TestCaseError> {
    let apply = |cell: &mut Bag<i64, L>, event: &Event| match event {
        Event::Write(0, _) => drop(cell.take()),
        Event::Write(_, value) => cell.add(*value),
        Event::Clear => cell.clear(),
        _ => {}
    };
    check(events, apply, |cell| (cell.iter().copied().collect::<Vec<_>>(), cell.len(), cell.is_empty()))
}

fn map<L: Lifetime>(events: &[Event]) -> Result<(), TestCaseError> {
    let apply = |cell: &mut MapCell<u8, i64, L>, event: &Event| match event {
        Event::Write(key, value) if key % 3 == 0 => drop(cell.insert(*key, *value)),
        Event::Write(key, value) if key % 3 == 1 => *cell.get_or_insert_with(*key, || 100) += value,
        Event::Write(key, value) => cell.get_mut(key).into_iter().for_each(|held| *held += value),
        Event::Remove(key) => drop(cell.remove(key)),
        _ => cell.clear(),
    };
    let contents = |cell: &MapCell<u8, i64, L>| {
        let mut entries: Vec<_> = cell.iter().map(|(key, value)| (*key, *value)).collect();
        entries.sort();
        assert!(entries.iter().all(|(key, value)| cell.get(key) == Some(value)));
        assert_eq!(entries.len(), cell.len());
        entries
    };
    check(events, apply, contents)
}

fn set<L: Lifetime>(events: &[Event]) -> Result<(), TestCaseError> {
    let apply = |cell: &mut SetCell<u8, L>, event: &Event| match event {
        Event::Write(key, _) => drop(cell.insert(*key)),
        Event::Remove(key) => drop(cell.remove(key)),
        _ => cell.clear(),
    };
    let contents = |cell: &SetCell<u8, L>| {
        let mut values: Vec<u8> = cell.iter().copied().collect();
        values.sort();
        values
    };
    check(events, apply, contents)
}

fn multimap<L: Lifetime>(events: &[Event]) -> Result<(), TestCaseError> {
    let apply = |cell: &mut MultimapCell<u8, i64, L>, event: &Event| match event {
        Event::Write(key, value) => cell.add(key % 4, *value),
        Event::Remove(key) => drop(cell.remove(key)),
        _ => cell.clear(),
    };
    let contents = |cell: &MultimapCell<u8, i64, L>| {
        let mut entries: Vec<_> = cell.iter().map(|(key, values)| (*key, values.to_vec())).collect();
        entries.sort();
        entries
    };
    check(events, apply, contents)
}

fn ordered_list<L: Lifetime>(events: &[Event]) -> Result<(), TestCaseError> {
    let at = |key: u8| Timestamp::from_millis(i64::from(key));
    let apply = |cell: &mut OrderedList<i64, L>, event: &Event| match event {
        Event::Write(key, value) => cell.add(at(key % 8), *value),
        Event::Remove(key) => cell.clear_range(at(key % 8)..at(key % 8 + key / 8)),
        _ => cell.clear(),
    };
    check(events, apply, |cell| cell.iter().map(|(at, value)| (at, *value)).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn a_cell_is_its_base_and_its_deltas(events in events()) {
        value::<Forever>(&events)?;
        value::<Soon>(&events)?;
        combining::<Forever>(&events)?;
        combining::<Soon>(&events)?;
        bag::<Forever>(&events)?;
        bag::<Soon>(&events)?;
        map::<Forever>(&events)?;
        map::<Soon>(&events)?;
        set::<Forever>(&events)?;
        set::<Soon>(&events)?;
        multimap::<Forever>(&events)?;
        multimap::<Soon>(&events)?;
        ordered_list::<Forever>(&events)?;
        ordered_list::<Soon>(&events)?;
    }

    /// An ordered list reads like a sorted vector.
    #[test]
    fn ranges_of_an_ordered_list(
        values in proptest::collection::vec((0..20_i64, 0..100_i64), 0..40),
        from in 0..20_i64,
        to in 0..20_i64,
    ) {
        let at = Timestamp::from_millis;
        let mut list = OrderedList::<i64>::default();
        values.iter().for_each(|(ms, value)| list.add(at(*ms), *value));
        let mut sorted = values.clone();
        sorted.sort_by_key(|(ms, _)| *ms);
        let of = |keep: &dyn Fn(i64) -> bool| sorted.iter().filter(|(ms, _)| keep(*ms)).copied().collect::<Vec<_>>();
        let seen = |range: &mut dyn Iterator<Item = (Timestamp, &i64)>| {
            range.map(|(at, value)| (at.millis(), *value)).collect::<Vec<_>>()
        };
        prop_assert_eq!(seen(&mut list.range(at(from)..at(to))), of(&|ms| from <= ms && ms < to));
        prop_assert_eq!(seen(&mut list.range(at(from)..=at(to))), of(&|ms| from <= ms && ms <= to));
        prop_assert_eq!(seen(&mut list.range(..at(to))), of(&|ms| ms < to));
        prop_assert_eq!(list.last().map(|(_, value)| *value), sorted.last().map(|(_, value)| *value));
        list.clear_range(at(from)..=at(to));
        prop_assert_eq!(seen(&mut list.iter()), of(&|ms| !(from <= ms && ms <= to)));
    }
}

#[test]
fn a_delta_holds_what_has_changed_and_no_more() {
    let mut map = MapCell::<u64, String>::default();
    (0..1000).for_each(|key| drop(map.insert(key, format!("value {key}"))));
    let mut bytes = Vec::new();
    assert!(map.take_delta(&mut bytes).expect("it encodes"));
    let full = bytes.len();
    map.insert(7, "seven".into());
    map.remove(&8);
    bytes.clear();
    assert!(map.take_delta(&mut bytes).expect("it encodes"));
    assert!(bytes.len() < 30 && full > 10_000, "{} of {full} bytes", bytes.len());
    assert!(!map.take_delta(&mut bytes).expect("it encodes"), "nothing has changed since");
}

/// Each cell's contents are seen until their time is over, counted from their own last write.
#[test]
fn what_has_outlived_its_time_is_not_seen() {
    let mut map = MapCell::<u8, i64, Expires<EventTime, { 10 * MINUTE }>>::default();
    let now = |minute: u64| Now { event: Timestamp::from_millis(0) + minutes(minute), processing_ms: 0 };
    let seen = |map: &MapCell<u8, i64, _>| [1, 2].map(|key| map.get(&key).copied());
    map.begin(now(0));
    map.insert(1, 10);
    map.insert(2, 20);
    map.begin(now(5));
    map.insert(2, 21);
    map.begin(now(9));
    assert_eq!(seen(&map), [Some(10), Some(21)]);
    map.begin(now(10));
    assert_eq!(seen(&map), [None, Some(21)]);
    assert_eq!(map.get_mut(&1), None);
    assert_eq!(*map.get_or_insert_with(1, || 7), 7, "what is over does not come back");
    map.begin(now(15));
    assert_eq!((seen(&map), map.len()), ([Some(7), None], 1));
    map.sweep(now(20));
    assert!(Cell::is_empty(&map), "what is over is freed");
}

#[test]
fn declarations() {
    #[derive(crate::state::State)]
    #[state(crate = "crate")]
    struct Cells {
        last: Value<i64>,
        short: Bag<String, Expires<EventTime, 5>>,
        r#loop: EventTimer,
        wake: ProcessingTimerFamily<u8>,
        total: Combining<Sum, i64>,
        _end: WindowExpiration,
    }
    let mut spec = StatefulSpec::default();
    Cells::declare(&mut spec);
    let cells: Vec<_> =
        spec.cells.iter().map(|cell| (cell.name, cell.descriptor.as_str(), cell.time_to_live)).collect();
    let five = TimeToLive { domain: TimeDomain::EventTime, span_ms: 5 };
    assert_eq!(cells[0], ("last", "Value<i64>", None));
    assert_eq!(cells[1], ("short", "Bag<alloc::string::String>, stamped", Some(five)));
    assert_eq!(cells[2].0, "total");
    let timers: Vec<_> = spec.timers.iter().map(|timer| (timer.name, timer.domain, timer.tags.is_some())).collect();
    assert_eq!(timers, [("loop", TimeDomain::EventTime, false), ("wake", TimeDomain::ProcessingTime, true)]);
    assert!(spec.on_window_expiration);

    let mut of_tuple = StatefulSpec::default();
    <(Value<i64>, EventTimer)>::declare(&mut of_tuple);
    assert_eq!((of_tuple.cells[0].name, of_tuple.timers[0].name), ("0", "1"));
}

/// Timers after a call for `occasion` in the window [0, 100) with a lateness of 50.
fn settle(timer: &mut impl Cell, occasion: Occasion) -> Result<Vec<TimerChange>, BoxError> {
    let mut spec = StatefulSpec::default();
    <(EventTimer, ProcessingTimer)>::declare(&mut spec);
    let clock = StateClock {
        input_watermark: Timestamp::MIN,
        output_watermark: Timestamp::MIN,
        now_ms: 1000,
        lateness_ms: 50,
        ending: false,
    };
    let window = Window::new(Timestamp::from_millis(0), Timestamp::from_millis(100));
    let (mut version, mut changes) = (0, Vec::new());
    let mut settling = Settling {
        spec: &spec,
        slot: crate::kernel::SlotId(0),
        window,
        occasion,
        clock,
        version: &mut version,
        changes: &mut changes,
        next: 0,
    };
    timer.settle(&mut settling)?;
    Ok(changes)
}

fn element(ms: i64) -> Occasion {
    Occasion::Element(Timestamp::from_millis(ms))
}

fn firing(domain: TimeDomain, at_ms: i64, output_ms: i64) -> Occasion {
    let output = Timestamp::from_millis(output_ms);
    Occasion::Timer { domain, setting: Setting { at_ms, version: 1, output, holds: true } }
}

/// When a timer fires and what it holds.
#[test]
fn times_of_timers() {
    let at = Timestamp::from_millis;
    #[track_caller]
    fn check<C: Clock>(occasion: Occasion, ask: impl Fn(&mut Timer<C>), expected: Option<(i64, Option<i64>)>) {
        let mut timer = Timer::<C>::default();
        ask(&mut timer);
        let changes = settle(&mut timer, occasion).expect("it can be set");
        let after = changes.first().and_then(|change| change.after);
        assert_eq!(after.map(|set| (set.at_ms, set.hold.map(Timestamp::millis))), expected);
    }
    type Event = EventTime;
    type Processing = ProcessingTime;
    let at_end = firing(TimeDomain::EventTime, 149, 149);
    check::<Event>(element(5), |timer| timer.set(at(30)), Some((30, Some(30))));
    check::<Event>(element(5), |timer| timer.set(at(149)), Some((149, Some(149))));
    check::<Event>(element(5), |timer| timer.set_relative(milliseconds(30)), Some((35, Some(35))));
    check::<Event>(element(5), |timer| timer.set_relative(minutes(1)), Some((149, Some(149))));
    check::<Event>(element(149), |timer| timer.set_relative(minutes(1)), Some((149, Some(149))));
    check::<Event>(at_end, |timer| timer.set_relative(minutes(1)), None);
    check::<Event>(firing(TimeDomain::EventTime, 60, 7), |t| t.set_relative(milliseconds(9)), Some((69, Some(69))));
    check::<Event>(
        firing(TimeDomain::ProcessingTime, 900, 7),
        |t| t.set_relative(milliseconds(9)),
        Some((16, Some(16))),
    );
    check::<Event>(element(5), |t| t.set_with_output(at(30), OutputTime::At(at(5))), Some((30, Some(5))));
    check::<Event>(element(5), |t| t.set_with_output(at(30), OutputTime::At(at(149))), Some((30, Some(149))));
    check::<Event>(element(5), |t| t.set_with_output(at(30), OutputTime::NotHeld), Some((30, None)));
    check::<Processing>(element(5), |timer| timer.set(at(7000)), Some((7000, Some(5))));
    check::<Processing>(element(5), |timer| timer.set_relative(milliseconds(30)), Some((1030, Some(5))));
    check::<Processing>(
        firing(TimeDomain::EventTime, 60, 9),
        |t| t.set_relative(milliseconds(3)),
        Some((1003, Some(9))),
    );
    // The last word counts.
    check::<Event>(element(5), |timer| [30, 20].map(at).into_iter().for_each(|at| timer.set(at)), Some((20, Some(20))));
    let set_and_clear = |timer: &mut EventTimer| {
        timer.set(at(30));
        timer.clear();
    };
    check::<Event>(element(5), set_and_clear, None);
}

#[test]
fn timers_that_are_refused() {
    let at = Timestamp::from_millis;
    #[track_caller]
    fn check(occasion: Occasion, ask: impl Fn(&mut EventTimer), refusal: &str) {
        let mut timer = EventTimer::default();
        ask(&mut timer);
        let error = settle(&mut timer, occasion).expect_err(refusal).to_string();
        assert!(error.contains("timer `0`") && error.contains(refusal), "{error}");
    }
    check(element(5), |timer| timer.set(at(150)), "forgotten after 1970-01-01T00:00:00.149Z: set it to at most that");
    check(element(5), |timer| timer.set_with_output(at(20), OutputTime::At(at(4))), "does not lie between");
    check(element(5), |timer| timer.set_with_output(at(20), OutputTime::At(at(150))), "does not lie between");
    let by_timer = firing(TimeDomain::EventTime, 60, 40);
    check(by_timer, |timer| timer.set_with_output(at(90), OutputTime::At(at(39))), "does not lie between");
    check(Occasion::Expiration, |timer| timer.set_relative(milliseconds(1)), "has expired");
}

/// Members of a family have their own numbers, which are used again.
#[test]
fn families() {
    let at = Timestamp::from_millis;
    let mut family = EventTimerFamily::<String>::default();
    family.set("a".into(), at(10));
    family.set("b".into(), at(20));
    family.set("a".into(), at(30));
    let changes = settle(&mut family, element(0)).expect("they can be set");
    let shown: Vec<_> = changes
        .iter()
        .map(|change| (change.id.member, change.before.map(|set| set.at_ms), change.after.map(|set| set.at_ms)))
        .collect();
    assert_eq!(shown, [(0, None, Some(10)), (1, None, Some(20)), (0, Some(10), Some(30))]);

    let of_a = changes[2].after.expect("it is set");
    assert!(family.fire(0, of_a.version - 2).is_none(), "a setting that was overwritten");
    assert!(family.fire(7, of_a.version).is_none(), "no such member");
    assert_eq!(family.fire(0, of_a.version).map(|setting| setting.at_ms), Some(30));
    assert_eq!(family.fired().map(String::as_str), Some("a"));
    assert!(!family.is_set(&"a".into()) && family.is_set(&"b".into()));
    family.set("c".into(), at(40));
    assert!(family.is_set(&"c".into()));
    let changes = settle(&mut family, firing(TimeDomain::EventTime, 30, 30)).expect("they can be set");
    let shown: Vec<_> = changes.iter().map(|change| (change.id.member, change.after.is_some())).collect();
    assert_eq!(shown, [(2, true), (0, false)]);
    assert_eq!(family.fired(), None);

    let mut bytes = Vec::new();
    family.encode(&mut bytes).expect("it encodes");
    family.decode(&mut bytes.as_slice()).expect("it decodes");
    family.set("d".into(), at(50));
    let changes = settle(&mut family, element(0)).expect("it can be set");
    assert_eq!(changes[0].id.member, 0, "a number that was given back");
    let changes = settle(&mut family, Occasion::Expiration).expect("all are cleared");
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|change| change.after.is_none()) && Cell::is_empty(&family));
}

/// Little beyond what is stored (a key with one value and no timer has at most 64 bytes beside key and value).
#[test]
fn sizes() {
    assert!(size_of::<Value<i64>>() <= 24);
    assert!(size_of::<Combining<Sum, i64>>() <= 24);
    assert!(size_of::<MapCell<String, String>>() <= 16);
    assert!(size_of::<SetCell<String>>() <= 16);
    assert!(size_of::<OrderedList<String>>() <= 16);
    assert!(size_of::<EventTimerFamily<String>>() <= 24);
    assert!(size_of::<EventTimer>() <= 72);
}
