//! The bytes of an element (PS3.5 7.1).

use dicom_core::{Tag, VR};

use super::repairs::padding;
use super::walk::{Encoding, has_short_length};

/// Returns an element with this value, padded to an even length, and the position of the value in it. A value that is
/// too long for its VR is cut.
pub(super) fn element(encoding: Encoding, tag: Tag, vr: VR, value: &[u8]) -> (Vec<u8>, usize) {
    let is_big_endian = encoding == Encoding::ExplicitBig;
    let short = |number: u16| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let is_short = encoding != Encoding::ImplicitLittle && has_short_length(vr);
    let mut value = value.to_vec();
    if is_short {
        value.truncate(usize::from(u16::MAX) - 1);
    }
    if !value.len().is_multiple_of(2) {
        value.push(padding(vr));
    }
    let mut bytes = Vec::with_capacity(12 + value.len());
    bytes.extend(short(tag.group()));
    bytes.extend(short(tag.element()));
    if encoding != Encoding::ImplicitLittle {
        bytes.extend(vr.to_bytes());
    }
    if is_short {
        bytes.extend(short(u16::try_from(value.len()).unwrap_or(u16::MAX)));
    } else {
        if encoding != Encoding::ImplicitLittle {
            bytes.extend([0; 2]);
        }
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        bytes.extend(if is_big_endian { length.to_be_bytes() } else { length.to_le_bytes() });
    }
    let value_at = bytes.len();
    bytes.extend(value);
    (bytes, value_at)
}

/// Returns the value of a sequence with one item of these elements.
pub(super) fn item(encoding: Encoding, elements: &[(Tag, VR, &str)]) -> Vec<u8> {
    let content: Vec<u8> =
        elements.iter().flat_map(|(tag, vr, value)| element(encoding, *tag, *vr, value.as_bytes()).0).collect();
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut bytes = if encoding == Encoding::ExplicitBig {
        [&[0xFF, 0xFE, 0xE0, 0x00][..], &length.to_be_bytes()].concat()
    } else {
        [&[0xFE, 0xFF, 0x00, 0xE0][..], &length.to_le_bytes()].concat()
    };
    bytes.extend(content);
    bytes
}
