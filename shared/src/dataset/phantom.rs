//! Pixel data that looks like a chest CT: soft tissue in fat, lungs, heart, spine and ribs, on a table, in noise.
//!
//! Integers only: a float would be free to differ from machine to machine.

use rand::Rng;

/// Rows of an image.
pub(super) const ROWS: u16 = 512;
/// Columns of an image.
pub(super) const COLUMNS: u16 = 512;

const WIDTH: usize = COLUMNS as usize;
const HEIGHT: usize = ROWS as usize;

/// What is stored for 0 HU.
const WATER: i16 = 1024;
/// Hounsfield units.
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

/// An ellipse in pixels.
struct Ellipse {
    x: i64,
    y: i64,
    half_width: i64,
    half_height: i64,
    hounsfield: i16,
}

/// The pixels of a slice, 16 bits each, little endian, rows from the top.
pub(super) fn slice(slice: u32, random: &mut impl Rng) -> Vec<u8> {
    let mut hounsfield = vec![AIR; WIDTH * HEIGHT];
    hounsfield[425 * WIDTH..433 * WIDTH].fill(TABLE);
    for ellipse in anatomy(i64::from(slice)) {
        paint(&mut hounsfield, &ellipse);
    }
    let mut noise = vec![0; hounsfield.len()];
    random.fill_bytes(&mut noise);
    let mut pixels = Vec::with_capacity(hounsfield.len() * 2);
    for (hounsfield, noise) in hounsfield.into_iter().zip(noise) {
        // The sum of two nibbles is triangular, with a deviation of 13 HU: that of a thin slice.
        let deviation = 2 * (i16::from(noise >> 4) + i16::from(noise & 15) - 15);
        let stored = (hounsfield + WATER + deviation).clamp(0, 4095);
        pixels.extend_from_slice(&stored.to_le_bytes());
    }
    pixels
}

/// What is painted over what. Organs swell and shrink from slice to slice.
fn anatomy(slice: i64) -> Vec<Ellipse> {
    let swell = |period: i64, amplitude: i64| {
        let phase = slice % period;
        amplitude * phase.min(period - phase) * 2 / period
    };
    let body = 196 + swell(680, 14);
    let lung = 48 + swell(400, 26);
    let heart = 24 + swell(300, 34);
    let mut ellipses = vec![
        Ellipse { x: 256, y: 272, half_width: body, half_height: 148, hounsfield: FAT },
        Ellipse { x: 256, y: 272, half_width: body - 14, half_height: 136, hounsfield: MUSCLE },
    ];
    // Ribs: pairs along the inside of the chest wall, each slice at another place.
    for rib in 0..9 {
        let y = 158 + (rib * 27 + slice) % 230;
        let half_width = (body - 22) * root(130 * 130 - (y - 272) * (y - 272)) / 130;
        for x in [256 - half_width, 256 + half_width] {
            ellipses.push(Ellipse { x, y, half_width: 5, half_height: 9, hounsfield: BONE });
            ellipses.push(Ellipse { x, y, half_width: 2, half_height: 6, hounsfield: MARROW });
        }
    }
    ellipses.extend([
        Ellipse { x: 160, y: 262, half_width: lung, half_height: lung + 34, hounsfield: LUNG },
        Ellipse { x: 352, y: 262, half_width: lung, half_height: lung + 34, hounsfield: LUNG },
        Ellipse { x: 276, y: 246, half_width: heart + 12, half_height: heart, hounsfield: HEART },
        Ellipse { x: 284, y: 326, half_width: 14, half_height: 14, hounsfield: AORTA },
        Ellipse { x: 256, y: 356, half_width: 27, half_height: 22, hounsfield: BONE },
        Ellipse { x: 256, y: 356, half_width: 22, half_height: 17, hounsfield: MARROW },
        Ellipse { x: 256, y: 388, half_width: 12, half_height: 12, hounsfield: BONE },
        Ellipse { x: 256, y: 388, half_width: 9, half_height: 9, hounsfield: SPINAL_CANAL },
    ]);
    ellipses
}

fn paint(hounsfield: &mut [i16], ellipse: &Ellipse) {
    for offset in -ellipse.half_height..=ellipse.half_height {
        let reach = ellipse.half_width * root(ellipse.half_height * ellipse.half_height - offset * offset)
            / ellipse.half_height;
        let within = |value: i64, end: usize| usize::try_from(value).unwrap_or(0).min(end);
        let row = within(ellipse.y + offset, HEIGHT - 1) * WIDTH;
        let span = row + within(ellipse.x - reach, WIDTH)..row + within(ellipse.x + reach + 1, WIDTH);
        hounsfield[span].fill(ellipse.hounsfield);
    }
}

/// The whole part of the square root; 0 for less than 0.
fn root(value: i64) -> i64 {
    value.max(0).isqrt()
}
