//! Scenarios of one run against each other.

use dicomperf::statistics::Bootstrap;
use dicomperf::verdict::Comparison;
use serde_json::{Value, json};

use crate::noise::Noise;
use crate::{SLOW, shares};

const TRIALS: u64 = 1000;

/// Scenarios that differ in a setting of the client: interleaved, so that they share hosts, restarts and time.
pub fn iterations() -> Vec<Value> {
    let mut found = Vec::new();
    for spread in [0.01, 0.02, 0.05] {
        for (iterations, rounds) in [(5, 2), (10, 2)] {
            let made = |noise: &mut Noise, speed| noise.sample(iterations * rounds, speed, spread);
            let [false_verdicts, by_10, equivalent] = judged(made);
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

/// Scenarios that differ in a setting of the server: each of its starts may be a little faster or slower, of which the
/// interval, made from iterations, knows little.
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
            let [false_verdicts, by_10, equivalent] = judged(made);
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

/// False verdicts of what is alike, slowdowns of 10% found, and how often what is alike is called equivalent.
fn judged(made: impl Fn(&mut Noise, f64) -> Vec<f64> + Sync) -> [Value; 3] {
    let [shares] = shares(TRIALS, |noise| {
        let mut scenario = |speed, number| Bootstrap::new(&made(noise, speed), number).unwrap();
        let first = scenario(100.0, 0);
        let [alike, slow] = [1.0, SLOW[0]].map(|speed| {
            let other = scenario(100.0 * speed, 1);
            Comparison::of_ratio(&other.ratio_to(&first).unwrap())
        });
        [[
            matches!(alike, Comparison::Regressed | Comparison::Improved),
            slow == Comparison::Regressed,
            alike == Comparison::Equivalent,
        ]]
    });
    shares
}
