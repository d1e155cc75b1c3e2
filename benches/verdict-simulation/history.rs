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

/// Numbers of earlier runs.
const EARLIER: [usize; 3] = [5, 10, 20];

/// By the number of earlier runs.
pub fn against_earlier_runs() -> Vec<Value> {
    let by_number = shares(TRIALS, |noise| {
        let earlier: [f64; EARLIER[2]] = std::array::from_fn(|_| median(&run(noise, 100.0, ITERATIONS)).unwrap());
        let current = [1.0, SLOW[0], SLOW[1]]
            .map(|speed| Bootstrap::new(&run(noise, 100.0 * speed, ITERATIONS), 0).unwrap().interval());
        EARLIER.map(|runs| {
            let [alike, slow, slower] =
                current.map(|current| BaselineComparison::new(0, Some(&current), &earlier[..runs]).verdict);
            [
                matches!(alike, Comparison::Regressed | Comparison::Improved),
                alike == Comparison::Regressed,
                slow == Comparison::Regressed,
                slower == Comparison::Regressed,
            ]
        })
    });
    EARLIER
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

/// The wrong way: the interval of a ratio from the iterations of two runs that do not differ, taken for samples.
pub fn pooled() -> Vec<Value> {
    [5, 20]
        .map(|iterations| {
            let [[different, verdicts]] = shares(TRIALS, |noise| {
                let [a, b] = [0, 1].map(|number| Bootstrap::new(&run(noise, 100.0, iterations), number).unwrap());
                let ratio = b.ratio_to(&a).unwrap();
                let verdict = Comparison::of_ratio(&ratio);
                [[ratio.high < 1.0 || ratio.low > 1.0, matches!(verdict, Comparison::Regressed | Comparison::Improved)]]
            });
            eprintln!("iterations of two runs pooled, {iterations}: {different} {verdicts}");
            json!({
                "iterations": iterations, "host_spread": HOST_SPREAD, "iteration_spread": ITERATION_SPREAD,
                "pairs": TRIALS, "intervals_without_1": different, "false_verdicts": verdicts,
            })
        })
        .to_vec()
}
