//! The answers, as text.

use std::fmt::Write;

use purlin_model::snapshot::StateEntry;
use purlin_model::window::Window;
use purlin_model::{Failure, Timestamp};

use super::readable::{bytes, count, size};
use crate::checkpoint::{Checkpoints, Manifest};

/// A line per checkpoint.
pub(super) async fn list(store: &Checkpoints) -> Result<String, Failure> {
    let listed = store.list().await.map_err(Failure::other)?;
    let mut text = format!("job {} in {}\n", store.job(), store.describe());
    if listed.is_empty() {
        text.push_str("no checkpoint yet\n");
        return Ok(text);
    }
    let _ = writeln!(text, "{:>10}  {:>11}  {:<24}  {:<13}  state", "checkpoint", "incarnation", "written", "");
    for snapshot in listed {
        let _ = write!(text, "{:>10}  {:>11}  ", snapshot.id.checkpoint, snapshot.id.incarnation);
        let _ = match &snapshot.manifest {
            Ok(manifest) => {
                let stored = manifest.segments.iter().map(|segment| segment.bytes).sum();
                let written = Timestamp::from_millis(manifest.created_ms).to_string();
                let status = status(snapshot.committed, manifest);
                let segments = count(manifest.segments.len(), "segment");
                writeln!(text, "{written:<24}  {status:<13}  {} in {segments}", size(stored))
            }
            Err(error) => writeln!(text, "damaged: {error}"),
        };
    }
    Ok(text)
}

/// The manifest of a checkpoint, by default the last committed one, and whether it is committed.
pub(super) async fn find(store: &Checkpoints, checkpoint: Option<u64>) -> Result<(bool, Manifest), Failure> {
    let listed = store.list().await.map_err(Failure::other)?;
    let wanted = |of: &&crate::checkpoint::Listed| checkpoint.map_or(of.committed, |number| of.id.checkpoint == number);
    // Several snapshots of one number: the committed one counts, else the last one written.
    let found = listed.iter().filter(wanted).map(|of| (of.committed, of.id)).max();
    let found = found.and_then(|(_, id)| listed.into_iter().find(|of| of.id == id));
    match (found, checkpoint) {
        (Some(of), _) => Ok((of.committed, of.manifest.map_err(Failure::other)?)),
        (None, Some(number)) => {
            let message =
                format!("there is no checkpoint {number} in {}: `checkpoint list` names all", store.describe());
            Err(Failure::Options(message))
        }
        (None, None) => Err(Failure::Options(format!("no checkpoint in {} is committed yet", store.describe()))),
    }
}

/// All that a checkpoint is.
pub(super) async fn show(store: &Checkpoints, committed: bool, manifest: &Manifest) -> Result<String, Failure> {
    let sizes = store.sizes(manifest).await.map_err(Failure::other)?;
    let mut text = format!("checkpoint {} of job {}\n", manifest.checkpoint, manifest.job);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<12}  {value}");
    };
    line("status", status(committed, manifest));
    line("written", &Timestamp::from_millis(manifest.created_ms).to_string());
    line("incarnation", &format!("{}, attempt {}", manifest.incarnation, manifest.attempt));
    line("fingerprint", &format!("{:016x}", manifest.fingerprint));
    line("parallelism", &manifest.parallelism.to_string());
    if manifest.finished {
        line("finished", "the job has come to its end with it");
    }
    if let Some(cluster) = &manifest.cluster {
        line("committed by", &format!("transactions of {cluster}"));
    }
    for source in &manifest.sources {
        let _ = writeln!(text, "source {}", source.name);
        for split in &source.splits {
            let watermark = Timestamp::from_millis(split.watermark_ms);
            let status = if split.finished { "ended".to_string() } else { format!("watermark {watermark}") };
            let position = bytes(&split.split.position);
            let _ = writeln!(text, "  {}  {status}, position {position}", split.split.name);
        }
    }
    for (transform, of) in &sizes {
        let changes = format!("{} of changes ({} stored)", size(of.bytes), size(of.stored_bytes));
        let _ = writeln!(text, "state of {transform}\n  {changes} in {}", count(of.sections, "section"));
    }
    for operator in &manifest.operators {
        let _ = writeln!(text, "transform {}, {}", operator.name, count(operator.shards.len(), "shard"));
        for (name, of) in &operator.types {
            let _ = writeln!(text, "  keeps {name}: {of}");
        }
    }
    for stage in &manifest.stages {
        let held = stage.workers.iter().map(|worker| worker.len() as u64).sum();
        let _ = writeln!(text, "{}\n  {} of {}", stage.name, size(held), count(stage.workers.len(), "worker"));
    }
    for sink in &manifest.sinks {
        let _ = writeln!(text, "sink {}\n  {} staged", sink.name, count(sink.staged.len(), "piece"));
    }
    for segment in &manifest.segments {
        let _ = writeln!(text, "segment {}\n  {}", segment.name, size(segment.bytes));
    }
    Ok(text)
}

/// The state of a transform, entry by entry.
pub(super) async fn state(
    store: &Checkpoints,
    manifest: &Manifest,
    transform: &str,
    limit: usize,
) -> Result<String, Failure> {
    let sizes = store.sizes(manifest).await.map_err(Failure::other)?;
    if !sizes.contains_key(transform) {
        let known: Vec<&str> = sizes.keys().map(String::as_str).collect();
        let known =
            if known.is_empty() { "no transform has".into() } else { format!("these have: {}", known.join(", ")) };
        let message = format!("checkpoint {} has no state of `{transform}`; {known}", manifest.checkpoint);
        return Err(Failure::Options(message));
    }
    let table = store.state_of(manifest, transform).await.map_err(Failure::other)?;
    let mut entries = table.into_shards(1).remove(0);
    entries.sort_unstable_by(|a, b| (a.window, &a.key).cmp(&(b.window, &b.key)));
    let mut text = "window\tkey\tvalue\n".to_string();
    for StateEntry { window, key, value, deltas } in entries.iter().take(limit) {
        let _ = write!(text, "{}\t{}\t{}", named(window), bytes(key), bytes(value));
        for delta in deltas {
            let _ = write!(text, "\tthen {}", bytes(delta));
        }
        text.push('\n');
    }
    if entries.len() > limit {
        let _ = writeln!(text, "… and {} more: a higher --limit shows them", entries.len() - limit);
    }
    Ok(text)
}

/// Whether all files are intact; those that are not are the failure.
pub(super) async fn verify(store: &Checkpoints) -> Result<String, Failure> {
    let damaged = store.verify_all().await.map_err(Failure::other)?;
    if damaged.is_empty() {
        return Ok(format!("all checkpoints of job {} in {} are intact\n", store.job(), store.describe()));
    }
    let mut text = format!("{} in {}:", count(damaged.len(), "damaged or missing file"), store.describe());
    for found in damaged {
        let _ = write!(text, "\n  - {}: {}", found.file, found.error);
    }
    Err(Failure::other(text))
}

fn status(committed: bool, manifest: &Manifest) -> &'static str {
    match (committed, &manifest.cluster) {
        (true, _) => "committed",
        // The log has the last word, and this store may not have heard it.
        (false, Some(_)) => "see the log",
        (false, None) => "not committed",
    }
}

fn named(window: &Window) -> String {
    if window.tag == 0 { window.to_string() } else { format!("{window} tag {}", window.tag) }
}
