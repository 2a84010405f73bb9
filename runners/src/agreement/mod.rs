//! The core's trigger machine against the reference's grouping machine, on random scripts (SEMANTICS §2 to §7).
//!
//! Both were written from SEMANTICS alone, so what they agree on is rarely a slip. `PROPTEST_CASES` says how many scripts are tried.

mod found;
mod machines;
pub(crate) mod script;
pub(crate) mod windowing;

use proptest::prelude::*;

use self::machines::Both;
use self::script::{Draw, Script};

proptest! {
    // What is found is kept in `found`, where it can be read.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_machines_give_the_same(windowing in windowing::any(), draws in prop::collection::vec(Draw::any(), 1..20)) {
        let script = Script::of(&windowing, draws);
        let mut both = Both::new(&windowing);
        for (number, step) in script.steps.iter().enumerate() {
            let (core, reference) = both.step(step);
            prop_assert_eq!(core, reference, "core is on the left: step {} {:?} of\n{:?}", number, step, script);
        }
    }
}
