//! How often the verdict is wrong, by simulation: runs that were never run, judged by the code that judges real ones.
//!
//! Throughputs have log-normal noise: between hosts, between restarts of the server and between iterations. Every pair
//! is judged thrice: against one that is alike, which a good verdict seldom calls changed, and against one that is 10%
//! and one that is 20% slower. The last line is one JSON object, in which every share is between 0 and 1.

#![allow(missing_docs, clippy::unwrap_used)]

mod history;
mod intervals;
mod noise;
mod within;

use std::thread;

use serde_json::{Value, json};

use crate::noise::Noise;

/// Slowdowns that are to be found: what remains of the throughput.
const SLOW: [f64; 2] = [0.9, 0.8];

fn main() {
    let figures = json!({
        "within_run": within::iterations(),
        "within_run_with_restarts": within::restarts(),
        "history": history::against_earlier_runs(),
        "pooled_iterations_of_two_runs": history::pooled(),
        "intervals": intervals::coverage(),
        "outliers_among_clean_values": intervals::outliers(),
    });
    println!("{figures}");
}

/// The mean of what `trial` answers, place by place, over `trials` of them; each has its own noise, the same every time.
fn shares<const N: usize>(trials: u64, trial: impl Fn(&mut Noise) -> [bool; N] + Sync) -> [Value; N] {
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let counts: Vec<[u32; N]> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let trial = &trial;
                scope.spawn(move || {
                    let mut counts = [0; N];
                    for seed in (worker..trials).step_by(workers as usize) {
                        for (count, answer) in counts.iter_mut().zip(trial(&mut Noise::new(seed))) {
                            *count += u32::from(answer);
                        }
                    }
                    counts
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    std::array::from_fn(|place| {
        let count: u32 = counts.iter().map(|of_worker| of_worker[place]).sum();
        json!((f64::from(count) / trials as f64 * 1e4).round() / 1e4)
    })
}
