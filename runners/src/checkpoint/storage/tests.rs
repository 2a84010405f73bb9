//! What every storage has to do.

use super::*;

/// Checks a storage, empty before, against the trait's promises.
pub(crate) async fn keeps_the_contract(storage: &dyn Storage) {
    assert_eq!(storage.list("").await.expect("listed"), [""; 0]);
    assert!(
        matches!(storage.get("folder/a").await, Err(StorageError::NotFound { path }) if path.ends_with("folder/a"))
    );
    assert!(matches!(storage.get_range("folder/a", 0..1).await, Err(StorageError::NotFound { .. })));
    storage.delete("folder/a").await.expect("that it is not there is no error");

    storage.put_new("folder/a", b"0123456789".to_vec()).await.expect("written");
    storage.put_new("folder/b", Vec::new()).await.expect("written");
    storage.put_new("folder/ab/c.d-e_f", b"deep".to_vec()).await.expect("written");
    storage.put_new("top", b"top".to_vec()).await.expect("written");
    for contents in [b"0123456789".as_slice(), b"other"] {
        let again = storage.put_new("folder/a", contents.to_vec()).await;
        assert!(matches!(&again, Err(StorageError::Exists { path }) if path.ends_with("folder/a")), "{again:?}");
    }
    assert_eq!(storage.get("folder/a").await.expect("read"), b"0123456789");
    assert_eq!(storage.get("folder/b").await.expect("read"), b"");

    for (range, expected) in [(2..5, "234"), (8..20, "89"), (10..20, ""), (30..40, ""), (0..10, "0123456789")] {
        let read = storage.get_range("folder/a", range.clone()).await.expect("read");
        assert_eq!(read, expected.as_bytes(), "{range:?}");
    }

    for (prefix, expected) in [
        ("", ["folder/a", "folder/ab/c.d-e_f", "folder/b", "top"].as_slice()),
        ("folder/", &["folder/a", "folder/ab/c.d-e_f", "folder/b"]),
        ("folder/a", &["folder/a", "folder/ab/c.d-e_f"]),
        ("fold", &["folder/a", "folder/ab/c.d-e_f", "folder/b"]),
        ("none/", &[]),
        ("t", &["top"]),
    ] {
        assert_eq!(storage.list(prefix).await.expect("listed"), expected, "{prefix}");
    }

    storage.delete("folder/a").await.expect("deleted");
    assert!(matches!(storage.get("folder/a").await, Err(StorageError::NotFound { .. })));
    storage.put_new("folder/a", b"new".to_vec()).await.expect("its name is free again");
    assert_eq!(storage.get("folder/a").await.expect("read"), b"new");

    for name in ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a b", "a\\b", "ä", "a\0"] {
        let refused = storage.put_new(name, Vec::new()).await;
        assert!(matches!(refused, Err(StorageError::Other { .. })), "{name:?}");
    }
}

#[test]
fn memory_keeps_the_contract() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(keeps_the_contract(&MemoryStorage::default()));
}
