//! Checks on a user's own objects. They read the headers only.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Read};

use dicom_core::dictionary::{UidDictionary as _, UidDictionaryEntry as _};
use dicom_core::header::DataElementHeader;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardSopClassDictionary, tags};
use dicom_encoding::Codec;
use dicom_object::FileMetaTable;
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::{TransferSyntax, TransferSyntaxIndex as _, TransferSyntaxRegistry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::PlannedObject;

/// An object that is not sent, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// S3 key.
    pub key: String,
    /// The reason, in words for a person.
    pub reason: String,
}

/// The UIDs that a header holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: String,
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax_uid: String,
}

/// 128 bytes without meaning precede `DICM` (PS3.10 7.1).
const PREAMBLE_BYTES: usize = 128;
/// Size limit for a deflated data set after inflation.
const MAX_INFLATED_BYTES: u64 = 64 * 1024 * 1024;
/// Group of all kinds of pixel data.
const PIXEL_GROUP: u16 = 0x7FE0;

/// The attributes that identify a patient. An object is refused if one of them has a value.
const IDENTIFYING_ATTRIBUTES: [(Tag, &str); 3] = [
    (tags::PATIENT_NAME, "Patient's Name"),
    (tags::PATIENT_ID, "Patient ID"),
    (tags::PATIENT_BIRTH_DATE, "Patient's Birth Date"),
];

/// The attributes to read.
const WANTED_ATTRIBUTES: [Tag; 8] = [
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_IDENTITY_REMOVED,
];

/// Reads a header, up to the pixel data.
///
/// The reader does not trust the lengths in it: an object that claims an element of 4 GB takes no memory.
///
/// # Errors
/// Returns the reason to refuse the object: not DICOM, no storage SOP class, or identified.
pub fn inspect(mut header: impl Read, allow_identified: bool) -> Result<Inspected, String> {
    let mut bytes = Vec::new();
    header.read_to_end(&mut bytes).map_err(|error| format!("not DICOM: {error}"))?;
    if bytes.get(PREAMBLE_BYTES..PREAMBLE_BYTES + 4) != Some(b"DICM") {
        return Err("not DICOM: no DICM after a preamble of 128 bytes".to_owned());
    }
    let mut rest = &bytes[PREAMBLE_BYTES..];
    let meta =
        FileMetaTable::from_reader(&mut rest).map_err(|error| format!("not DICOM: {}", innermost_cause(&error)))?;
    let transfer_syntax_uid = meta.transfer_syntax().trim_end_matches(['\0', ' ']).to_owned();
    let syntax = TransferSyntaxRegistry
        .get(&transfer_syntax_uid)
        .ok_or_else(|| format!("not DICOM: transfer syntax {transfer_syntax_uid:?} is not known"))?;
    let found = attributes(&inflate(rest, syntax), syntax).map_err(|reason| format!("not DICOM: {reason}"))?;
    let value = |tag| found.get(&tag).map_or("", String::as_str);

    let sop_class_uid = value(tags::SOP_CLASS_UID).to_owned();
    if sop_class_uid.is_empty() {
        return Err("no storage SOP class: SOP Class UID is missing".to_owned());
    }
    if !is_storage(&sop_class_uid) {
        let name = StandardSopClassDictionary.by_uid(&sop_class_uid).map_or("not in PS3.6", |entry| entry.name());
        return Err(format!("no storage SOP class: {sop_class_uid} ({name})"));
    }
    // These are type 1 in every composite IOD (PS3.3 C.12.1, C.7.2.1, C.7.3.1): a server cannot file an instance
    // without them.
    for (tag, name) in [
        (tags::SOP_INSTANCE_UID, "SOP Instance UID"),
        (tags::STUDY_INSTANCE_UID, "Study Instance UID"),
        (tags::SERIES_INSTANCE_UID, "Series Instance UID"),
    ] {
        if value(tag).is_empty() {
            return Err(format!("not DICOM: {name} is missing"));
        }
    }
    let sop_instance_uid = value(tags::SOP_INSTANCE_UID).to_owned();
    if !allow_identified && value(tags::PATIENT_IDENTITY_REMOVED) != "YES" {
        let present: Vec<_> =
            IDENTIFYING_ATTRIBUTES.iter().filter(|(tag, _)| !value(*tag).is_empty()).map(|(_, name)| *name).collect();
        if !present.is_empty() {
            return Err(format!("identified: {} present and no Patient Identity Removed = YES", present.join(", ")));
        }
    }
    Ok(Inspected { sop_instance_uid, sop_class_uid, transfer_syntax_uid })
}

/// Refuses each object whose SOP Instance UID is already that of an earlier object, by key.
#[must_use]
pub fn without_duplicates(mut objects: Vec<PlannedObject>) -> (Vec<PlannedObject>, Vec<Refused>) {
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    let mut first: HashMap<String, String> = HashMap::new();
    let mut refused = Vec::new();
    objects.retain(|object| match first.get(&object.sop_instance_uid) {
        Some(earlier) => {
            let reason = format!("SOP Instance UID {} already in {earlier}", object.sop_instance_uid);
            refused.push(Refused { key: object.key.clone(), reason });
            false
        }
        None => {
            first.insert(object.sop_instance_uid.clone(), object.key.clone());
            true
        }
    });
    (objects, refused)
}

/// True if instances of the class are stored with C-STORE (PS3.4 B.5). Private classes return false: the peer refuses
/// them.
#[must_use]
pub fn is_storage(sop_class_uid: &str) -> bool {
    sop_class_uid.starts_with("1.2.840.10008.5.1.4.")
        && StandardSopClassDictionary.by_uid(sop_class_uid).is_some_and(|entry| entry.alias().contains("Storage"))
}

/// Returns the data set. If it is deflated (PS3.5 A.5), it is inflated first.
fn inflate<'a>(data_set: &'a [u8], syntax: &TransferSyntax) -> Cow<'a, [u8]> {
    let Codec::Dataset(Some(adapter)) = syntax.codec() else { return Cow::Borrowed(data_set) };
    let mut bytes = Vec::new();
    // If the stream ends too early, the data set does too. The later read of the data set reports it.
    let _ = adapter.adapt_reader(Box::new(data_set)).take(MAX_INFLATED_BYTES).read_to_end(&mut bytes);
    Cow::Owned(bytes)
}

/// Returns the wanted attributes without padding. Fails if the data set is damaged before its pixel data.
fn attributes(data_set: &[u8], syntax: &TransferSyntax) -> Result<HashMap<Tag, String>, String> {
    let size = data_set.len() as u64;
    let mut reader =
        LazyDataSetReader::new_with_ts(Cursor::new(data_set), syntax).map_err(|error| innermost_cause(&error))?;
    let mut found = HashMap::new();
    let mut depth = 0_u32;
    while let Some(token) = reader.advance() {
        match token.map_err(|error| innermost_cause(&error))? {
            LazyDataToken::PixelSequenceStart if depth == 0 => break,
            LazyDataToken::ElementHeader(header) if depth == 0 && header.tag.group() >= PIXEL_GROUP => break,
            LazyDataToken::SequenceStart { .. } | LazyDataToken::PixelSequenceStart => depth += 1,
            LazyDataToken::SequenceEnd => depth = depth.saturating_sub(1),
            LazyDataToken::LazyValue { header, decoder } => {
                let length = u64::from(header.len.get().unwrap_or(u32::MAX));
                if decoder.position() + length > size {
                    return Err(format!("it ends within element {} of {length} bytes", header.tag));
                }
                let is_wanted = depth == 0 && WANTED_ATTRIBUTES.contains(&header.tag);
                let token = LazyDataToken::LazyValue { header, decoder };
                if is_wanted {
                    found.insert(header.tag, value_text(&header, token)?);
                } else {
                    token.skip().map_err(|error| innermost_cause(&error))?;
                }
            }
            token => token.skip().map_err(|error| innermost_cause(&error))?,
        }
    }
    Ok(found)
}

/// Returns a value as text, without padding and without the separators of an empty name.
fn value_text<D: StatefulDecode>(header: &DataElementHeader, token: LazyDataToken<D>) -> Result<String, String> {
    let is_uid = matches!(header.tag, tags::SOP_CLASS_UID | tags::SOP_INSTANCE_UID);
    if is_uid && header.vr != VR::UI {
        return Err(format!("element {} has VR {}, not UI", header.tag, header.vr));
    }
    let value = token.into_value().map_err(|error| innermost_cause(&error))?;
    Ok(value.to_str().trim_matches(['\0', ' ', '\\', '^']).to_owned())
}

/// Returns the last cause. The errors above it only report that something could not be read.
fn innermost_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use dicom_core::DataElement;
    use dicom_dictionary_std::uids;
    use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

    use super::*;

    /// Returns a file with these attributes and some study and series, in Explicit VR Little Endian.
    fn file(attributes: &[(Tag, VR, &str)]) -> Vec<u8> {
        let mut object = InMemDicomObject::new_empty();
        let place = [(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.1"), (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.2")];
        for (tag, vr, value) in place.iter().chain(attributes) {
            object.put(DataElement::new(*tag, *vr, *value));
        }
        let meta = FileMetaTableBuilder::new()
            .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
            .media_storage_sop_instance_uid("1.2.3")
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let mut bytes = Vec::new();
        object.with_meta(meta).expect("a file meta group").write_all(&mut bytes).expect("written");
        bytes
    }

    const CLASS: (Tag, VR, &str) = (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
    const INSTANCE: (Tag, VR, &str) = (tags::SOP_INSTANCE_UID, VR::UI, "1.2.3");

    fn refusal(bytes: &[u8]) -> String {
        inspect(bytes, false).expect_err("refused")
    }

    #[test]
    fn an_instance_without_a_patient_passes() {
        let inspected = inspect(file(&[CLASS, INSTANCE]).as_slice(), false).expect("accepted");
        let expected = Inspected {
            sop_instance_uid: "1.2.3".to_owned(),
            sop_class_uid: uids::CT_IMAGE_STORAGE.to_owned(),
            transfer_syntax_uid: uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(),
        };
        assert_eq!(inspected, expected);
    }

    #[test]
    fn what_is_no_dicom_is_refused() {
        for bytes in [&b""[..], b"text", &[0; 4096]] {
            assert!(refusal(bytes).starts_with("not DICOM: no DICM"), "{}", refusal(bytes));
        }
        let whole = file(&[CLASS, INSTANCE, (tags::IMAGE_COMMENTS, VR::LT, "cut in the middle of this")]);
        let reason = refusal(&whole[..whole.len() - 9]);
        assert_eq!(reason, "not DICOM: it ends within element (0020,4000) of 26 bytes");
    }

    #[test]
    fn an_element_that_claims_to_be_huge_takes_no_memory() {
        let mut bytes = file(&[CLASS, INSTANCE]);
        // (0021,0010) OB of 4,294,967,294 bytes.
        bytes.extend([0x21, 0x00, 0x10, 0x00, b'O', b'B', 0, 0, 0xFE, 0xFF, 0xFF, 0xFF]);
        assert_eq!(refusal(&bytes), "not DICOM: it ends within element (0021,0010) of 4294967294 bytes");
    }

    #[test]
    fn pixel_data_is_not_needed() {
        let pixels = (tags::PIXEL_DATA, VR::OB, "0123456789");
        let whole = file(&[CLASS, INSTANCE, pixels]);
        inspect(&whole[..whole.len() - 9], false).expect("accepted");
    }

    #[test]
    fn what_is_not_stored_is_refused() {
        assert_eq!(refusal(&file(&[INSTANCE])), "no storage SOP class: SOP Class UID is missing");
        let class = |uid| refusal(&file(&[(tags::SOP_CLASS_UID, VR::UI, uid), INSTANCE]));
        assert_eq!(class("1.2.840.10008.1.1"), "no storage SOP class: 1.2.840.10008.1.1 (Verification SOP Class)");
        assert_eq!(class("1.3.12.2.1107"), "no storage SOP class: 1.3.12.2.1107 (not in PS3.6)");
        let commitment = class("1.2.840.10008.1.20.1");
        assert!(commitment.contains("Storage Commitment Push Model"), "{commitment}");
    }

    #[test]
    fn what_a_server_could_not_file_is_refused() {
        for (tag, name) in [
            (tags::SOP_INSTANCE_UID, "SOP Instance UID"),
            (tags::STUDY_INSTANCE_UID, "Study Instance UID"),
            (tags::SERIES_INSTANCE_UID, "Series Instance UID"),
        ] {
            assert_eq!(refusal(&file(&[CLASS, INSTANCE, (tag, VR::UI, "")])), format!("not DICOM: {name} is missing"));
        }
    }

    #[test]
    fn a_patient_is_refused_unless_removed_or_allowed() {
        let name = (tags::PATIENT_NAME, VR::PN, "Doe^Jane");
        let birth = (tags::PATIENT_BIRTH_DATE, VR::DA, "19700101");
        let identified = file(&[CLASS, INSTANCE, name, birth]);
        assert_eq!(
            refusal(&identified),
            "identified: Patient's Name, Patient's Birth Date present and no Patient Identity Removed = YES"
        );
        inspect(identified.as_slice(), true).expect("allowed");
        let removed = (tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES");
        inspect(file(&[CLASS, INSTANCE, name, removed]).as_slice(), false).expect("removed");
        let empty = [(tags::PATIENT_NAME, VR::PN, ""), (tags::PATIENT_ID, VR::LO, " ")];
        inspect(file(&[CLASS, INSTANCE, empty[0], empty[1]]).as_slice(), false).expect("empty");
    }

    #[test]
    fn of_two_objects_with_one_uid_the_first_by_key_stays() {
        let object = |key: &str, uid: &str| PlannedObject {
            key: key.to_owned(),
            bytes: 1,
            etag: String::new(),
            sop_instance_uid: uid.to_owned(),
            sop_class_uid: String::new(),
            transfer_syntax_uid: String::new(),
        };
        let (kept, refused) = without_duplicates(vec![object("b", "1"), object("c", "2"), object("a", "1")]);
        assert_eq!(kept.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let reason = "SOP Instance UID 1 already in a".to_owned();
        assert_eq!(refused, [Refused { key: "b".to_owned(), reason }]);
    }
}
