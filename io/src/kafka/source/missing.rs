//! What to do about a position that is not in the log any more.

use super::super::KafkaError;
use super::super::client::Client;
use super::super::cluster::Position;
use super::KafkaSplit;

/// What to do where a stored position is not in the log: retention deleted its records while the pipeline was stopped, or the topic was
/// made anew. Either way records are missing, so nothing but an error is done unless asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingOffsets {
    /// The pipeline fails with an error that says what is missing.
    #[default]
    Refuse,
    /// Reading goes on with the oldest record that is there; a warning says what is missing.
    Earliest,
    /// Reading goes on with what is written from now on; a warning says so.
    Latest,
}

/// What a partition's log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) first: i64,
    /// With `read_committed` that of what can be read: the log itself may be longer.
    pub(super) end: i64,
}

impl Extent {
    /// Asks for the extents of partitions; blocks.
    pub(super) fn ask(client: &Client, partitions: &[(&str, i32)]) -> Result<Vec<Extent>, KafkaError> {
        let look_up = |position| {
            let asked: Vec<_> = partitions.iter().map(|(topic, number)| (*topic, *number, position)).collect();
            let found = client.offsets(&asked)?;
            let named = |((topic, number), offset): (&(&str, i32), Option<i64>)| {
                offset.ok_or_else(|| KafkaError::Other {
                    what: format!("asking for the offsets of {topic}/{number}"),
                    reason: "the broker named none".into(),
                })
            };
            partitions.iter().zip(found).map(named).collect::<Result<Vec<i64>, _>>()
        };
        // The ends first: a record that comes in between is read, not skipped.
        let ends = look_up(Position::End)?;
        let firsts = look_up(Position::First)?;
        Ok(firsts.into_iter().zip(ends).map(|(first, end)| Extent { first, end }).collect())
    }
}

impl MissingOffsets {
    /// The split, where its position is in the log, or moved as asked for; blocks where it has to ask further.
    pub(super) fn settle(
        self,
        mut split: KafkaSplit,
        extent: Extent,
        log_end: impl FnOnce() -> Result<i64, KafkaError>,
    ) -> Result<KafkaSplit, KafkaError> {
        let Extent { first, mut end } = extent;
        if (first..=end).contains(&split.next) {
            return Ok(split);
        }
        if split.next > end {
            // Behind what can be read, but perhaps still in the log.
            end = log_end()?;
            if split.next <= end {
                return Ok(split);
            }
        }
        let there = there(first, end);
        let to = match self {
            MissingOffsets::Refuse => {
                let KafkaSplit { topic, partition, next: offset, .. } = split;
                return Err(KafkaError::OffsetOutOfRange { topic, partition, offset, there });
            }
            MissingOffsets::Earliest => first,
            MissingOffsets::Latest => extent.end,
        };
        tracing::warn!(
            "offset {} of {split} is not in the log ({there}): going on with {to}, as asked for",
            split.next
        );
        split.next = to;
        Ok(split)
    }
}

/// What a log has, in words.
fn there(first: i64, end: i64) -> String {
    if first < end {
        format!("it begins at {first} and ends at {end}")
    } else {
        format!("it is empty and goes on at {end}")
    }
}
