//! The error rates of the verdict, by simulation. The code that judges real runs judges simulated ones.
//!
//! Throughputs have log-normal noise between hosts, between restarts of the server and between iterations. Equal
//! scenarios should seldom be called changed, and a slowdown of a tenth or a fifth should be found. The last line of
//! output is one JSON object, in which every share is between 0 and 1. Arguments name its fields to simulate; without
//! one, all are.

#![allow(missing_docs, clippy::unwrap_used)]

mod history;
mod intervals;
mod noise;
mod series;
mod two_runs;
mod within;

use std::thread;

use serde_json::{Map, Value, json};

use crate::noise::Noise;

/// The slowdowns to find, as the remaining share of the throughput.
const SLOW_SPEEDS: [f64; 2] = [0.9, 0.8];

/// A field of the output.
type Part = (&'static str, fn() -> Value);

const PARTS: [Part; 8] = [
    ("within_run", || json!(within::iterations())),
    ("within_run_with_restarts", || json!(within::restarts())),
    ("history", || json!(history::against_earlier_runs())),
    ("two_runs", || json!(two_runs::verdict_shares())),
    ("pooled_iterations_of_two_runs", || json!(history::pooled_iterations())),
    ("change_points", || json!(series::change_points())),
    ("intervals", || json!(intervals::coverage())),
    ("outliers_among_clean_values", || json!(intervals::outliers())),
];

fn main() {
    // Cargo passes options of its own, like --bench.
    let chosen: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for name in &chosen {
        assert!(PARTS.iter().any(|part| part.0 == name), "there is no part {name}");
    }
    let parts = PARTS.into_iter().filter(|part| chosen.is_empty() || chosen.iter().any(|name| name == part.0));
    let figures: Map<_, _> = parts.map(|(name, simulate)| (name.to_owned(), simulate())).collect();
    println!("{}", Value::Object(figures));
}

/// The share of `trials` in which each answer of `trial` was true. Each trial has its own noise, the same in every run.
fn shares<const N: usize, const M: usize>(
    trials: u64,
    trial: impl Fn(&mut Noise) -> [[bool; N]; M] + Sync,
) -> [[Value; N]; M] {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let counts: Vec<[[u32; N]; M]> = thread::scope(|scope| {
        let threads: Vec<_> = (0..trials.min(workers as u64))
            .map(|first| {
                let trial = &trial;
                scope.spawn(move || {
                    let mut counts = [[0; N]; M];
                    for seed in (first..trials).step_by(workers) {
                        let answers = trial(&mut Noise::new(seed));
                        for (count, answer) in counts.as_flattened_mut().iter_mut().zip(answers.as_flattened()) {
                            *count += u32::from(*answer);
                        }
                    }
                    counts
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    std::array::from_fn(|row| {
        std::array::from_fn(|place| {
            let count: u32 = counts.iter().map(|of_thread| of_thread[row][place]).sum();
            json!((f64::from(count) / trials as f64 * 1e4).round() / 1e4)
        })
    })
}
