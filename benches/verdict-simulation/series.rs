//! The change points of a series of runs.

use dicomperf_analysis::change_points::segments;
use serde_json::{Value, json};

use crate::noise::Noise;
use crate::shares;

const TRIALS: u64 = 500;
/// Series without a step: more, because a mark in one of them is rare.
const TRIALS_WITHOUT_STEP: u64 = 4000;
/// The relative spread between runs.
const SPREAD: f64 = 0.03;

/// Shares of series in which a step is marked within two runs of its place, exactly once, and of series without a step
/// that have a mark.
pub fn change_points() -> Vec<Value> {
    let mut found = Vec::new();
    for (runs, at) in [(40, 20), (200, 100), (35, 30), (38, 30), (40, 30)] {
        for step in [0.95, 0.9, 0.8] {
            let [[placed, marked]] = shares(TRIALS, |noise| {
                let points = points(noise, runs, at, step);
                [[points.len() == 1 && points[0].abs_diff(at) <= 2, !points.is_empty()]]
            });
            eprintln!("a step to {step} before run {at} of {runs}: {placed} placed, {marked} marked");
            found.push(json!({
                "runs": runs, "step_before_run": at, "step": step, "spread": SPREAD, "series": TRIALS,
                "marked_within_two_runs": placed, "marked": marked,
            }));
        }
    }
    for runs in [25, 40, 100, 200] {
        let [[marked]] = shares(TRIALS_WITHOUT_STEP, |noise| [[!points(noise, runs, 0, 1.0).is_empty()]]);
        eprintln!("{runs} runs without a step: {marked} marked");
        found.push(
            json!({ "runs": runs, "step": 1, "spread": SPREAD, "series": TRIALS_WITHOUT_STEP, "marked": marked }),
        );
    }
    found
}

fn points(noise: &mut Noise, runs: usize, at: usize, step: f64) -> Vec<usize> {
    let values: Vec<f64> =
        (0..runs).map(|run| noise.around(if run < at { 100.0 } else { 100.0 * step }, SPREAD)).collect();
    segments(&values).iter().skip(1).map(|segment| segment.runs.start).collect()
}
