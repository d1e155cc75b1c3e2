//! The error rates of the verdict within a run, on real transfers: 200 comparisons of equal scenarios, and 200 with a
//! scenario that is 10% slower.
//!
//! The agent's own sender sends the same instances to two sinks in turn, as the scenarios of a block are measured. Each
//! sink answers after a delay, in place of a server's work. The code that judges a run judges the rates, on the same
//! data that a run would have. The last line of output is one JSON object.

#![allow(missing_docs, clippy::unwrap_used, dead_code, unused_imports)]

#[path = "../../agent/tests/agent/harness/mod.rs"]
mod harness;

use dicomperf_analysis::verdict::judge_ratio;
use std::path::Path;
use std::time::Duration;

use dicomperf_agent::native::SendDocument;
use dicomperf_agent::sink::SinkDocument;
use dicomperf_model::plan;
use dicomperf_model::request::{Modality, Synthetic};
use dicomperf_model::results::Change;
use dicomperf_model::statistics::{Bootstrap, median};
use harness::sender::{Instances, send};
use harness::sink::{SinkProcess, plain};
use serde_json::json;

const COMPARISONS: u64 = 200;
/// Counted iterations per scenario: 5 in each of 2 rounds, the defaults of a request.
const ITERATIONS: u32 = 10;
const INSTANCES: u32 = 30;
/// The time of a server's work on one instance.
const SERVER_DELAY: Duration = Duration::from_micros(1500);
/// The relative slowdown of the slow sink.
const SLOWDOWN: f64 = 0.10;

/// A sink and the document that sends to it.
struct Side {
    _sink: SinkProcess,
    document: SendDocument,
}

impl Side {
    fn start(instances: &Instances, delay: Duration) -> Self {
        let delay_us = u64::try_from(delay.as_micros()).unwrap();
        let sink = SinkProcess::start(SinkDocument { max_pdu: 16_384, delay_us, ..plain() });
        Self { document: instances.document(sink.document.dicom_port, 1), _sink: sink }
    }

    /// Instances per second of one iteration, from the first request to the last response.
    fn rate(&self) -> f64 {
        let associations = send(&self.document).succeeds();
        let stores: Vec<_> = associations.iter().flat_map(|association| &association.stores).collect();
        assert!(stores.len() == INSTANCES as usize);
        let first = stores.iter().map(|store| store.requested_us).min().unwrap();
        let last = stores.iter().filter_map(|store| Some(store.response.as_ref()?.0)).max().unwrap();
        f64::from(INSTANCES) / ((last - first) as f64 / 1e6)
    }
}

/// Measures and judges two sides like the two scenarios of a block.
fn compare(sides: [&Side; 2]) -> (Change, f64) {
    let mut rates = [Vec::new(), Vec::new()];
    for iteration in 0..ITERATIONS {
        for side in plan::scenario_order(2, iteration) {
            rates[side].push(sides[side].rate());
        }
    }
    let [a, b] = [0, 1].map(|side| Bootstrap::new(&rates[side], side as u64).unwrap());
    let ratio = b.ratio_to(&a).unwrap();
    (judge_ratio(&ratio), ratio.median)
}

fn main() {
    tempfile::env::override_temp_dir(Path::new("/dev/shm")).unwrap();
    let spec = Synthetic { modality: Modality::Pt, instances: INSTANCES, ..Synthetic::default() };
    let instances = Instances::synthetic(&spec);

    let base = Side::start(&instances, SERVER_DELAY);
    let alike = Side::start(&instances, SERVER_DELAY);
    base.rate();
    let mut rates: Vec<f64> = (0..40).map(|_| base.rate()).collect();
    let instance_us = 1e6 / median(&rates).unwrap();
    rates.sort_by(f64::total_cmp);
    // The whole C-STORE takes a tenth longer, not only the delay.
    let slow = Side::start(&instances, SERVER_DELAY + Duration::from_secs_f64(instance_us * SLOWDOWN / 1e6));
    slow.rate();

    let (mut aa_false, mut found, mut slower) = (0, 0, Vec::new());
    for comparison in 0..COMPARISONS {
        let (verdict, _) = compare([&base, &alike]);
        aa_false += u32::from(matches!(verdict, Change::Regressed | Change::Improved));
        let (verdict, ratio) = compare([&base, &slow]);
        found += u32::from(verdict == Change::Regressed);
        slower.push(ratio);
        if comparison % 20 == 19 {
            eprintln!("{} of {COMPARISONS}: {aa_false} false, {found} found", comparison + 1);
        }
    }
    let figures = json!({
        "aa_false_of_200": aa_false,
        "slowdown_found_of_200": found,
        "slow_over_base": (median(&slower).unwrap() * 1e3).round() / 1e3,
        "instance_us": instance_us.round(),
        "iteration_spread": ((rates[34] / rates[5] - 1.0) * 1e3).round() / 1e3,
        "iterations_a_side": ITERATIONS,
        "instances": INSTANCES,
    });
    println!("{figures}");
}
