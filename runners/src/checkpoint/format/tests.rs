//! The frame: what is written is read, and nothing else is.

use proptest::prelude::*;

use super::*;

const KINDS: [FileKind; 5] =
    [FileKind::Job, FileKind::Incarnation, FileKind::Segment, FileKind::Manifest, FileKind::Commit];

fn kind() -> impl Strategy<Value = FileKind> {
    (0..KINDS.len()).prop_map(|index| KINDS[index])
}

/// A file with a header that fits whatever body it has.
fn framed(kind: FileKind, length: u64, stored: &[u8]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.extend_from_slice(&kind.number().to_le_bytes());
    file.extend_from_slice(&kind.version().to_le_bytes());
    file.extend_from_slice(&(stored.len() as u64).to_le_bytes());
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&checksum(&file, stored).to_le_bytes());
    file.extend_from_slice(stored);
    file
}

proptest! {
    #[test]
    fn what_is_written_is_read(kind in kind(), body in any::<(String, Vec<Option<i64>>, bool)>()) {
        let file = encode(kind, &body).expect("it is small");
        prop_assert_eq!(decode::<(String, Vec<Option<i64>>, bool)>(kind, &file), Ok(body));
    }

    #[test]
    fn any_change_is_noticed(kind in kind(), body in any::<Vec<u64>>(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let file = encode(kind, &body).expect("it is small");
        let mut flipped = file.clone();
        flipped[at.index(file.len())] ^= 1_u8 << bit;
        prop_assert!(decode::<Vec<u64>>(kind, &flipped).is_err());
        prop_assert!(decode::<Vec<u64>>(kind, &file[..at.index(file.len())]).is_err());
        let mut longer = file.clone();
        longer.push(0);
        let torn = matches!(decode::<Vec<u64>>(kind, &longer), Err(Damage::Torn { .. }));
        prop_assert!(torn);
    }

    #[test]
    fn any_bytes_are_an_error(kind in kind(), bytes in any::<Vec<u8>>(), real in 0..=HEADER_BYTES) {
        let mut file = framed(kind, 7, b"");
        file.truncate(real);
        file.extend_from_slice(&bytes);
        prop_assert!(decode::<Vec<u64>>(kind, &file).is_err());
    }

    #[test]
    fn a_body_that_was_made_up_takes_no_memory(body in any::<Vec<u8>>(), length in any::<u64>()) {
        // The checksums are right: only what the body itself is can be wrong.
        let stored = compress(&body).expect("compressed");
        let _ = decode::<Vec<Vec<String>>>(FileKind::Manifest, &framed(FileKind::Manifest, body.len() as u64, &stored));
        if length != body.len() as u64 {
            prop_assert!(decode::<Vec<u8>>(FileKind::Manifest, &framed(FileKind::Manifest, length, &stored)).is_err());
            prop_assert!(decompress(&stored, length).is_err());
        }
        prop_assert!(decompress(&body, length).is_err() || body.is_empty());
    }
}

#[test]
fn each_damage_has_its_words() {
    let file = encode(FileKind::Commit, &7_u64).expect("it is small");
    let damage = |kind, file: &[u8]| decode::<u64>(kind, file).expect_err("it is damaged");

    assert_eq!(damage(FileKind::Commit, b"{}"), Damage::Foreign);
    assert_eq!(damage(FileKind::Commit, b""), Damage::Torn { found: 0, expected: 36 });
    assert_eq!(damage(FileKind::Commit, &file[..20]), Damage::Torn { found: 20, expected: 36 });
    let (found, expected) = (file.len() as u64 - 1, file.len() as u64);
    assert_eq!(damage(FileKind::Commit, &file[..file.len() - 1]), Damage::Torn { found, expected });
    assert_eq!(damage(FileKind::Job, &file), Damage::WrongKind { expected: "job file", found: 5 });

    let mut newer = file.clone();
    newer[10] = 9;
    assert_eq!(damage(FileKind::Commit, &newer), Damage::Newer { kind: "commit", found: 9, known: 1 });
    assert!(damage(FileKind::Commit, &newer).to_string().contains("newer version of the program"));

    let stored = compress(b"\x07\x07").expect("compressed");
    let more = damage(FileKind::Commit, &framed(FileKind::Commit, 2, &stored)).to_string();
    assert!(more.contains("there is more in it than a commit"), "{more}");
    let huge = damage(FileKind::Commit, &framed(FileKind::Commit, 1 << 40, &stored)).to_string();
    assert!(huge.contains("header makes no sense"), "{huge}");
}

#[test]
fn a_body_may_not_be_larger_than_is_read() {
    let noise: Vec<u64> = (0..1 << 18).map(|number: u64| xxh3_64(&number.to_le_bytes())).collect();
    let error = encode(FileKind::Commit, &noise).expect_err("it is too large").to_string();
    assert!(error.contains("a commit cannot be written") && error.contains("at most 1048576"), "{error}");
}
