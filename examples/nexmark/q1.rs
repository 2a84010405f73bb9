//! Query 1, currency conversion: every bid, its price in euros: × 89 / 100, cut to whole cents.

use purlin::prelude::*;

use super::{Bid, Event, bids};

/// The bids in euros.
pub fn currency_conversion(events: PCollection<Event>) -> PCollection<Bid> {
    bids(&events).map("to euros", |bid| Bid { price: in_euros(bid.price), ..bid })
}

/// Cut once, in the end; dollars and cents apart, for their product with 89 may be too large.
fn in_euros(price: i64) -> i64 {
    price / 100 * 89 + price % 100 * 89 / 100
}

#[cfg(test)]
mod tests {
    #[test]
    fn prices_are_cut_to_whole_cents_whatever_they_are() {
        for price in [0, 1, 2, 99, 100, 101, 2073, -1, -101, 12_345_678, i64::MAX, i64::MIN] {
            assert_eq!(i128::from(super::in_euros(price)), i128::from(price) * 89 / 100);
        }
    }
}
