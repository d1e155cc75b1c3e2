//! A chest from the front and from the side, as X-rays project it.

use super::super::canvas::{Canvas, Ellipse};

/// The side from which a chest is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// From behind: the first image of a study.
    Front,
    /// From the right: the second.
    Side,
}

impl View {
    pub(super) fn from_series(series: u32) -> Self {
        if series == 0 { Self::Front } else { Self::Side }
    }

    /// Returns View Position (0018,5101), PS3.3 C.8.1.1.
    pub(super) fn position(self) -> &'static str {
        match self {
            Self::Front => "PA",
            Self::Side => "LL",
        }
    }

    /// Returns the view's code in SNOMED CT (PS3.16 CID 4010), and its meaning.
    pub(super) fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::Front => ("272479007", "postero-anterior"),
            Self::Side => ("399173006", "left lateral"),
        }
    }

    /// Returns Patient Orientation (0020,0020): the directions of rows and columns.
    pub(super) fn orientation(self) -> &'static str {
        match self {
            Self::Front => "L\\F",
            Self::Side => "A\\F",
        }
    }
}

/// Paints a chest in 12 bits, in which dense tissue is bright. `shift` moves the patient by units, because no two
/// patients stand alike.
pub(super) fn paint(canvas: &mut Canvas, view: View, shift: i64) {
    let height = canvas.height();
    let x = 512 + shift;
    let y = height / 2;
    canvas.clear(180);
    let mut add = |x, y, half_width, half_height, peak| canvas.dome(Ellipse { x, y, half_width, half_height }, peak);
    let lungs: &[(i64, i64)] = match view {
        View::Front => {
            add(x, y, 560, height * 3 / 4, 2400);
            add(x, y, 90, height, 900);
            &[(-210, 150), (210, 140)]
        }
        View::Side => {
            add(x, y, 400, height * 3 / 4, 2900);
            add(x - 230, y, 60, height, 700);
            &[(20, 240)]
        }
    };
    for &(from_middle, half_width) in lungs {
        add(x + from_middle, y - 40, half_width, height * 3 / 8, -1500);
        // Vessels, thinner towards the edge.
        for vessel in 0..24 {
            let outwards = (vessel % 6) * half_width / 7;
            let side = if vessel % 2 == 0 { 1 } else { -1 };
            add(x + from_middle + side * outwards, y - 180 + vessel * 13, 22 - vessel % 6 * 3, 12 - vessel % 6, 160);
        }
    }
    add(x + 60, y + 130, 170, 150, 600);
    // Below the diaphragm.
    add(x, height, 600, height / 4, 900);
    // Ribs: rows of short pieces along arcs, with gaps between them.
    for rib in 0..10 {
        for piece in -14..=14_i64 {
            let drop = piece * piece * 2 / 5;
            add(x + piece * 24, height / 8 + rib * height / 15 + drop, 18, 14, 210);
        }
    }
    for vertebra in 0..14 {
        add(x - if view == View::Side { 230 } else { 0 }, vertebra * height / 14, 58, height / 32, 380);
    }
}
