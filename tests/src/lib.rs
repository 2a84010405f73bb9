//! What the suites share.

mod scripted;

pub use scripted::Scripted;
