use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::*;
use crate::time::civil_from_days;

fn at(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().expect("an instant");
    Timestamp::from_millis(instant.as_millisecond())
}

/// The window of an instant, as local times with offsets.
fn check(windows: Calendar, instant: &str, expected: &str) {
    let window = windows.assign(at(instant)).single().expect("one window");
    let shown = |at: Timestamp| {
        let offset = windows.zone.offset_seconds(at.millis());
        let text = Timestamp::from_millis(at.millis() + i64::from(offset) * 1000).to_string();
        format!("{}{:+03}", text.trim_end_matches(":00Z"), offset / 3600)
    };
    assert_eq!(format!("{} .. {}", shown(window.start), shown(window.end)), expected, "{} {instant}", windows.name());
}

#[test]
fn days_follow_the_clocks() {
    let berlin = || Calendar::days(1).in_zone("Europe/Berlin");
    check(berlin(), "2024-03-31T11:00:00Z", "2024-03-31T00:00+01 .. 2024-04-01T00:00+02");
    check(berlin(), "2024-10-27T22:59:59Z", "2024-10-27T00:00+02 .. 2024-10-28T00:00+01");
    check(Calendar::days(1), "1969-12-31T23:59:59.999Z", "1969-12-31T00:00+00 .. 1970-01-01T00:00+00");
}

#[test]
fn a_midnight_that_clocks_skip_is_the_first_moment_after() {
    let sao_paulo = || Calendar::days(1).in_zone("America/Sao_Paulo");
    check(sao_paulo(), "2018-11-04T03:00:00Z", "2018-11-04T01:00-02 .. 2018-11-05T00:00-02");
    check(sao_paulo(), "2018-11-04T02:59:59Z", "2018-11-03T00:00-03 .. 2018-11-04T01:00-02");
    // Put forward from 23:30 to 00:30, in the middle of which midnight is.
    let toronto = Calendar::days(1).in_zone("America/Toronto");
    check(toronto, "1919-03-31T04:30:00Z", "1919-03-31T00:30-04 .. 1919-04-01T00:00-04");
}

#[test]
fn a_midnight_that_clocks_show_twice_is_the_first_one() {
    let havana = || Calendar::days(1).in_zone("America/Havana");
    check(havana(), "2023-11-05T04:30:00Z", "2023-11-05T00:00-04 .. 2023-11-06T00:00-05");
    check(havana(), "2023-11-05T05:30:00Z", "2023-11-05T00:00-04 .. 2023-11-06T00:00-05");
    // Put back from 00:01 to 23:01: the hour before midnight comes again, in the day that has begun.
    let st_johns = Calendar::days(1).in_zone("America/St_Johns");
    let window = |text| st_johns.assign(at(text)).first();
    assert_eq!(window("2006-10-29T02:30:30Z"), window("2006-10-29T03:15:00Z"));
    assert_eq!(window("2006-10-29T02:29:59Z").end, at("2006-10-29T02:30:00Z"));
}

#[test]
fn a_day_that_never_was_has_no_window() {
    let apia = || Calendar::days(1).in_zone("Pacific/Apia");
    check(apia(), "2011-12-30T09:59:59Z", "2011-12-29T00:00-10 .. 2011-12-31T00:00+14");
    check(apia(), "2011-12-30T10:00:00Z", "2011-12-31T00:00+14 .. 2012-01-01T00:00+14");
}

#[test]
fn longer_windows_begin_where_they_are_told() {
    let noon = "2024-02-29T12:00:00Z";
    check(Calendar::weeks(1, Weekday::Monday), noon, "2024-02-26T00:00+00 .. 2024-03-04T00:00+00");
    check(Calendar::weeks(1, Weekday::Thursday), noon, "2024-02-29T00:00+00 .. 2024-03-07T00:00+00");
    check(Calendar::weeks(1, Weekday::Sunday), noon, "2024-02-25T00:00+00 .. 2024-03-03T00:00+00");
    check(Calendar::days(10).starting(2024, 2, 20), noon, "2024-02-20T00:00+00 .. 2024-03-01T00:00+00");
    check(Calendar::months(1), noon, "2024-02-01T00:00+00 .. 2024-03-01T00:00+00");
    check(Calendar::months(3).starting(2014, 1, 15), noon, "2024-01-15T00:00+00 .. 2024-04-15T00:00+00");
    check(Calendar::months(1).starting(2024, 1, 31), noon, "2024-02-29T00:00+00 .. 2024-03-31T00:00+00");
    check(
        Calendar::months(1).starting(2024, 1, 31),
        "2023-03-01T00:00:00Z",
        "2023-02-28T00:00+00 .. 2023-03-31T00:00+00",
    );
    check(Calendar::years(1).in_zone("Asia/Tokyo"), noon, "2024-01-01T00:00+09 .. 2025-01-01T00:00+09");
    check(Calendar::years(1).starting(1, 4, 6), noon, "2023-04-06T00:00+00 .. 2024-04-06T00:00+00");
    check(Calendar::years(2).starting(2024, 2, 29), noon, "2024-02-29T00:00+00 .. 2026-02-28T00:00+00");
    check(Calendar::years(10), "1969-12-31T00:00:00Z", "1960-01-01T00:00+00 .. 1970-01-01T00:00+00");
}

#[test]
fn names_tell_all_settings_and_nothing_else() {
    let name = |windows: Calendar| windows.name();
    assert_eq!(name(Calendar::days(1).in_zone("europe/berlin")), "calendar(days, Europe/Berlin)");
    assert_eq!(name(Calendar::months(1).starting(2024, 2, 29)), "calendar(months from day 29, UTC)");
    assert_eq!(name(Calendar::weeks(1, Weekday::Monday)), "calendar(7 days from 1970-01-05, UTC)");
    assert_eq!(name(Calendar::months(3).starting(2023, 12, 15)), "calendar(3 months from 1970-03, day 15, UTC)");
    assert_eq!(name(Calendar::years(1)), name(Calendar::months(12).starting(2001, 1, 1)));
    assert_eq!(name(Calendar::days(2).starting(2024, 1, 2)), name(Calendar::days(2).starting(2023, 12, 31)));
    assert_ne!(name(Calendar::days(2).starting(2024, 1, 2)), name(Calendar::days(2).starting(2024, 1, 1)));
    assert_ne!(name(Calendar::months(1).starting(2024, 1, 31)), name(Calendar::months(1).starting(2024, 1, 28)));
}

#[test]
fn what_does_not_exist_is_refused_at_construction() {
    let refused = |windows: Calendar| {
        let pipeline = crate::Pipeline::new();
        pipeline.create("numbers", [1]).window(windows);
        pipeline.graph().map(drop).expect_err("refused").to_string()
    };
    let text = refused(Calendar::days(1).in_zone("Europe/Brelin"));
    assert!(text.contains("transform `window`: there is no time zone `Europe/Brelin`"), "{text}");
    let text = refused(Calendar::months(1).starting(2023, 2, 29).in_zone("UTC"));
    assert!(text.contains("there is no date 2023-02-29"), "{text}");
}

#[test]
fn dates_and_day_numbers_are_inverse() {
    for day in (-400_000_000..400_000_000).step_by(99_991).chain(-800_000..800_000) {
        let (year, month, day_of_month) = civil_from_days(day);
        assert_eq!(day_number(year, month as u8, day_of_month as u8), day);
        assert!(is_date(year, month as u8, day_of_month as u8));
    }
}

/// Every change of every zone, as far as they are written down and some years on by rule: the windows around it fit together.
#[test]
fn days_tile_time_around_every_change_of_every_zone() {
    let (from, upto) = ("1800-01-01T00:00:00Z".parse().unwrap(), "2050-01-01T00:00:00Z".parse().unwrap());
    let database = TimeZoneDatabase::bundled();
    let mut changes = 0;
    for name in database.available().filter(|name| !name.as_str().starts_with("Etc/")) {
        let zone = database.get(name.as_str()).expect("an available zone");
        let days = Calendar::days(1).in_zone(name.as_str());
        for change in zone.following(from).take_while(|change| change.timestamp() < upto) {
            let change_ms = change.timestamp().as_millisecond();
            let mut window = days.window(Timestamp::from_millis(change_ms - 86_400_000));
            while window.start.millis() <= change_ms + 86_400_000 {
                is_sound(&days, window);
                let next = days.window(window.end);
                assert_eq!(next.start, window.end, "{name}");
                window = next;
            }
            changes += 1;
        }
    }
    assert!(changes > 30_000, "only {changes} changes were seen");
}

/// A window's first and last moments lie in it, and it begins when its local day does.
fn is_sound(windows: &Calendar, window: Window) {
    assert!(window.start < window.end, "{} {window}", windows.name());
    for within in [window.start, window.max_timestamp()] {
        assert_eq!(windows.window(within), window, "{} {within}", windows.name());
    }
    let at = |ms: i64| {
        let offset_ms = i64::from(windows.zone.offset_seconds(ms)) * 1000;
        ((ms + offset_ms).div_euclid(86_400_000), (ms + offset_ms).rem_euclid(86_400_000))
    };
    let (day, since_midnight_ms) = at(window.start.millis());
    let (day_before, _) = at(window.start.millis() - 1);
    assert!(day_before < day, "{} {window} does not begin with a day", windows.name());
    // Where midnight was not shown, the clock jumped over it.
    let jumped =
        windows.zone.offset_seconds(window.start.millis()) > windows.zone.offset_seconds(window.start.millis() - 1);
    assert!(since_midnight_ms == 0 || jumped, "{} {window} begins after midnight", windows.name());
}

fn calendar() -> impl Strategy<Value = Calendar> {
    let zones: Vec<String> = TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_string()).collect();
    let unit = prop_oneof![
        (1..40_u32).prop_map(Calendar::days),
        (1..5_u32).prop_map(|n| Calendar::weeks(n, Weekday::Wednesday)),
        (1..30_u32).prop_map(Calendar::months),
        (1..300_u32).prop_map(Calendar::years),
    ];
    let start = proptest::option::of((any::<i16>(), 1..=12_u8, 1..=28_u8));
    (unit, start, proptest::sample::select(zones)).prop_map(|(unit, start, zone)| {
        let unit = match start {
            Some((year, month, day)) => unit.starting(year, month, day),
            None => unit,
        };
        let unit = unit.in_zone(&zone);
        assert_eq!(unit.problem, None);
        unit
    })
}

/// Ordinary times, times far off, and the bounds.
fn timestamp() -> impl Strategy<Value = Timestamp> {
    let ms = prop_oneof![
        4 => -4_000_000_000_000..8_000_000_000_000_i64,
        2 => -400_000_000_000_000..400_000_000_000_000_i64,
        2 => Timestamp::MIN.millis()..=Timestamp::GLOBAL_MAX.millis(),
        1 => (0..100_000_000_i64).prop_map(|ms| Timestamp::MIN.millis() + ms),
        1 => (0..100_000_000_i64).prop_map(|ms| Timestamp::GLOBAL_MAX.millis() - ms),
    ];
    ms.prop_map(Timestamp::from_millis)
}

proptest! {
    #[test]
    fn every_timestamp_lies_in_its_window_and_windows_tile_time(windows in calendar(), at in timestamp()) {
        let window = windows.window(at);
        prop_assert!(window.contains(at), "{} {} in {}", windows.name(), at, window);
        if window.end < Window::LAST_END {
            is_sound(&windows, window);
            prop_assert_eq!(windows.window(window.end).start, window.end);
        }
        let before = windows.window(window.start.saturating_add_millis(-1));
        prop_assert_eq!(before.end, window.start);
    }

    /// 400 years on, all is as it was, but for the changes that are written down: so what lies beyond the library is as within.
    #[test]
    fn what_repeats_every_cycle_does_so_far_off(days in -50_000..50_000_i64, cycles in 21..700_i64, back in any::<bool>()) {
        let windows = Calendar::months(1).in_zone("America/New_York");
        const CYCLE_MS: i64 = 146_097 * 86_400_000;
        let cycle = if back { -cycles } else { cycles };
        let known = if back { -15 } else { 15 };
        let near = windows.window(Timestamp::from_millis(known * CYCLE_MS + days * 86_400_000));
        let far = windows.window(Timestamp::from_millis(cycle * CYCLE_MS + days * 86_400_000));
        let shift = (cycle - known) * CYCLE_MS;
        prop_assert_eq!((near.start.millis() + shift, near.end.millis() + shift), (far.start.millis(), far.end.millis()));
    }

    #[test]
    fn many_at_once_are_as_one_by_one(
        windows in calendar(),
        mut times in proptest::collection::vec(timestamp(), 1..60),
        sorted in any::<bool>(),
    ) {
        if sorted { times.sort() }
        let mut column = Column::one(WindowSet::GLOBAL);
        windows.assign_all(&times, &mut column);
        for (i, at) in times.iter().enumerate() {
            prop_assert_eq!(column.get(i), windows.assign(*at));
        }
    }

    /// Not elements' times, yet no reason to panic.
    #[test]
    fn no_timestamp_panics(windows in calendar(), ms in any::<i64>()) {
        for ms in [ms, i64::MIN, i64::MAX] {
            windows.window(Timestamp::from_millis(ms));
        }
    }
}
