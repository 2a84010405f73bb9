//! Nexmark: fifteen queries over the events of an auction site, as Apache Beam's suite numbers them.
//!
//! Each query is a function from collections to a collection in a file of its own, with its definition at the head. They know no runner,
//! no file and no topic, so the same function gives the same results in batch and on a stream.
//!
//! | | | shows |
//! |---|---|---|
//! | [`q0`] | pass-through | reading and writing |
//! | [`q1`], [`q2`] | currency conversion, selection | element-wise transforms |
//! | [`q3`] | who is selling in particular states | a join by state and timers |
//! | [`q4`], [`q6`] | average prices | queries made of queries, a trigger |
//! | [`q5`], [`q7`] | hot items, highest bid | sliding windows, a combiner of one's own |
//! | [`q8`] | new users who sell | a windowed join of two outputs |
//! | [`q9`] | winning bids | state and timers |
//! | [`q10`] | log to sharded files | a sharded sink |
//! | [`q11`], [`q12`] | bids per user session, per span of processing time | sessions, a processing-time trigger |
//! | [`q13`], [`q14`] | bids joined with a table | side inputs |

mod generate;
mod greatest;
mod model;
pub mod q0;
pub mod q1;
pub mod q10;
pub mod q11;
pub mod q12;
pub mod q13;
pub mod q14;
pub mod q2;
pub mod q3;
pub mod q4;
pub mod q5;
pub mod q6;
pub mod q7;
pub mod q8;
pub mod q9;

pub use generate::GeneratedEvents;
pub use greatest::Greatest;
pub use model::{Auction, Bid, Event, Person, What, bids};
