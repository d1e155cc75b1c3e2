//! Breast Tomosynthesis Image Storage (PS3.3 A.55): four views, a stack of planes each.

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::{tags, uids};

use super::super::attributes::{Attributes, millimetres};
use super::super::canvas::Canvas;
use super::super::noise::{Noise, mix_bits};
use super::super::place::Place;
use super::breast::{self, View};
use super::{Format, Profile};

pub(super) static PROFILE: Profile = Profile {
    code: "DBT",
    sop_class_uid: uids::BREAST_TOMOSYNTHESIS_IMAGE_STORAGE,
    series: 4,
    series_instances: 1,
    // 0.23 m x 0.14 m at 0.1 mm, and 60 mm thick.
    formats: &[Format { rows: 2304, columns: 1440, frames: PLANES, bits_allocated: 16, bits_stored: 12 }],
    header_bytes: 21_900,
    describe,
    paint_still,
    paint_moving,
    noise: Noise::Proportional(4),
};

const PLANES: u32 = 60;
/// Distance between planes in um.
const SPACING_UM: i64 = 1_000;

fn describe(place: &Place, attributes: &mut Attributes) {
    let view = View::from_series(place.series);
    attributes.texts(&[
        // Enhanced Mammography Series (C.8.11.8)
        (tags::MODALITY, "MG"),
        (tags::BODY_PART_EXAMINED, "BREAST"),
        // Frame of Reference (C.7.4.1)
        (tags::FRAME_OF_REFERENCE_UID, &place.frame_of_reference_uid()),
        (tags::POSITION_REFERENCE_INDICATOR, ""),
        // Enhanced General Equipment (C.7.5.2)
        (tags::DEVICE_SERIAL_NUMBER, "1"),
        (tags::SOFTWARE_VERSIONS, "1"),
        // X-Ray 3D Image (C.8.21.1)
        (tags::IMAGE_TYPE, FRAME_TYPE),
        (tags::PIXEL_PRESENTATION, "MONOCHROME"),
        (tags::VOLUMETRIC_PROPERTIES, "VOLUME"),
        (tags::VOLUME_BASED_CALCULATION_TECHNIQUE, "NONE"),
        (tags::CONTENT_QUALIFICATION, "PRODUCT"),
        (tags::PRESENTATION_LUT_SHAPE, "IDENTITY"),
        // Breast View (C.8.21.4)
        (tags::BREAST_IMPLANT_PRESENT, "NO"),
    ]);
    view.describe(attributes);
    attributes.sequence(tags::ACQUISITION_CONTEXT_SEQUENCE, []);
    attributes.sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, [shared_groups(view)]);
    attributes.sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, (0..PLANES).map(frame_groups));
    describe_dimensions(place, attributes);
}

/// Image Type (0008,0008) and Frame Type (0008,9007).
const FRAME_TYPE: &str = "ORIGINAL\\PRIMARY\\TOMOSYNTHESIS\\NONE";

/// Returns the attributes that all frames share, one sequence for each macro.
fn shared_groups(view: View) -> Attributes {
    // A right breast is shown with the patient's left on the right. A left breast is shown the other way round.
    let orientation = if view.laterality == "L" { "0\\-1\\0\\-1\\0\\0" } else { "0\\1\\0\\1\\0\\0" };
    Attributes::new()
        .with(
            // C.7.6.16.2.1
            tags::PIXEL_MEASURES_SEQUENCE,
            Attributes::item(&[
                (tags::PIXEL_SPACING, "0.1\\0.1"),
                (tags::SLICE_THICKNESS, "1"),
                (tags::SPACING_BETWEEN_SLICES, "1"),
            ]),
        )
        .with(
            // C.7.6.16.2.4
            tags::PLANE_ORIENTATION_SEQUENCE,
            Attributes::item(&[(tags::IMAGE_ORIENTATION_PATIENT, orientation)]),
        )
        .with(
            // C.7.6.16.2.8
            tags::FRAME_ANATOMY_SEQUENCE,
            Attributes::item(&[(tags::FRAME_LATERALITY, view.laterality)])
                .with(tags::ANATOMIC_REGION_SEQUENCE, breast::region()),
        )
        .with(
            // C.7.6.16.2.9b: Identity
            tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
            Attributes::item(&[(tags::RESCALE_INTERCEPT, "0"), (tags::RESCALE_SLOPE, "1"), (tags::RESCALE_TYPE, "US")]),
        )
        .with(
            // C.7.6.16.2.10b
            tags::FRAME_VOILUT_SEQUENCE,
            Attributes::item(&[(tags::WINDOW_CENTER, "1200"), (tags::WINDOW_WIDTH, "2000")]),
        )
}

/// Returns Frame Content (C.7.6.16.2.2), Plane Position (C.7.6.16.2.3) and X-Ray 3D Frame Type (C.8.21.5.1).
fn frame_groups(frame: u32) -> Attributes {
    let mut content = Attributes::item(&[
        (tags::STACK_ID, "1"),
        (tags::FRAME_ACQUISITION_DATE_TIME, "20250101120000"),
        (tags::FRAME_REFERENCE_DATE_TIME, "20250101120000"),
    ]);
    // In ms: the duration of the sweep that all planes are computed from.
    content.put(tags::FRAME_ACQUISITION_DURATION, PrimitiveValue::from(4000.0));
    content.put(tags::IN_STACK_POSITION_NUMBER, PrimitiveValue::from(frame + 1));
    content.put(tags::DIMENSION_INDEX_VALUES, PrimitiveValue::U32(vec![1, frame + 1].into()));
    let position = format!("0\\0\\{}", millimetres(i64::from(frame) * SPACING_UM));
    let frame_type = Attributes::item(&[
        (tags::FRAME_TYPE, FRAME_TYPE),
        (tags::PIXEL_PRESENTATION, "MONOCHROME"),
        (tags::VOLUMETRIC_PROPERTIES, "VOLUME"),
        (tags::VOLUME_BASED_CALCULATION_TECHNIQUE, "NONE"),
    ]);
    Attributes::new()
        .with(tags::X_RAY3_D_FRAME_TYPE_SEQUENCE, frame_type)
        .with(tags::FRAME_CONTENT_SEQUENCE, content)
        .with(tags::PLANE_POSITION_SEQUENCE, Attributes::item(&[(tags::IMAGE_POSITION_PATIENT, &position)]))
}

/// Adds Multi-frame Dimension (C.7.6.17): a stack, and the frame's place in it.
fn describe_dimensions(place: &Place, attributes: &mut Attributes) {
    let organization = place.uid("dimensions", place.study);
    let index = |pointer| {
        let mut item = Attributes::item(&[(tags::DIMENSION_ORGANIZATION_UID, &organization)]);
        item.put(tags::DIMENSION_INDEX_POINTER, PrimitiveValue::from(pointer));
        item.put(tags::FUNCTIONAL_GROUP_POINTER, PrimitiveValue::from(tags::FRAME_CONTENT_SEQUENCE));
        item
    };
    attributes.sequence(tags::DIMENSION_INDEX_SEQUENCE, [index(tags::STACK_ID), index(tags::IN_STACK_POSITION_NUMBER)]);
    attributes.sequence(
        tags::DIMENSION_ORGANIZATION_SEQUENCE,
        [Attributes::item(&[(tags::DIMENSION_ORGANIZATION_UID, &organization)])],
    );
}

fn paint_still(place: &Place, canvas: &mut Canvas) {
    let view = View::from_series(place.series);
    breast::paint_outline(canvas, view, 900);
    // Tissue outside the plane is blurred over all planes.
    breast::paint_glands(canvas, view, place.key(), 40, 60);
}

fn paint_moving(place: &Place, frame: u32, canvas: &mut Canvas) {
    // A strand is in focus for four planes.
    let depth = mix_bits(place.key().wrapping_add(u64::from(frame / 4)));
    breast::paint_glands(canvas, View::from_series(place.series), depth, 60, 150);
}
