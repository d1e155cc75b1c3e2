//! Ultrasound Multi-frame Image Storage (PS3.3 A.7): loops of a beating heart.

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::{tags, uids};

use super::super::attributes::Attributes;
use super::super::canvas::{Canvas, Ellipse};
use super::super::noise::Noise;
use super::super::place::Place;
use super::{Format, Profile, swing};

pub(super) static PROFILE: Profile = Profile {
    code: "US",
    sop_class_uid: uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE,
    // Two seconds a loop, and an echocardiogram of 276 MB.
    series: 1,
    series_instances: 15,
    formats: &[Format { rows: 480, columns: 640, frames: 60, bits_allocated: 8, bits_stored: 8 }],
    header_bytes: 1_250,
    describe,
    paint_still,
    paint_moving,
    // Speckle: a third of the value.
    noise: Noise::Proportional(100),
};

/// Frames in a heart beat, of 30 a second.
const BEAT: i64 = 25;
/// Position of the transducer.
const APEX: (i64, i64) = (512, 20);
/// Depth of its view.
const DEPTH: i64 = 720;

fn describe(place: &Place, attributes: &mut Attributes) {
    attributes.texts(&[
        (tags::BODY_PART_EXAMINED, "HEART"),
        // General Acquisition (C.7.10.1)
        (tags::ACQUISITION_NUMBER, &(place.number + 1).to_string()),
        (tags::ACQUISITION_DATE, "20250101"),
        (tags::ACQUISITION_TIME, "120000"),
        // General Image (C.7.6.1)
        (tags::PATIENT_ORIENTATION, ""),
        // Cine (C.7.6.5)
        (tags::FRAME_TIME, "33.333"),
        (tags::CINE_RATE, "30"),
        // US Image (C.8.5.6): of the heart, in two dimensions
        (tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY\\TTE\\0001"),
        (tags::HEART_RATE, "72"),
    ]);
    attributes.put(tags::FRAME_INCREMENT_POINTER, PrimitiveValue::from(tags::FRAME_TIME));
    attributes.numbers(&[(tags::ULTRASOUND_COLOR_DATA_PRESENT, 0)]);
}

/// Paints the sector, with tissue that fades with depth.
fn paint_still(_: &Place, canvas: &mut Canvas) {
    canvas.map(|x, y| {
        let (across, down) = (x - APEX.0, y - APEX.1);
        let distance = (across * across + down * down).isqrt();
        let seen = down > 0 && across.abs() * 10 < down * 9 && distance < DEPTH;
        if seen { (96 - distance * 56 / DEPTH) as i16 } else { 0 }
    });
}

/// Paints four chambers that contract, the ventricles first, the walls around them, and the valves between them.
fn paint_moving(place: &Place, frame: u32, canvas: &mut Canvas) {
    let frame = i64::from(frame);
    let shift = i64::from(place.number % 5) * 8 - 16;
    let ventricle = swing(frame, BEAT, 34);
    let atrium = swing(frame + BEAT / 2, BEAT, 20);
    let mut paint = |x, y, half_width, half_height, value| {
        canvas.fill(Ellipse { x: x + shift, y, half_width, half_height }, value);
    };
    paint(500, 420, 176, 250, 120);
    for (x, y, half_width, half_height) in [
        (558, 350, 84 - ventricle, 150 - ventricle),
        (436, 370, 66 - ventricle / 2, 120 - ventricle),
        (560, 560, 66 - atrium, 60 - atrium),
        (436, 560, 60 - atrium, 56 - atrium),
    ] {
        paint(x, y, half_width, half_height, 8);
    }
    // The leaflets open while the ventricles fill.
    for (x, side) in [(558, -1), (558, 1), (436, -1), (436, 1)] {
        let open = 30 - ventricle * 3 / 4;
        paint(x + side * (24 + open / 3), 490 - open, 14, 4 + open / 2, 190);
    }
}
