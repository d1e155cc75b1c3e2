//! Nuclear Medicine Image Storage (PS3.3 A.5): projections of a heart from all around (TOMO), by two detectors.

use dicom_core::{PrimitiveValue, Tag};
use dicom_dictionary_std::{tags, uids};

use super::super::attributes::Attributes;
use super::super::canvas::{Canvas, Ellipse};
use super::super::noise::Noise;
use super::super::place::Place;
use super::{Format, Profile, pt};

pub(super) static PROFILE: Profile = Profile {
    code: "NM",
    sop_class_uid: uids::NUCLEAR_MEDICINE_IMAGE_STORAGE,
    // At rest and under stress, on two days.
    series: 4,
    series_instances: 1,
    formats: &[Format {
        rows: 128,
        columns: 128,
        frames: (DETECTORS * VIEWS) as u32,
        bits_allocated: 16,
        bits_stored: 16,
    }],
    header_bytes: 3_150,
    describe,
    paint_still: |_, _| {},
    paint_moving,
    noise: Noise::Counted,
};

const DETECTORS: u16 = 2;
/// Steps of 3 degrees, 180 for each detector.
const VIEWS: u16 = 60;

fn describe(place: &Place, attributes: &mut Attributes) {
    attributes.texts(&[
        (tags::BODY_PART_EXAMINED, "HEART"),
        (tags::SERIES_DESCRIPTION, ["rest", "stress"][place.series as usize % 2]),
        // General Acquisition (C.7.10.1)
        (tags::ACQUISITION_DATE, "20250101"),
        (tags::ACQUISITION_TIME, "120000"),
        // General Image (C.7.6.1)
        (tags::PATIENT_ORIENTATION, ""),
        // NM Image Pixel (C.8.4.8)
        (tags::PIXEL_SPACING, "4.8\\4.8"),
        // NM Image (C.8.4.9)
        (tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY\\TOMO\\EMISSION"),
        (tags::COUNTS_ACCUMULATED, ""),
        // VOI LUT (C.11.2)
        (tags::WINDOW_CENTER, "100"),
        (tags::WINDOW_WIDTH, "200"),
    ]);
    describe_vectors(attributes);
    // NM Isotope (C.8.4.10)
    let window = Attributes::item(&[(tags::ENERGY_WINDOW_NAME, "Tc-99m")]).with(
        tags::ENERGY_WINDOW_RANGE_SEQUENCE,
        Attributes::item(&[(tags::ENERGY_WINDOW_LOWER_LIMIT, "126.5"), (tags::ENERGY_WINDOW_UPPER_LIMIT, "154.5")]),
    );
    attributes.sequence(tags::ENERGY_WINDOW_INFORMATION_SEQUENCE, [window]);
    let dose = Attributes::item(&[(tags::RADIONUCLIDE_TOTAL_DOSE, "600")])
        .with(tags::RADIONUCLIDE_CODE_SEQUENCE, Attributes::snomed("72454006", "^99m^Technetium"));
    attributes.sequence(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE, [dose]);
    attributes.sequence(tags::DETECTOR_INFORMATION_SEQUENCE, ["0", "90"].map(detector));
    attributes.sequence(tags::ROTATION_INFORMATION_SEQUENCE, [rotation()]);
    pt::describe_orientation(attributes);
}

/// Adds the frame increment vectors (C.8.4.8): frames run through the views of the first detector, then of the second.
fn describe_vectors(attributes: &mut Attributes) {
    let frames = 0..DETECTORS * VIEWS;
    let mut vector = |tag: Tag, value: fn(u16) -> u16| {
        let values: Vec<u16> = frames.clone().map(value).collect();
        attributes.put(tag, PrimitiveValue::U16(values.into()));
    };
    vector(tags::ENERGY_WINDOW_VECTOR, |_| 1);
    vector(tags::DETECTOR_VECTOR, |frame| frame / VIEWS + 1);
    vector(tags::ROTATION_VECTOR, |_| 1);
    vector(tags::ANGULAR_VIEW_VECTOR, |frame| frame % VIEWS + 1);
    attributes.put(
        tags::FRAME_INCREMENT_POINTER,
        PrimitiveValue::Tags(
            vec![tags::ENERGY_WINDOW_VECTOR, tags::DETECTOR_VECTOR, tags::ROTATION_VECTOR, tags::ANGULAR_VIEW_VECTOR]
                .into(),
        ),
    );
    attributes.numbers(&[
        (tags::NUMBER_OF_ENERGY_WINDOWS, 1),
        (tags::NUMBER_OF_DETECTORS, DETECTORS),
        (tags::NUMBER_OF_ROTATIONS, 1),
    ]);
}

/// Returns NM Detector (C.8.4.11).
fn detector(start_angle: &str) -> Attributes {
    Attributes::item(&[
        (tags::COLLIMATOR_TYPE, "PARA"),
        (tags::FOCAL_DISTANCE, "0"),
        (tags::START_ANGLE, start_angle),
        (tags::IMAGE_POSITION_PATIENT, "-304.8\\250\\304.8"),
        (tags::IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\0\\-1"),
    ])
}

/// Returns NM Tomo Acquisition (C.8.4.12).
fn rotation() -> Attributes {
    let mut rotation = Attributes::item(&[
        (tags::START_ANGLE, "0"),
        (tags::ANGULAR_STEP, "3"),
        (tags::ROTATION_DIRECTION, "CW"),
        (tags::SCAN_ARC, "180"),
        (tags::ACTUAL_FRAME_DURATION, "20000"),
        (tags::RADIAL_POSITION, "250"),
        (tags::TABLE_TRAVERSE, "0"),
        (tags::TABLE_HEIGHT, "0"),
    ]);
    rotation.numbers(&[(tags::NUMBER_OF_FRAMES_IN_ROTATION, VIEWS)]);
    rotation
}

/// Paints a projection: counts of the body, and of heart, liver and gut at the places that the angle gives them.
fn paint_moving(place: &Place, frame: u32, canvas: &mut Canvas) {
    let (detector, view) = (i64::from(frame) / i64::from(VIEWS), i64::from(frame) % i64::from(VIEWS));
    let angle = detector * 90 + view * 3;
    let stress = i64::from(place.series % 2);
    let mut add = |x, y, half_width, half_height, peak| canvas.dome(Ellipse { x, y, half_width, half_height }, peak);
    add(512, 512, 330, 900, 22);
    // Nearer organs look brighter, because less of the body lies in front of them.
    let mut organ = |radius: i64, at: i64, y, size, peak: i64| {
        let x = 512 + radius * sine(angle + at) / 1000;
        let near = 1000 + 500 * sine(angle + at + 90) / 1000;
        add(x, y, size, size, (peak * near / 1000) as i16);
    };
    organ(150, 45, 440, 88 + stress * 6, 150);
    // The cavity of the left ventricle.
    organ(150, 45, 440, 36, -80);
    organ(170, 250, 620, 150, 60);
    organ(60, 120, 800, 110, 45);
}

/// Returns 1000 times the sine of an angle in degrees, to within 2 (Bhaskara's approximation).
fn sine(degrees: i64) -> i64 {
    let angle = degrees.rem_euclid(360);
    let half = angle % 180;
    let product = half * (180 - half);
    let sine = 4000 * product / (40_500 - product);
    if angle < 180 { sine } else { -sine }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_is_near_enough() {
        for degrees in -400..800 {
            let exact = (f64::from(degrees).to_radians().sin() * 1000.0).round() as i64;
            assert!((sine(i64::from(degrees)) - exact).abs() <= 2, "{degrees}: {}", sine(i64::from(degrees)));
        }
    }
}
