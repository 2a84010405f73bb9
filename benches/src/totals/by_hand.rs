//! The yardstick: what one would write over arrow and rayon for this one question.
//!
//! Every core decodes row groups and scatters orders by a hash of the customer. Then every core takes partitions: a
//! counting sort brings a partition's orders into order of window, and each window is grouped in one table that is used again
//! and again, stays in the cache and is written out at once.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampMillisecondArray};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use purlin::prelude::*;

use super::figures;
use crate::digest::Digest;
use crate::orders::Total;
use crate::row_groups::{BATCH_ROWS, RowGroups, numbers};

const PARTITIONS: usize = 256;
const MINUTE_MS: i64 = 60_000;

/// An order as it waits in its partition.
#[derive(Clone, Copy, Default)]
struct Scattered {
    customer: i64,
    amount: i64,
    minute: u32,
    hash: u32,
}

struct Group {
    customer: i64,
    total: i64,
    orders: i64,
}

/// Writes the totals to a folder, one file for each core.
pub(super) fn write(input: &Path, output: &Path) -> Result<(), BoxError> {
    fs::create_dir(output)?;
    let shares = scatter(input)?;
    let next = AtomicUsize::new(0);
    let written = rayon::broadcast(|context| -> Result<(), BoxError> {
        let mut writer = TotalWriter::create(&output.join(format!("part-{}.parquet", context.index())))?;
        group_partitions(&shares, &next, |minute, groups| writer.take(minute, groups))?;
        writer.finish()
    });
    written.into_iter().collect()
}

/// Counts and sums the totals.
pub(super) fn sum(input: &Path) -> Result<Digest, BoxError> {
    let shares = scatter(input)?;
    let next = AtomicUsize::new(0);
    let digests = rayon::broadcast(|_| -> Result<Digest, BoxError> {
        let mut digest = Digest::default();
        group_partitions(&shares, &next, |_, groups| {
            groups.drain().for_each(|group| digest.add(figures(group.total, group.orders)));
            Ok(())
        })?;
        Ok(digest)
    });
    let mut all = Digest::default();
    for digest in digests {
        all.merge(digest?);
    }
    Ok(all)
}

/// Each core's orders by partition.
fn scatter(input: &Path) -> Result<Vec<Vec<Vec<Scattered>>>, BoxError> {
    let row_groups = RowGroups::open(input, &["customer", "amount", "at"], &ArrowReaderOptions::new())?;
    let expected = row_groups.rows / rayon::current_num_threads() / PARTITIONS;
    let parts = || (0..PARTITIONS).map(|_| Vec::with_capacity(expected + expected / 4)).collect();
    row_groups.fold(parts, |parts: &mut Vec<_>, batch| scatter_batch(parts, batch))
}

fn scatter_batch(parts: &mut [Vec<Scattered>], batch: &RecordBatch) -> Result<(), BoxError> {
    let customers = numbers::<Int64Type>(batch, "customer")?;
    let amounts = numbers::<Int64Type>(batch, "amount")?;
    let times = numbers::<TimestampMillisecondType>(batch, "at")?;
    for ((customer, amount), at) in customers.iter().zip(amounts).zip(times) {
        let hash = (*customer as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let minute = at.div_euclid(MINUTE_MS) as u32;
        let order = Scattered { customer: *customer, amount: *amount, minute, hash: (hash >> 24) as u32 };
        parts[(hash >> 56) as usize].push(order);
    }
    Ok(())
}

/// Groups partitions, as long as there are any, window by window; `take` empties the table.
fn group_partitions(
    shares: &[Vec<Vec<Scattered>>],
    next: &AtomicUsize,
    mut take: impl FnMut(u32, &mut HashTable<Group>) -> Result<(), BoxError>,
) -> Result<(), BoxError> {
    let mut groups = HashTable::new();
    let mut sorted = Vec::new();
    loop {
        let partition = next.fetch_add(1, Relaxed);
        if partition >= PARTITIONS {
            return Ok(());
        }
        let orders = || shares.iter().flat_map(|share| &share[partition]);
        let Some(first) = orders().map(|order| order.minute).min() else { continue };
        let mut ends = Vec::new();
        for order in orders() {
            let minute = (order.minute - first) as usize;
            if minute >= ends.len() {
                ends.resize(minute + 1, 0);
            }
            ends[minute] += 1;
        }
        let mut end = 0;
        for count in &mut ends {
            (*count, end) = (end, end + *count);
        }
        sorted.clear();
        sorted.resize(end, Scattered::default());
        for order in orders() {
            let place = &mut ends[(order.minute - first) as usize];
            sorted[*place] = *order;
            *place += 1;
        }
        let mut begin = 0;
        for (minute, end) in ends.into_iter().enumerate() {
            group(&sorted[begin..end], &mut groups);
            take(first + minute as u32, &mut groups)?;
            begin = end;
        }
    }
}

fn group(orders: &[Scattered], groups: &mut HashTable<Group>) {
    // The partition is cut by the highest bits; those that the table goes by come from below.
    let spread = |hash: u32| u64::from(hash) | u64::from(hash) << 32;
    let rehash = |group: &Group| spread(((group.customer as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) as u32);
    groups.reserve(orders.len(), rehash);
    for order in orders {
        match groups.entry(spread(order.hash), |group| group.customer == order.customer, rehash) {
            Entry::Occupied(mut found) => {
                let group = found.get_mut();
                group.total += order.amount;
                group.orders += 1;
            }
            Entry::Vacant(free) => {
                free.insert(Group { customer: order.customer, total: order.amount, orders: 1 });
            }
        }
    }
}

/// One file of totals, with the settings of Purlin's sink.
struct TotalWriter {
    file: ArrowWriter<File>,
    customers: Vec<i64>,
    windows: Vec<i64>,
    totals: Vec<i64>,
    orders: Vec<i64>,
}

impl TotalWriter {
    fn create(path: &Path) -> Result<Self, BoxError> {
        let file = ArrowWriter::try_new(File::create_new(path)?, Total::schema(), Some(properties()?))?;
        Ok(TotalWriter { file, customers: Vec::new(), windows: Vec::new(), totals: Vec::new(), orders: Vec::new() })
    }

    fn take(&mut self, minute: u32, groups: &mut HashTable<Group>) -> Result<(), BoxError> {
        self.windows.resize(self.windows.len() + groups.len(), i64::from(minute) * MINUTE_MS);
        for group in groups.drain() {
            self.customers.push(group.customer);
            self.totals.push(group.total);
            self.orders.push(group.orders);
        }
        if self.customers.len() < BATCH_ROWS { Ok(()) } else { self.encode() }
    }

    fn encode(&mut self) -> Result<(), BoxError> {
        let batch_of = |column: &mut Vec<i64>| std::mem::replace(column, Vec::with_capacity(2 * BATCH_ROWS));
        let columns: [ArrayRef; 4] = [
            Arc::new(Int64Array::from(batch_of(&mut self.customers))),
            Arc::new(TimestampMillisecondArray::from(batch_of(&mut self.windows))),
            Arc::new(Int64Array::from(batch_of(&mut self.totals))),
            Arc::new(Int64Array::from(batch_of(&mut self.orders))),
        ];
        Ok(self.file.write(&RecordBatch::try_new(Total::schema(), columns.into())?)?)
    }

    fn finish(mut self) -> Result<(), BoxError> {
        self.encode()?;
        Ok(self.file.into_inner()?.sync_all()?)
    }
}

fn properties() -> Result<WriterProperties, BoxError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(1024 * 1024))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for column in ArrowSchemaConverter::new().convert(&Total::schema())?.columns() {
        properties = properties
            .set_column_dictionary_page_size_limit(column.path().clone(), 64 * 1024)
            .set_column_encoding(column.path().clone(), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(properties.build())
}
