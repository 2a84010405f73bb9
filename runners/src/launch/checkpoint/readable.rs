//! Bytes for people.

/// Longer bytes are cut when they are shown.
const SHOWN_BYTES: usize = 64;

/// Bytes as quoted text where they are text, with or without the length that encodings of text begin with; else in hexadecimal.
pub(super) fn bytes(bytes: &[u8]) -> String {
    if let Some(text) = text(bytes).or_else(|| text(behind_length(bytes)?)) {
        return text;
    }
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let hex: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() - shown.len() {
        0 => format!("0x{hex}"),
        more => format!("0x{hex}… ({more} more bytes)"),
    }
}

/// How many bytes, in a unit that suits.
pub(super) fn size(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", units[unit]) }
}

/// A number and its noun.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.chars().any(char::is_control) {
        return None;
    }
    let shown: String = text.chars().take(SHOWN_BYTES).collect();
    match text.len() - shown.len() {
        0 => Some(format!("{shown:?}")),
        more => Some(format!("{shown:?}… ({more} more bytes)")),
    }
}

/// What follows a varint that says how long it is.
fn behind_length(bytes: &[u8]) -> Option<&[u8]> {
    let digits = 1 + bytes.iter().take(9).position(|byte| *byte < 0x80)?;
    let length = bytes[..digits].iter().rev().fold(0_usize, |length, byte| length << 7 | usize::from(byte & 0x7f));
    bytes.get(digits..).filter(|rest| !rest.is_empty() && rest.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_text() {
        assert_eq!(bytes(b"alice"), "\"alice\"");
        assert_eq!(bytes(b"\x05alice"), "\"alice\"");
        assert_eq!(bytes(b"\x07alice"), "0x07616c696365");
        assert_eq!(bytes(&[0x80, 0x01, 0xff]), "0x8001ff");
        assert_eq!(bytes(b""), "\"\"");
        let long = [b"\xc8\x01".as_slice(), &[b'x'; 200]].concat();
        assert_eq!(bytes(&long), format!("\"{}\"… (136 more bytes)", "x".repeat(64)));
        assert_eq!(bytes(&[0xff; 66]), format!("0x{}… (2 more bytes)", "ff".repeat(64)));
    }

    #[test]
    fn sizes_have_a_unit_that_suits() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(3 << 30), "3.0 GiB");
        assert_eq!(count(1, "segment"), "1 segment");
        assert_eq!(count(0, "segment"), "0 segments");
    }
}
