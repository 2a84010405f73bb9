//! The transforms, one per file: methods of [`Pipeline`](crate::Pipeline) and [`PCollection`](crate::PCollection).

mod co_group;
mod combine;
mod create;
mod deduplicate;
mod distinct;
mod fanout;
mod filter;
mod flat_map;
mod flatten;
mod group_by_key;
mod group_into_batches;
mod inspect;
mod join;
mod keys;
mod latest;
mod map;
mod par_do;
mod par_do_async;
mod par_do_stateful;
mod partition;
mod read;
mod reshuffle;
mod side_input;
mod timestamps;
mod try_forms;
mod wait_on;
mod window;
mod window_by;
mod write;

pub use co_group::Either;
pub use group_into_batches::Batches;
pub use map::At;
pub use par_do::{Context, DoFn, Output, Outputs};
pub use par_do_stateful::{StateContext, StatefulDoFn, TimerContext};
pub use try_forms::Failed;
