//! Purlin's side.

use std::path::Path;

use purlin::io::parquet::ParquetSource;
use purlin::prelude::*;

use super::{Visit, of_session};
use crate::digest::{Digest, DigestSink};

type Session = (i64, i64, i64, u64);

pub(super) fn sessions(input: &Path) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let digest =
        DigestSink::new(|(user, start_ms, end_ms, visits): &Session| of_session(*user, *start_ms, *end_ms, *visits));
    pipeline
        .read("visits", ParquetSource::<Visit>::new(input.to_string_lossy()).event_time(|visit| visit.at))
        .window(Sessions::of(seconds(30)))
        .map("pair", |visit| (visit.user, ()))
        .combine_per_key("count", Count)
        .map_in("row", |(user, visits), at| (user, at.window.start.millis(), at.window.end.millis(), visits))
        .write("sessions", digest.sink());
    BatchRunner::new().run(&pipeline.graph()?)?;
    Ok(digest.take())
}
