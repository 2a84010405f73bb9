//! What goes in and what comes out.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of the input, or a JSON payload: `{"customer":1,"amount":5,"at":1700000000000}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
pub(crate) struct Order {
    pub(crate) customer: i64,
    pub(crate) amount: i64,
    pub(crate) at: Timestamp,
}

/// A row of the output, or a JSON payload keyed by customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Row)]
pub(crate) struct Total {
    pub(crate) customer: i64,
    pub(crate) window_start: Timestamp,
    pub(crate) total: i64,
    pub(crate) orders: i64,
}
