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

#[cfg(test)]
mod tests {
    use crate::window::Fixed;
    use crate::{Pipeline, minutes};

    fn fingerprint(build: impl Fn(&Pipeline)) -> u64 {
        let pipeline = Pipeline::new();
        build(&pipeline);
        pipeline.graph().expect("the graph is sound").fingerprint()
    }

    #[test]
    fn equal_constructions_are_equal_and_changed_ones_are_not() {
        let build = |name: &'static str, size: u64| {
            move |p: &Pipeline| {
                p.create("numbers", [1_i64]).window(Fixed::of(minutes(size))).map(name, |n| n + 1);
            }
        };
        let original = fingerprint(build("add", 1));
        assert_eq!(original, fingerprint(build("add", 1)));
        assert_ne!(original, fingerprint(build("plus", 1)), "a name tells");
        assert_ne!(original, fingerprint(build("add", 2)), "a windowing tells");
    }
}
