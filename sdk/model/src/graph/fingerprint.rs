//! A number that is equal for equal graphs: what tells a changed pipeline from an unchanged one.

use std::fmt::Write;

use xxhash_rust::xxh3::xxh3_64;

use super::Graph;

impl Graph {
    /// A hash over names, operations, edges, coders and windowings; equal for two constructions of one pipeline.
    pub fn fingerprint(&self) -> u64 {
        let mut text = String::new();
        for node in &self.nodes {
            let views: Vec<&str> = node.views.iter().map(|view| self.node(*view).name.as_str()).collect();
            let _ = writeln!(text, "{} {} {:?} {views:?}", node.name, node.op.kind(), node.inputs);
            for output in &node.outputs {
                let collection = self.collection(*output);
                let _ = writeln!(text, "  {} {}", collection.coder.name(), collection.windowing);
            }
        }
        xxh3_64(text.as_bytes())
    }
}
