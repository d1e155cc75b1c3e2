//! Digital X-Ray Image Storage - For Presentation (PS3.3 A.26): a chest from the front and from the side.

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::{tags, uids};

use super::super::attributes::Attributes;
use super::super::canvas::Canvas;
use super::super::noise::{Noise, mix_bits};
use super::super::place::Place;
use super::chest::{self, View};
use super::{Format, Profile, paint_nothing};

pub(super) static PROFILE: Profile = Profile {
    code: "DX",
    sop_class_uid: uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    series: 2,
    series_instances: 1,
    // A detector of 0.41 m x 0.35 m at 0.16 mm.
    formats: &[Format::gray16(2560, 2160, 12)],
    header_bytes: 1_600,
    describe,
    paint_still,
    paint_moving: paint_nothing,
    noise: Noise::Even(10),
};

fn describe(place: &Place, attributes: &mut Attributes) {
    let view = View::from_series(place.series);
    describe_presentation(attributes);
    attributes.texts(&[
        (tags::BODY_PART_EXAMINED, "CHEST"),
        // DX Anatomy Imaged (C.8.11.2): both sides
        (tags::IMAGE_LATERALITY, "B"),
        // DX Image (C.8.11.3)
        (tags::PATIENT_ORIENTATION, view.orientation()),
        (tags::KVP, "120"),
        // DX Detector (C.8.11.4)
        (tags::DETECTOR_TYPE, "SCINTILLATOR"),
        (tags::IMAGER_PIXEL_SPACING, "0.16\\0.16"),
        // DX Positioning (C.8.11.5)
        (tags::VIEW_POSITION, view.position()),
        (tags::POSITIONER_TYPE, "COLUMN"),
        // VOI LUT (C.11.2)
        (tags::WINDOW_CENTER, "1900"),
        (tags::WINDOW_WIDTH, "3400"),
    ]);
    attributes.sequence(tags::ANATOMIC_REGION_SEQUENCE, [Attributes::snomed("51185008", "Chest")]);
    let (code, meaning) = view.code();
    attributes.sequence(tags::VIEW_CODE_SEQUENCE, [Attributes::snomed(code, meaning)]);
}

/// Adds the attributes of any image from an X-ray detector that is ready for presentation: DX Series (C.8.11.1), DX
/// Image (C.8.11.3), Acquisition Context (C.7.6.14).
pub(super) fn describe_presentation(attributes: &mut Attributes) {
    attributes.texts(&[
        (tags::PRESENTATION_INTENT_TYPE, "FOR PRESENTATION"),
        (tags::ACQUISITION_NUMBER, "1"),
        (tags::ACQUISITION_DATE, "20250101"),
        (tags::ACQUISITION_TIME, "120000"),
        (tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY"),
        (tags::PIXEL_INTENSITY_RELATIONSHIP, "LOG"),
        (tags::RESCALE_INTERCEPT, "0"),
        (tags::RESCALE_SLOPE, "1"),
        (tags::RESCALE_TYPE, "US"),
        (tags::PRESENTATION_LUT_SHAPE, "IDENTITY"),
    ]);
    // A lower X-ray intensity has a greater value.
    attributes.put(tags::PIXEL_INTENSITY_RELATIONSHIP_SIGN, PrimitiveValue::from(-1_i16));
    attributes.sequence(tags::ACQUISITION_CONTEXT_SEQUENCE, []);
}

fn paint_still(place: &Place, canvas: &mut Canvas) {
    let shift = (mix_bits(place.key()) % 48) as i64 - 24;
    chest::paint(canvas, View::from_series(place.series), shift);
}
