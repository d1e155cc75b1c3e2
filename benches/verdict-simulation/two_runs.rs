//! Two runs on different hosts.

use dicomperf_analysis::two_runs::Spread;
use dicomperf_analysis::verdict::{compare_with_history, judge_ratio};
use dicomperf_model::results::Change;
use dicomperf_model::statistics::{Bootstrap, Interval, median};
use serde_json::{Value, json};

use crate::noise::Noise;
use crate::shares;

const TRIALS: u64 = 4000;
/// The relative spread between iterations on one pair of hosts.
const ITERATION_SPREAD: f64 = 0.02;
/// Iterations of a run.
const ITERATIONS: usize = 10;
/// Numbers of earlier runs in the history. With 0 runs the spread is assumed.
const EARLIER_RUNS: [usize; 4] = [0, 5, 10, 20];
/// The slowdowns to find, as the remaining share of the throughput.
const SLOW_SPEEDS: [f64; 3] = [0.9, 0.8, 0.5];

/// Shares of wrong and right verdicts, by the true spread of hosts and the number of earlier runs.
pub fn verdict_shares() -> Vec<Value> {
    [0.02, 0.05, 0.1].into_iter().flat_map(by_history).collect()
}

fn by_history(host_spread: f64) -> Vec<Value> {
    let run = |noise: &mut Noise, speed: f64| {
        let hosts = noise.around(speed, host_spread);
        noise.sample(ITERATIONS, hosts, ITERATION_SPREAD)
    };
    let by_number = shares(TRIALS, |noise| {
        let earlier: [f64; EARLIER_RUNS[3]] = std::array::from_fn(|_| median(&run(noise, 100.0)).unwrap());
        let a = Bootstrap::new(&run(noise, 100.0), 0).unwrap();
        let ratio = |noise: &mut Noise, speed| Bootstrap::new(&run(noise, speed), 1).unwrap().ratio_to(&a).unwrap();
        let alike = ratio(noise, 100.0);
        let slow = SLOW_SPEEDS.map(|speed| ratio(noise, 100.0 * speed));
        EARLIER_RUNS.map(|runs| {
            let spread = match runs {
                0 => Spread::assumed(),
                _ => Spread::measured(&compare_with_history(0, None, &earlier[..runs])).unwrap(),
            };
            let verdict = |ratio: &Interval| judge_ratio(&spread.between(ratio));
            let [by_10, by_20, by_50] = slow.map(|ratio| verdict(&ratio) == Change::Regressed);
            let changed = matches!(verdict(&alike), Change::Regressed | Change::Improved);
            [changed, by_10, by_20, by_50]
        })
    });
    EARLIER_RUNS
        .into_iter()
        .zip(by_number)
        .map(|(runs, [false_verdicts, by_10, by_20, by_50])| {
            eprintln!("two runs, hosts {host_spread}, {runs} earlier: {false_verdicts} {by_10} {by_20} {by_50}");
            json!({
                "host_spread": host_spread, "iteration_spread": ITERATION_SPREAD, "iterations": ITERATIONS,
                "earlier_runs": runs, "pairs": TRIALS, "false_verdicts": false_verdicts,
                "slowdown_10_found": by_10, "slowdown_20_found": by_20, "slowdown_50_found": by_50,
            })
        })
        .collect()
}
