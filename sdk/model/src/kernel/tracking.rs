//! Whether a table keeps book of what changes, and the book.
//!
//! A table is compiled for both cases: where nobody takes snapshots, nothing is kept beside an accumulator and nothing is done for an
//! element. Where they are taken, each entry has a mark, and a window lists the hashes of the entries that it has marked: so what a
//! snapshot costs is what has changed. Where much has, it lists nothing: above all a window that was in no snapshot yet, for all of it is new.

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
    /// Its [extent](crate::combine::CombineFn::extent) in the last snapshot, twice; odd if it has changed since.
    saved: u32,
    /// Its extent when it was last put whole.
    pub(super) put: u32,
}

impl Mark {
    /// Of one that is in a snapshot as it is, whose extent is `saved` and was `put` when it was put whole.
    pub(super) fn new(saved: u32, put: u32) -> Self {
        debug_assert!(saved <= Self::EXTENT_MAX);
        Mark { saved: saved << 1, put }
    }

    /// What has a greater extent is put whole each time.
    pub(super) const EXTENT_MAX: u32 = u32::MAX >> 1;

    /// It has changed since the last snapshot.
    #[inline]
    pub(super) fn is_changed(self) -> bool {
        self.saved & 1 == 1
    }

    /// Its extent in that.
    pub(super) fn saved(self) -> u32 {
        self.saved >> 1
    }

    #[inline]
    fn change(&mut self) {
        self.saved |= 1;
    }
}

/// What is known of a window.
#[derive(Default)]
pub(super) struct Book {
    /// Entries of it are in a snapshot.
    pub(super) is_saved: bool,
    /// The hashes of the entries that were marked since then, if they are listed.
    changed: Vec<u64>,
    /// So many are listed; once there are more, none is.
    listed_max: usize,
}

/// Where more than this part of a window has changed it is gone through as it lies.
const SCAN_SHARE: usize = 4;

impl Book {
    /// The window is in a snapshot with so many entries, none of which has changed since.
    pub(super) fn note_saved(&mut self, entries: usize) {
        *self = Book { is_saved: entries > 0, changed: Vec::new(), listed_max: entries / SCAN_SHARE };
    }

    /// The hashes of all entries that have changed, where that is worth it.
    pub(super) fn list(&mut self) -> Option<Vec<u64>> {
        (self.listed_max > 0).then(|| std::mem::take(&mut self.changed))
    }

    #[inline]
    fn note(&mut self, hash: u64) {
        if self.changed.len() < self.listed_max {
            self.changed.push(hash);
        } else {
            (self.changed, self.listed_max) = (Vec::new(), 0);
        }
    }
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
        mark.change();
        book.note(hash);
    }

    #[inline]
    fn note(mark: &mut Mark, book: &mut Book, hash: u64) {
        if !mark.is_changed() {
            mark.change();
            book.note(hash);
        }
    }

    fn mark(mark: &mut Mark) -> Option<&mut Mark> {
        Some(mark)
    }

    fn book(book: &mut Book) -> Option<&mut Book> {
        Some(book)
    }
}
