//! A run against earlier runs, and what would be said of two runs if their iterations were pooled.

use dicomperf::statistics::{Bootstrap, median};
use dicomperf::verdict::{BaselineComparison, Comparison};
use serde_json::{Value, json};

use crate::noise::Noise;
use crate::{SLOW, shares};

const TRIALS: u64 = 4000;
/// Between pairs of hosts, relative.
const HOST_SPREAD: f64 = 0.05;
/// Between iterations on one pair of hosts, relative.
const ITERATION_SPREAD: f64 = 0.02;
/// Iterations of a run.
const ITERATIONS: usize = 10;

/// A run's iterations, on hosts of its own.
fn run(noise: &mut Noise, speed: f64, iterations: usize) -> Vec<f64> {
    let hosts = noise.around(speed, HOST_SPREAD);
    noise.sample(iterations, hosts, ITERATION_SPREAD)
}

/// By the number of earlier runs.
pub fn against_earlier_runs() -> Vec<Value> {
    [5, 10, 20]
        .map(|runs| {
            let [regressed, improved, by_10, by_20] = shares(TRIALS, |noise| {
                let earlier: Vec<_> = (0..runs).map(|_| median(&run(noise, 100.0, ITERATIONS)).unwrap()).collect();
                let [alike, slow, slower] = [1.0, SLOW[0], SLOW[1]].map(|speed| {
                    let current = Bootstrap::new(&run(noise, 100.0 * speed, ITERATIONS), 0).unwrap().interval();
                    BaselineComparison::new(0, Some(&current), &earlier).verdict
                });
                [
                    alike == Comparison::Regressed,
                    alike == Comparison::Improved,
                    slow == Comparison::Regressed,
                    slower == Comparison::Regressed,
                ]
            });
            eprintln!("{runs} earlier runs: {regressed} + {improved} {by_10} {by_20}");
            json!({
                "earlier_runs": runs, "host_spread": HOST_SPREAD, "iteration_spread": ITERATION_SPREAD,
                "iterations": ITERATIONS, "pairs": TRIALS,
                "false_regressed": regressed, "false_improved": improved,
                "false_verdicts": (regressed.as_f64().unwrap() * 1e4 + improved.as_f64().unwrap() * 1e4).round() / 1e4,
                "slowdown_10_found": by_10, "slowdown_20_found": by_20,
            })
        })
        .to_vec()
}

/// The wrong way: the interval of a ratio from the iterations of two runs that do not differ, taken for samples.
pub fn pooled() -> Vec<Value> {
    [5, 10, 20]
        .map(|iterations| {
            let [different, verdicts] = shares(TRIALS, |noise| {
                let [a, b] = [0, 1].map(|number| Bootstrap::new(&run(noise, 100.0, iterations), number).unwrap());
                let ratio = b.ratio_to(&a).unwrap();
                let verdict = Comparison::of_ratio(&ratio);
                [ratio.high < 1.0 || ratio.low > 1.0, matches!(verdict, Comparison::Regressed | Comparison::Improved)]
            });
            eprintln!("iterations of two runs pooled, {iterations}: {different} {verdicts}");
            json!({
                "iterations": iterations, "host_spread": HOST_SPREAD, "iteration_spread": ITERATION_SPREAD,
                "pairs": TRIALS, "intervals_without_1": different, "false_verdicts": verdicts,
            })
        })
        .to_vec()
}
