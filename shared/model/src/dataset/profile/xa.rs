//! X-Ray Angiographic Image Storage (PS3.3 A.14): runs of coronary arteries that fill with contrast medium.

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::{tags, uids};

use super::super::attributes::Attributes;
use super::super::canvas::{Canvas, Ellipse};
use super::super::noise::{Noise, mix_bits};
use super::super::place::Place;
use super::{Format, Profile, swing};

pub(super) static PROFILE: Profile = Profile {
    code: "XA",
    sop_class_uid: uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE,
    // A minute in runs of five seconds.
    series: 1,
    series_instances: 12,
    formats: &[Format { rows: 512, columns: 512, frames: 150, bits_allocated: 8, bits_stored: 8 }],
    header_bytes: 1_400,
    describe,
    paint_still,
    paint_moving,
    noise: Noise::Even(5),
};

/// Frames in a heart beat, of 30 a second.
const BEAT: i64 = 25;
/// Frames from the first contrast medium to the last.
const BOLUS: i64 = 90;

fn describe(place: &Place, attributes: &mut Attributes) {
    let angle = (i64::from(place.number) * 15 - 90).to_string();
    attributes.texts(&[
        (tags::BODY_PART_EXAMINED, "HEART"),
        // General Acquisition (C.7.10.1)
        (tags::ACQUISITION_NUMBER, &(place.number + 1).to_string()),
        (tags::ACQUISITION_DATE, "20250101"),
        (tags::ACQUISITION_TIME, "120000"),
        // General Image (C.7.6.1)
        (tags::PATIENT_ORIENTATION, ""),
        // Contrast/Bolus (C.7.6.4)
        (tags::CONTRAST_BOLUS_AGENT, "Iodine"),
        // Cine (C.7.6.5)
        (tags::FRAME_TIME, "33.333"),
        (tags::CINE_RATE, "30"),
        // X-Ray Image (C.8.7.1)
        (tags::IMAGE_TYPE, "ORIGINAL\\PRIMARY\\SINGLE PLANE"),
        (tags::PIXEL_INTENSITY_RELATIONSHIP, "DISP"),
        // X-Ray Acquisition (C.8.7.2): grayscale, not fluoroscopy
        (tags::KVP, "80"),
        (tags::RADIATION_SETTING, "GR"),
        (tags::X_RAY_TUBE_CURRENT, "500"),
        (tags::EXPOSURE_TIME, "1000"),
        (tags::IMAGER_PIXEL_SPACING, "0.4\\0.4"),
        // XA Positioner (C.8.7.5)
        (tags::POSITIONER_MOTION, "STATIC"),
        (tags::POSITIONER_PRIMARY_ANGLE, &angle),
        (tags::POSITIONER_SECONDARY_ANGLE, "0"),
        // VOI LUT (C.11.2)
        (tags::WINDOW_CENTER, "128"),
        (tags::WINDOW_WIDTH, "256"),
    ]);
    attributes.put(tags::FRAME_INCREMENT_POINTER, PrimitiveValue::from(tags::FRAME_TIME));
}

/// Paints the chest: the lung is bright, the heart and the spine are dark.
fn paint_still(place: &Place, canvas: &mut Canvas) {
    let shift = i64::from(place.number) * 12;
    canvas.clear(190);
    let mut add = |x, y, half_width, half_height, peak| canvas.dome(Ellipse { x, y, half_width, half_height }, peak);
    add(560 - shift, 560, 420, 400, -60);
    add(300 + shift, 512, 110, 1100, -45);
    add(512, 1100, 800, 330, -60);
    for rib in 0..7 {
        for piece in 0..20 {
            add(piece * 54, rib * 150 + piece * 6, 40, 22, -9);
        }
    }
}

/// Paints four branches of one trunk, which the heart beat moves.
fn paint_moving(place: &Place, frame: u32, canvas: &mut Canvas) {
    let frame = i64::from(frame);
    // The front of the contrast medium runs along the vessels. Behind it, the medium is washed out again.
    let (front, back) = (frame * 3, (frame - BOLUS) * 3);
    let pulse = swing(frame, BEAT, 26);
    for branch in 0..4_u64 {
        let bits = mix_bits(place.key().wrapping_add(branch));
        let (mut x, mut y) = (420, 300 + pulse);
        let (mut right, mut down) = ((bits % 9) as i64 - 2, 3 + (bits >> 8) as i64 % 5);
        for piece in 0..110_i64 {
            let turn = mix_bits(bits.wrapping_add(piece as u64 / 6));
            right = (right + (turn % 3) as i64 - 1).clamp(-7, 8);
            down = (down + (turn >> 8) as i64 % 3 - 1).clamp(-2, 7);
            (x, y) = (x + right, y + down);
            let half_width = 14 - piece / 11;
            if back < piece && piece < front {
                canvas.darken(Ellipse { x, y, half_width, half_height: half_width }, 52);
            }
        }
    }
}
