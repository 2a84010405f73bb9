//! A snapshot that is torn, changed or gone.

use std::fs;
use std::path::Path;

use purlin::runners::Guarantee;

use crate::job::{Scene, message, sums};

/// A scene with checkpoints and an open window.
fn begun(guarantee: Guarantee) -> Scene {
    let mut scene = Scene::new();
    scene.guarantee = guarantee;
    for n in 0..3 {
        scene.send("be", 1 << n, 10);
        assert_eq!(scene.run(sums, 1).expect("it runs"), []);
    }
    scene
}

fn newest(scene: &Scene, kind: &str) -> std::path::PathBuf {
    scene.files(kind).pop().expect("there is one")
}

fn tear(file: &Path) {
    let content = fs::read(file).expect("a file");
    fs::write(file, &content[..content.len() - 1]).expect("it can be written");
}

fn flip(file: &Path) {
    let mut content = fs::read(file).expect("a file");
    *content.last_mut().expect("it has bytes") ^= 1;
    fs::write(file, content).expect("it can be written");
}

fn remove(file: &Path) {
    fs::remove_file(file).expect("it can be removed");
}

#[test]
fn exactly_once_refuses_and_names_the_file() {
    // Without its file there never was a commit.
    let damages: [(&str, &[fn(&Path)]); 3] =
        [("manifests", &[tear, flip, remove]), ("segments", &[tear, flip, remove]), ("commits", &[tear, flip])];
    for (kind, damages) in damages {
        for damage in damages {
            let scene = begun(Guarantee::ExactlyOnce);
            let file = newest(&scene, kind);
            damage(&file);
            let message = message(scene.run(sums, 1));
            let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
            assert!(message.contains(name) && message.contains("would write output again"), "{kind}: {message}");
        }
    }
}

#[test]
fn at_least_once_goes_back_to_the_last_one_that_is_whole() {
    for kind in ["manifests", "commits"] {
        for damage in [tear, flip] {
            let scene = begun(Guarantee::AtLeastOnce);
            damage(&newest(&scene, kind));
            scene.watermark(500);
            let published = scene.run(sums, 1).expect("it goes on from an earlier one");
            assert_eq!(published, [("be".to_string(), 7)], "what was read since then is read again ({kind})");
            scene.send("be", 8, 1_000);
            scene.watermark(2_000);
            let published = scene.run(sums, 1).expect("what it has committed since then can be gone on from");
            assert_eq!(published, [("be".to_string(), 8)], "nothing is read again ({kind})");
        }
    }
}
