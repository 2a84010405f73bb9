//! The declaration that a window's end is to be told.

use super::Cell;
use crate::BoxError;
use crate::kernel::StatefulSpec;

/// A field that stores nothing: where it is declared, [`on_window_expiration`](crate::StatefulDoFn::on_window_expiration) is called for each
/// key before its state goes, and the output watermark is held at the window's last timestamp until then (SEMANTICS §8).
#[derive(Clone, Copy, Debug, Default)]
pub struct WindowExpiration;

impl Cell for WindowExpiration {
    const IS_STORED: bool = false;

    fn declare(_: &'static str, into: &mut StatefulSpec) {
        into.on_window_expiration = true;
    }

    #[inline]
    fn is_empty(&self) -> bool {
        // The key must be told, whatever else is stored.
        false
    }

    fn encode(&self, _: &mut Vec<u8>) -> Result<(), BoxError> {
        Ok(())
    }

    fn decode(&mut self, _: &mut &[u8]) -> Result<(), BoxError> {
        Ok(())
    }

    fn take_delta(&mut self, _: &mut Vec<u8>) -> Result<bool, BoxError> {
        Ok(false)
    }

    fn mark_saved(&mut self) {}

    fn apply_delta(&mut self, _: &mut &[u8]) -> Result<(), BoxError> {
        Ok(())
    }
}
