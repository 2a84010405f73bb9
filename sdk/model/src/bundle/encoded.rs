//! Bundles as bytes: elements on their way, in a snapshot.
//!
//! A version, the number of elements, then each with its timestamp, windows and pane, and its value by the collection's coder behind its length.

use serde::{Deserialize, Serialize};

use super::{AnyBundle, ElementSides};
use crate::BoxError;
use crate::coder::AnyCoder;

const VERSION: u8 = 1;

/// What stands in front of each value.
#[derive(Serialize, Deserialize)]
struct Head {
    sides: ElementSides,
    bytes: usize,
}

/// Appends the elements of `bundle` as bytes.
pub fn encode_bundle(coder: &dyn AnyCoder, bundle: &dyn AnyBundle, into: &mut Vec<u8>) -> Result<(), BoxError> {
    append(&(VERSION, bundle.len()), into)?;
    let mut value = Vec::new();
    for i in 0..bundle.len() {
        value.clear();
        coder.encode(bundle, i, &mut value)?;
        append(&Head { sides: bundle.sides().get(i), bytes: value.len() }, into)?;
        into.extend_from_slice(&value);
    }
    Ok(())
}

/// Appends the elements in `from`, which [`encode_bundle`] wrote, to `into`.
pub fn decode_bundle(coder: &dyn AnyCoder, from: &[u8], into: &mut dyn AnyBundle) -> Result<(), BoxError> {
    let ((version, count), mut rest): ((u8, usize), _) = postcard::take_from_bytes(from)?;
    if version != VERSION {
        return Err(format!("elements of a snapshot are in version {version}, and this program knows {VERSION}").into());
    }
    for _ in 0..count {
        let (Head { sides, bytes }, behind) = postcard::take_from_bytes(rest)?;
        let (mut value, behind) = behind.split_at_checked(bytes).ok_or("elements of a snapshot are cut off")?;
        coder.decode(&mut value, sides, into)?;
        rest = behind;
    }
    if rest.is_empty() { Ok(()) } else { Err(format!("{} bytes follow the elements of a snapshot", rest.len()).into()) }
}

fn append(value: &impl Serialize, into: &mut Vec<u8>) -> Result<(), BoxError> {
    // The vector as it is, longer.
    *into = postcard::to_extend(value, std::mem::take(into))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Bundle;
    use crate::coder::TypedCoder;
    use crate::window::{Window, WindowSet};
    use crate::{Pane, Timestamp};

    #[test]
    fn elements_come_back_with_what_belongs_to_them() {
        let coder = TypedCoder::<String>::standard();
        let window = Window::new(Timestamp::from_millis(-5), Timestamp::from_millis(5));
        let sides = [
            ElementSides::at(Timestamp::MIN),
            ElementSides {
                timestamp: Timestamp::from_millis(-3),
                windows: WindowSet::run(window, 2, 3),
                pane: Pane { index: 7, ..Pane::ON_TIME_AND_ONLY },
            },
        ];
        let mut bundle = Bundle::new();
        bundle.push("first".to_string(), sides[0]);
        bundle.push(String::new(), sides[1]);
        let mut bytes = Vec::new();
        encode_bundle(&*coder, &bundle, &mut bytes).unwrap();

        let mut back = coder.new_bundle();
        decode_bundle(&*coder, &bytes, &mut *back).unwrap();
        let back: Vec<_> = back.downcast::<String>().drain().collect();
        assert_eq!(back, [("first".to_string(), sides[0]), (String::new(), sides[1])]);

        for length in 0..bytes.len() {
            assert!(decode_bundle(&*coder, &bytes[..length], &mut *coder.new_bundle()).is_err(), "cut to {length}");
        }
        bytes.push(0);
        let message = decode_bundle(&*coder, &bytes, &mut *coder.new_bundle()).unwrap_err().to_string();
        assert!(message.contains("1 bytes follow"), "{message}");
        bytes[0] = 9;
        let message = decode_bundle(&*coder, &bytes, &mut *coder.new_bundle()).unwrap_err().to_string();
        assert!(message.contains("in version 9, and this program knows 1"), "{message}");
    }
}
