use proptest::prelude::*;

use super::*;
use crate::DeadLetter;
use crate::text::line_reader::LineReader;
use crate::text::{TextError, TextSource, TextSplit};

fn small_pieces(path: &Path) -> TextSource {
    let mut source = TextSource::lines(path);
    source.piece_bytes_min = 1;
    source
}

/// The lines from `split` on, one by one, each with the position behind it.
fn steps(split: TextSplit) -> Vec<(String, TextSplit)> {
    let mut reader = LineReader::open(split, 100).unwrap();
    let mut steps = Vec::new();
    loop {
        let Some(line) = reader.next().unwrap() else { return steps };
        let line = str::from_utf8(line.bytes).unwrap().to_owned();
        steps.push((line, reader.split().clone()));
    }
}

/// Text with all that makes lines hard: both line ends, lone `\r`, empty lines, characters of several bytes, no end at the end.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("a"), Just("bcd"), Just("ä€🦀"), Just("\n\n")];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_number_of_splits_gives_each_line_once(text in text(), desired in 1..50usize) {
        let want: Vec<_> = text.lines().collect();
        let (_dir, path) = file("a.txt", &text);
        prop_assert_eq!(read(&small_pieces(&path), desired).unwrap(), want);
    }

    #[test]
    fn any_cuts_give_each_line_once(text in text(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let (_dir, path) = file("a.txt", &text);
        let mut cuts: Vec<u64> = cuts.iter().map(|cut| cut.index(text.len() + 1) as u64).collect();
        cuts.extend([0, text.len() as u64]);
        cuts.sort_unstable();
        let ranges = cuts.windows(2).map(|cut| TextSplit {
            path: path.clone(),
            offset: cut[0],
            end: Some(cut[1]),
            lines_before: None,
        });
        let found: Vec<_> = ranges.flat_map(|range| steps(range).into_iter().map(|(line, _)| line)).collect();
        prop_assert_eq!(found, text.lines().collect::<Vec<_>>());
    }

    #[test]
    fn every_position_resumes(text in text(), desired in 1..5usize, name in prop_oneof![Just("a.txt"), Just("a.gz"), Just("a.zst")]) {
        let (_dir, path) = file(name, &text);
        let splits = block_on(small_pieces(&path).splits(SplitRequest { desired, bounded: true })).unwrap();
        for split in splits {
            let all = steps(split);
            for (i, (_, position)) in all.iter().enumerate() {
                prop_assert_eq!(&steps(position.clone())[..], &all[i + 1..]);
            }
        }
    }
}

#[test]
fn long_texts_cross_buffers_and_bundles() {
    let lines: Vec<String> = (0..60_000).map(|i| format!("{i} {}", "x".repeat(i % 97))).collect();
    let text = lines.join("\n");
    for name in ["a.txt", "a.txt.gz", "a.txt.zst"] {
        let (_dir, path) = file(name, &text);
        for desired in [1, 7] {
            assert!(read(&small_pieces(&path), desired).unwrap() == lines, "{name} in {desired}");
        }
    }
}

#[test]
fn a_line_may_be_longer_than_the_buffer_and_than_its_range() {
    let long = "y".repeat(1 << 20);
    let text = format!("first\n{long}\nlast\n");
    let (_dir, path) = file("a.txt", &text);
    assert!(read(&small_pieces(&path), 9).unwrap() == ["first", &long, "last"]);
}

#[test]
fn compressed_members_and_frames_are_read_on() {
    let (_dir, path) = file("a.gz", "one\n");
    let mut twice = fs::read(&path).unwrap();
    twice.extend(twice.clone());
    fs::write(&path, twice).unwrap();
    assert_eq!(read(&TextSource::lines(&path), 1).unwrap(), ["one", "one"]);
}

#[test]
fn files_are_cut_only_where_it_pays() {
    let (dir, path) = file("a.txt", "a line\n".repeat(1_000));
    write(&dir.path().join("b.txt.gz"), "b line\n".repeat(10_000).as_bytes());
    write(&dir.path().join("empty.txt"), b"");
    let count =
        |source: &TextSource, desired| block_on(source.splits(SplitRequest { desired, bounded: true })).unwrap().len();
    assert_eq!(count(&TextSource::lines(&path), 8), 1);
    assert_eq!(count(&small_pieces(&path), 8), 8);
    assert_eq!(count(&small_pieces(&dir.path().join("b.txt.gz")), 8), 1);
    assert_eq!(count(&small_pieces(&dir.path().join("empty.txt")), 8), 0);
    assert_eq!(read(&small_pieces(dir.path()), 8).unwrap().len(), 11_000);
}

#[test]
fn malformed_lines_say_where_they_are() {
    let (_dir, path) = file("a.txt", b"good\nb\xffd\nbetter\n");
    let message = failure(&TextSource::lines(&path));
    assert!(message.contains("a.txt line 2: invalid utf-8 sequence of 1 bytes from index 1; with"), "{message}");

    let mut pieces = small_pieces(&path);
    pieces.piece_bytes_min = 5;
    assert!(failure(&pieces).contains("line 2"));
    let message = read(&pieces, 9).unwrap_err().to_string();
    assert!(message.contains("a.txt byte 5: invalid"), "{message}");

    let letter = DeadLetter {
        origin: format!("{} line 2", path.display()),
        payload: b"b\xffd".to_vec(),
        error: "invalid utf-8 sequence of 1 bytes from index 1".into(),
    };
    let all = read(&TextSource::lines(&path).or_dead_letter(), 1).unwrap();
    assert_eq!(all, [Ok("good".to_string()), Err(letter), Ok("better".to_string())]);
}

#[test]
fn a_byte_order_mark_is_taken_off() {
    let (_dir, path) = file("a.txt", "\u{feff}one\n\u{feff}two\n");
    assert_eq!(read(&small_pieces(&path), 5).unwrap(), ["one", "\u{feff}two"]);
}

#[test]
fn lines_have_a_greatest_length() {
    for (length, fits) in [(10, true), (11, false)] {
        for end in ["", "\n", "\r\n"] {
            let text = format!("ok\n{}{end}", "z".repeat(length));
            for name in ["a.txt", "a.zst"] {
                let (_dir, path) = file(name, &text);
                let found = read(&TextSource::lines(&path).max_line_bytes(10), 1);
                assert_eq!(found.is_ok(), fits, "{length} {end:?}");
                if let Err(error) = found {
                    assert!(matches!(error.downcast_ref(), Some(TextError::TooLong { bytes_max: 10, .. })));
                    assert!(error.to_string().contains("line 2: the record is longer than 10 bytes"), "{error}");
                }
            }
        }
    }
}

#[test]
fn broken_files_are_named() {
    let missing = failure(&TextSource::lines("/nowhere/a.txt"));
    assert!(missing.contains("there is no file or folder `/nowhere/a.txt`"), "{missing}");

    let (_dir, path) = file("a.gz", "some lines\n".repeat(100));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let cut_off = failure(&TextSource::lines(&path));
    assert!(cut_off.contains("cannot read `") && cut_off.contains("a.gz`"), "{cut_off}");
}

#[test]
fn a_file_that_has_become_shorter_is_noticed() {
    for name in ["a.txt", "a.gz"] {
        let (_dir, path) = file(name, "one\ntwo\nthree\n");
        let position = steps(TextSplit::whole(path.clone()))[1].1.clone();
        write(&path, b"one\n");
        assert!(matches!(LineReader::open(position, 100).err(), Some(TextError::Truncated { .. })));
    }
    let (_dir, path) = file("a.txt", "one\n");
    let piece = TextSplit { path, offset: 0, end: Some(10), lines_before: Some(0) };
    let mut reader = LineReader::open(piece, 100).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().bytes, b"one");
    assert!(matches!(reader.next().err(), Some(TextError::Truncated { offset: 10, .. })));
}
