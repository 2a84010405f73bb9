//! Fraud: transactions → alerts where an amount is more than ten times the one before of its account.
//!
//! The last amount of each account is state. "The one before" means by event time: the transform asks for time-sorted input, so a
//! transaction waits until the watermark has passed it and nothing earlier of its account can come. So files in any order and topics that
//! are somewhat out of order give the same alerts, on either runner; what comes more out of order than `--out-of-orderness` allows is dropped
//! and counted. Of two transactions of an account at the same millisecond either may come first.

mod options;
mod transactions;

use std::process::ExitCode;

use purlin::prelude::*;
use purlin::state::{DAY, EventTime, Expires, Value};

use options::Options;
use transactions::{Alert, Transaction};

/// An account that was silent for so long begins anew: else what was ever heard of would be kept for ever.
type LastAmount = Value<i64, Expires<EventTime, { 90 * DAY }>>;

/// Compares each amount with the one before.
#[derive(Clone)]
struct MuchMoreThanBefore {
    factor: i64,
}

impl StatefulDoFn<i64, i64> for MuchMoreThanBefore {
    type State = LastAmount;
    type Out = Output<Alert>;
    const TIME_SORTED_INPUT: bool = true;

    fn process(
        &mut self,
        account: &i64,
        amount: i64,
        last: &mut LastAmount,
        cx: &StateContext,
        out: &mut Output<Alert>,
    ) -> Result<(), BoxError> {
        if let Some(&before) = last.get()
            && amount > before.saturating_mul(self.factor)
        {
            out.emit(Alert { account: *account, at: cx.timestamp(), amount, before });
        }
        last.set(amount);
        Ok(())
    }
}

fn build(options: &Options, pipeline: &Pipeline) -> Result<(), Failure> {
    pipeline
        .read("transactions", options.source()?)
        .map("by account", |transaction: Transaction| (transaction.account, transaction.amount))
        .par_do_stateful("much more than before", MuchMoreThanBefore { factor: options.factor })
        .write("alerts", options.sink()?);
    Ok(())
}

fn main() -> ExitCode {
    purlin::main(build)
}
