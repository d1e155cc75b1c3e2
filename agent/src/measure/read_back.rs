//! One instance of each block run is fetched back from the server and compared with its file, element by element.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use dicom_core::DataDictionary as _;
use dicom_core::value::Value;
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::mem::InMemElement;
use dicom_object::{DefaultDicomObject, InMemDicomObject, OpenFileOptions, Tag};
use dicomperf_model::measurement::ReadBack;
use dicomperf_model::settings::ServerSettings;

use crate::client::dataset::{self, Dataset};
use crate::failure::{Failure, with_causes};
use crate::server::{ServerUnderTest, StoredInstance};

/// Elements that transcoding may change besides the pixels themselves (PS3.3 C.7.6.3, C.7.6.1.1.5).
const TRANSCODED_TAGS: &[Tag] = &[
    tags::PIXEL_DATA,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::PLANAR_CONFIGURATION,
    tags::SAMPLES_PER_PIXEL,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
    tags::IMAGE_TYPE,
    tags::DERIVATION_DESCRIPTION,
    tags::EXTENDED_OFFSET_TABLE,
    tags::EXTENDED_OFFSET_TABLE_LENGTHS,
];
/// Instances that are tried. dicom-object reads every object of the dataset, except for a few that DCMTK reads anyway.
const MAX_CANDIDATES: usize = 10;
/// Differences that the report lists.
const MAX_NAMED: usize = 20;

/// Compares the first instance of the dataset that fits in memory and that dicom-object can read. `None` if there is no
/// such instance among the first ten, or if the server stores no instances.
///
/// # Errors
/// `ServerUnreachable`
pub(super) fn read_back(
    dataset: &Dataset,
    directory: &Path,
    server: &dyn ServerUnderTest,
    stored: &[StoredInstance],
    settings: &ServerSettings,
) -> Result<Option<ReadBack>, Failure> {
    let small = dataset.instances.iter().filter(|instance| instance.bytes <= dataset::MAX_WHOLE_BYTES);
    let mut readable = small.take(MAX_CANDIDATES).filter_map(|instance| {
        let opened = dataset::open(&directory.join(&instance.file));
        let opened = opened.inspect_err(|error| tracing::warn!("{}: {}", instance.file, with_causes(error)));
        Some((instance, opened.ok()?))
    });
    let Some((instance, sent)) = readable.next() else { return Ok(None) };
    let uid = &instance.sop_instance_uid;
    let Some(stored) = stored.iter().find(|stored| stored.sop_instance_uid == *uid) else { return Ok(None) };
    let Some(fetched) = server.fetch(stored)? else { return Ok(None) };
    let (elements, differences) = match OpenFileOptions::new().from_reader(Cursor::new(fetched)) {
        Ok(stored) => compare(&sent, &stored, server.transcodes(settings) && is_transcoded(&sent, &stored)),
        Err(error) => (0, vec![format!("it cannot be read: {}", with_causes(&error))]),
    };
    tracing::info!(uid, elements, ?differences, "read back");
    Ok(Some(ReadBack { sop_instance_uid: uid.clone(), elements, differences }))
}

/// The reason why a changed instance makes its iteration invalid; `None` if the instance came back unchanged.
pub(super) fn reason(read_back: &ReadBack) -> Option<String> {
    let first = read_back.differences.first()?;
    Some(format!(
        "instance {} came back with {} differences, like {first}",
        read_back.sop_instance_uid,
        read_back.differences.len()
    ))
}

fn is_transcoded(sent: &DefaultDicomObject, stored: &DefaultDicomObject) -> bool {
    sent.meta().transfer_syntax() != stored.meta().transfer_syntax()
}

/// Returns the number of compared elements, and the elements that differ. Neither data set has the file meta group.
fn compare(sent: &DefaultDicomObject, stored: &DefaultDicomObject, transcoded: bool) -> (u32, Vec<String>) {
    let skipped = |tag: Tag| transcoded && TRANSCODED_TAGS.contains(&tag);
    let tags: BTreeSet<Tag> = tags_of(sent).chain(tags_of(stored)).filter(|&tag| !skipped(tag)).collect();
    let mut differences = Vec::new();
    for &tag in &tags {
        let difference = match (sent.get(tag), stored.get(tag)) {
            (Some(sent), Some(stored)) if is_same(sent, stored) => continue,
            (Some(_), Some(_)) => "",
            (Some(_), None) => ", which was sent only",
            (None, _) => ", which was stored only",
        };
        if differences.len() < MAX_NAMED {
            differences.push(format!("{tag} {}{difference}", tag_name(tag)));
        }
    }
    (u32::try_from(tags.len()).unwrap_or(u32::MAX), differences)
}

/// The tags, without group lengths (retired) and trailing padding, which any sender may omit (PS3.5 7.2, PS3.10 7.2), and
/// without group 0002, which no sender sends inside a data set.
fn tags_of(object: &InMemDicomObject) -> impl Iterator<Item = Tag> {
    object
        .iter()
        .map(|element| element.header().tag)
        .filter(|tag| tag.0 != 2 && tag.1 != 0 && *tag != Tag(0xFFFC, 0xFFFC))
}

fn is_same(sent: &InMemElement, stored: &InMemElement) -> bool {
    match (sent.value(), stored.value()) {
        (Value::Sequence(sent), Value::Sequence(stored)) => {
            sent.items().len() == stored.items().len()
                && sent.items().iter().zip(stored.items()).all(|(sent, stored)| has_same_items(sent, stored))
        }
        (Value::PixelSequence(sent), Value::PixelSequence(stored)) => sent.fragments() == stored.fragments(),
        (Value::Primitive(a), Value::Primitive(b)) => {
            // The VR of an unknown element, and padding, may be encoded in more than one way.
            a == b || trim_padding(&a.to_bytes()) == trim_padding(&b.to_bytes())
        }
        // An empty sequence may be read as an empty value.
        (a, b) => is_empty(a) && is_empty(b),
    }
}

fn has_same_items(sent: &InMemDicomObject, stored: &InMemDicomObject) -> bool {
    let tags: BTreeSet<Tag> = tags_of(sent).chain(tags_of(stored)).collect();
    tags.into_iter().all(|tag| match (sent.get(tag), stored.get(tag)) {
        (Some(sent), Some(stored)) => is_same(sent, stored),
        _ => false,
    })
}

fn trim_padding(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    &bytes[..end]
}

fn is_empty<I, P>(value: &Value<I, P>) -> bool {
    match value {
        Value::Primitive(value) => value.multiplicity() == 0,
        Value::Sequence(value) => value.items().is_empty(),
        Value::PixelSequence(value) => value.fragments().is_empty(),
    }
}

fn tag_name(tag: Tag) -> &'static str {
    StandardDataDictionary.by_tag(tag).map_or("private or unknown", |entry| entry.alias)
}

#[cfg(test)]
mod tests {
    use dicom_core::{DataElement, VR};
    use dicom_object::FileMetaTableBuilder;

    use super::*;

    fn object(description: &str, extra: Option<Tag>) -> DefaultDicomObject {
        let mut object = InMemDicomObject::new_empty();
        object.put(DataElement::new(tags::SOP_CLASS_UID, VR::UI, "1.2.840.10008.5.1.4.1.1.2"));
        object.put(DataElement::new(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3"));
        object.put(DataElement::new(tags::SERIES_DESCRIPTION, VR::LO, description));
        if let Some(tag) = extra {
            object.put(DataElement::new(tag, VR::LO, "x"));
        }
        object.with_meta(FileMetaTableBuilder::new().transfer_syntax("1.2.840.10008.1.2.1")).expect("an object")
    }

    #[test]
    fn padding_and_group_lengths_are_no_differences() {
        let stored = object("chest ", Some(Tag(0x0008, 0x0000)));
        assert_eq!(compare(&object("chest", None), &stored, false), (3, Vec::new()));
    }

    #[test]
    fn what_differs_or_is_missing_is_named() {
        let stored = object("head", Some(tags::STUDY_DESCRIPTION));
        let (elements, differences) = compare(&object("chest", None), &stored, false);
        assert_eq!(elements, 4);
        assert_eq!(
            differences,
            ["(0008,1030) StudyDescription, which was stored only", "(0008,103E) SeriesDescription"]
        );
    }

    #[test]
    fn what_transcoding_changes_is_not_compared() {
        let stored = object("chest", Some(tags::LOSSY_IMAGE_COMPRESSION));
        assert_eq!(compare(&object("chest", None), &stored, true), (3, Vec::new()));
    }
}
