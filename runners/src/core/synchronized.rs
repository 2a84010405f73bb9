//! Synchronized processing time: what triggers downstream of others may not overtake (SEMANTICS §7).

use std::collections::BTreeMap;

use crate::plan::{HeadOf, Plan};

/// The earliest processing time that each head of a plan, or anything upstream of it, waits for.
pub struct SynchronizedTime {
    /// The heads whose elements come to each head.
    upstream: BTreeMap<HeadOf, Vec<HeadOf>>,
    pending_ms: BTreeMap<HeadOf, i64>,
}

impl SynchronizedTime {
    /// Nothing waits yet.
    pub fn new(plan: &Plan) -> Self {
        let heads_of = |(stage, exit): (crate::plan::StageId, usize)| {
            plan.stages[stage.0].exits[exit].heads.iter().map(move |head| (stage, *head))
        };
        let upstream =
            plan.feeds().into_iter().map(|(head, exits)| (head, exits.into_iter().flat_map(heads_of).collect()));
        SynchronizedTime { upstream: upstream.collect(), pending_ms: BTreeMap::new() }
    }

    /// What anything upstream of a head waits for.
    pub fn upstream_pending_ms(&self, head: HeadOf) -> Option<i64> {
        self.upstream.get(&head)?.iter().filter_map(|upstream| self.pending_ms.get(upstream).copied()).min()
    }

    /// Notes what a head itself waits for, all that is upstream of it having been noted.
    pub fn note(&mut self, head: HeadOf, own_ms: Option<i64>) {
        match own_ms.into_iter().chain(self.upstream_pending_ms(head)).min() {
            Some(pending_ms) => drop(self.pending_ms.insert(head, pending_ms)),
            None => drop(self.pending_ms.remove(&head)),
        }
    }
}
