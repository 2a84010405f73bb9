//! What to do about a position that is not in the log any more.

use std::fmt;
use std::str::FromStr;

/// What to do where a stored position is not in the log: retention deleted its records while the pipeline was stopped, or the topic was
/// made anew. Either way records are missing, so nothing but an error comes of it unless asked for. It is asked when a position is opened: retention
/// that overtakes a reader at work fails the pipeline, which goes on by this rule when it goes on from its checkpoint.
///
/// Parses from an option's text:
///
/// ```
/// use purlin_io::kafka::MissingOffsets;
/// assert_eq!("earliest".parse(), Ok(MissingOffsets::Earliest));
/// assert!("skip".parse::<MissingOffsets>().unwrap_err().contains("refuse"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingOffsets {
    /// The pipeline fails with an error that says what is missing.
    #[default]
    Refuse,
    /// Reading goes on with the oldest record that is there; a warning says what is missing.
    Earliest,
    /// Reading goes on with what is written from now on; a warning says what is missing.
    Latest,
}

impl fmt::Display for MissingOffsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MissingOffsets::Refuse => "refuse",
            MissingOffsets::Earliest => "earliest",
            MissingOffsets::Latest => "latest",
        })
    }
}

impl FromStr for MissingOffsets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [MissingOffsets::Refuse, MissingOffsets::Earliest, MissingOffsets::Latest];
        let found = all.into_iter().find(|then| then.to_string() == text);
        found.ok_or_else(|| format!("`{text}` is not `refuse`, `earliest` or `latest`"))
    }
}
