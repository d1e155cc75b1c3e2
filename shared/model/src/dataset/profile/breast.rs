//! A compressed breast: the part that mammography and tomosynthesis share.

use dicom_dictionary_std::tags;

use super::super::attributes::Attributes;
use super::super::canvas::{Canvas, Ellipse, WIDTH};
use super::super::noise::mix_bits;

/// One of the four standard views; each is a series of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// Image Laterality (0020,0062).
    pub laterality: &'static str,
    /// Patient Orientation (0020,0020).
    pub orientation: &'static str,
    /// SNOMED CT, PS3.16 CID 4014.
    code: &'static str,
    meaning: &'static str,
}

const CRANIO_CAUDAL: (&str, &str) = ("399162004", "cranio-caudal");
const OBLIQUE: (&str, &str) = ("399368009", "medio-lateral oblique");

impl View {
    pub(super) fn from_series(series: u32) -> Self {
        let (laterality, orientation, (code, meaning)) = match series % 4 {
            0 => ("R", "P\\L", CRANIO_CAUDAL),
            1 => ("L", "A\\R", CRANIO_CAUDAL),
            2 => ("R", "P\\FL", OBLIQUE),
            _ => ("L", "A\\FR", OBLIQUE),
        };
        Self { laterality, orientation, code, meaning }
    }

    /// Adds View Code Sequence (0054,0220), with no modifier.
    pub(super) fn describe(self, attributes: &mut Attributes) {
        let mut view = Attributes::snomed(self.code, self.meaning);
        view.sequence(tags::VIEW_MODIFIER_CODE_SEQUENCE, []);
        attributes.sequence(tags::VIEW_CODE_SEQUENCE, [view]);
    }

    /// Returns the x of a point at this distance from the chest wall. The wall is the left edge for a left breast and
    /// the right edge for a right one.
    fn x_at(self, distance: i64) -> i64 {
        if self.laterality == "L" { distance } else { WIDTH - distance }
    }
}

/// Returns the code of the region (PS3.16 CID 4013).
pub(super) fn region() -> Attributes {
    Attributes::snomed("76752008", "Breast")
}

/// Paints the breast's outline in fat, on an empty background.
pub(super) fn paint_outline(canvas: &mut Canvas, view: View, peak: i16) {
    let y = canvas.height() / 2;
    let whole = Ellipse { x: view.x_at(0), y, half_width: 820, half_height: y * 5 / 6 };
    canvas.dome(whole, peak / 2);
    // Compressed: flat except at the edge.
    canvas.dome(Ellipse { half_width: 800, half_height: y * 4 / 5, ..whole }, peak / 2);
    canvas.fill(Ellipse { half_width: 640, half_height: y * 2 / 3, ..whole }, peak * 3 / 4);
}

/// Paints glandular tissue: strands and lumps around the middle, at places drawn from `key`.
pub(super) fn paint_glands(canvas: &mut Canvas, view: View, key: u64, lumps: u64, peak: i16) {
    let y = canvas.height() / 2;
    for lump in 0..lumps {
        let bits = mix_bits(key.wrapping_add(lump));
        let drawn = |shift: u64, range: u64| ((bits >> shift) % range) as i64;
        let ellipse = Ellipse {
            x: view.x_at(120 + drawn(0, 460)),
            y: y * 5 / 8 + drawn(16, 256) * y * 3 / 4 / 256,
            half_width: 12 + drawn(32, 96),
            half_height: 6 + drawn(48, 40),
        };
        canvas.dome(ellipse, peak);
    }
}
