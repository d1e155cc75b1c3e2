//! Median, MAD, percentiles, bootstrap intervals of a median and of a ratio of medians, and a least squares line.
//!
//! Samples are small (5 to 100 iterations), skewed and sometimes disturbed. So only [`prediction_interval`] assumes a
//! normal distribution. Order statistics and Student's t come from `statrs`. Every function returns `None` for a sample
//! that is empty or contains a NaN or an infinity.

mod least_squares;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};
use statrs::statistics::{Data, OrderStatistics as _};

pub use self::least_squares::{LeastSquares, Line};

/// Share of intervals that contain the true value, if the run were repeated without end.
pub const CONFIDENCE: f64 = 0.95;
/// Resamples of a bootstrap, each of the sample's own size, with replacement.
pub const RESAMPLES: usize = 10_000;
/// A value with a modified z-score beyond this is an outlier (Iglewicz and Hoaglin, How to Detect and Handle Outliers,
/// 1993).
pub const OUTLIER_SCORE: f64 = 3.5;
/// Values that a sample needs before one of them is called an outlier. The smaller the sample, the more clean samples
/// get a mark: 9% of those of 20 and 21% of those of 5 (`make bench-simulation`).
pub const MIN_FOR_OUTLIERS: usize = 5;

/// Valid iterations that both scenarios of a pair need for a verdict.
///
/// The number comes from a simulation without any difference (`make bench-simulation`). The 95% interval missed a ratio
/// of 1 in 10% of pairs of 3 and 3, and in 7% of 4 and 4. It missed it in 3 to 4% of pairs of 5 and 5 or more.
pub const MIN_ITERATIONS: usize = 5;

/// A constant, so that the same measurements give the same report everywhere.
const SEED: u64 = 0x0064_6963_6f6d_7065;
/// 0.75 quantile of the standard normal distribution. It makes a MAD comparable with a standard deviation.
const NORMAL_MAD: f64 = 0.674_5;
/// Mean absolute deviation of the standard normal distribution, inverted: sqrt(pi / 2).
const NORMAL_MEAN_DEVIATION: f64 = 1.253_314;

/// A median or a ratio of medians, and the bounds of its 95% interval, in the quantity's own unit.
///
/// A single value has no spread. Then `low` and `high` are the value itself, and do not express certainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Median, or ratio of medians, of the sample itself.
    pub median: f64,
    /// Lower bound of the 95% interval.
    pub low: f64,
    /// Upper bound of the 95% interval.
    pub high: f64,
}

/// The two bounds of a range, in the quantity's own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// Returns the middle value, or the mean of the two middle values of an even number of values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    finite_copy(values).map(|mut values| Data::new(values.as_mut_slice()).median())
}

/// Returns the value that `percent` percent do not exceed, median-unbiased between two values (Hyndman and Fan's type
/// 8).
#[must_use]
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut values = finite_copy(values)?;
    (0.0..=100.0).contains(&percent).then(|| Data::new(values.as_mut_slice()).quantile(percent / 100.0))
}

/// Returns the median absolute deviation from the median, in the values' own unit and *unscaled*. Multiplied by 1.4826,
/// it estimates the standard deviation of normally distributed values.
#[must_use]
pub fn mad(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    median(&values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())
}

/// Flags the outliers: values whose modified z-score 0.6745 (x - median) / MAD is beyond [`OUTLIER_SCORE`]. A flagged
/// value still counts like any other.
///
/// If more than half of the values are equal, the MAD is 0. The mean absolute deviation then replaces it.
#[must_use]
pub fn outliers(values: &[f64]) -> Vec<bool> {
    let (Some(middle), Some(mad)) = (median(values), mad(values)) else { return vec![false; values.len()] };
    if values.len() < MIN_FOR_OUTLIERS {
        return vec![false; values.len()];
    }
    let unit = if mad > 0.0 {
        mad / NORMAL_MAD
    } else {
        NORMAL_MEAN_DEVIATION * mean(&values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())
    };
    values.iter().map(|value| (value - middle).abs() > OUTLIER_SCORE * unit).collect()
}

/// Resampled medians of one sample. They give its interval, or one side of a ratio's interval.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    median: f64,
    resampled: Vec<f64>,
}

impl Bootstrap {
    /// Resamples `values`, with ChaCha's stream number `stream`.
    ///
    /// Samples that are compared with each other must have different streams. Otherwise their resamples rise and fall
    /// together. The same stream for two quantities of the same iterations gives consistent intervals.
    #[must_use]
    pub fn new(values: &[f64], stream: u64) -> Option<Self> {
        let mut sorted = finite_copy(values)?;
        // The interval must not depend on the order in which iterations ran or were read.
        sorted.sort_by(f64::total_cmp);
        let mut resample = sorted.clone();
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream(stream);
        let resampled = (0..RESAMPLES)
            .map(|_| {
                for slot in &mut resample {
                    *slot = sorted[random.random_range(0..sorted.len())];
                }
                Data::new(resample.as_mut_slice()).median()
            })
            .collect();
        Some(Self { median: median(values)?, resampled })
    }

    /// Returns the median with its percentile interval.
    ///
    /// With fewer than 6 values, the widest such interval goes from the least to the greatest. Even this one contains
    /// the true median less often than in 95% of cases: in 94% with 5, 88% with 4, 75% with 3.
    #[must_use]
    pub fn interval(&self) -> Interval {
        interval(self.median, self.resampled.clone())
    }

    /// Returns the ratio of this median to `other`'s, with its percentile interval; `None` if the other can be 0.
    #[must_use]
    pub fn ratio_to(&self, other: &Self) -> Option<Interval> {
        let ratios: Vec<_> = self.resampled.iter().zip(&other.resampled).map(|(a, b)| a / b).collect();
        let ratio = self.median / other.median;
        (ratio.is_finite() && finite_copy(&ratios).is_some()).then(|| interval(ratio, ratios))
    }
}

/// Returns the range of a series' next value in 95% of cases, if the logarithms of its values are normally distributed.
/// The range is exp(mean +- t(0.975, n - 1) s sqrt(1 + 1/n)), with mean and standard deviation s of the logarithms.
///
/// It uses logarithms because hosts differ by a factor, not by an amount. Returns `None` for fewer than two values, or
/// if a value is not positive.
#[must_use]
pub fn prediction_interval(values: &[f64]) -> Option<Range> {
    let logarithms = finite_copy(&values.iter().map(|value| value.ln()).collect::<Vec<_>>())?;
    let freedom = count(logarithms.len()) - 1.0;
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
    let mean = mean(&logarithms);
    let variance = logarithms.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom;
    let reach = t * (variance * (1.0 + 1.0 / count(logarithms.len()))).sqrt();
    Some(Range { low: (mean - reach).exp(), high: (mean + reach).exp() })
}

fn interval(median: f64, mut resampled: Vec<f64>) -> Interval {
    let mut resampled = Data::new(resampled.as_mut_slice());
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Interval { median, low: resampled.quantile(tail), high: resampled.quantile(1.0 - tail) }
}

/// Returns a copy that may be reordered; `None` if nothing can be computed from the values.
fn finite_copy(values: &[f64]) -> Option<Vec<f64>> {
    (!values.is_empty() && values.iter().all(|value| value.is_finite())).then(|| values.to_vec())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 values")]
fn count(values: usize) -> f64 {
    values as f64
}

#[cfg(test)]
mod tests {
    use dicomperf_fixtures::spread;

    use super::*;

    const SAMPLE: [f64; 7] = [12.1, 11.7, 13.4, 12.9, 12.0, 48.3, 12.5];

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    /// Reference: numpy 2.4 `median`, `quantile(method="median_unbiased")`; scipy 1.17 `median_abs_deviation`.
    #[test]
    fn order_statistics_are_numpys() {
        near(median(&SAMPLE).expect("a median"), 12.5);
        near(median(&[2.3, 2.5, 2.2, 2.45, 2.6, 2.4]).expect("a median"), 2.425);
        near(mad(&SAMPLE).expect("a MAD"), 0.5);
        near(percentile(&SAMPLE, 10.0).expect("a percentile"), 11.72);
        near(percentile(&SAMPLE, 90.0).expect("a percentile"), 45.973_333_333_333_336);
        near(percentile(&SAMPLE, 2.5).expect("a percentile"), 11.7);
        near(percentile(&SAMPLE, 100.0).expect("a percentile"), 48.3);
    }

    /// Reference: scipy 1.17 `bootstrap(method="percentile", n_resamples=100000)`.
    #[test]
    fn an_interval_is_scipys() {
        let found = Bootstrap::new(&SAMPLE, 0).expect("a sample").interval();
        assert_eq!(found, Interval { median: 12.5, low: 12.0, high: 13.4 });
        let even = [101.0, 99.0, 103.0, 98.0, 105.0, 100.0, 102.0, 97.0, 104.0, 96.0];
        let found = Bootstrap::new(&even, 0).expect("a sample").interval();
        assert_eq!(found, Interval { median: 100.5, low: 98.0, high: 103.0 });
    }

    /// Reference: scipy 1.17 `bootstrap((b, a), ratio of medians, method="percentile")`: 6.0585 to 6.4802.
    #[test]
    fn the_interval_of_a_ratio_is_scipys() {
        let a = Bootstrap::new(&[10.2, 10.0, 10.4, 10.1, 9.9, 10.3], 0).expect("a sample");
        let b = Bootstrap::new(&[62.1, 63.5, 64.9, 61.8, 66.0, 63.2], 1).expect("a sample");
        let ratio = b.ratio_to(&a).expect("a ratio");
        near(ratio.median, 6.241_379_310_344_828);
        assert!((ratio.low - 6.0585).abs() < 0.02 && (ratio.high - 6.4802).abs() < 0.02, "{ratio:?}");
    }

    /// Reference: scipy 1.17 `t.ppf(0.975, 4)` = 2.7764451, and numpy for the rest.
    #[test]
    fn the_prediction_interval_is_scipys() {
        let found = prediction_interval(&[100.0, 104.0, 98.0, 101.0, 97.0]).expect("an interval");
        assert!((found.low - 92.015_581_752).abs() < 1e-6 && (found.high - 108.612_455_677).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn what_cannot_be_computed_is_none() {
        for values in [&[][..], &[f64::NAN], &[1.0, f64::INFINITY]] {
            assert_eq!(median(values), None);
            assert_eq!(mad(values), None);
            assert_eq!(percentile(values, 50.0), None);
            assert!(Bootstrap::new(values, 0).is_none());
            assert_eq!(prediction_interval(values), None);
            assert_eq!(outliers(values), vec![false; values.len()]);
        }
        assert_eq!(percentile(&SAMPLE, 101.0), None);
        assert_eq!(prediction_interval(&[1.0]), None);
        assert_eq!(prediction_interval(&[1.0, 0.0]), None);
        let (one, zero) = (Bootstrap::new(&[1.0], 0).expect("one"), Bootstrap::new(&[0.0, 1.0], 1).expect("two"));
        assert!(one.ratio_to(&zero).is_none());
    }

    #[test]
    fn one_value_is_its_own_interval_and_two_span_theirs() {
        let one = Bootstrap::new(&[3.0], 7).expect("one").interval();
        assert_eq!(one, Interval { median: 3.0, low: 3.0, high: 3.0 });
        let two = Bootstrap::new(&[3.0, 4.0], 7).expect("two").interval();
        assert_eq!(two, Interval { median: 3.5, low: 3.0, high: 4.0 });
        assert_eq!(mad(&[3.0]), Some(0.0));
    }

    #[test]
    fn the_same_sample_gives_the_same_interval_and_its_order_does_not_matter() {
        let first = Bootstrap::new(&SAMPLE, 3).expect("a sample");
        assert_eq!(first.interval(), Bootstrap::new(&SAMPLE, 3).expect("a sample").interval());
        let mut sorted = SAMPLE;
        sorted.sort_by(f64::total_cmp);
        assert_eq!(first.interval(), Bootstrap::new(&sorted, 3).expect("a sample").interval());
    }

    #[test]
    fn intervals_hold_their_median_scale_with_the_values_and_shrink_with_their_number() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut widths = Vec::new();
        for count in [1, 2, 3, 5, 10, 30, 100] {
            let values = spread(&mut random, count, 50.0, 0.05);
            let found = Bootstrap::new(&values, 0).expect("a sample").interval();
            assert!(found.low <= found.median && found.median <= found.high, "{count}: {found:?}");
            let scaled: Vec<_> = values.iter().map(|value| value * 4.0).collect();
            let scaled = Bootstrap::new(&scaled, 0).expect("a sample").interval();
            assert_eq!((scaled.low, scaled.high), (4.0 * found.low, 4.0 * found.high));
            widths.push(found.high - found.low);
        }
        assert!(widths[6] < widths[4] && widths[4] < widths[2], "{widths:?}");
    }

    #[test]
    fn the_interval_of_a_ratio_holds_the_true_ratio_in_most_samples() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let held = (0..60)
            .filter(|_| {
                let a = Bootstrap::new(&spread(&mut random, 10, 100.0, 0.05), 0).expect("a sample");
                let b = Bootstrap::new(&spread(&mut random, 10, 130.0, 0.05), 1).expect("a sample");
                let ratio = b.ratio_to(&a).expect("a ratio");
                ratio.low <= 1.3 && 1.3 <= ratio.high
            })
            .count();
        assert!(held >= 55, "in {held} of 60");
    }

    #[test]
    fn an_outlier_is_flagged_and_clean_values_are_not() {
        assert_eq!(outliers(&SAMPLE), [false, false, false, false, false, true, false]);
        assert_eq!(outliers(&[1.0, 1.1, 0.9, 1.05, 0.95]), [false; 5]);
        assert_eq!(outliers(&[5.0; 8]), [false; 8]);
    }

    #[test]
    fn ties_do_not_hide_an_outlier_and_few_values_have_none() {
        assert_eq!(outliers(&[5.0, 5.0, 5.0, 5.0, 9.0, 5.0]), [false, false, false, false, true, false]);
        assert_eq!(outliers(&[1.0, 1.001, 2.0]), [false; 3]);
    }
}
