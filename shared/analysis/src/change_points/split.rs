//! One split of a series: its place and its significance.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// Permutations that a split is compared with. It counts only if none of them is divided as strongly. So a series
/// without a change gets a false split in at most 1 of 10,000 tests.
const PERMUTATIONS: usize = 9_999;
/// A constant, so that the same runs give the same change points everywhere.
const SEED: u64 = 0x0064_6963_6f6d_7065;

/// A value, and the sum of its distances to all values.
#[derive(Debug, Clone, Copy)]
struct Place {
    value: f64,
    distances: f64,
}

/// Returns the number of values before the best split, if it is significant. Both sides have at least `min_side` values.
pub(super) fn best_split(values: &[f64], min_side: usize) -> Option<usize> {
    if values.len() < 2 * min_side {
        return None;
    }
    let mut places: Vec<_> = values
        .iter()
        .map(|&value| Place { value, distances: values.iter().map(|other| (other - value).abs()).sum() })
        .collect();
    let (split, divergence) = strongest(&places, min_side);
    if divergence <= 0.0 {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    for _ in 0..PERMUTATIONS {
        places.shuffle(&mut random);
        // One is enough to reject the split, so a series without a change costs few permutations.
        if strongest(&places, min_side).1 >= divergence {
            return None;
        }
    }
    Some(split)
}

/// Returns the split with the largest scaled energy distance between its sides, and that distance: equations 5 to 7 of
/// Matteson and James with exponent 1, in which both sides reach to the ends of the series.
fn strongest(places: &[Place], min_side: usize) -> (usize, f64) {
    let all = places.len();
    let total: f64 = places.iter().map(|place| place.distances).sum::<f64>() / 2.0;
    let (mut within_left, mut within_right) = (0.0, total);
    let mut best = (0, f64::NEG_INFINITY);
    for (left, place) in places.iter().enumerate() {
        // The value moves from the right to the left side.
        let to_left: f64 = places[..left].iter().map(|other| (other.value - place.value).abs()).sum();
        within_left += to_left;
        within_right -= place.distances - to_left;
        let (left, right) = (left + 1, all - left - 1);
        if left < min_side || right < min_side {
            continue;
        }
        let between = total - within_left - within_right;
        let product = left as f64 * right as f64;
        let distance = 2.0 * between / product - within_left / pairs(left) - within_right / pairs(right);
        let scaled = product / all as f64 * distance;
        if scaled > best.1 {
            best = (left, scaled);
        }
    }
    best
}

/// Returns the number of pairs of this many values.
fn pairs(count: usize) -> f64 {
    (count * count.saturating_sub(1)) as f64 / 2.0
}
