//! Two runs, each on hosts of its own.

use dicomperf::comparison::Spread;
use dicomperf::statistics::{Bootstrap, Interval, median};
use dicomperf::verdict::{BaselineComparison, Comparison};
use serde_json::{Value, json};

use crate::noise::Noise;
use crate::shares;

const TRIALS: u64 = 4000;
/// Between iterations on one pair of hosts, relative.
const ITERATION_SPREAD: f64 = 0.02;
/// Iterations of a run.
const ITERATIONS: usize = 10;
/// Numbers of earlier runs in the history; 0 is none, where the spread is assumed.
const EARLIER: [usize; 4] = [0, 5, 10, 20];
/// Slowdowns that are to be found: what remains of the throughput.
const SLOW: [f64; 3] = [0.9, 0.8, 0.5];

/// By what hosts really differ, and by the number of earlier runs.
pub fn judged() -> Vec<Value> {
    [0.02, 0.05, 0.1].into_iter().flat_map(by_history).collect()
}

fn by_history(host_spread: f64) -> Vec<Value> {
    let run = |noise: &mut Noise, speed: f64| {
        let hosts = noise.around(speed, host_spread);
        noise.sample(ITERATIONS, hosts, ITERATION_SPREAD)
    };
    let by_number = shares(TRIALS, |noise| {
        let earlier: [f64; EARLIER[3]] = std::array::from_fn(|_| median(&run(noise, 100.0)).unwrap());
        let a = Bootstrap::new(&run(noise, 100.0), 0).unwrap();
        let ratio = |noise: &mut Noise, speed| Bootstrap::new(&run(noise, speed), 1).unwrap().ratio_to(&a).unwrap();
        let alike = ratio(noise, 100.0);
        let slow = SLOW.map(|speed| ratio(noise, 100.0 * speed));
        EARLIER.map(|runs| {
            let spread = match runs {
                0 => Spread::assumed(),
                _ => Spread::measured(&BaselineComparison::new(0, None, &earlier[..runs])).unwrap(),
            };
            let verdict = |ratio: &Interval| Comparison::of_ratio(&spread.between(ratio));
            let [by_10, by_20, by_50] = slow.map(|ratio| verdict(&ratio) == Comparison::Regressed);
            let changed = matches!(verdict(&alike), Comparison::Regressed | Comparison::Improved);
            [changed, by_10, by_20, by_50]
        })
    });
    EARLIER
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
