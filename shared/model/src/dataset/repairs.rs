//! Changes that make a file's data set valid: even lengths (PS3.5 7.1.1), and no file meta information inside (PS3.10 7.1).
//! DCMTK makes the same changes while it sends. A peer may not answer a data set of odd length.

use std::io::{self, Read, Write};

use dicom_core::VR;

use super::edits::Edits;
use super::meta;
use super::walk::{Element, Kind, LengthField};

/// The changes to a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs(Edits);

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
    pub fn apply(&self, from: impl Read, to: impl Write) -> io::Result<()> {
        self.0.apply(from, to, 0).map(|_| ())
    }

    /// Adds the changes that an element needs. `enclosing` are the lengths that count it.
    pub(super) fn add(
        &mut self,
        element: &Element,
        enclosing: impl Iterator<Item = (LengthField, u32)>,
    ) -> Result<(), String> {
        repair(&mut self.0, element, enclosing).map(|_| ())
    }

    /// Pads the file at its end.
    pub(super) fn pad_end(&mut self, size: u64) -> Result<(), String> {
        self.0.splice(size, 0, &[0])
    }
}

/// Adds the changes that an element needs to be valid. `enclosing` are the lengths that count it. Returns the number of
/// bytes by which the file grows.
pub(super) fn repair(
    edits: &mut Edits,
    element: &Element,
    enclosing: impl Iterator<Item = (LengthField, u32)>,
) -> Result<i64, String> {
    let end = element.value_at + u64::from(element.length);
    if element.depth == 0 && element.tag.group() == meta::GROUP {
        if element.kind != Kind::Value {
            return Err(format!("element {} stands in the data set", element.tag));
        }
        edits.splice(element.at, end - element.at, &[])?;
        return Ok(-i64::try_from(end - element.at).unwrap_or_default());
    }
    if !matches!(element.kind, Kind::Value | Kind::Fragment) || element.length.is_multiple_of(2) {
        return Ok(0);
    }
    edits.lengthen(enclosing.chain([(element.length_field, element.length)]), 1).map_err(|_| {
        format!("element {} of {} bytes cannot be padded to an even length", element.tag, element.length)
    })?;
    edits.splice(end, 0, &[padding(element.vr)])?;
    Ok(1)
}

/// The byte that pads a value (PS3.5 6.2): a space for text, else NUL.
pub(super) const fn padding(vr: VR) -> u8 {
    match vr {
        VR::AE | VR::AS | VR::CS | VR::DA | VR::DS | VR::DT | VR::IS | VR::LO | VR::LT | VR::PN | VR::SH | VR::ST => {
            b' '
        }
        VR::TM | VR::UC | VR::UR | VR::UT => b' ',
        _ => 0,
    }
}
