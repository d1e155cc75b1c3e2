//! The part of a file before its pixels.

use std::io;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::FileMetaTableBuilder;

use super::attributes::Attributes;
use super::place::Place;

/// Implementation Class UID (0002,0012) of this generator. dicom-rs' own UID would change the bytes with its version.
const IMPLEMENTATION_CLASS_UID: &str = "2.25.213571824735213574281904615287345127681";

/// Returns the file up to its first pixel, in Explicit VR Little Endian (PS3.10 7.1, PS3.5 A.2). It contains the
/// preamble, the file meta group, the data set and the header of Pixel Data.
///
/// # Errors
/// Returns the errors of dicom-object.
pub(super) fn encode(place: &Place) -> io::Result<Vec<u8>> {
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .implementation_class_uid(IMPLEMENTATION_CLASS_UID)
        .implementation_version_name("DICOMPERF_1");
    let object = attributes(place).into_object().with_meta(meta).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(4096);
    object.write_all(&mut bytes).map_err(io::Error::other)?;
    // Written by hand: an element with a value would need all the pixels in memory.
    let format = place.format();
    let length = u32::try_from(format.pixel_bytes()).map_err(io::Error::other)?;
    bytes.extend_from_slice(&tags::PIXEL_DATA.group().to_le_bytes());
    bytes.extend_from_slice(&tags::PIXEL_DATA.element().to_le_bytes());
    bytes.extend_from_slice(&if format.bits_allocated == 8 { VR::OB } else { VR::OW }.to_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// Returns every type 1 and 2 attribute of the modules that are mandatory for the instance's IOD (PS3.3 annex A), by
/// module.
fn attributes(place: &Place) -> Attributes {
    let profile = place.profile;
    let format = place.format();
    let mut attributes = Attributes::new();
    attributes.texts(&[
        // SOP Common (C.12.1)
        (tags::SOP_CLASS_UID, profile.sop_class_uid),
        (tags::SOP_INSTANCE_UID, &place.instance_uid()),
        // Patient (C.7.1.1): no real person
        (tags::PATIENT_NAME, &format!("Synthetic^{}", profile.code)),
        (tags::PATIENT_ID, &format!("SYNTHETIC-{}-{}-{}", place.seed, profile.code, place.study + 1)),
        (tags::PATIENT_BIRTH_DATE, ""),
        (tags::PATIENT_SEX, "O"),
        (tags::PATIENT_IDENTITY_REMOVED, "YES"),
        (tags::DEIDENTIFICATION_METHOD, "Synthetic: there is no patient"),
        // General Study (C.7.2.1)
        (tags::STUDY_INSTANCE_UID, &place.study_uid()),
        (tags::STUDY_DATE, "20250101"),
        (tags::STUDY_TIME, "120000"),
        (tags::REFERRING_PHYSICIAN_NAME, ""),
        (tags::STUDY_ID, &(place.study + 1).to_string()),
        (tags::ACCESSION_NUMBER, ""),
        (tags::STUDY_DESCRIPTION, &format!("dicomperf synthetic {}", profile.code)),
        // General Series (C.7.3.1)
        (tags::MODALITY, profile.code),
        (tags::SERIES_INSTANCE_UID, &place.series_uid()),
        (tags::SERIES_NUMBER, &(place.series + 1).to_string()),
        (tags::SERIES_DATE, "20250101"),
        (tags::SERIES_TIME, "120000"),
        // General Equipment (C.7.5.1)
        (tags::MANUFACTURER, "dicomperf"),
        (tags::MANUFACTURER_MODEL_NAME, &format!("synthetic {}", profile.code)),
        // General Image (C.7.6.1)
        (tags::INSTANCE_NUMBER, &(place.number + 1).to_string()),
        (tags::CONTENT_DATE, "20250101"),
        (tags::CONTENT_TIME, "120000"),
        (tags::BURNED_IN_ANNOTATION, "NO"),
        (tags::LOSSY_IMAGE_COMPRESSION, "00"),
        // Image Pixel (C.7.6.3)
        (tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2"),
    ]);
    attributes.numbers(&[
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, format.rows),
        (tags::COLUMNS, format.columns),
        (tags::BITS_ALLOCATED, format.bits_allocated),
        (tags::BITS_STORED, format.bits_stored),
        (tags::HIGH_BIT, format.bits_stored - 1),
        (tags::PIXEL_REPRESENTATION, 0),
    ]);
    if format.frames > 1 {
        // Multi-frame (C.7.6.6)
        attributes.texts(&[(tags::NUMBER_OF_FRAMES, &format.frames.to_string())]);
    }
    (profile.describe)(place, &mut attributes);
    attributes
}
