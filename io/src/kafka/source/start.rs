//! Where reading begins when no position is known.

use std::fmt;
use std::str::FromStr;
use std::time::UNIX_EPOCH;

use purlin_model::Timestamp;

/// Where to begin in each partition when a pipeline starts without positions of its own.
///
/// Parses from an option's text:
///
/// ```
/// use purlin_io::kafka::Start;
/// use purlin_model::Timestamp;
/// assert_eq!("latest".parse(), Ok(Start::Latest));
/// assert_eq!("2023-11-14T22:13:20Z".parse(), Ok(Start::At(Timestamp::from_millis(1_700_000_000_000))));
/// assert!("yesterday".parse::<Start>().unwrap_err().contains("earliest"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// The oldest record that is still there.
    #[default]
    Earliest,
    /// Only records written from now on.
    Latest,
    /// The first record at or after this record timestamp; the end where there is none.
    At(Timestamp),
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Start::Earliest => f.write_str("earliest"),
            Start::Latest => f.write_str("latest"),
            Start::At(at) => write!(f, "{at}"),
        }
    }
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => return Ok(Start::Earliest),
            "latest" => return Ok(Start::Latest),
            _ => {}
        }
        let at = humantime::parse_rfc3339_weak(text).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let at = at.and_then(|since| i64::try_from(since.as_millis()).ok());
        at.map(|millis| Start::At(Timestamp::from_millis(millis))).ok_or_else(|| {
            format!("`{text}` is not `earliest`, `latest` or a time in UTC such as 2026-01-31T08:00:00Z")
        })
    }
}
