//! Our own SCU against DCMTK's senders, an SCU on dicom-ul and iperf3, on loopback and tmpfs, in turn. Whole processes
//! are timed. The result is the median over the rounds of the ratios within a round. The last line of output is one
//! JSON object.

#![allow(missing_docs, clippy::unwrap_used, dead_code, unused_imports)]

#[path = "../../agent/tests/agent/harness/mod.rs"]
mod harness;
mod iperf3;
mod large;
mod sides;

use std::path::Path;

use harness::sender::Instances;
use harness::sink::{SinkProcess, plain};
use harness::storescp::Storescp;
use serde_json::json;
use sides::Sides;

const INSTANCES: u32 = 2000;
/// Counted rounds, unless DICOMPERF_ROUNDS sets another number.
const ROUNDS: usize = 10;
const PEERS: [&str; 4] = ["native", "storescu", "dcmsend", "dicom_ul"];

fn main() {
    // A missing tool must fail the benchmark now, not after minutes.
    iperf3::require();
    assert!(sides::dicom_ul_scu().exists(), "cargo build --package dicomperf-agent --bins --example dicom-ul-scu");
    tempfile::env::override_temp_dir(Path::new("/dev/shm")).unwrap();
    eprintln!("{INSTANCES} synthetic CT are made");
    let instances = Instances::explicit(INSTANCES);
    let sides = Sides::new(&instances);
    let nowhere = tempfile::tempdir().unwrap();
    let default = Storescp::start(nowhere.path(), &["--ignore"]);
    let large_pdu = Storescp::start(nowhere.path(), &["--ignore", "--max-pdu", "131072"]);
    let sink = SinkProcess::start(plain());
    let sink_port = sink.document.dicom_port;
    let iperf3 = iperf3::Server::start();

    let mut measured = Measured::default();
    let rounds = std::env::var("DICOMPERF_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    for round in 0..=rounds {
        // To storescp, which announces 16,384.
        let times = run_in_turn(
            round,
            [
                &|| sides.native(default.port, 1),
                &|| sides.storescu(default.port),
                &|| sides.dcmsend(default.port),
                &|| sides.dicom_ul(default.port),
            ],
        );
        // To storescp, which announces 131,072.
        let times_128k = run_in_turn(
            round,
            [
                &|| sides.native(large_pdu.port, 1),
                &|| sides.storescu(large_pdu.port),
                &|| sides.dcmsend(large_pdu.port),
                &|| sides.dicom_ul(large_pdu.port),
            ],
        );
        // To the null SCP, which announces no limit.
        let to_sink = run_in_turn(
            round,
            [
                &|| sides.native(sink_port, 1),
                &|| sides.storescu(sink_port),
                &|| sides.native(sink_port, 8),
                &|| iperf3.seconds(sides.bytes),
                &|| sides.dicom_ul(sink_port),
            ],
        );
        let count = u64::from(INSTANCES);
        assert_eq!(sink.counted().count, 4 * count, "something was not received");
        sink.clear();
        if round == 0 {
            // The first round only fills the caches.
            continue;
        }
        eprintln!("round {round}: {times:.3?} {times_128k:.3?} {to_sink:.3?}");
        measured.default.push(times);
        measured.large_pdu.push(times_128k);
        measured.sink.push(to_sink);
    }
    let large = large::send(sink_port);
    println!("{}", measured.figures(sides.bytes, &large));
}

/// The seconds of each sender in each round.
#[derive(Default)]
struct Measured {
    /// native, storescu, dcmsend, dicom-ul
    default: Vec<[f64; 4]>,
    /// native, storescu, dcmsend, dicom-ul
    large_pdu: Vec<[f64; 4]>,
    /// native, storescu, native with 8 associations, iperf3, dicom-ul
    sink: Vec<[f64; 5]>,
}

impl Measured {
    fn figures(&self, bytes: u64, large: &large::Large) -> serde_json::Value {
        #[expect(clippy::cast_precision_loss, reason = "a gigabyte")]
        let gigabytes = bytes as f64 / 1e9;
        let speeds = |seconds: Vec<f64>| round_figure(gigabytes / median(seconds));
        let best = |rounds: &[[f64; 4]]| ratio(rounds, 1, 0).min(ratio(rounds, 2, 0));
        json!({
            "native_over_best_peer": round_figure(best(&self.default)),
            "native_over_best_peer_128k": round_figure(best(&self.large_pdu)),
            "native_over_storescu": round_figure(ratio(&self.sink, 1, 0)),
            "native_over_dicom_ul": round_figure(ratio(&self.sink, 4, 0)),
            "native_over_dicom_ul_16k": round_figure(ratio(&self.default, 3, 0)),
            "native_over_dicom_ul_128k": round_figure(ratio(&self.large_pdu, 3, 0)),
            "native_over_iperf3": round_figure(ratio(&self.sink, 3, 0)),
            "scale_8": round_figure(ratio(&self.sink, 0, 2)),
            "peak_rss_mb": round_figure(large.peak_rss_mb),
            "gigabytes_per_second": {
                "storescp": names(PEERS, columns(&self.default).map(speeds)),
                "storescp_128k": names(PEERS, columns(&self.large_pdu).map(speeds)),
                "sink": names(["native", "storescu", "native_8", "iperf3", "dicom_ul"], columns(&self.sink).map(speeds)),
                "one_object_of_500_mb": round_figure(large.gigabytes_per_second),
            },
            "rounds": self.default.len(),
            "instances": INSTANCES,
        })
    }
}

/// Runs every sender once. Each round begins with another sender.
fn run_in_turn<const N: usize>(round: usize, sides: [&dyn Fn() -> f64; N]) -> [f64; N] {
    let mut seconds = [0.0; N];
    for place in 0..N {
        let side = (round + place) % N;
        seconds[side] = sides[side]();
    }
    seconds
}

fn columns<const N: usize>(rounds: &[[f64; N]]) -> [Vec<f64>; N] {
    std::array::from_fn(|side| rounds.iter().map(|round| round[side]).collect())
}

fn names<const N: usize>(names: [&str; N], values: [f64; N]) -> serde_json::Value {
    names
        .iter()
        .zip(values)
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The median over the rounds of one sender's time divided by another's.
fn ratio<const N: usize>(rounds: &[[f64; N]], longer: usize, shorter: usize) -> f64 {
    median(rounds.iter().map(|round| round[longer] / round[shorter]).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

fn round_figure(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
