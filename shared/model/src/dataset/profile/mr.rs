//! MR Image Storage (PS3.3 A.4): a head, in series of several weightings and matrices.

use dicom_dictionary_std::{tags, uids};

use super::super::attributes::{Attributes, millimetres};
use super::super::canvas::{Canvas, Ellipse};
use super::super::noise::Noise;
use super::super::place::Place;
use super::{Format, Profile, paint_nothing, swing};

pub(super) static PROFILE: Profile = Profile {
    code: "MR",
    sop_class_uid: uids::MR_IMAGE_STORAGE,
    series: 19,
    series_instances: 30,
    formats: &[
        Format::gray16(256, 256, 12),
        Format::gray16(320, 320, 12),
        Format::gray16(384, 384, 12),
        Format::gray16(512, 512, 12),
    ],
    header_bytes: 1_550,
    describe,
    paint_still,
    paint_moving: paint_nothing,
    noise: Noise::Even(16),
};

/// Distance between slices in um.
const SPACING_UM: i64 = 5_000;
/// Field of view in um.
const FIELD_UM: i64 = 240_000;

/// A pulse sequence, and the brightness that it gives each tissue.
struct Weighting {
    description: &'static str,
    scanning_sequence: &'static str,
    sequence_variant: &'static str,
    repetition_time: &'static str,
    echo_time: &'static str,
    echo_train_length: &'static str,
    inversion_time: Option<&'static str>,
    fat: i16,
    gray_matter: i16,
    white_matter: i16,
    fluid: i16,
}

const T1: Weighting = Weighting {
    description: "T1",
    scanning_sequence: "SE",
    sequence_variant: "NONE",
    repetition_time: "500",
    echo_time: "12",
    echo_train_length: "1",
    inversion_time: None,
    fat: 1800,
    gray_matter: 700,
    white_matter: 950,
    fluid: 260,
};
const T2: Weighting = Weighting {
    description: "T2",
    sequence_variant: "SK",
    repetition_time: "4500",
    echo_time: "100",
    echo_train_length: "15",
    fat: 1200,
    gray_matter: 900,
    white_matter: 650,
    fluid: 2100,
    ..T1
};
const FLAIR: Weighting = Weighting {
    description: "FLAIR",
    scanning_sequence: "SE\\IR",
    sequence_variant: "SK",
    repetition_time: "9000",
    echo_time: "120",
    echo_train_length: "21",
    inversion_time: Some("2500"),
    fat: 1000,
    gray_matter: 1000,
    white_matter: 750,
    fluid: 150,
};

fn weighting(place: &Place) -> &'static Weighting {
    [&T1, &T2, &FLAIR][place.series as usize % 3]
}

fn describe(place: &Place, attributes: &mut Attributes) {
    let weighting = weighting(place);
    let position = millimetres(i64::from(place.number) * SPACING_UM);
    let spacing = millimetres(FIELD_UM / i64::from(place.format().columns));
    attributes.texts(&[
        (tags::BODY_PART_EXAMINED, "BRAIN"),
        (tags::PATIENT_POSITION, "HFS"),
        (tags::SERIES_DESCRIPTION, weighting.description),
        // Frame of Reference (C.7.4.1)
        (tags::FRAME_OF_REFERENCE_UID, &place.frame_of_reference_uid()),
        (tags::POSITION_REFERENCE_INDICATOR, ""),
        // General Acquisition (C.7.10.1)
        (tags::ACQUISITION_NUMBER, "1"),
        (tags::ACQUISITION_DATE, "20250101"),
        (tags::ACQUISITION_TIME, "120000"),
        // Image Plane (C.7.6.2)
        (tags::PIXEL_SPACING, &format!("{spacing}\\{spacing}")),
        (tags::IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\1\\0"),
        (tags::IMAGE_POSITION_PATIENT, &format!("-120\\-120\\{position}")),
        (tags::SLICE_THICKNESS, "4"),
        (tags::SPACING_BETWEEN_SLICES, "5"),
        (tags::SLICE_LOCATION, &position),
        // MR Image (C.8.3.1)
        (tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY\\OTHER"),
        (tags::SCANNING_SEQUENCE, weighting.scanning_sequence),
        (tags::SEQUENCE_VARIANT, weighting.sequence_variant),
        (tags::SCAN_OPTIONS, ""),
        (tags::MR_ACQUISITION_TYPE, "2D"),
        (tags::REPETITION_TIME, weighting.repetition_time),
        (tags::ECHO_TIME, weighting.echo_time),
        (tags::ECHO_TRAIN_LENGTH, weighting.echo_train_length),
        (tags::MAGNETIC_FIELD_STRENGTH, "1.5"),
        // VOI LUT (C.11.2)
        (tags::WINDOW_CENTER, "900"),
        (tags::WINDOW_WIDTH, "1800"),
    ]);
    if let Some(inversion_time) = weighting.inversion_time {
        attributes.texts(&[(tags::INVERSION_TIME, inversion_time)]);
    }
}

fn paint_still(place: &Place, canvas: &mut Canvas) {
    let weighting = weighting(place);
    let slice = i64::from(place.number);
    // The head is widest at half its height.
    let head = 200 + swing(slice, 30, 180);
    let ventricle = swing(slice - 6, 30, 80);
    // Air is not black: the noise of a magnitude image leaves a small value.
    canvas.clear(30);
    let mut paint =
        |x, y, half_width, half_height, value| canvas.fill(Ellipse { x, y, half_width, half_height }, value);
    let long = head * 6 / 5;
    paint(512, 512, head, long, weighting.fat);
    // The skull has no signal.
    paint(512, 512, head - 26, long - 26, 60);
    paint(512, 512, head - 46, long - 46, weighting.fluid);
    paint(512, 512, head - 58, long - 58, weighting.gray_matter);
    for side in [-1, 1] {
        let x = 512 + side * head * 2 / 5;
        paint(x, 512, head * 2 / 5 - 24, long - 110, weighting.white_matter);
        // Gyri.
        for fold in 0..8 {
            let y = 512 + (fold * 2 - 7) * long / 11;
            paint(x + side * head / 4, y, head / 9, 10, weighting.gray_matter);
        }
        paint(512 + side * (ventricle / 2 + 12), 480, ventricle / 2 + 2, ventricle + 4, weighting.fluid);
        paint(512 + side * head / 3, 560, 30, 44, weighting.gray_matter);
    }
    // The fissure between the hemispheres.
    paint(512, 512, 5, long - 60, weighting.fluid);
}
