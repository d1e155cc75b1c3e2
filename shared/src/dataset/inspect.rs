//! Checks on a user's own objects, from their headers alone.

use std::collections::HashMap;
use std::io::Read;

use dicom_core::Tag;
use dicom_core::dictionary::{UidDictionary as _, UidDictionaryEntry as _};
use dicom_dictionary_std::{StandardSopClassDictionary, tags};
use dicom_object::file::ReadPreamble;
use dicom_object::{InMemDicomObject, OpenFileOptions, ReadError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::PlannedObject;

/// An object that is not sent, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// S3 key.
    pub key: String,
    /// For a person.
    pub reason: String,
}

/// What a header tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: String,
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax_uid: String,
}

/// 128 bytes that say nothing, then `DICM` (PS3.10 7.1).
const PREAMBLE: usize = 132;

/// The attributes that identify a patient, of which none may be present and filled.
const IDENTIFYING: [(Tag, &str); 3] = [
    (tags::PATIENT_NAME, "Patient's Name"),
    (tags::PATIENT_ID, "Patient ID"),
    (tags::PATIENT_BIRTH_DATE, "Patient's Birth Date"),
];

/// Reads a header, up to the pixel data.
///
/// # Errors
/// The reason to refuse the object: not DICOM, no storage SOP class, identified.
pub fn inspect(mut header: impl Read, allow_identified: bool) -> Result<Inspected, String> {
    let mut bytes = Vec::new();
    header.read_to_end(&mut bytes).map_err(|error| format!("not DICOM: {error}"))?;
    if bytes.get(PREAMBLE - 4..PREAMBLE) != Some(b"DICM") {
        return Err("not DICOM: no DICM after a preamble of 128 bytes".to_owned());
    }
    let object = OpenFileOptions::new()
        .read_preamble(ReadPreamble::Always)
        .read_until(tags::PIXEL_DATA)
        .from_reader(bytes.as_slice())
        .map_err(|error| format!("not DICOM: {}", innermost(&error)))?;

    let sop_class_uid = text(&object, tags::SOP_CLASS_UID);
    if sop_class_uid.is_empty() {
        return Err("no storage SOP class: SOP Class UID is missing".to_owned());
    }
    if !is_storage(&sop_class_uid) {
        let name = StandardSopClassDictionary.by_uid(&sop_class_uid).map_or("not in PS3.6", |entry| entry.name());
        return Err(format!("no storage SOP class: {sop_class_uid} ({name})"));
    }
    let sop_instance_uid = text(&object, tags::SOP_INSTANCE_UID);
    if sop_instance_uid.is_empty() {
        return Err("not DICOM: SOP Instance UID is missing".to_owned());
    }
    if !allow_identified {
        refuse_identified(&object)?;
    }
    Ok(Inspected {
        sop_instance_uid,
        sop_class_uid,
        transfer_syntax_uid: object.meta().transfer_syntax().trim_end_matches('\0').to_owned(),
    })
}

/// Refuses each object whose SOP Instance UID an earlier one (by key) has.
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

/// Whether instances of the class are stored with C-STORE (PS3.4 B.5). Private classes are not: the peer refuses them.
fn is_storage(sop_class_uid: &str) -> bool {
    sop_class_uid.starts_with("1.2.840.10008.5.1.4.")
        && StandardSopClassDictionary.by_uid(sop_class_uid).is_some_and(|entry| entry.alias().contains("Storage"))
}

fn refuse_identified(object: &InMemDicomObject) -> Result<(), String> {
    if text(object, tags::PATIENT_IDENTITY_REMOVED) == "YES" {
        return Ok(());
    }
    let present: Vec<_> =
        IDENTIFYING.iter().filter(|(tag, _)| !text(object, *tag).is_empty()).map(|(_, name)| *name).collect();
    if present.is_empty() {
        return Ok(());
    }
    Err(format!("identified: {} present and no Patient Identity Removed = YES", present.join(", ")))
}

/// A value as text, without padding; empty where the attribute is not there.
fn text(object: &InMemDicomObject, tag: Tag) -> String {
    let value = object.get(tag).and_then(|element| element.to_str().ok()).unwrap_or_default();
    value.trim_matches(['\0', ' ', '\\', '^']).to_owned()
}

/// The last cause: the ones before only say that an element could not be read.
fn innermost(error: &ReadError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use dicom_core::{DataElement, VR};
    use dicom_dictionary_std::uids;
    use dicom_object::FileMetaTableBuilder;

    use super::*;

    /// A file with these attributes, in Explicit VR Little Endian.
    fn file(attributes: &[(Tag, VR, &str)]) -> Vec<u8> {
        let mut object = InMemDicomObject::new_empty();
        for (tag, vr, value) in attributes {
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
        let whole = file(&[CLASS, INSTANCE, (tags::STUDY_DESCRIPTION, VR::LO, "cut in the middle of this")]);
        let reason = refusal(&whole[..whole.len() - 9]);
        assert!(reason.starts_with("not DICOM: "), "{reason}");
    }

    #[test]
    fn what_is_not_stored_is_refused() {
        assert_eq!(refusal(&file(&[INSTANCE])), "no storage SOP class: SOP Class UID is missing");
        let class = |uid| refusal(&file(&[(tags::SOP_CLASS_UID, VR::UI, uid), INSTANCE]));
        assert_eq!(class("1.2.840.10008.1.1"), "no storage SOP class: 1.2.840.10008.1.1 (Verification SOP Class)");
        assert_eq!(class("1.3.12.2.1107"), "no storage SOP class: 1.3.12.2.1107 (not in PS3.6)");
        let commitment = class("1.2.840.10008.1.20.1");
        assert!(commitment.contains("Storage Commitment Push Model"), "{commitment}");
        assert_eq!(refusal(&file(&[CLASS])), "not DICOM: SOP Instance UID is missing");
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
