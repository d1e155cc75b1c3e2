//! Comparison with scipy and numpy: reference/statistics.py wrote reference/statistics.json.

use std::collections::BTreeMap;

use dicomperf_model::statistics::{
    Bootstrap, Interval, LeastSquares, mad, median, outliers, percentile, prediction_interval,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    percents: Vec<f64>,
    samples: BTreeMap<String, Sample>,
    medians: BTreeMap<String, Bounds>,
    ratios: Vec<Ratio>,
    lines: Vec<Points>,
    weighted_line: Weighted,
}

#[derive(Deserialize)]
struct Sample {
    values: Vec<f64>,
    median: f64,
    mad: f64,
    percentiles: Vec<f64>,
    outliers: Vec<bool>,
    prediction: Option<[f64; 2]>,
}

/// Range of each bound: the percentiles 2 to 3 and 97 to 98 of scipy's bootstrap distribution. That is three standard
/// errors of 2.5 and 97.5 with 10,000 resamples.
#[derive(Deserialize)]
struct Bounds {
    low: [f64; 2],
    high: [f64; 2],
}

#[derive(Deserialize)]
struct Ratio {
    a: String,
    b: String,
    ratio: f64,
    #[serde(flatten)]
    bounds: Bounds,
}

#[derive(Deserialize)]
struct Points {
    name: String,
    x: Vec<f64>,
    y: Vec<f64>,
    intercept: f64,
    slope: f64,
}

#[derive(Deserialize)]
struct Weighted {
    x: Vec<f64>,
    y: Vec<f64>,
    counts: Vec<usize>,
    intercept: f64,
    slope: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/statistics.json")).unwrap()
}

/// Fails unless both are equal within rounding: both sides compute the same formula.
#[track_caller]
fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{what}: {found} is not {expected}");
}

#[track_caller]
fn between(found: &Interval, expected: &Bounds, what: &str) {
    for (bound, [least, greatest]) in [(found.low, expected.low), (found.high, expected.high)] {
        let rounding = 1e-12 * greatest;
        assert!(
            least - rounding <= bound && bound <= greatest + rounding,
            "{what}: {bound}, not {least} to {greatest}"
        );
    }
}

#[test]
fn medians_deviations_and_percentiles_are_scipys() {
    let reference = reference();
    for (name, sample) in &reference.samples {
        near(median(&sample.values).unwrap(), sample.median, name);
        near(mad(&sample.values).unwrap(), sample.mad, name);
        for (percent, expected) in reference.percents.iter().zip(&sample.percentiles) {
            near(percentile(&sample.values, *percent).unwrap(), *expected, name);
        }
    }
}

#[test]
fn outliers_are_those_of_scipys_deviation() {
    let reference = reference();
    for (name, sample) in &reference.samples {
        assert_eq!(outliers(&sample.values), sample.outliers, "{name}");
    }
    assert!(reference.samples.values().any(|sample| sample.outliers.contains(&true)));
}

/// statrs and scipy invert Student's distribution with different methods: 9 digits agree.
#[test]
fn prediction_intervals_are_scipys() {
    for (name, sample) in &reference().samples {
        let found = prediction_interval(&sample.values).map(|range| [range.low, range.high]);
        assert_eq!(found.is_some(), sample.prediction.is_some(), "{name}");
        for (bound, expected) in found.into_iter().flatten().zip(sample.prediction.into_iter().flatten()) {
            assert!((bound / expected - 1.0).abs() < 1e-9, "{name}: {bound} is not {expected}");
        }
    }
}

#[test]
fn bootstrap_intervals_of_a_median_are_scipys() {
    let reference = reference();
    for (name, bounds) in &reference.medians {
        for stream in [0, 7] {
            between(&Bootstrap::new(&reference.samples[name].values, stream).unwrap().interval(), bounds, name);
        }
    }
}

#[test]
fn bootstrap_intervals_of_a_ratio_of_medians_are_scipys() {
    let reference = reference();
    let resampled = |name: &str, stream| Bootstrap::new(&reference.samples[name].values, stream).unwrap();
    for ratio in &reference.ratios {
        let what = format!("{} over {}", ratio.b, ratio.a);
        for (of_a, of_b) in [(0, 1), (5, 3)] {
            let found = resampled(&ratio.b, of_b).ratio_to(&resampled(&ratio.a, of_a)).unwrap();
            near(found.median, ratio.ratio, &what);
            between(&found, &ratio.bounds, &what);
        }
    }
}

/// Both lose digits if sizes hardly differ, each in its own way: 10 digits agree.
#[test]
fn least_squares_lines_are_scipys_linregress() {
    for points in reference().lines {
        let mut fit = LeastSquares::default();
        for (x, y) in points.x.iter().zip(&points.y) {
            fit.add(*x, *y);
        }
        let line = fit.line().unwrap();
        assert!((line.slope / points.slope - 1.0).abs() < 1e-10, "{}: {line:?}", points.name);
        assert!((line.intercept / points.intercept - 1.0).abs() < 1e-10, "{}: {line:?}", points.name);
    }
}

#[test]
fn a_point_added_several_times_weighs_as_in_numpys_polyfit() {
    let points = reference().weighted_line;
    let mut fit = LeastSquares::default();
    for ((x, y), count) in points.x.iter().zip(&points.y).zip(points.counts) {
        let mut one = LeastSquares::default();
        (0..count).for_each(|_| one.add(*x, *y));
        fit.merge(&one);
    }
    let line = fit.line().unwrap();
    near(line.slope, points.slope, "slope");
    assert!((line.intercept / points.intercept - 1.0).abs() < 1e-10, "{line:?}");
}
