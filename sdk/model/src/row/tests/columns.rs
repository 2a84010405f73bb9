//! Finding a column: by a name that is there once.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};

use super::read;
use crate::row::field;

fn refusal(names: &[String]) -> String {
    let fields: Vec<Field> = names.iter().map(|name| field::<i64>(name)).collect();
    let batch = RecordBatch::new_empty(Arc::new(Schema::new(fields)));
    read::<i64>(&batch).expect_err("refused").to_string()
}

#[test]
fn columns_missing_or_there_twice_are_refused_by_name() {
    #[track_caller]
    fn check(names: &[&str], expected: &str) {
        assert_eq!(refusal(&names.iter().map(ToString::to_string).collect::<Vec<_>>()), expected);
    }
    let missing = "there is no column `c`, which the row needs (Int64 or a narrower integer); ";
    let cure = "; if it has another name, put #[row(rename = \"...\")] on the field";
    check(&[], &format!("{missing}there are no columns at all{cure}"));
    check(&["C", "d"], &format!("{missing}the columns are `C` Int64, `d` Int64{cure}"));
    check(
        &["c", "c"],
        "more than one column is called `c`, so which to read is not known; the columns are `c` Int64, `c` Int64",
    );
}

#[test]
fn of_a_very_wide_table_the_first_columns_are_listed() {
    let names: Vec<String> = (0..65).map(|n| format!("f{n}")).collect();
    let refusal = refusal(&names);
    assert!(refusal.contains("`f63` Int64 and 1 more; if it has another name"), "{refusal}");
}
