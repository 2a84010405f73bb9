//! The yardstick: visits are scattered by a hash of the user, each partition is brought into order of user, and each user's times are sorted.
//!
//! A partition with its users stays in the cache.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use arrow_array::RecordBatch;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use hashbrown::HashMap;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use purlin::BoxError;

use super::{GAP_MS, of_session};
use crate::digest::Digest;
use crate::row_groups::{RowGroups, numbers};

const PARTITIONS: usize = 256;

#[derive(Clone, Copy)]
struct Visit {
    user: i64,
    at_ms: i64,
}

pub(super) fn sessions(input: &Path) -> Result<Digest, BoxError> {
    let row_groups = RowGroups::open(input, &["user", "at"], &ArrowReaderOptions::new())?;
    let expected = row_groups.rows / rayon::current_num_threads() / PARTITIONS;
    let parts = || (0..PARTITIONS).map(|_| Vec::with_capacity(expected + expected / 4)).collect();
    let shares = row_groups.fold(parts, |parts: &mut Vec<_>, batch| scatter(parts, batch))?;
    let next = AtomicUsize::new(0);
    let digests = rayon::broadcast(|_| {
        let mut partition = Partition::default();
        loop {
            let number = next.fetch_add(1, Relaxed);
            if number >= PARTITIONS {
                return partition.found;
            }
            partition.find_sessions(shares.iter().flat_map(|share: &Vec<Vec<Visit>>| &share[number]));
        }
    });
    let mut all = Digest::default();
    digests.into_iter().for_each(|found| all.merge(found));
    Ok(all)
}

fn scatter(parts: &mut [Vec<Visit>], batch: &RecordBatch) -> Result<(), BoxError> {
    let times = numbers::<TimestampMillisecondType>(batch, "at")?;
    for (user, at_ms) in numbers::<Int64Type>(batch, "user")?.iter().zip(times) {
        let hash = (*user as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        parts[(hash >> 56) as usize].push(Visit { user: *user, at_ms: *at_ms });
    }
    Ok(())
}

/// Room that one partition after the other uses.
#[derive(Default)]
struct Partition {
    /// Users' numbers, from 0 on.
    numbers: HashMap<i64, u32>,
    users: Vec<i64>,
    /// By user: how many visits; then where the next one goes, and so in the end where the user's visits end.
    ends: Vec<usize>,
    /// By visit.
    visitors: Vec<u32>,
    /// All visits' times, user by user.
    times: Vec<i64>,
    found: Digest,
}

impl Partition {
    fn find_sessions<'a>(&mut self, visits: impl Iterator<Item = &'a Visit> + Clone) {
        self.numbers.clear();
        self.users.clear();
        self.ends.clear();
        self.visitors.clear();
        for visit in visits.clone() {
            let number = *self.numbers.entry(visit.user).or_insert_with(|| {
                self.users.push(visit.user);
                self.ends.push(0);
                self.users.len() as u32 - 1
            });
            self.ends[number as usize] += 1;
            self.visitors.push(number);
        }
        let mut end = 0;
        for count in &mut self.ends {
            (*count, end) = (end, end + *count);
        }
        self.times.clear();
        self.times.resize(end, 0);
        for (visit, number) in visits.zip(&self.visitors) {
            let place = &mut self.ends[*number as usize];
            self.times[*place] = visit.at_ms;
            *place += 1;
        }
        let mut begin = 0;
        for (user, end) in self.users.iter().zip(&self.ends) {
            let times = &mut self.times[begin..*end];
            times.sort_unstable();
            for session in times.chunk_by(|earlier, later| later - earlier < GAP_MS) {
                let (first, last) = (session[0], session[session.len() - 1]);
                self.found.add(of_session(*user, first, last + GAP_MS, session.len() as u64));
            }
            begin = *end;
        }
    }
}
