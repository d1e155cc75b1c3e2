//! Checks on a user's own objects. A run's plan makes them on the beginning of each object, and the agent on the whole
//! file, with the same code.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use dicom_core::dictionary::{UidDictionary as _, UidDictionaryEntry as _};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardSopClassDictionary, tags, uids};
use dicom_encoding::{Codec, Endianness};
use dicom_transfer_syntax_registry::{TransferSyntax, TransferSyntaxIndex as _, TransferSyntaxRegistry};

use super::meta;
use super::repairs::Repairs;
use super::walk::{Element, Encoding, Kind, Walk};

/// The facts of an object that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: String,
    /// Study Instance UID (0020,000D).
    pub study_instance_uid: String,
    /// Series Instance UID (0020,000E).
    pub series_instance_uid: String,
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax_uid: String,
    /// Position of the data set in the file.
    pub data_set_at: u64,
    /// Patient ID (0010,0020), Patient's Name and Patient's Birth Date: two patients differ in one of them.
    pub patient: [String; 3],
    /// True if Burned In Annotation (0028,0301) is YES: the pixels may show the patient's identity.
    pub burned_in_annotation: bool,
    /// The changes to the file that make its data set valid. They are complete if the whole object was read.
    pub repairs: Repairs,
}

/// The part of an object that is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Size of the whole object in bytes.
    pub size: u64,
    /// True if all of it is available. Otherwise it is read up to its pixel data only.
    pub is_whole: bool,
}

/// Size limit for the beginning of a deflated data set after inflation.
const MAX_INFLATED_BEGINNING: u64 = 64 * 1024 * 1024;
/// Size limit for a whole deflated data set after inflation. A server inflates it into its memory.
pub(super) const MAX_INFLATED_BYTES: u64 = 1024 * 1024 * 1024;
/// The most characters of a UID (PS3.5 9.1). DCMTK cuts a longer one off, so that the server stores another instance.
const MAX_UID_CHARACTERS: usize = 64;
/// Group of all kinds of pixel data.
const PIXEL_GROUP: u16 = 0x7FE0;

/// The attributes that identify a patient. An object is refused if one of them has a value.
const IDENTIFYING_ATTRIBUTES: [(Tag, &str); 3] = [
    (tags::PATIENT_NAME, "Patient's Name"),
    (tags::PATIENT_ID, "Patient ID"),
    (tags::PATIENT_BIRTH_DATE, "Patient's Birth Date"),
];

/// The attributes to read.
const WANTED_ATTRIBUTES: [Tag; 9] = [
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_IDENTITY_REMOVED,
    tags::BURNED_IN_ANNOTATION,
];

/// Reads an object, or its beginning up to the pixel data.
///
/// Time grows with the bytes that are read, and memory does not: an object that claims an element of 4 GB, or 100,000
/// sequences inside each other, takes none.
///
/// # Errors
/// Returns the reason to refuse the object: not DICOM, no storage SOP class, or identified.
pub fn inspect(mut source: impl Read, part: Part, allow_identified: bool) -> Result<Inspected, String> {
    let not_dicom = |reason: String| format!("not DICOM: {reason}");
    let preamble = meta::check_preamble(&mut source)?;
    let meta = meta::read(&mut source, preamble).map_err(not_dicom)?;
    let syntax = TransferSyntaxRegistry.get(&meta.transfer_syntax_uid).ok_or_else(|| {
        format!("not DICOM: transfer syntax {:?} is not in PS3.6 or not implemented", meta.transfer_syntax_uid)
    })?;
    let mut reader = DataSetReader { part, found: HashMap::new(), repairs: Repairs::default() };
    let data_set = Cursor::new(meta.beyond).chain(source);
    reader.read(data_set, meta.data_set_at, syntax).map_err(not_dicom)?;
    let value = |tag| reader.found.get(&tag).map_or("", String::as_str);

    let sop_class_uid = value(tags::SOP_CLASS_UID).to_owned();
    if sop_class_uid.is_empty() && meta.sop_class_uid.as_deref() == Some(uids::MEDIA_STORAGE_DIRECTORY_STORAGE) {
        return Err("no storage SOP class: a DICOMDIR, which lists the files of a medium".to_owned());
    }
    if sop_class_uid.is_empty() {
        return Err("no storage SOP class: SOP Class UID is missing".to_owned());
    }
    if !is_storage(&sop_class_uid) && !is_private(&sop_class_uid) {
        return Err(format!("no storage SOP class: {}", name_of_class(&sop_class_uid)));
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
    for (tag, name) in [(tags::SOP_CLASS_UID, "SOP Class UID"), (tags::SOP_INSTANCE_UID, "SOP Instance UID")] {
        let length = value(tag).len();
        if length > MAX_UID_CHARACTERS {
            return Err(format!("not DICOM: {name} has {length} characters, and {MAX_UID_CHARACTERS} are allowed"));
        }
    }
    if !allow_identified && value(tags::PATIENT_IDENTITY_REMOVED) != "YES" {
        let present: Vec<_> =
            IDENTIFYING_ATTRIBUTES.iter().filter(|(tag, _)| !value(*tag).is_empty()).map(|(_, name)| *name).collect();
        if !present.is_empty() {
            return Err(format!("identified: {} present and no Patient Identity Removed = YES", present.join(", ")));
        }
    }
    Ok(Inspected {
        sop_instance_uid: value(tags::SOP_INSTANCE_UID).to_owned(),
        sop_class_uid,
        study_instance_uid: value(tags::STUDY_INSTANCE_UID).to_owned(),
        series_instance_uid: value(tags::SERIES_INSTANCE_UID).to_owned(),
        transfer_syntax_uid: meta.transfer_syntax_uid,
        data_set_at: meta.data_set_at,
        patient: [tags::PATIENT_ID, tags::PATIENT_NAME, tags::PATIENT_BIRTH_DATE].map(|tag| value(tag).to_owned()),
        burned_in_annotation: value(tags::BURNED_IN_ANNOTATION) == "YES",
        repairs: reader.repairs,
    })
}

/// Reads a data set.
struct DataSetReader {
    part: Part,
    /// The wanted attributes, without padding.
    found: HashMap<Tag, String>,
    repairs: Repairs,
}

impl DataSetReader {
    fn read(&mut self, data_set: impl Read, start: u64, syntax: &TransferSyntax) -> Result<(), String> {
        let Codec::Dataset(adapter) = syntax.codec() else {
            let encoding = if syntax.uid() == uids::IMPLICIT_VR_LITTLE_ENDIAN {
                Encoding::ImplicitLittle
            } else if syntax.endianness() == Endianness::Big {
                Encoding::ExplicitBig
            } else {
                Encoding::ExplicitLittle
            };
            return self.read_elements(Walk::new(data_set, encoding, start, Some(self.part.size)));
        };
        let adapter = adapter.as_ref().ok_or_else(|| format!("transfer syntax {} is not implemented", syntax.uid()))?;
        let limit = if self.part.is_whole { MAX_INFLATED_BYTES } else { MAX_INFLATED_BEGINNING };
        let mut inflated = adapter.adapt_reader(Box::new(data_set)).take(limit);
        let read = self.read_elements(Walk::new(&mut inflated, Encoding::ExplicitLittle, 0, None));
        if inflated.limit() == 0 {
            return Err(format!("its deflated data set has more than {} MiB", limit >> 20));
        }
        // A deflated data set is changed as a whole: the stream is padded to an even length (PS3.5 A.5).
        self.repairs = Repairs::default();
        if (self.part.size - start) % 2 == 1 {
            self.repairs.pad_end(self.part.size)?;
        }
        read
    }

    /// Reads the wanted attributes. Fails if the data set is damaged before its pixel data, or if a whole one is damaged
    /// anywhere.
    fn read_elements<R: Read>(&mut self, mut walk: Walk<R>) -> Result<(), String> {
        while let Some(element) = walk.next()? {
            if !self.part.is_whole && element.depth == 0 && element.tag.group() >= PIXEL_GROUP {
                return Ok(());
            }
            self.repairs.add(&element, walk.enclosing_lengths())?;
            if element.depth == 0 && element.kind == Kind::Value && WANTED_ATTRIBUTES.contains(&element.tag) {
                self.found.insert(element.tag, text(&element, &walk.value(meta::MAX_VALUE_BYTES)?)?);
            }
        }
        Ok(())
    }
}

/// Returns a value as text, without padding and without the separators of an empty name.
fn text(element: &Element, value: &[u8]) -> Result<String, String> {
    let is_uid = matches!(element.tag, tags::SOP_CLASS_UID | tags::SOP_INSTANCE_UID);
    if is_uid && element.vr != VR::UI {
        return Err(format!("element {} has VR {}, not UI", element.tag, element.vr));
    }
    Ok(String::from_utf8_lossy(value).trim_matches(['\0', ' ', '\\', '^']).to_owned())
}

/// True if instances of the class are stored with C-STORE (PS3.4 B.5), retired classes included.
#[must_use]
pub fn is_storage(sop_class_uid: &str) -> bool {
    sop_class_uid.starts_with("1.2.840.10008.5.1.")
        && StandardSopClassDictionary.by_uid(sop_class_uid).is_some_and(|entry| entry.alias().contains("Storage"))
}

/// True if DICOM does not define the class (PS3.5 9.1: its own UIDs have the root 1.2.840.10008). A server takes
/// instances of such a class only if it is told to.
#[must_use]
pub fn is_private(sop_class_uid: &str) -> bool {
    !sop_class_uid.starts_with("1.2.840.10008.")
}

/// The UID of a SOP class and its name (PS3.6 A).
#[must_use]
pub fn name_of_class(sop_class_uid: &str) -> String {
    let name = StandardSopClassDictionary.by_uid(sop_class_uid).map_or("not in PS3.6", |entry| entry.name());
    format!("{sop_class_uid} ({name})")
}

#[cfg(test)]
mod tests;
