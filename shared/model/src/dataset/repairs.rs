//! Changes that make a file's data set valid: even lengths (PS3.5 7.1.1), and no file meta information inside (PS3.10 7.1).
//! DCMTK makes the same changes while it sends. A peer may not answer a data set of odd length.

use std::io::{self, Read, Write};

use dicom_core::VR;

use super::meta;
use super::walk::{Element, Kind, LengthField};

/// More changes than this are not kept in memory: the object is refused.
const MAX_CHANGES: usize = 100_000;

/// The changes to a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs(Vec<Change>);

/// A change at a position of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    at: u64,
    edit: Edit,
}

/// Changes at the same position happen in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Edit {
    /// Adds a byte of padding.
    Insert(u8),
    /// Adds this to a length of 2 or 4 bytes.
    Lengthen { by: u32, bytes: u8, is_big_endian: bool },
    /// Removes bytes.
    Remove(u64),
}

impl Repairs {
    /// True if the file is sent as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Copies a file and makes the changes.
    ///
    /// # Errors
    /// Those of reading and writing, and a file that has become shorter.
    pub fn apply(&self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut changes = self.0.clone();
        changes.sort_unstable();
        let mut position = 0;
        let mut changes = changes.into_iter().peekable();
        while let Some(Change { at, mut edit }) = changes.next() {
            // An element inside two sequences lengthens both, and two elements lengthen one sequence twice.
            while let Edit::Lengthen { by, .. } = &mut edit
                && let Some(Change { edit: Edit::Lengthen { by: more, .. }, .. }) =
                    changes.next_if(|next| next.at == at && matches!(next.edit, Edit::Lengthen { .. }))
            {
                *by += more;
            }
            copy(&mut from, &mut to, at - position)?;
            position = at;
            match edit {
                Edit::Insert(byte) => to.write_all(&[byte])?,
                Edit::Remove(bytes) => {
                    copy(&mut from, &mut io::sink(), bytes)?;
                    position += bytes;
                }
                Edit::Lengthen { by, bytes, is_big_endian } => {
                    let mut field = [0; 4];
                    let field = &mut field[..bytes.into()];
                    from.read_exact(field)?;
                    to.write_all(lengthen(field, by, is_big_endian))?;
                    position += u64::from(bytes);
                }
            }
        }
        io::copy(&mut from, &mut to).map(|_| ())
    }

    /// Adds the changes that an element needs. `enclosing` are the lengths that count it.
    pub(super) fn add(
        &mut self,
        element: &Element,
        enclosing: impl Iterator<Item = (LengthField, u32)>,
    ) -> Result<(), String> {
        let end = element.value_at + u64::from(element.length);
        if element.depth == 0 && element.tag.group() == meta::GROUP {
            if element.kind != Kind::Value {
                return Err(format!("element {} stands in the data set", element.tag));
            }
            self.push(element.at, Edit::Remove(end - element.at))?;
            return Ok(());
        }
        if !matches!(element.kind, Kind::Value | Kind::Fragment) || element.length.is_multiple_of(2) {
            return Ok(());
        }
        for (field, length) in enclosing.chain([(element.length_field, element.length)]) {
            let max = if field.bytes == 2 { u32::from(u16::MAX) } else { u32::MAX };
            if length >= max - 1 {
                return Err(format!("element {} of {length} bytes cannot be padded to an even length", element.tag));
            }
            let LengthField { at, bytes, is_big_endian } = field;
            self.push(at, Edit::Lengthen { by: 1, bytes, is_big_endian })?;
        }
        self.push(end, Edit::Insert(padding(element.vr)))
    }

    /// Pads the file at its end.
    pub(super) fn pad_end(&mut self, size: u64) {
        self.0.push(Change { at: size, edit: Edit::Insert(0) });
    }

    fn push(&mut self, at: u64, edit: Edit) -> Result<(), String> {
        if self.0.len() >= MAX_CHANGES {
            return Err("it has too many elements of odd length".to_owned());
        }
        self.0.push(Change { at, edit });
        Ok(())
    }
}

/// The byte that pads a value (PS3.5 6.2): a space for text, else NUL.
const fn padding(vr: VR) -> u8 {
    match vr {
        VR::AE | VR::AS | VR::CS | VR::DA | VR::DS | VR::DT | VR::IS | VR::LO | VR::LT | VR::PN | VR::SH | VR::ST => {
            b' '
        }
        VR::TM | VR::UC | VR::UR | VR::UT => b' ',
        _ => 0,
    }
}

/// Adds to a length in its encoding.
fn lengthen(field: &mut [u8], by: u32, is_big_endian: bool) -> &[u8] {
    if is_big_endian {
        field.reverse();
    }
    let mut carry = u64::from(by);
    for byte in field.iter_mut() {
        carry += u64::from(*byte);
        *byte = u8::try_from(carry & 0xFF).unwrap_or_default();
        carry >>= 8;
    }
    if is_big_endian {
        field.reverse();
    }
    field
}

fn copy(from: &mut impl Read, to: &mut impl Write, bytes: u64) -> io::Result<()> {
    let copied = io::copy(&mut from.take(bytes), to)?;
    if copied == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
