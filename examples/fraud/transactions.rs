//! What goes in and what comes out.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of the input, or a JSON payload: `{"account":7,"amount":1250,"at":1700000000000}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
pub(crate) struct Transaction {
    pub(crate) account: i64,
    /// In cents.
    pub(crate) amount: i64,
    /// In milliseconds since 1970.
    pub(crate) at: Timestamp,
}

/// A row of the output, or a JSON payload keyed by account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Row)]
pub(crate) struct Alert {
    pub(crate) account: i64,
    /// When the transaction was made.
    pub(crate) at: Timestamp,
    /// Its amount.
    pub(crate) amount: i64,
    /// The amount of the account's transaction before.
    pub(crate) before: i64,
}
