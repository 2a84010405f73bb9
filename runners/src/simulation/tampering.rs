//! What befalls the logs that a job reads: retention, which does no harm as long as it removes only what is committed, and what a job has to refuse.

use purlin_model::graph::{Graph, Op};
use purlin_model::transaction::LogPosition;

use super::storage::SimulatedStorage;
use super::surroundings::Surroundings;
use super::topic::SimulatedTopic;
use super::world::World;

/// A committed position in a topic.
pub(super) type Committed = (SimulatedTopic, LogPosition);

/// The positions in topics of the job's newest checkpoint that the storage knows of. What the job goes on from is not before them.
pub(super) fn committed(
    graph: &Graph,
    surroundings: &Surroundings,
    storage: &SimulatedStorage,
    job: &str,
) -> Vec<Committed> {
    let Some(manifest) = storage.newest_manifest(job) else { return Vec::new() };
    let mut positions = Vec::new();
    for node in &graph.nodes {
        let Op::Read(source) = &node.op else { continue };
        let states = manifest.sources.iter().filter(|state| state.name == node.name);
        for split in states.flat_map(|state| &state.splits) {
            let position = source.log_position(&split.split).ok().flatten();
            positions.extend(position.and_then(|position| Some((surroundings.topic(&position.topic)?, position))));
        }
    }
    positions
}

/// Retention removes some of what is committed.
pub(super) fn retain(world: &World, committed: &[Committed]) {
    for (topic, position) in committed {
        let first = world.random(|random| random.i64(0..=position.next));
        topic.cut(position.partition, first);
    }
}

/// What a job has to refuse if it meets it.
#[derive(Clone, Copy)]
enum Tampering {
    /// An operator moves an offset of the job's consumer group.
    Offsets,
    /// Retention removes records that the job has not read.
    Retention,
    /// A topic is replaced by its mirror on another cluster.
    Mirror,
}

/// Does one of these, if one can be done; whether it could.
pub(super) fn tamper(world: &World, surroundings: &Surroundings, committed: &[Committed]) -> bool {
    let mut all = [Tampering::Offsets, Tampering::Retention, Tampering::Mirror];
    world.random(|random| random.shuffle(&mut all));
    all.into_iter().any(|tampering| match tampering {
        Tampering::Offsets => surroundings.clusters().iter().any(|cluster| cluster.move_offset()),
        Tampering::Retention => cut_unread(world, committed),
        Tampering::Mirror => {
            let chosen = choose(world, committed);
            chosen.inspect(|(topic, _)| topic.mirror()).is_some()
        }
    })
}

fn cut_unread(world: &World, committed: &[Committed]) -> bool {
    let end = |(topic, position): &Committed| topic.end(position.partition).unwrap_or(position.next);
    let unread: Vec<Committed> = committed.iter().filter(|each| end(each) > each.1.next).cloned().collect();
    let Some(chosen) = choose(world, &unread) else { return false };
    let first = world.random(|random| random.i64(chosen.1.next + 1..=end(chosen)));
    chosen.0.cut(chosen.1.partition, first);
    true
}

fn choose<'a>(world: &World, among: &'a [Committed]) -> Option<&'a Committed> {
    world.random(|random| random.choice(among))
}
