//! Keys and values: `key_by`, `keys`, `values`, `map_values`, `swap`.

use crate::pipeline::Name;
use crate::{Element, Key, PCollection};

impl<T: Element> PCollection<T> {
    /// Each element behind the key that `key` takes from it.
    pub fn key_by<K: Key>(&self, name: &str, key: impl Fn(&T) -> K + Send + Sync + 'static) -> PCollection<(K, T)> {
        self.map(name, move |value| (key(&value), value))
    }
}

impl<K: Element, V: Element> PCollection<(K, V)> {
    /// The keys alone.
    pub fn keys(&self) -> PCollection<K> {
        self.map_named(Name::Derived("keys"), |(key, _)| key)
    }

    /// The values alone.
    pub fn values(&self) -> PCollection<V> {
        self.map_named(Name::Derived("values"), |(_, value)| value)
    }

    /// The same keys, with what `f` makes of the values.
    pub fn map_values<U: Element>(
        &self,
        name: &str,
        f: impl Fn(V) -> U + Send + Sync + 'static,
    ) -> PCollection<(K, U)> {
        self.map(name, move |(key, value)| (key, f(value)))
    }

    /// Values as keys and keys as values.
    pub fn swap(&self) -> PCollection<(V, K)> {
        self.map_named(Name::Derived("swap"), |(key, value)| (value, key))
    }
}
