//! CT Image Storage (PS3.3 A.3): a chest, slice by slice, with contrast medium.

use dicom_dictionary_std::{tags, uids};

use super::super::attributes::{Attributes, millimetres};
use super::super::canvas::{Canvas, Ellipse};
use super::super::noise::Noise;
use super::super::place::Place;
use super::{Format, Profile, paint_nothing, swing};

pub(super) static PROFILE: Profile = Profile {
    code: "CT",
    sop_class_uid: uids::CT_IMAGE_STORAGE,
    // A chest of 0.43 m.
    series: 1,
    series_instances: 680,
    formats: &[Format::gray16(512, 512, 12)],
    header_bytes: 1_450,
    describe,
    paint_still,
    paint_moving: paint_nothing,
    // 13 HU: a thin slice.
    noise: Noise::Even(16),
};

/// Distance between slices in um.
const SPACING_UM: i64 = 625;
/// The stored value of 0 HU.
const WATER: i16 = 1024;
/// In Hounsfield units.
const AIR: i16 = -1000;
const TABLE: i16 = -250;
const FAT: i16 = -100;
const MUSCLE: i16 = 55;
const LUNG: i16 = -860;
const HEART: i16 = 130;
const AORTA: i16 = 180;
const BONE: i16 = 420;
const MARROW: i16 = 180;
const SPINAL_CANAL: i16 = 25;

fn describe(place: &Place, attributes: &mut Attributes) {
    let position = millimetres(-i64::from(place.number) * SPACING_UM);
    attributes.texts(&[
        (tags::BODY_PART_EXAMINED, "CHEST"),
        (tags::PATIENT_POSITION, "HFS"),
        // Frame of Reference (C.7.4.1)
        (tags::FRAME_OF_REFERENCE_UID, &place.frame_of_reference_uid()),
        (tags::POSITION_REFERENCE_INDICATOR, ""),
        // General Acquisition (C.7.10.1)
        (tags::ACQUISITION_NUMBER, "1"),
        (tags::ACQUISITION_DATE, "20250101"),
        (tags::ACQUISITION_TIME, "120000"),
        // Image Plane (C.7.6.2)
        (tags::PIXEL_SPACING, "0.703125\\0.703125"),
        (tags::IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\1\\0"),
        (tags::IMAGE_POSITION_PATIENT, &format!("-179.65\\-179.65\\{position}")),
        (tags::SLICE_THICKNESS, "0.625"),
        (tags::SLICE_LOCATION, &position),
        // Contrast/Bolus (C.7.6.4)
        (tags::CONTRAST_BOLUS_AGENT, "Iodine"),
        // CT Image (C.8.2.1)
        (tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY\\AXIAL"),
        (tags::RESCALE_INTERCEPT, "-1024"),
        (tags::RESCALE_SLOPE, "1"),
        (tags::RESCALE_TYPE, "HU"),
        (tags::KVP, "120"),
        // VOI LUT (C.11.2): soft tissue
        (tags::WINDOW_CENTER, "40"),
        (tags::WINDOW_WIDTH, "400"),
    ]);
}

/// Paints the organs over each other. They grow and shrink from slice to slice.
fn paint_still(place: &Place, canvas: &mut Canvas) {
    let slice = i64::from(place.number);
    let body = 392 + swing(slice, 680, 28);
    let lung = 96 + swing(slice, 400, 52);
    let heart = 48 + swing(slice, 300, 68);
    canvas.clear(AIR + WATER);
    canvas.band(850, 866, TABLE + WATER);
    let mut paint = |x, y, half_width, half_height, hounsfield: i16| {
        canvas.fill(Ellipse { x, y, half_width, half_height }, hounsfield + WATER);
    };
    paint(512, 544, body, 296, FAT);
    paint(512, 544, body - 28, 272, MUSCLE);
    // Ribs: pairs along the inside of the chest wall, at another place in each slice.
    for rib in 0..9 {
        let y = 316 + (rib * 54 + slice * 2) % 460;
        let half_width = (body - 44) * (260 * 260 - (y - 544) * (y - 544)).max(0).isqrt() / 260;
        for x in [512 - half_width, 512 + half_width] {
            paint(x, y, 10, 18, BONE);
            paint(x, y, 4, 12, MARROW);
        }
    }
    paint(320, 524, lung, lung + 68, LUNG);
    paint(704, 524, lung, lung + 68, LUNG);
    paint(552, 492, heart + 24, heart, HEART);
    paint(568, 652, 28, 28, AORTA);
    paint(512, 712, 54, 44, BONE);
    paint(512, 712, 44, 34, MARROW);
    paint(512, 776, 24, 24, BONE);
    paint(512, 776, 18, 18, SPINAL_CANAL);
}
