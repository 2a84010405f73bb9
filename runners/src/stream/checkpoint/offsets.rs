//! A job's positions in logs, as consumer offsets: monitoring tools show by them how far the job is behind.
//!
//! They ride along in the transaction of each checkpoint and decide nothing, for the positions to go on from are in the snapshot. But since
//! both were committed at once they are the same, unless somebody has moved the offsets: by a tool, to have records read again or skipped, or with a consumer
//! of the same group. Whoever did that expects the job to follow, and it would not; so it is refused.

use std::collections::BTreeMap;

use purlin_model::Failure;
use purlin_model::graph::Op;
use purlin_model::transaction::{LogCluster, LogPosition};

use super::interruption::Interruption;
use crate::checkpoint::Manifest;
use crate::plan::Plan;

/// How many partitions a refusal names.
const NAMED: usize = 3;

/// The group that monitoring tools find the job's offsets under.
pub(super) fn consumer_group(job: &str) -> String {
    format!("purlin-{job}")
}

/// The positions of the sources in logs of this cluster. Of a partition that several read, the one that is the furthest behind.
pub(super) fn positions(plan: &Plan, manifest: &Manifest, cluster: &str) -> Result<Vec<LogPosition>, Failure> {
    let mut furthest_behind: BTreeMap<(String, i32), LogPosition> = BTreeMap::new();
    for node in &plan.graph.nodes {
        let Op::Read(source) = &node.op else { continue };
        let states = manifest.sources.iter().filter(|source| source.name == node.name);
        for split in states.flat_map(|source| &source.splits) {
            let position = source.log_position(&split.split).map_err(|cause| Failure::Source {
                transform: node.name.clone(),
                origin: Some(split.split.name.clone()),
                cause,
            })?;
            let Some(position) = position.filter(|position| position.cluster == cluster) else { continue };
            let known = furthest_behind.entry((position.topic.clone(), position.partition));
            let known = known.or_insert_with(|| position.clone());
            known.next = known.next.min(position.next);
        }
    }
    Ok(furthest_behind.into_values().collect())
}

/// Refuses offsets that are not those of the checkpoint. Those that the cluster does not have, for they were deleted or have expired, say
/// nothing. Asked when the predecessor is fenced and what it had committed is decided: before that they may still change.
pub(super) async fn check(
    cluster: &dyn LogCluster,
    job: &str,
    checkpoint: u64,
    positions: &[LogPosition],
) -> Result<(), Interruption> {
    if positions.is_empty() {
        return Ok(());
    }
    let group = consumer_group(job);
    let partitions: Vec<_> = positions.iter().map(|position| (position.topic.clone(), position.partition)).collect();
    let committed = cluster.committed_offsets(&group, &partitions).await?;
    let committed: BTreeMap<_, _> =
        committed.iter().map(|there| ((&*there.topic, there.partition), there.next)).collect();
    let moved: Vec<_> = positions
        .iter()
        .filter_map(|position| {
            let there = *committed.get(&(&*position.topic, position.partition))?;
            (there != position.next).then_some((position, there))
        })
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    let named = moved.iter().take(NAMED).map(|(LogPosition { topic, partition, next, .. }, there)| {
        format!("of {topic}/{partition} the group has {there} and the checkpoint {next}")
    });
    let more = match moved.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more differ"),
    };
    Err(Failure::Options(format!(
        "the offsets of the consumer group `{group}` on {} are not those of checkpoint {checkpoint} of job `{job}`, though both were committed at once: \
         {}{more}. The job goes on by its checkpoint, so whoever moved the offsets would not get what they are for. To go on from the checkpoint, put \
         them back or delete them (`kafka-consumer-groups.sh --delete --group {group}`); to read from elsewhere, begin anew with another \
         --checkpoint-dir and --job-name",
        cluster.describe(),
        named.collect::<Vec<_>>().join(", "),
    ))
    .into())
}
