//! What the fuzz targets share.
//!
//! A target in `fuzz_targets/` hands arbitrary bytes to a decoder of bytes that come from outside: a state log, a file of a checkpoint, what a
//! machine restores, an element's encoding, a record of a log, a user's file. Whatever the bytes are, the decoder gives a value or an error: it does not
//! panic, does not run for ever, and asks for no memory out of proportion. What it takes, it can write and take again.
//!
//! Checksums would keep a fuzzer out, so targets put right ones around its bytes where there are any. Each corpus begins with what
//! the encoders really write (`seeds`), so formats that change need no new files. `ci/fuzz` builds and runs all of it.

pub mod files;
pub mod machines;
pub mod parts;
#[cfg(feature = "parquet")]
pub mod rows;

/// Runs a future to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}
