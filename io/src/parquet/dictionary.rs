//! Text that is stored with a dictionary is decoded as one: each distinct text is decoded once per row group, and rows
//! with an `Arc<str>` share it.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use ::parquet::basic::Encoding;
use ::parquet::file::metadata::ColumnChunkMetaData;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

/// Larger dictionaries are not kept: a reader looks after every entry once per batch, whether or not a row has it.
const DICTIONARY_BYTES_MAX: i64 = 128 * 1024;

/// The file's columns with text as dictionaries wherever every row group has nothing else, or `None` if there is no such.
pub(super) fn keep(stored: &ArrowReaderMetadata) -> Option<SchemaRef> {
    let columns = stored.parquet_schema();
    let mut fields: Vec<Arc<Field>> = stored.schema().fields().iter().cloned().collect();
    let mut found = false;
    for chunk in 0..columns.num_columns() {
        let field = &mut fields[columns.get_column_root_idx(chunk)];
        let mut groups = stored.metadata().row_groups().iter().map(|group| group.columns().get(chunk));
        if *field.data_type() == DataType::Utf8 && groups.all(|chunk| chunk.is_some_and(is_dictionary)) {
            let kept = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            *field = Arc::new(field.as_ref().clone().with_data_type(kept));
            found = true;
        }
    }
    found.then(|| Arc::new(Schema::new_with_metadata(fields, stored.schema().metadata().clone())))
}

/// Whether all pages of a chunk refer to a dictionary, and to a small one.
fn is_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let bytes = chunk.dictionary_page_offset().map(|begin| chunk.data_page_offset().saturating_sub(begin));
    let only = chunk
        .page_encoding_stats_mask()
        .is_some_and(|pages| pages.is_only(Encoding::RLE_DICTIONARY) || pages.is_only(Encoding::PLAIN_DICTIONARY));
    only && bytes.is_some_and(|bytes| bytes <= DICTIONARY_BYTES_MAX)
}
