//! The yardstick: names stay numbers of a dictionary, and each core adds up a row group in an array by those.
//!
//! The value decides by arithmetic whether a row counts: a branch would be guessed wrong every second time.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use hashbrown::HashMap;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use purlin::BoxError;

use super::{THRESHOLD, of_total};
use crate::digest::Digest;
use crate::row_groups::{RowGroups, column, numbers};

#[derive(Clone, Copy, Default)]
struct Total {
    sum: i64,
    count: u64,
}

pub(super) fn totals(input: &Path) -> Result<Digest, BoxError> {
    let mut all = HashMap::<String, Total>::new();
    let names = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let schema = Schema::new(vec![Field::new("name", names, false), Field::new("value", DataType::Int64, false)]);
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    let shares = RowGroups::open(input, &["name", "value"], &options)?.fold(Share::default, Share::take)?;
    for mut share in shares {
        share.name_totals();
        for (name, total) in share.named {
            let sum = all.entry(name).or_default();
            sum.sum += total.sum;
            sum.count += total.count;
        }
    }
    Ok(all.iter().map(|(name, total)| of_total(name, total.sum, total.count)).collect())
}

/// What one core has added up.
#[derive(Default)]
struct Share {
    /// By name, of earlier dictionaries.
    named: HashMap<String, Total>,
    /// By number in the dictionary.
    numbered: Vec<Total>,
    dictionary: Option<ArrayRef>,
}

impl Share {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), BoxError> {
        let names = column(batch, "name")?.as_dictionary::<Int32Type>();
        let same = self.dictionary.as_ref().is_some_and(|known| known.to_data().ptr_eq(&names.values().to_data()));
        if !same {
            self.name_totals();
            self.dictionary = Some(names.values().clone());
            self.numbered.resize(names.values().len(), Total::default());
        }
        let values = numbers::<Int64Type>(batch, "value")?;
        for (name, value) in names.keys().values().iter().zip(values) {
            let counts = *value > THRESHOLD;
            let total = &mut self.numbered[*name as usize];
            total.sum += value & -i64::from(counts);
            total.count += u64::from(counts);
        }
        Ok(())
    }

    /// Leaves the dictionary.
    fn name_totals(&mut self) {
        let Some(names) = self.dictionary.take() else { return };
        for (name, total) in names.as_string::<i32>().iter().zip(self.numbered.drain(..)) {
            if total.count > 0 {
                let sum = self.named.entry_ref(name.unwrap_or_default()).or_default();
                sum.sum += total.sum;
                sum.count += total.count;
            }
        }
    }
}
