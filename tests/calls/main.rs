//! Asynchronous transforms: the same results on every runner, in time and in order, and what becomes of calls that fail.

mod failing;
mod live;
mod results;
mod service;
