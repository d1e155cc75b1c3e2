//! The file meta information (PS3.10 7.1), always in Explicit VR Little Endian.

use std::io::{Cursor, Read};

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::walk::{Encoding, Kind, Walk, fill};

/// 128 bytes without meaning precede `DICM` (PS3.10 7.1).
const PREAMBLE_BYTES: usize = 128;
/// Group of the file meta information.
pub(super) const GROUP: u16 = 0x0002;
/// The most bytes of a value that are read.
pub(super) const MAX_VALUE_BYTES: u64 = 1024;

/// The file meta information, as far as it matters for sending.
#[derive(Debug)]
pub(super) struct Meta {
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax_uid: String,
    /// Media Storage SOP Class UID (0002,0002).
    pub sop_class_uid: Option<String>,
    /// Position of the data set in the file.
    pub data_set_at: u64,
    /// First bytes of the data set, which were read already.
    pub beyond: Vec<u8>,
}

/// Reads the preamble. Returns the position after it.
///
/// # Errors
/// The reason why the file is not DICOM, with advice where its content is known.
pub(super) fn check_preamble(source: &mut impl Read) -> Result<u64, String> {
    let mut bytes = [0; PREAMBLE_BYTES + 4];
    let length = fill(source, &mut bytes).map_err(|error| format!("not DICOM: {error}"))?;
    if length == bytes.len() && bytes.ends_with(b"DICM") {
        return Ok(bytes.len() as u64);
    }
    let bytes = &bytes[..length];
    Err(if bytes.starts_with(b"PK\x03\x04") {
        "not DICOM: a ZIP archive; extract it, and upload the files that are in it".to_owned()
    } else if bytes.starts_with(&[0x1F, 0x8B]) {
        "not DICOM: a gzip file; decompress it, and upload the files that are in it".to_owned()
    } else if is_data_set(bytes) {
        "not DICOM: a bare data set without preamble and file meta information; dcmconv from DCMTK adds them".to_owned()
    } else {
        "not DICOM: no DICM after a preamble of 128 bytes".to_owned()
    })
}

/// Reads the elements of group 0002, from the position `start`.
///
/// # Errors
/// The reason why they cannot be read.
pub(super) fn read(source: &mut impl Read, start: u64) -> Result<Meta, String> {
    let (mut transfer_syntax_uid, mut sop_class_uid) = (None, None);
    let mut position = start;
    // The group length tells where a deflated data set begins, whose first bytes could look like an element. DCMTK takes
    // elements of the group after this position for elements of the data set.
    let mut end = None;
    let beyond = loop {
        let mut header = [0; 8];
        if end == Some(position) {
            break Vec::new();
        }
        let length = fill(source, &mut header).map_err(|error| error.to_string())?;
        if length < header.len() || u16::from_le_bytes([header[0], header[1]]) != GROUP {
            break header[..length].to_vec();
        }
        let mut walk = Walk::new(Cursor::new(header).chain(source.by_ref()), Encoding::ExplicitLittle, position, None);
        let Some(element) = walk.next()? else { break Vec::new() };
        if element.kind != Kind::Value {
            return Err(format!("element {} of the file meta information is not a value", element.tag));
        }
        match element.tag {
            tags::TRANSFER_SYNTAX_UID => transfer_syntax_uid = Some(walk.value(MAX_VALUE_BYTES)?),
            tags::MEDIA_STORAGE_SOP_CLASS_UID => sop_class_uid = Some(walk.value(MAX_VALUE_BYTES)?),
            Tag(GROUP, 0) => {
                let value = walk.value(4)?;
                let length = <[u8; 4]>::try_from(value).map(u32::from_le_bytes);
                end = length.ok().map(|length| walk.position() + u64::from(length));
            }
            _ => {}
        }
        walk.skip_value()?;
        position = walk.position();
    };
    let text = |uid: Vec<u8>| String::from_utf8_lossy(&uid).trim_end_matches(['\0', ' ']).to_owned();
    let uid = transfer_syntax_uid.ok_or("its file meta information has no Transfer Syntax UID")?;
    Ok(Meta { transfer_syntax_uid: text(uid), sop_class_uid: sop_class_uid.map(text), data_set_at: position, beyond })
}

/// True if the bytes look like the beginning of a data set: an element of group 0002 or 0008, with a value
/// representation or with a length below 1 KiB.
fn is_data_set(bytes: &[u8]) -> bool {
    let [group, 0, _, 0, a, b, c, d, ..] = bytes else { return false };
    let is_explicit = a.is_ascii_uppercase() && b.is_ascii_uppercase();
    matches!(group, 0x02 | 0x08) && (is_explicit || u32::from_le_bytes([*a, *b, *c, *d]) < 1024)
}
