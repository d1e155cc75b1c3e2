//! Noise. Without it, a synthetic image would compress better than a patient's image.
//!
//! Drawing a number for every pixel would cost more than painting and writing it. Instead, each run of pixels adds up
//! two runs of one table. A counter decides the two places in the table, so the sum does not repeat.

use std::sync::LazyLock;

/// The noise of a profile, in units of its stored values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Noise {
    /// The same at every pixel: a standard deviation of 0.81 for each unit of scale.
    Even(i16),
    /// In proportion to the value, like speckle: 0.32% of it for each unit of scale. A value of 0 stays 0.
    Proportional(i16),
    /// The square root of the value, as in counts of decays.
    Counted,
}

/// Pixels that share one place of the table.
const RUN_PIXELS: usize = 512;
/// Places in the table.
const TABLE_PLACES: usize = 1 << 16;
/// Nearly normal: each number is the sum of four numbers from 0 to 15, less their mean. The sum of two such numbers has
/// a standard deviation of 13.
static TABLE: LazyLock<Vec<i16>> = LazyLock::new(|| {
    let drawn = |word: u64| {
        let bits = mix_bits(word);
        (0..4).map(move |quarter| {
            let nibbles = |shift: u64| ((bits >> (quarter * 16 + shift)) & 15) as i16;
            nibbles(0) + nibbles(4) + nibbles(8) + nibbles(12) - 30
        })
    };
    (0..((TABLE_PLACES + RUN_PIXELS) / 4) as u64).flat_map(drawn).collect()
});
/// 16 times the square root of each number.
static ROOTS: LazyLock<Vec<i32>> =
    LazyLock::new(|| (0..=i32::from(i16::MAX)).map(|number| (number * 256).isqrt()).collect());

/// Adds noise to a frame and stores it: as bytes if `bits_stored` is 8, else as 16-bit values, little endian.
pub(super) fn expose(noise: Noise, key: u64, bits_stored: u16, pixels: &[i16], stored: &mut [u8]) {
    match noise {
        Noise::Even(scale) => store(key, bits_stored, pixels, stored, |pixel, noise| pixel + ((noise * scale) >> 4)),
        Noise::Proportional(scale) => store(key, bits_stored, pixels, stored, |pixel, noise| {
            let product = i32::from(pixel) * i32::from(noise * scale);
            pixel.saturating_add((product >> 12) as i16)
        }),
        Noise::Counted => {
            let roots = ROOTS.as_slice();
            store(key, bits_stored, pixels, stored, |pixel, noise| {
                // 20 / 256 is the reciprocal of the table's standard deviation.
                let deviation = roots[pixel.max(0) as usize] * i32::from(noise) * 20;
                pixel.saturating_add((deviation >> 12) as i16)
            });
        }
    }
}

fn store(key: u64, bits_stored: u16, pixels: &[i16], stored: &mut [u8], noisy: impl Fn(i16, i16) -> i16) {
    let max_value = i16::try_from((1_u32 << bits_stored) - 1).unwrap_or(i16::MAX);
    let table = TABLE.as_slice();
    let width = stored.len() / pixels.len();
    for ((run, pixels), stored) in (0..).zip(pixels.chunks(RUN_PIXELS)).zip(stored.chunks_mut(RUN_PIXELS * width)) {
        let places = mix_bits(key.wrapping_add(run));
        let first = &table[places as usize % TABLE_PLACES..][..pixels.len()];
        let second = &table[(places >> 32) as usize % TABLE_PLACES..][..pixels.len()];
        let values =
            pixels.iter().zip(first.iter().zip(second)).map(|(&pixel, (a, b))| noisy(pixel, a + b).clamp(0, max_value));
        if width == 1 {
            stored.iter_mut().zip(values).for_each(|(stored, value)| *stored = value as u8);
        } else {
            stored
                .as_chunks_mut::<2>()
                .0
                .iter_mut()
                .zip(values)
                .for_each(|(stored, value)| *stored = value.to_le_bytes());
        }
    }
}

/// Mixes a counter into 64 bits that look random: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) fn mix_bits(counter: u64) -> u64 {
    let mut bits = counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored_values(noise: Noise, value: i16) -> Vec<f64> {
        let pixels = vec![value; 1 << 16];
        let mut bytes = vec![0; 2 << 16];
        expose(noise, 7, 16, &pixels, &mut bytes);
        bytes.as_chunks::<2>().0.iter().map(|pair| f64::from(u16::from_le_bytes(*pair))).collect()
    }

    fn deviation(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn deviations_are_as_documented() {
        for (noise, expected) in [(Noise::Even(16), 13.0), (Noise::Proportional(10), 31.8), (Noise::Counted, 31.6)] {
            let found = deviation(&stored_values(noise, 1000));
            assert!((found / expected - 1.0).abs() < 0.03, "{noise:?}: {found}");
        }
    }

    #[test]
    fn runs_do_not_repeat() {
        let values = stored_values(Noise::Even(16), 1000);
        let runs: std::collections::BTreeSet<_> =
            values.windows(8).map(|run| run.iter().map(|&value| value as u16).collect::<Vec<_>>()).collect();
        assert!(runs.len() > values.len() * 99 / 100, "{}", runs.len());
    }

    #[test]
    fn nothing_stays_nothing_where_noise_is_in_proportion() {
        assert!(stored_values(Noise::Proportional(100), 0).iter().all(|&value| value == 0.0));
        assert!(stored_values(Noise::Counted, 0).iter().all(|&value| value == 0.0));
    }
}
