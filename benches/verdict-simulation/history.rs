//! A run against earlier runs, and the error of a verdict that pools the iterations of two runs.

use dicomperf_analysis::verdict::{compare_with_history, judge_ratio};
use dicomperf_model::results::Change;
use dicomperf_model::statistics::{Bootstrap, median};
use serde_json::{Value, json};

use crate::noise::Noise;
use crate::{SLOW_SPEEDS, shares};

const TRIALS: u64 = 4000;
/// The relative spread between pairs of hosts.
const HOST_SPREAD: f64 = 0.05;
/// The relative spread between iterations on one pair of hosts.
const ITERATION_SPREAD: f64 = 0.02;
/// Iterations of a run.
const ITERATIONS: usize = 10;

/// The iterations of a run on its own hosts.
fn run(noise: &mut Noise, speed: f64, iterations: usize) -> Vec<f64> {
    let hosts = noise.around(speed, HOST_SPREAD);
    noise.sample(iterations, hosts, ITERATION_SPREAD)
}

/// Numbers of earlier runs.
const EARLIER_RUNS: [usize; 3] = [5, 10, 20];

/// Shares of wrong and right verdicts, by the number of earlier runs.
pub fn against_earlier_runs() -> Vec<Value> {
    let by_number = shares(TRIALS, |noise| {
        let earlier: [f64; EARLIER_RUNS[2]] = std::array::from_fn(|_| median(&run(noise, 100.0, ITERATIONS)).unwrap());
        let current = [1.0, SLOW_SPEEDS[0], SLOW_SPEEDS[1]]
            .map(|speed| Bootstrap::new(&run(noise, 100.0 * speed, ITERATIONS), 0).unwrap().interval());
        EARLIER_RUNS.map(|runs| {
            let [alike, slow, slower] =
                current.map(|current| compare_with_history(0, Some(&current), &earlier[..runs]).verdict);
            [
                matches!(alike, Change::Regressed | Change::Improved),
                alike == Change::Regressed,
                slow == Change::Regressed,
                slower == Change::Regressed,
            ]
        })
    });
    EARLIER_RUNS
        .into_iter()
        .zip(by_number)
        .map(|(runs, [false_verdicts, false_regressed, by_10, by_20])| {
            eprintln!("{runs} earlier runs: {false_verdicts} {by_10} {by_20}");
            json!({
                "earlier_runs": runs, "host_spread": HOST_SPREAD, "iteration_spread": ITERATION_SPREAD,
                "iterations": ITERATIONS, "pairs": TRIALS, "false_verdicts": false_verdicts,
                "false_regressed": false_regressed, "slowdown_10_found": by_10, "slowdown_20_found": by_20,
            })
        })
        .collect()
}

/// The wrong method: the interval of a ratio that takes the iterations of two equal runs as independent samples.
pub fn pooled_iterations() -> Vec<Value> {
    [5, 20]
        .map(|iterations| {
            let [[different, verdicts]] = shares(TRIALS, |noise| {
                let [a, b] = [0, 1].map(|number| Bootstrap::new(&run(noise, 100.0, iterations), number).unwrap());
                let ratio = b.ratio_to(&a).unwrap();
                let verdict = judge_ratio(&ratio);
                [[ratio.high < 1.0 || ratio.low > 1.0, matches!(verdict, Change::Regressed | Change::Improved)]]
            });
            eprintln!("iterations of two runs pooled, {iterations}: {different} {verdicts}");
            json!({
                "iterations": iterations, "host_spread": HOST_SPREAD, "iteration_spread": ITERATION_SPREAD,
                "pairs": TRIALS, "intervals_without_1": different, "false_verdicts": verdicts,
            })
        })
        .to_vec()
}
