//! Windows that elements decide, as an auction house has them: open from the opening to the time that it names, and every bid of the
//! auction that falls into that is in. The winner is the highest of them.

use purlin::prelude::*;
use purlin_tests::Runner;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Event {
    Opens { auction: u32, until: Timestamp },
    Bid { auction: u32, price: u64 },
}

use Event::{Bid, Opens};

/// The highest price; none where the auction has no bid, or bids had no auction.
fn winner(events: Vec<Event>) -> Option<u64> {
    let was_open = events.iter().any(|event| matches!(event, Opens { .. }));
    let prices = events.iter().filter_map(|event| match event {
        Bid { price, .. } => Some(*price),
        Opens { .. } => None,
    });
    prices.max().filter(|_| was_open)
}

#[test]
fn bids_are_won_within_their_auctions_window() {
    let at = Timestamp::from_millis;
    let events = [
        (Opens { auction: 1, until: at(100) }, at(10)),
        (Bid { auction: 1, price: 5 }, at(10)),
        (Bid { auction: 1, price: 9 }, at(99)),
        (Bid { auction: 1, price: 70 }, at(100)),
        (Bid { auction: 1, price: 80 }, at(9)),
        (Opens { auction: 2, until: at(50) }, at(0)),
        (Opens { auction: 3, until: at(500) }, at(20)),
        (Bid { auction: 3, price: 4 }, at(499)),
        (Bid { auction: 3, price: 3 }, at(21)),
    ];
    for runner in Runner::ALL {
        let (pipeline, winners) = (Pipeline::new(), MemorySink::new());
        pipeline
            .create_at("events", events.clone())
            .window_by("open", ByElement::named("auctions").merging_overlaps(), |event, at| match event {
                Opens { until, .. } => [Window::new(at.timestamp, *until)],
                Bid { .. } => [Window::new(at.timestamp, at.timestamp + milliseconds(1))],
            })
            .key_by("auction", |event| match event {
                Opens { auction, .. } | Bid { auction, .. } => *auction,
            })
            .group_by_key("auction's events")
            .flat_map_in("winner", |(auction, events), at| {
                winner(events).map(|price| (auction, price, at.window.start.millis(), at.window.end.millis()))
            })
            .write("winners", winners.sink());
        runner.run(&pipeline.graph().expect("a sound graph")).expect("no failure");
        let mut winners = winners.take();
        winners.sort();
        assert_eq!(winners, [(1, 9, 10, 100), (3, 4, 20, 500)], "{runner:?}");
    }
}
