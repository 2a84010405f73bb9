//! Sample orders: a source of the program's own.

use std::fmt;

use async_trait::async_trait;
use purlin::bundle::{BUNDLE_TARGET, Bundle};
use purlin::prelude::*;
use purlin::source::{Boundedness, Io, Progress, Reader, SplitRequest};
use serde::{Deserialize, Serialize};

use crate::orders::Order;

/// The first order's time: 2023-11-14T22:13:20Z.
const START_MS: u64 = 1_700_000_000_000;
const HOUR_MS: u64 = 3_600_000;
/// How far an order may stand behind its place in time.
const DISORDER_MS: u64 = 5_000;

/// `count` orders with event times over one hour, a little out of order. One seed gives the same orders always.
pub(crate) struct SampleOrders {
    pub(crate) count: u64,
    pub(crate) customers: u64,
    pub(crate) seed: u64,
}

/// The orders from `next` on. One split in all, for they are in order of time, nearly.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct From {
    next: u64,
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "orders from {}", self.next)
    }
}

impl SampleOrders {
    /// Order number `n`.
    pub(crate) fn order(&self, n: u64) -> Order {
        let random = mixed(self.seed ^ mixed(n));
        let time = START_MS + n * HOUR_MS / self.count.max(1);
        let behind = (random >> 40) % DISORDER_MS;
        Order {
            customer: (mixed(random) % self.customers) as i64,
            amount: 1 + (random % 1000) as i64,
            at: Timestamp::from_millis(time.saturating_sub(behind).max(START_MS) as i64),
        }
    }
}

/// SplitMix64's output function (Steele, Lea, Flood, 2014): every input bit changes about half of the output bits.
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[async_trait]
impl Source for SampleOrders {
    type Item = Order;
    type Split = From;

    fn describe(&self) -> String {
        format!("{} sample orders of {} customers, seed {}", self.count, self.customers, self.seed)
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, _request: SplitRequest) -> Result<Vec<From>, BoxError> {
        Ok(vec![From { next: 0 }])
    }

    async fn open(&self, split: From) -> Result<Box<dyn Reader<Self>>, BoxError> {
        let Self { count, customers, seed } = *self;
        Ok(Box::new(OrderReader { orders: SampleOrders { count, customers, seed }, next: split.next }))
    }
}

struct OrderReader {
    orders: SampleOrders,
    next: u64,
}

#[async_trait]
impl Reader<SampleOrders> for OrderReader {
    async fn read(&mut self, into: &mut Bundle<Order>) -> Result<Progress, BoxError> {
        let end = self.orders.count.min(self.next + BUNDLE_TARGET as u64);
        into.fill((self.next..end).map(|n| self.orders.order(n)));
        into.set_timestamps(|order| order.at).map_err(|at| format!("{at} is no event time"))?;
        self.next = end;
        Ok(if end == self.orders.count { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> From {
        From { next: self.next }
    }
}
