//! Properties of the statistics that hold for every sample, and comparisons with scipy.

#![allow(missing_docs, clippy::unwrap_used)]

mod intervals;
mod least_squares;
mod order;
mod reference;

use proptest::collection::{SizeRange, vec};
use proptest::prelude::Strategy;

/// Throughputs of one scenario: all positive, within 10% of 100.
fn rates(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    vec(90.0..110.0, size)
}

/// Figures of any size and sign, including ties.
fn figures(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    vec(proptest::prop_oneof![-1e9..1e9_f64, (-5..5_i32).prop_map(f64::from)], size)
}

/// True if two figures are equal within rounding. They were computed from values no larger than `size`.
fn near(found: f64, expected: f64, size: f64) -> bool {
    (found - expected).abs() <= 1e-12 * size.abs().max(expected.abs())
}

fn scaled(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|value| value * factor).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
}
