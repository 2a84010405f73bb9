//! Inputs of several parts: each is a length in two bytes of little endian, then as many bytes as there are of it.

/// Takes the next part off; an input that has ended has only empty ones.
pub fn next<'a>(input: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = input.split_first_chunk::<2>() else { return std::mem::take(input) };
    let (part, rest) = rest.split_at(rest.len().min(u16::from_le_bytes(*length).into()));
    *input = rest;
    part
}

/// Takes the next byte off; 0 at the end.
pub fn next_byte(input: &mut &[u8]) -> u8 {
    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    *input = rest;
    *first
}

/// The input of these parts.
pub fn of(parts: &[&[u8]]) -> Vec<u8> {
    let mut input = Vec::new();
    for part in parts {
        let length = u16::try_from(part.len()).expect("a seed is short");
        input.extend_from_slice(&length.to_le_bytes());
        input.extend_from_slice(part);
    }
    input
}
