//! A buffer for secret text, wiped on drop.

use zeroize::Zeroizing;

use crate::limits::SECRETS_BYTES_MAX;

/// The text of a source.
pub(crate) type Text = Zeroizing<Vec<u8>>;

/// A buffer of this capacity, at most that of the longest text.
pub(super) fn buffer(bytes: usize) -> Text {
    Zeroizing::new(Vec::with_capacity(bytes.min(SECRETS_BYTES_MAX + 1)))
}

/// Reserves more bytes. If the text moves, the old copy is wiped.
pub(super) fn make_room(bytes: &mut Text, more: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let mut larger = buffer(needed.max(bytes.capacity() * 2));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
}
