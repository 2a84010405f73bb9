//! What a pipeline reads and writes in a simulated world, or in the plain run that it is compared with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use purlin_model::Element;
use purlin_model::sink::BoxSink;
use purlin_model::source::{BoxSource, Source};

use super::cluster::SimulatedCluster;
use super::faults::Network;
use super::sinks::{Place, SimulatedSink};
use super::source::RemoteSource;

/// Asked for sources and sinks while the pipeline is built, and for what was written afterwards. The output of each name is one place,
/// however often the pipeline is built.
pub struct Surroundings {
    world: Option<(Network, SimulatedCluster)>,
    places: Mutex<BTreeMap<String, Place>>,
}

impl Surroundings {
    /// Nothing is simulated: output is kept as it comes.
    pub(super) fn plain() -> Self {
        Surroundings { world: None, places: Mutex::default() }
    }

    /// In a simulated world.
    pub(super) fn simulated(network: Network, cluster: SimulatedCluster) -> Self {
        Surroundings { world: Some((network, cluster)), places: Mutex::default() }
    }

    /// The same source, far away: it is slow, and sometimes it fails. It has to be able to go on from any [position](purlin_model::source::Reader::remaining),
    /// as one does that holds what it gives.
    pub fn source<S: Source>(&self, source: S) -> BoxSource<S::Item> {
        let network = self.world.as_ref().map(|(network, _)| network.clone());
        BoxSource::new(RemoteSource { inner: BoxSource::new(source), network })
    }

    /// The sink of this name. Whether it is a topic with transactions or a folder is up to the seed.
    pub fn sink<T: Element>(&self, name: &str) -> BoxSink<T> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(name.to_string()).or_insert_with(|| self.new_place()).clone();
        BoxSink::new(SimulatedSink::new(name, place))
    }

    fn new_place(&self) -> Place {
        let Some((network, cluster)) = &self.world else { return Place::Plain(Arc::default()) };
        if network.world().random(|random| random.bool()) {
            Place::Topic(cluster.clone())
        } else {
            Place::Folder { network: network.clone(), folder: Arc::default() }
        }
    }

    /// The encoded elements that a reader of committed output sees, by sink.
    pub(super) fn written(&self) -> BTreeMap<String, Vec<Vec<u8>>> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.iter().map(|(name, place)| (name.clone(), place.written(name))).collect()
    }
}
