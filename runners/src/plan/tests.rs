use purlin_model::combine::{Count, Sum};
use purlin_model::window::{Fixed, Sessions, WindowFn, WindowSpec};
use purlin_model::{Pipeline, Trigger, minutes};

use super::*;

fn check(build: impl Fn(&Pipeline), expected: &str) {
    check_with(PlanOptions { lift: true, ..PlanOptions::default() }, build, expected);
}

fn check_with(options: PlanOptions, build: impl Fn(&Pipeline), expected: &str) {
    let pipeline = Pipeline::new();
    build(&pipeline);
    let plan = Plan::new(pipeline.graph().expect("the graph is sound"), options);
    let explained = plan.explain();
    let (_, stages) = explained.split_once('\n').expect("a head line");
    assert_eq!(stages, expected, "\n{stages}");
}

#[test]
fn element_wise_transforms_fuse_and_groupings_cut() {
    check(
        |p| {
            p.create("numbers", [1_i64, 2])
                .map("double", |n| n * 2)
                .window(Fixed::of(minutes(1)))
                .key_by("parity", |n| n % 2)
                .combine_per_key("total", (Sum, Count))
                .values();
        },
        "stage 0\n  reads    numbers: 2 values in memory (bounded)\n  fused    double\n  fused    window: fixed(60000 ms)\n  \
         fused    parity\n  fused    total (lifted): combined before the shuffle\n  shuffles accumulators by key to total\n\
         stage 1\n  groups   total: fixed(60000 ms); state: one table per window, dropped when the watermark passes its end\n  \
         fused    values\n",
    );
}

#[test]
fn a_view_of_the_same_input_cuts_before_its_look_up() {
    check(
        |p| {
            let numbers = p.create("numbers", [1_i64, 2]);
            let all = numbers.as_list();
            numbers.map_with("rank", &all, |n, all| all.iter().filter(|other| **other < n).count());
        },
        "stage 0\n  reads    numbers: 2 values in memory (bounded)\n  fused    numbers as list/collect/one key\n  \
         fused    numbers as list/collect/combine (lifted): combined before the shuffle\n  \
         shuffles accumulators by key to numbers as list/collect/combine\n  hands    to stage 2\n\
         stage 1\n  groups   numbers as list/collect/combine: global; state: one table per window, dropped when the watermark passes its end\n  \
         fused    numbers as list/collect/values\n  shows    numbers as list/view to every worker\n\
         stage 2\n  takes    what numbers gives\n  fused    rank (looks up numbers as list/view)\n",
    );
}

#[test]
fn a_source_read_only_behind_a_view_is_read_in_that_stage() {
    check(
        |p| {
            let rates = p.create("rates", [(1_i64, 2_i64)]).as_map();
            p.create("orders", [1_i64]).map_with("convert", &rates, |n, rates| rates[&n]);
        },
        "stage 0\n  reads    rates: 1 values in memory (bounded)\n  fused    rates as map/collect/one key\n  \
         fused    rates as map/collect/combine (lifted): combined before the shuffle\n  \
         shuffles accumulators by key to rates as map/collect/combine\n\
         stage 1\n  groups   rates as map/collect/combine: global; state: one table per window, dropped when the watermark passes its end\n  \
         fused    rates as map/collect/values\n  shows    rates as map/view to every worker\n\
         stage 2\n  reads    orders: 1 values in memory (bounded)\n  fused    convert (looks up rates as map/view)\n",
    );
}

#[test]
fn the_right_side_of_a_join_is_held_where_its_end_tells_all() {
    let options = PlanOptions { hold_joined: true, ..PlanOptions::default() };
    let build = |spec: WindowSpec| {
        move |p: &Pipeline| {
            let names = p.create("names", [(1_i64, "Ada".to_string())]).window(spec.clone());
            p.create("orders", [(1_i64, 30_i64)]).window(spec.clone()).left_join("join", &names);
        }
    };
    let reads = |what: &str, windows: &str| {
        let windows = format!("{windows}: fixed(60000 ms), discarding, lateness 60000 ms");
        format!("  reads    {what}: 1 values in memory (bounded)\n  fused    {windows}\n")
    };
    let [names, orders] = [reads("names", "window"), reads("orders", "window 2")];
    check_with(
        options,
        build(Fixed::of(minutes(1)).with().allowed_lateness(minutes(1)).discarding()),
        &format!(
            "stage 0\n{names}  shows    join/right side to every worker\n\
             stage 1\n{orders}  fused    join/pairs (looks up join/right side)\n"
        ),
    );
    // Sessions merge, and early panes come before the end: these are grouped.
    let early = Trigger::after_watermark().early(Trigger::after_count(1));
    for spec in [
        Sessions::of(minutes(1)).with(),
        Fixed::of(minutes(1)).with().trigger(early).allowed_lateness(minutes(0)).discarding(),
    ] {
        let pipeline = Pipeline::new();
        build(spec)(&pipeline);
        let plan = Plan::new(pipeline.graph().expect("the graph is sound"), options);
        assert!(plan.explain().contains("groups   join/co-group/group"), "{}", plan.explain());
    }
}

#[test]
fn a_flatten_needs_no_step() {
    check(
        |p| {
            let odd = p.create("odd", [1_i64, 3]);
            let even = p.create("even", [2_i64]).map("negate", |n| -n);
            p.flatten("all", [odd, even]).map("double", |n| n * 2);
        },
        "stage 0\n  reads    odd: 2 values in memory (bounded)\n  reads    even: 1 values in memory (bounded)\n  \
         fused    negate\n  fused    double\n",
    );
}
