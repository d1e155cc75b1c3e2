//! Positron Emission Tomography Image Storage (PS3.3 A.21): fluorodeoxyglucose from head to thighs.

use dicom_dictionary_std::{tags, uids};

use super::super::attributes::{Attributes, millimetres};
use super::super::canvas::{Canvas, Ellipse};
use super::super::noise::Noise;
use super::super::place::Place;
use super::{Format, Profile, paint_nothing, swing};

pub(super) static PROFILE: Profile = Profile {
    code: "PT",
    sop_class_uid: uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE,
    // 1.05 m in slices of 3 mm.
    series: 1,
    series_instances: SLICES as u32,
    formats: &[Format::gray16(200, 200, 16)],
    header_bytes: 2_050,
    describe,
    paint_still,
    paint_moving: paint_nothing,
    noise: Noise::Proportional(32),
};

const SLICES: u16 = 350;
/// Distance between slices in um.
const SPACING_UM: i64 = 3_000;

fn describe(place: &Place, attributes: &mut Attributes) {
    let position = millimetres(-i64::from(place.number) * SPACING_UM);
    attributes.texts(&[
        (tags::BODY_PART_EXAMINED, "WHOLEBODY"),
        // Frame of Reference (C.7.4.1)
        (tags::FRAME_OF_REFERENCE_UID, &place.frame_of_reference_uid()),
        (tags::POSITION_REFERENCE_INDICATOR, ""),
        // Image Plane (C.7.6.2)
        (tags::PIXEL_SPACING, "4\\4"),
        (tags::IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\1\\0"),
        (tags::IMAGE_POSITION_PATIENT, &format!("-398\\-398\\{position}")),
        (tags::SLICE_THICKNESS, "3"),
        (tags::SLICE_LOCATION, &position),
        // PET Series (C.8.9.1)
        (tags::UNITS, "BQML"),
        (tags::COUNTS_SOURCE, "EMISSION"),
        (tags::SERIES_TYPE, "WHOLE BODY\\IMAGE"),
        (tags::CORRECTED_IMAGE, "DECY\\ATTN\\SCAT\\DTIM\\RAN\\NORM"),
        (tags::DECAY_CORRECTION, "START"),
        (tags::COLLIMATOR_TYPE, "NONE"),
        // PET Image (C.8.9.4)
        (tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY"),
        (tags::ACQUISITION_DATE, "20250101"),
        (tags::ACQUISITION_TIME, "120000"),
        (tags::RESCALE_INTERCEPT, "0"),
        (tags::RESCALE_SLOPE, "2"),
        (tags::FRAME_REFERENCE_TIME, "60000"),
        (tags::ACTUAL_FRAME_DURATION, "120000"),
        (tags::DECAY_FACTOR, "1.01"),
        // VOI LUT (C.11.2)
        (tags::WINDOW_CENTER, "5000"),
        (tags::WINDOW_WIDTH, "10000"),
    ]);
    attributes.numbers(&[(tags::NUMBER_OF_SLICES, SLICES), (tags::IMAGE_INDEX, place.number as u16 + 1)]);
    // PET Isotope (C.8.9.2)
    let mut dose = Attributes::item(&[
        (tags::RADIOPHARMACEUTICAL_START_TIME, "110000"),
        (tags::RADIONUCLIDE_TOTAL_DOSE, "350000000"),
        (tags::RADIONUCLIDE_HALF_LIFE, "6586.2"),
    ]);
    dose.sequence(tags::RADIONUCLIDE_CODE_SEQUENCE, [Attributes::snomed("77004003", "^18^Fluorine")]);
    dose.sequence(
        tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE,
        [Attributes::snomed("35321007", "Fluorodeoxyglucose F^18^")],
    );
    attributes.sequence(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE, [dose]);
    describe_orientation(attributes);
}

/// Adds NM/PET Patient Orientation (C.8.4.6): head first and supine, PS3.16 CID 19, 20 and 21.
pub(super) fn describe_orientation(attributes: &mut Attributes) {
    let recumbent = Attributes::snomed("102538003", "recumbent")
        .with(tags::PATIENT_ORIENTATION_MODIFIER_CODE_SEQUENCE, Attributes::snomed("40199007", "supine"));
    attributes.sequence(tags::PATIENT_ORIENTATION_CODE_SEQUENCE, [recumbent]);
    attributes
        .sequence(tags::PATIENT_GANTRY_RELATIONSHIP_CODE_SEQUENCE, [Attributes::snomed("102540008", "headfirst")]);
}

/// Paints the organs that take up sugar: the brain most, then bladder, kidneys, heart and liver.
fn paint_still(place: &Place, canvas: &mut Canvas) {
    let slice = i64::from(place.number);
    // The reconstruction's background outside the body.
    canvas.clear(24);
    let mut add = |x, y, half_width, half_height, peak| canvas.dome(Ellipse { x, y, half_width, half_height }, peak);
    // The thickness of an organ between two slices: greatest in the middle.
    let within = |from: i64, to: i64, most: i64| {
        let middle = (from + to) / 2;
        most * ((to - from) - 2 * (slice - middle).abs()).max(0) / (to - from)
    };
    if slice < 70 {
        let head = 60 + within(0, 70, 70);
        add(512, 512, head + 20, head + 40, 700);
        let brain = within(4, 56, 110);
        add(512, 500, brain + 1, brain + 20, 14_000);
        return;
    }
    add(512, 512, 240 + swing(slice, 350, 40), 150, 900);
    let mut organ = |x, y, size: i64, peak| {
        if size > 0 {
            add(x, y, size, size, peak);
        }
    };
    organ(560, 460, within(110, 150, 70), 5_000);
    organ(400, 490, within(140, 200, 130), 3_200);
    organ(420, 570, within(180, 225, 42), 9_000);
    organ(604, 570, within(178, 222, 42), 9_000);
    organ(512, 500, within(280, 315, 60), 16_000);
    organ(512, 600, within(70, 330, 44), 1_400);
}
