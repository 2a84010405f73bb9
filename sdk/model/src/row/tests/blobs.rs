//! Text and bytes: every encoding, and the sharing of dictionary entries.

use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::types::{Int8Type, Int32Type, UInt64Type};
use arrow_array::*;

use super::{batch_of, check, read, refuse};
use crate::CompactString;
use crate::row::write_column;

#[test]
fn text_is_read_in_every_encoding() {
    let texts = ["/", "/cart", "/", "a text longer than a view holds inline"];
    check::<String>(StringArray::from_iter_values(texts), texts);
    check::<String>(LargeStringArray::from_iter_values(texts), texts);
    check::<String>(StringViewArray::from_iter_values(texts), texts);
    check::<String>(DictionaryArray::<Int32Type>::from_iter(texts), texts);
    check::<Arc<str>>(StringArray::from_iter_values(texts), texts);
    check::<Arc<str>>(LargeStringArray::from_iter_values(texts), texts);
    check::<Arc<str>>(StringViewArray::from_iter_values(texts), texts);
    check::<Arc<str>>(DictionaryArray::<Int8Type>::from_iter(texts), texts);
    check::<CompactString>(StringArray::from_iter_values(texts), texts);
    check::<CompactString>(DictionaryArray::<Int8Type>::from_iter(texts), texts);
    let views: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
    check::<String>(DictionaryArray::<UInt64Type>::new(vec![3, 1].into(), views), [texts[3], texts[1]]);
    refuse::<String>(
        BinaryArray::from_iter_values([b"/"]),
        "column `c` is Binary, but the field wants Utf8, LargeUtf8, Utf8View or a dictionary of one of these; \
         the columns are `c` Binary",
    );
}

#[test]
fn bytes_are_read_in_every_encoding() {
    let blobs: [&[u8]; 3] = [b"four", &[0, 1, 2, 0xff], b"size"];
    let mut fixed = FixedSizeBinaryBuilder::new(4);
    blobs.iter().for_each(|blob| fixed.append_value(blob).expect("four bytes"));
    let fixed = fixed.finish();
    let values: ArrayRef = Arc::new(BinaryArray::from_iter_values(blobs));
    let dictionary = DictionaryArray::<Int32Type>::new(vec![0, 1, 2].into(), values);
    check::<Vec<u8>>(BinaryArray::from_iter_values(blobs), blobs);
    check::<Vec<u8>>(LargeBinaryArray::from_iter_values(blobs), blobs);
    check::<Vec<u8>>(BinaryViewArray::from_iter_values(blobs), blobs);
    check::<Vec<u8>>(fixed.clone(), blobs);
    check::<Vec<u8>>(dictionary.clone(), blobs);
    check::<Arc<[u8]>>(fixed, blobs);
    check::<Arc<[u8]>>(dictionary, blobs);
    refuse::<Vec<u8>>(
        StringArray::from_iter_values(["/"]),
        "column `c` is Utf8, but the field wants Binary, LargeBinary, BinaryView, a dictionary of one of these, or \
         FixedSizeBinary; the columns are `c` Utf8",
    );
}

#[test]
fn rows_share_the_entries_of_a_dictionary() {
    let batch = batch_of(DictionaryArray::<Int32Type>::from_iter(["/", "/cart", "/"]));
    let pages = read::<Arc<str>>(&batch).expect("read");
    assert!(Arc::ptr_eq(&pages[0], &pages[2]));
    assert_eq!(Arc::strong_count(&pages[1]), 1);
}

#[test]
fn a_dictionarys_nulls_are_those_of_its_keys_and_of_its_values() {
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("/"), None]));
    let array = DictionaryArray::<Int32Type>::new(vec![Some(0), Some(1), None, Some(0)].into(), values);
    check::<Option<String>>(array.clone(), [Some("/".to_owned()), None, None, Some("/".to_owned())]);
    check::<Option<Arc<str>>>(array.clone(), [Some("/".into()), None, None, Some("/".into())] as [Option<Arc<str>>; 4]);
    refuse::<String>(array, "column `c` is null in row 1 of the batch: make the field Option<..>");

    let no_values: ArrayRef = Arc::new(StringArray::from_iter_values([""; 0]));
    let all_null = DictionaryArray::<Int32Type>::new(vec![None, None].into(), no_values);
    check::<Option<String>>(all_null, [None::<String>, None]);
}

#[test]
fn text_beyond_32_bit_offsets_is_refused() {
    let page: Arc<str> = "a".repeat(1 << 20).into();
    let pages = vec![page; 1 << 11];
    assert_eq!(
        write_column("page", pages.iter()).expect_err("2 GiB").to_string(),
        "column `page` of the 2048 rows has 2147483648 bytes, and one batch holds at most 2147483647 of a column: \
         write fewer rows at a time",
    );
}
