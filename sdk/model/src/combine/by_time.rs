//! The latest or the earliest value.

use std::cmp::Ordering;

use super::CombineFn;
use super::encoding::by_encoding;
use crate::{Element, Timestamp};

/// Which value counts.
#[derive(Clone, Copy)]
pub(crate) enum ByTime {
    /// The one with the greatest timestamp.
    Latest,
    /// The one with the least timestamp.
    Earliest,
}

impl ByTime {
    /// Whether `other` takes the place of `held`; of two at one time, the one with the lesser encoding counts.
    #[inline]
    fn replaces<T: Element>(self, (at, other): (Timestamp, &T), (held_at, held): (Timestamp, &T)) -> bool {
        let by_time = match self {
            ByTime::Latest => at.cmp(&held_at),
            ByTime::Earliest => held_at.cmp(&at),
        };
        match by_time {
            Ordering::Equal => by_encoding(other, held) == Ordering::Less,
            order => order == Ordering::Greater,
        }
    }
}

/// Values with their timestamps, as one of the values.
impl<T: Element> CombineFn<(T, Timestamp)> for ByTime {
    type Accumulator = Option<(T, Timestamp)>;
    type Output = Option<T>;

    fn create(&self) -> Option<(T, Timestamp)> {
        None
    }

    #[inline]
    fn add(&self, held: &mut Option<(T, Timestamp)>, (value, at): &(T, Timestamp)) {
        if held.as_ref().is_none_or(|(held, held_at)| self.replaces((*at, value), (*held_at, held))) {
            *held = Some((value.clone(), *at));
        }
    }

    #[inline]
    fn add_owned(&self, held: &mut Option<(T, Timestamp)>, (value, at): (T, Timestamp)) {
        if held.as_ref().is_none_or(|(held, held_at)| self.replaces((at, &value), (*held_at, held))) {
            *held = Some((value, at));
        }
    }

    fn merge(&self, held: &mut Option<(T, Timestamp)>, other: Option<(T, Timestamp)>) {
        if let Some(value) = other {
            self.add_owned(held, value);
        }
    }

    fn extract(&self, held: Option<(T, Timestamp)>) -> Option<T> {
        held.map(|(value, _)| value)
    }
}
