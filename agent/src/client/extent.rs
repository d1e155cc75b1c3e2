//! Proof that a file has all the bytes that its length fields promise, without reading it into memory whole.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use dicom_encoding::Codec;
use dicom_object::FileMetaTable;
use dicom_parser::StatefulDecode as _;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};

use crate::failure::with_causes;

/// A preamble of 128 bytes comes before `DICM` (PS3.10 7.1).
const PREAMBLE_BYTES: u64 = 128;

/// Reads through the elements of a file, pixel data and fragments included. A deflated data set is not checked: its
/// lengths are not those of the file.
///
/// # Errors
/// The missing part, or the reason why the file is not DICOM.
pub(super) fn is_whole(path: &Path) -> Result<(), String> {
    let mut file = BufReader::new(File::open(path).map_err(|error| error.to_string())?);
    let size = file.get_ref().metadata().map_err(|error| error.to_string())?.len();
    std::io::copy(&mut file.by_ref().take(PREAMBLE_BYTES), &mut std::io::sink()).map_err(|error| error.to_string())?;
    let meta = FileMetaTable::from_reader(&mut file).map_err(|error| with_causes(&error))?;
    let name = meta.transfer_syntax().trim_end_matches(['\0', ' ']);
    let syntax = TransferSyntaxRegistry.get(name).ok_or_else(|| format!("transfer syntax {name} is not known"))?;
    if matches!(syntax.codec(), Codec::Dataset(_)) {
        return Ok(());
    }
    // Its positions are offsets in the file.
    let mut reader = LazyDataSetReader::new_with_ts(file, syntax).map_err(|error| with_causes(&error))?;
    let mut depth = 0_u32;
    while let Some(token) = reader.advance() {
        let token = token.map_err(|error| with_causes(&error))?;
        match &token {
            LazyDataToken::SequenceStart { .. } | LazyDataToken::PixelSequenceStart => depth += 1,
            LazyDataToken::SequenceEnd => depth = depth.saturating_sub(1),
            LazyDataToken::LazyValue { header, decoder } => {
                let length = header.len.get().map_or(0, u64::from);
                if decoder.position() + length > size {
                    return Err(format!("it ends within element {} of {length} bytes", header.tag));
                }
            }
            LazyDataToken::LazyItemValue { len, decoder } if decoder.position() + u64::from(*len) > size => {
                return Err(format!("it ends within an item of {len} bytes"));
            }
            _ => {}
        }
        token.skip().map_err(|error| with_causes(&error))?;
    }
    if depth > 0 { Err("it ends within a sequence".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dicom_core::value::{PixelFragmentSequence, Value};
    use dicom_core::{DataElement, PrimitiveValue, VR};
    use dicom_dictionary_std::{tags, uids};
    use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

    use super::*;

    /// Checks a file with this transfer syntax and Pixel Data, without its last `cut` bytes.
    fn check(syntax: &str, pixels: Value<InMemDicomObject, Vec<u8>>, cut: usize) -> Result<(), String> {
        let mut object = InMemDicomObject::new_empty();
        object.put(DataElement::new(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE));
        object.put(DataElement::new(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3"));
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, pixels));
        let object = object.with_meta(FileMetaTableBuilder::new().transfer_syntax(syntax)).expect("an object");
        let mut bytes = Vec::new();
        object.write_all(&mut bytes).expect("written");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file.dcm");
        fs::write(&path, &bytes[..bytes.len() - cut]).expect("written");
        is_whole(&path)
    }

    #[test]
    fn pixel_data_that_is_cut_short_is_found() {
        let check = |cut| check(uids::EXPLICIT_VR_LITTLE_ENDIAN, PrimitiveValue::from(vec![7_u8; 100_000]).into(), cut);
        assert_eq!(check(0), Ok(()));
        for cut in [1, 99_999] {
            assert_eq!(check(cut), Err("it ends within element (7FE0,0010) of 100000 bytes".to_owned()));
        }
    }

    #[test]
    fn fragments_that_are_cut_short_are_found() {
        let check = |cut| {
            let fragments = PixelFragmentSequence::new_fragments(vec![vec![7_u8; 100], vec![8; 50_000]]);
            check(uids::JPEG_BASELINE8_BIT, fragments.into(), cut)
        };
        assert_eq!(check(0), Ok(()));
        assert_eq!(check(1_000), Err("it ends within an item of 50000 bytes".to_owned()));
        // Only the delimiter of the sequence is missing.
        assert!(check(8).is_err());
    }

    #[test]
    fn what_is_no_dicom_is_said() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file.dcm");
        fs::write(&path, "no DICOM").expect("written");
        assert!(is_whole(&path).is_err());
    }
}
