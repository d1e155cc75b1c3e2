//! How often the verdict within a run is wrong, on real transfers: 200 comparisons of scenarios that are alike, and 200
//! of one with another that is 10% slower.
//!
//! Two sinks take the same instances from the agent's own sender, by turns, as the scenarios of a block are measured; each
//! answers after a delay, in place of a server's work. What is judged, and by what code, is what a run would judge. The
//! last line is one JSON object.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

#[path = "../../agent/tests/agent/harness/mod.rs"]
mod harness;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use dicomperf::plan;
use dicomperf::request::{Modality, Synthetic};
use dicomperf::statistics::{Bootstrap, median};
use dicomperf::verdict::Comparison;
use dicomperf_agent::client::variant::Variant;
use dicomperf_agent::native::{Arrival, SendDocument};
use dicomperf_agent::server::echo::echo;
use dicomperf_agent::sink::SinkDocument;
use dicomperf_agent::timeline::Association;
use harness::{Run, free_port};
use serde_json::json;

const COMPARISONS: u64 = 200;
/// Counted iterations a scenario: 5 in each of 2 rounds, as a request has by default.
const ITERATIONS: u32 = 10;
const INSTANCES: u32 = 30;
/// A server's work on one instance.
const DELAY: Duration = Duration::from_micros(1500);
/// By how much the slow one is slower.
const SLOWDOWN: f64 = 0.10;

/// A sink, and what is sent to it.
struct Side {
    process: Child,
    document: SendDocument,
    path: std::path::PathBuf,
}

impl Side {
    fn start(run: &Run, name: &str, delay: Duration) -> Self {
        let (dicom_port, control_port) = (free_port(), free_port());
        let sink = SinkDocument {
            address: "127.0.0.1".to_owned(),
            dicom_port,
            control_port,
            ae_title: "SINK".to_owned(),
            max_pdu: 16_384,
            tcp_no_delay: true,
            tls: false,
            certificate: None,
            private_key: None,
            rest_user: "dicomperf".to_owned(),
            rest_password: "none".to_owned(),
            delay_us: u64::try_from(delay.as_micros()).unwrap(),
        };
        let path = run.state.path().join(format!("{name}.sink.json"));
        fs::write(&path, serde_json::to_vec(&sink).unwrap()).unwrap();
        let process = Command::new(agent()).arg("sink").arg(path).stderr(Stdio::null()).spawn().unwrap();
        let dataset = Variant::of(dicomperf::request::TransferSyntax::Original);
        let instances: dicomperf_agent::client::dataset::Dataset =
            serde_json::from_slice(&fs::read(run.home(&dataset.index)).unwrap()).unwrap();
        let document = SendDocument {
            address: "127.0.0.1".to_owned(),
            port: dicom_port,
            called_ae_title: "SINK".to_owned(),
            calling_ae_title: "DICOMPERF".to_owned(),
            max_pdu: 16_384,
            tcp_no_delay: true,
            tls: false,
            arrival: Arrival::Closed,
            instances_per_association: None,
            directory: run.home(&dataset.directory),
            lanes: vec![instances.instances],
        };
        let side = Self { process, document, path: run.state.path().join(format!("{name}.send.json")) };
        side.wait();
        fs::write(&side.path, serde_json::to_vec(&side.document).unwrap()).unwrap();
        side
    }

    fn wait(&self) {
        let server = dicomperf::step::ServerAddress {
            address: "127.0.0.1".to_owned(),
            dicom_port: self.document.port,
            rest_port: 0,
            ae_title: "SINK".to_owned(),
            rest_user: String::new(),
            rest_password: String::new(),
        };
        for _ in 0..100 {
            if echo(&server, None).is_ok() {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the sink does not answer");
    }

    /// Instances a second of one iteration, from the first request to the last response.
    fn rate(&self) -> f64 {
        let out = self.path.with_extension("out");
        let mut command = Command::new(agent());
        assert!(command.arg("send").arg(&self.path).arg("--out").arg(&out).status().unwrap().success());
        let associations: Vec<Association> = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
        let stores: Vec<_> = associations.iter().flat_map(|association| &association.stores).collect();
        assert!(stores.len() == INSTANCES as usize && stores.iter().all(|store| store.succeeded()));
        let first = stores.iter().map(|store| store.requested_us).min().unwrap();
        let last = stores.iter().filter_map(|store| Some(store.response.as_ref()?.0)).max().unwrap();
        f64::from(INSTANCES) / ((last - first) as f64 / 1e6)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn agent() -> std::ffi::OsString {
    std::env::var_os("DICOMPERF_AGENT").unwrap_or_else(|| env!("CARGO_BIN_EXE_dicomperf-agent").into())
}

/// As a block's two scenarios are measured and judged.
fn compare(sides: [&Side; 2]) -> (Comparison, f64) {
    let mut rates = [Vec::new(), Vec::new()];
    for iteration in 0..ITERATIONS {
        for side in plan::turn(2, iteration) {
            rates[side].push(sides[side].rate());
        }
    }
    let [a, b] = [0, 1].map(|side| Bootstrap::new(&rates[side], side as u64).unwrap());
    let ratio = b.ratio_to(&a).unwrap();
    (Comparison::of_ratio(&ratio), ratio.median)
}

fn main() {
    tempfile::env::override_temp_dir(Path::new("/dev/shm")).unwrap();
    let run = Run::new();
    let spec = Synthetic { modality: Modality::Pt, instances: INSTANCES, ..Synthetic::default() };
    run.configure_client(dicomperf::step::DatasetSource::Synthetic(spec)).succeeds();

    let base = Side::start(&run, "base", DELAY);
    let alike = Side::start(&run, "alike", DELAY);
    base.rate();
    let mut rates: Vec<f64> = (0..40).map(|_| base.rate()).collect();
    let instance_us = 1e6 / median(&rates).unwrap();
    rates.sort_by(f64::total_cmp);
    // The whole of it a tenth longer, not only the delay.
    let slow = Side::start(&run, "slow", DELAY + Duration::from_secs_f64(instance_us * SLOWDOWN / 1e6));
    slow.rate();

    let (mut aa_false, mut found, mut slower) = (0, 0, Vec::new());
    for comparison in 0..COMPARISONS {
        let (verdict, _) = compare([&base, &alike]);
        aa_false += u32::from(matches!(verdict, Comparison::Regressed | Comparison::Improved));
        let (verdict, ratio) = compare([&base, &slow]);
        found += u32::from(verdict == Comparison::Regressed);
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
