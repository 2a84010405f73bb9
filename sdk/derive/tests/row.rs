//! `#[derive(Row)]` end to end. What each type reads is tested with the types, in the model.

use std::sync::Arc;

use purlin_derive::Row;
use purlin_model::Timestamp;
use purlin_model::row::arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use purlin_model::row::arrow_schema::DataType;
use purlin_model::row::{Row, RowError};

#[derive(Clone, Debug, PartialEq, Row)]
#[row(crate = "purlin_model")]
struct Visit {
    user: u64,
    depth: i8,
    score: f32,
    paid: bool,
    page: Arc<str>,
    agent: Option<String>,
    cookie: Vec<u8>,
    at: Timestamp,
    left: Option<Timestamp>,
}

#[derive(Debug, PartialEq, Row)]
#[row(crate = "purlin_model")]
struct Named {
    r#type: i64,
    #[row(rename = "Page URL")]
    page: String,
}

fn visit(n: u8) -> Visit {
    Visit {
        user: u64::MAX - u64::from(n),
        depth: i8::MIN + i8::try_from(n).expect("a small number"),
        score: f32::from(n) / 3.0,
        paid: n.is_multiple_of(2),
        page: "é".repeat(n.into()).into(),
        agent: (!n.is_multiple_of(3)).then(|| n.to_string()),
        cookie: vec![n; n.into()],
        at: Timestamp::from_millis(-i64::from(n)),
        left: n.is_multiple_of(5).then_some(Timestamp::MAX),
    }
}

fn read<R: Row>(batch: &RecordBatch) -> Result<Vec<R>, RowError> {
    let mut rows = Vec::new();
    R::read_batch(batch, &mut rows).map(|()| rows)
}

fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter(columns.iter().cloned()).expect("columns of one length")
}

fn ints(ints: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(ints.to_vec()))
}

#[test]
fn rows_come_back_as_they_went() {
    let rows: Vec<Visit> = (0..100).map(visit).collect();
    let batch = Visit::write_batch(&rows).expect("written");
    assert_eq!(batch.schema(), Visit::schema());
    assert_eq!(read::<Visit>(&batch).expect("read"), rows);
    assert_eq!(read::<Visit>(&batch.slice(17, 50)).expect("read"), rows[17..67]);
}

#[test]
fn no_rows_are_a_batch_too() {
    let batch = Visit::write_batch(&[]).expect("written");
    assert_eq!((batch.num_rows(), batch.schema()), (0, Visit::schema()));
    assert_eq!(read::<Visit>(&batch).expect("read"), []);
}

#[test]
fn the_schema_has_names_types_and_nullability() {
    let schema = Named::schema();
    let fields: Vec<_> = schema.fields().iter().map(|f| (f.name().as_str(), f.data_type(), f.is_nullable())).collect();
    assert_eq!(fields, [("type", &DataType::Int64, false), ("Page URL", &DataType::Utf8, false)]);
    assert!(Visit::schema().field_with_name("agent").expect("a column").is_nullable());
}

#[test]
fn columns_are_found_by_name_in_any_order_among_others() {
    let batch = batch(&[
        ("other", ints(&[0, 0])),
        ("Page URL", Arc::new(StringArray::from(vec!["/", "/cart"]))),
        ("type", Arc::new(Int32Array::from(vec![1, 2]))),
    ]);
    assert!(Named::check_schema(&batch.schema()).is_ok());
    let rows = read::<Named>(&batch).expect("read");
    assert_eq!(rows, [Named { r#type: 1, page: "/".into() }, Named { r#type: 2, page: "/cart".into() }]);
}

#[test]
fn a_read_appends_and_a_failed_read_does_not() {
    let fits = Named::write_batch(&[Named { r#type: 1, page: "/".into() }]).expect("written");
    let page = Arc::new(StringArray::from(vec![Some("/"), Some("/"), None]));
    let with_null = batch(&[("type", ints(&[1, 2, 3])), ("Page URL", page)]);
    assert!(Named::check_schema(&with_null.schema()).is_ok(), "a nullable column may turn out to have no nulls");

    let mut rows = Vec::new();
    Named::read_batch(&fits, &mut rows).expect("read");
    Named::read_batch(&fits, &mut rows).expect("read");
    let error = Named::read_batch(&with_null, &mut rows).expect_err("a null");
    assert_eq!(error.to_string(), "column `Page URL` is null in row 2 of the batch: make the field Option<..>");
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_schema_that_does_not_fit_is_refused_before_any_data() {
    #[track_caller]
    fn check(columns: &[(&str, ArrayRef)], refusal: &str) {
        let schema = batch(columns).schema();
        assert_eq!(Named::check_schema(&schema).expect_err("refused").to_string(), refusal);
    }
    check(
        &[("type", ints(&[1])), ("page", ints(&[1]))],
        "there is no column `Page URL`, which the row needs (Utf8, LargeUtf8, Utf8View or a dictionary of one of \
         these); the columns are `type` Int64, `page` Int64; if it has another name, put #[row(rename = \"...\")] on \
         the field",
    );
    check(
        &[("type", ints(&[1])), ("Page URL", ints(&[1]))],
        "column `Page URL` is Int64, but the field wants Utf8, LargeUtf8, Utf8View or a dictionary of one of these; \
         the columns are `type` Int64, `Page URL` Int64",
    );
}
