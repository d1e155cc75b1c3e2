//! Digital Mammography X-Ray Image Storage - For Presentation (PS3.3 A.27): four views, each cropped to its breast.

use dicom_dictionary_std::{tags, uids};

use super::super::attributes::Attributes;
use super::super::canvas::Canvas;
use super::super::noise::Noise;
use super::super::place::Place;
use super::breast::{self, View};
use super::{Format, Profile, dx, paint_nothing};

pub(super) static PROFILE: Profile = Profile {
    code: "MG",
    sop_class_uid: uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    series: 4,
    series_instances: 1,
    // From 2.5 to 16 MB at 0.07 mm.
    formats: &[
        Format::gray16(1400, 900, 12),
        Format::gray16(2294, 1914, 12),
        Format::gray16(3062, 2394, 12),
        Format::gray16(3328, 2400, 12),
    ],
    header_bytes: 1_600,
    describe,
    paint_still,
    paint_moving: paint_nothing,
    noise: Noise::Proportional(3),
};

fn describe(place: &Place, attributes: &mut Attributes) {
    let view = View::from_series(place.series);
    dx::describe_presentation(attributes);
    attributes.texts(&[
        (tags::BODY_PART_EXAMINED, "BREAST"),
        // DX Anatomy Imaged (C.8.11.2)
        (tags::IMAGE_LATERALITY, view.laterality),
        // DX Image (C.8.11.3)
        (tags::PATIENT_ORIENTATION, view.orientation),
        (tags::KVP, "29"),
        // DX Detector (C.8.11.4)
        (tags::DETECTOR_TYPE, "DIRECT"),
        (tags::IMAGER_PIXEL_SPACING, "0.07\\0.07"),
        // Mammography Image (C.8.11.7)
        (tags::POSITIONER_TYPE, "MAMMOGRAPHIC"),
        (tags::ORGAN_EXPOSED, "BREAST"),
        // VOI LUT (C.11.2)
        (tags::WINDOW_CENTER, "1900"),
        (tags::WINDOW_WIDTH, "3000"),
    ]);
    attributes.sequence(tags::ANATOMIC_REGION_SEQUENCE, [breast::region()]);
    view.describe(attributes);
}

fn paint_still(place: &Place, canvas: &mut Canvas) {
    let view = View::from_series(place.series);
    breast::paint_outline(canvas, view, 1400);
    breast::paint_glands(canvas, view, place.key(), 220, 140);
}
