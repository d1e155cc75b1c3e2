//! Scenarios of one run against one another.

use dicomperf_analysis::verdict::judge_ratio;
use dicomperf_model::results::Change;
use dicomperf_model::statistics::Bootstrap;
use serde_json::{Value, json};

use crate::noise::Noise;
use crate::{SLOW_SPEEDS, shares};

const TRIALS: u64 = 1000;

/// Scenarios that differ in a setting of the client. They are interleaved, so they share hosts, restarts and time.
pub fn iterations() -> Vec<Value> {
    let mut found = Vec::new();
    for spread in [0.01, 0.02, 0.05] {
        for (iterations, rounds) in [(5, 2), (10, 2)] {
            let made = |noise: &mut Noise, speed| noise.sample(iterations * rounds, speed, spread);
            let [false_verdicts, by_10, equivalent] = verdict_shares(made);
            eprintln!("within a run at {spread}, {iterations} iterations x {rounds}: {false_verdicts} {by_10}");
            found.push(json!({
                "iteration_spread": spread, "iterations": iterations, "rounds": rounds, "pairs": TRIALS,
                "false_verdicts": false_verdicts, "slowdown_10_found": by_10,
                "alike_called_equivalent": equivalent,
            }));
        }
    }
    found
}

/// Scenarios that differ in a setting of the server. Each start of the server may be a little faster or slower, which
/// an interval from iterations reflects only partly.
pub fn restarts() -> Vec<Value> {
    let mut found = Vec::new();
    for restart_spread in [0.005, 0.01, 0.02] {
        for (iterations, rounds) in [(10, 2), (5, 4)] {
            let made = |noise: &mut Noise, speed| -> Vec<f64> {
                (0..rounds)
                    .flat_map(|_| {
                        let started = noise.around(speed, restart_spread);
                        noise.sample(iterations, started, 0.02)
                    })
                    .collect()
            };
            let [false_verdicts, by_10, equivalent] = verdict_shares(made);
            eprintln!("restarts at {restart_spread}, {iterations} x {rounds}: {false_verdicts} {by_10}");
            found.push(json!({
                "restart_spread": restart_spread, "iteration_spread": 0.02, "iterations": iterations,
                "rounds": rounds, "pairs": TRIALS, "false_verdicts": false_verdicts, "slowdown_10_found": by_10,
                "alike_called_equivalent": equivalent,
            }));
        }
    }
    found
}

/// The shares of false verdicts for equal scenarios, of slowdowns of 10% that are found, and of equal scenarios that
/// are called equivalent.
fn verdict_shares(made: impl Fn(&mut Noise, f64) -> Vec<f64> + Sync) -> [Value; 3] {
    let [shares] = shares(TRIALS, |noise| {
        let mut scenario = |speed, number| Bootstrap::new(&made(noise, speed), number).unwrap();
        let first = scenario(100.0, 0);
        let [alike, slow] = [1.0, SLOW_SPEEDS[0]].map(|speed| {
            let other = scenario(100.0 * speed, 1);
            judge_ratio(&other.ratio_to(&first).unwrap())
        });
        [[
            matches!(alike, Change::Regressed | Change::Improved),
            slow == Change::Regressed,
            alike == Change::Equivalent,
        ]]
    });
    shares
}
