//! The reliability of an interval from few iterations, and of an outlier's mark.

use dicomperf_model::statistics::{Bootstrap, MIN_FOR_OUTLIERS, outliers as flags};
use serde_json::{Value, json};

use crate::shares;

const TRIALS: u64 = 2000;

/// The share of 95% intervals that miss a true ratio of 1.
pub fn coverage() -> Vec<Value> {
    let mut found = Vec::new();
    for iterations in [3, 4, 5, 6, 10] {
        // The spread scales both sides, so it does not change the share of misses.
        let [[missed]] = shares(TRIALS, |noise| {
            let [a, b] = [0, 1].map(|number| Bootstrap::new(&noise.sample(iterations, 100.0, 0.05), number).unwrap());
            let ratio = b.ratio_to(&a).unwrap();
            [[ratio.high < 1.0 || ratio.low > 1.0]]
        });
        eprintln!("intervals from {iterations} iterations a side: {missed} missed");
        found.push(json!({ "iterations": iterations, "pairs": TRIALS, "true_ratio_missed": missed }));
    }
    found
}

/// The share of clean samples in which at least one value is marked.
pub fn outliers() -> Vec<Value> {
    [MIN_FOR_OUTLIERS, 6, 10, 20]
        .map(|iterations| {
            let [[marked]] = shares(TRIALS, |noise| [[flags(&noise.sample(iterations, 100.0, 0.02)).contains(&true)]]);
            json!({ "iterations": iterations, "samples": TRIALS, "with_a_mark": marked })
        })
        .to_vec()
}
