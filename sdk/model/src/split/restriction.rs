//! Restrictions: what of an element's work is to be done.

use std::time::Duration;

use crate::Element;

/// A part of the work on one element, and how much of it has been claimed.
///
/// Laws: a position is claimed once, and in ascending order; after [`split_off`](Self::split_off) the two parts have no position in common and leave
/// none out; a restriction all of which is claimed is done.
pub trait Restriction: Element {
    /// What is claimed.
    type Position;

    /// Claims a position, to be processed as a whole before anything is interrupted; `false` if it lies beyond the end: then there is nothing
    /// more to do.
    fn try_claim(&mut self, position: Self::Position) -> bool;

    /// Ends this restriction behind what is claimed, and gives what is not, if there is any.
    fn split_off(&mut self) -> Option<Self>;

    /// Whether all of it is claimed, or a claim has met its end.
    fn is_done(&self) -> bool;

    /// Whether it has an end.
    fn is_bounded(&self) -> bool;

    /// How much is done and how much is not.
    fn progress(&self) -> Progress;
}

/// How much of a restriction is done, in units that are its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What is claimed.
    pub done: f64,
    /// What is not, where that is known.
    pub remaining: Option<f64>,
}

/// What is to happen with what a call has not claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// There is nothing left, or the last claim failed.
    Stop,
    /// There is nothing to do now: go on with the rest after this long.
    Resume(Duration),
}
