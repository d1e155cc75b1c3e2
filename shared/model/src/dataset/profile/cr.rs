//! Computed Radiography Image Storage (PS3.3 A.2): a chest from the front and from the side.

use dicom_dictionary_std::{tags, uids};

use super::super::attributes::Attributes;
use super::super::canvas::Canvas;
use super::super::noise::{Noise, mix_bits};
use super::super::place::Place;
use super::chest::{self, View};
use super::{Format, Profile, paint_nothing};

pub(super) static PROFILE: Profile = Profile {
    code: "CR",
    sop_class_uid: uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
    series: 2,
    series_instances: 1,
    // A plate of 0.35 m at 0.2 mm.
    formats: &[Format::gray16(1760, 1760, 12)],
    header_bytes: 1_250,
    describe,
    paint_still,
    paint_moving: paint_nothing,
    noise: Noise::Even(12),
};

fn describe(place: &Place, attributes: &mut Attributes) {
    let view = View::from_series(place.series);
    attributes.texts(&[
        // CR Series (C.8.1.1)
        (tags::BODY_PART_EXAMINED, "CHEST"),
        (tags::VIEW_POSITION, view.position()),
        // General Acquisition (C.7.10.1)
        (tags::ACQUISITION_NUMBER, "1"),
        (tags::ACQUISITION_DATE, "20250101"),
        (tags::ACQUISITION_TIME, "120000"),
        // General Image (C.7.6.1)
        (tags::PATIENT_ORIENTATION, view.orientation()),
        (tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY"),
        // CR Image (C.8.1.2)
        (tags::KVP, "110"),
        (tags::PLATE_TYPE, "storage phosphor"),
        (tags::IMAGER_PIXEL_SPACING, "0.2\\0.2"),
        // VOI LUT (C.11.2)
        (tags::WINDOW_CENTER, "1900"),
        (tags::WINDOW_WIDTH, "3400"),
    ]);
}

fn paint_still(place: &Place, canvas: &mut Canvas) {
    let shift = (mix_bits(place.key()) % 48) as i64 - 24;
    chest::paint(canvas, View::from_series(place.series), shift);
}
