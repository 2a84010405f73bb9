//! How many random cases a suite runs, and how one is run again.

use proptest::test_runner::{Config, RngSeed};

/// As many cases as `PROPTEST_CASES` says, else `ordinary`. The seed is `PROPTEST_RNG_SEED`, else chosen; it is printed with what a failing
/// test prints, and gives the same cases again.
pub fn random_cases(ordinary: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(ordinary);
    let given = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::from(now.subsec_nanos()) << 20 | now.as_secs() & 0xF_FFFF
    });
    println!("to run these cases again: PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases}");
    Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 5000,
        ..Config::default()
    }
}
