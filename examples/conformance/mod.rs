//! Conformance scenarios: scripts over one key, and what each of their steps makes a group-by-key emit and drop.
//!
//! [`parse`] reads a file of scenarios, [`Scenario::play`] builds a pipeline from one (`TestStream` → key → window → group by key), has it
//! run, and writes down the outcome in the notation of `tests/data/conformance/expected.txt`. It is the public SDK that does
//! everything in between; nothing here knows what should come out.
//!
//! ```
//! use purlin::prelude::*;
//! use purlin_examples::conformance::parse;
//!
//! let file = "scenario two\nwindow fixed 10\ntrigger count(2)\nmode discarding\ninput 1 2\nwatermark inf\nend\n";
//! let outcome = parse(file)?[0].play(|graph| ReferenceRunner::new().run(graph))?;
//! assert_eq!(outcome, r#"## two
//! > input 1 2
//! pane {"window":[0,10],"values":[1,2],"timestamp":9,"timing":"EARLY","index":0,"nonspeculative_index":-1,"first":true,"last":true}
//! > watermark inf
//! "#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod outcome;
mod parse;
mod play;
mod trigger;

pub use parse::{Malformed, parse};

use purlin::Timestamp;
use purlin::window::WindowSpec;

/// One script over one key.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// How its elements are windowed, and when they are emitted.
    pub windowing: WindowSpec,
    /// What happens, each step with its line as it stands.
    pub steps: Vec<(String, Step)>,
}

/// Something that happens. One unit of time is a millisecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Elements whose value is their timestamp come together.
    Input(Vec<i64>),
    /// The watermark advances.
    Watermark(Timestamp),
    /// Processing time advances by so much.
    Time(u64),
}
