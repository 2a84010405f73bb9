//! Whether a table keeps book of what changes, and the book.
//!
//! A table is compiled for both cases: where nobody takes snapshots, nothing is kept beside an accumulator and nothing is done for an
//! element. Where they are taken, each entry has a mark, and a window lists the hashes of the entries that it has marked: so what a
//! snapshot costs is what has changed. A window that was in no snapshot yet lists nothing, for all of it is new.

/// Whether changes are kept book of.
pub(super) trait Track: Send + 'static {
    /// Beside each accumulator.
    type Mark: Default + Send;
    /// Beside each window.
    type Book: Default + Send;
    /// Notes that an entry is new.
    fn note_new(mark: &mut Self::Mark, book: &mut Self::Book, hash: u64);
    /// Notes that an entry has changed.
    fn note(mark: &mut Self::Mark, book: &mut Self::Book, hash: u64);
    /// The mark, where there are any.
    fn mark(mark: &mut Self::Mark) -> Option<&mut Mark>;
    /// The book, where there is one.
    fn book(book: &mut Self::Book) -> Option<&mut Book>;
}

/// Nobody takes snapshots.
pub(super) struct Untracked;

/// Snapshots are taken.
pub(super) struct Tracked;

/// What is known of an entry.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    /// It has changed since the last snapshot.
    pub(super) changed: bool,
    /// Its [extent](crate::combine::CombineFn::extent) in that.
    pub(super) saved: u32,
    /// Its extent when it was last put whole.
    pub(super) put: u32,
}

/// What is known of a window.
#[derive(Default)]
pub(super) struct Book {
    /// Entries of it are in a snapshot.
    pub(super) is_saved: bool,
    /// The hashes of the entries that were marked since then.
    pub(super) changed: Vec<u64>,
}

impl Track for Untracked {
    type Mark = ();
    type Book = ();

    #[inline]
    fn note_new((): &mut (), (): &mut (), _: u64) {}

    #[inline]
    fn note((): &mut (), (): &mut (), _: u64) {}

    fn mark((): &mut ()) -> Option<&mut Mark> {
        None
    }

    fn book((): &mut ()) -> Option<&mut Book> {
        None
    }
}

impl Track for Tracked {
    type Mark = Mark;
    type Book = Book;

    #[inline]
    fn note_new(mark: &mut Mark, book: &mut Book, hash: u64) {
        mark.changed = true;
        if book.is_saved {
            book.changed.push(hash);
        }
    }

    #[inline]
    fn note(mark: &mut Mark, book: &mut Book, hash: u64) {
        if !mark.changed {
            mark.changed = true;
            book.changed.push(hash);
        }
    }

    fn mark(mark: &mut Mark) -> Option<&mut Mark> {
        Some(mark)
    }

    fn book(book: &mut Book) -> Option<&mut Book> {
        Some(book)
    }
}
