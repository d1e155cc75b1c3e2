//! `dicomperf measure` against its own sender timed by hand, on loopback and tmpfs, in turn, for servers of five kinds.
//!
//! By hand means the same `dicomperf send` process, with the same number of new instances of the same size, from before
//! its start to after its end. `measure` reports the same time as `durationMs`. The last line of output is one JSON object.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

#[path = "../../agent/tests/agent/harness/mod.rs"]
mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use dicomperf_agent::native::SendDocument;
use dicomperf_model::request::Synthetic;
use dicomperf_model::results::Summary;
use dicomperf_model::statistics::{Bootstrap, Interval};
use harness::archives::ArchiveProcess;
use harness::orthanc::{OrthancProcess, settings};
use harness::sender::Instances;
use harness::sink::{SinkProcess, plain};
use harness::storescp::Storescp;
use serde_json::{Value, json};

/// Counted pairs of each server, unless DICOMPERF_PAIRS sets another number.
const PAIRS: u32 = 30;
const INSTANCES: u32 = 50;
/// Instances to the sink without a limit on its PDUs, as `bench-native` sends them.
const MANY_INSTANCES: u32 = 2000;

/// A server, and the way to measure it.
struct Server {
    name: &'static str,
    ae_title: &'static str,
    port: u16,
    receipt: &'static str,
}

fn main() {
    assert!(dicomperf().exists(), "cargo build --release --package dicomperf-cli, and DICOMPERF names the binary");
    tempfile::env::override_temp_dir(Path::new("/dev/shm")).unwrap();
    let pairs = std::env::var("DICOMPERF_PAIRS").map_or(PAIRS, |text| text.parse().unwrap());
    let orthanc = OrthancProcess::start(settings(true, false, &[("DicomAlwaysAllowFind", json!(true))]));
    let sink = SinkProcess::start(plain());
    let dcmqrscp = ArchiveProcess::dcmqrscp("ANY");
    let nowhere = tempfile::tempdir().unwrap();
    let storescp = Storescp::start(nowhere.path(), &["--ignore"]);
    let qrscp = ArchiveProcess::qrscp();
    let server = |name, ae_title, port, receipt| Server { name, ae_title, port, receipt };
    let mut servers = vec![
        server("orthanc", "ORTHANC", orthanc.address.dicom_port, "c-find"),
        server("sink", "SINK", sink.document.dicom_port, "none"),
        server("dcmqrscp", "PACS", dcmqrscp.port, "c-find"),
        server("storescp", "STORESCP", storescp.port, "none"),
    ];
    match &qrscp {
        Some(qrscp) => servers.push(server("qrscp", "QRSCP", qrscp.port, "c-find")),
        None => eprintln!("no pynetdicom: qrscp is left out"),
    }
    let compared: serde_json::Map<_, _> =
        servers.iter().map(|server| (server.name.to_owned(), compare(server, INSTANCES, 16_384, pairs))).collect();
    let fast = server("sink", "SINK", sink.document.dicom_port, "none");
    // The greatest PDU that a request allows; bench-native's to the sink has no limit.
    let fastest = compare(&fast, MANY_INSTANCES, 131_072, pairs);
    println!("{}", json!({ "measure_over_by_hand": compared, "sink_2000_ct": fastest, "instances": INSTANCES }));
}

/// Measures and times by hand in turn. Each pair begins with the other side.
fn compare(server: &Server, instances: u32, max_pdu: u32, pairs: u32) -> Value {
    let (mut measured, mut by_hand) = (Vec::new(), Vec::new());
    let mut megabytes = 0.0;
    for pair in 0..=pairs {
        let seed = u64::from(pair) * 2;
        let (in_measure, in_hand) = if pair % 2 == 0 {
            let in_measure = measure_ms(server, instances, max_pdu, seed);
            (in_measure, by_hand_ms(server, instances, max_pdu, seed + 1))
        } else {
            let in_hand = by_hand_ms(server, instances, max_pdu, seed + 1);
            (measure_ms(server, instances, max_pdu, seed), in_hand)
        };
        megabytes = in_measure.1;
        eprintln!("{} pair {pair}: measure {:.1} ms, by hand {in_hand:.1} ms", server.name, in_measure.0);
        // The first pair only fills the caches.
        if pair > 0 {
            measured.push(in_measure.0);
            by_hand.push(in_hand);
        }
    }
    let (measured, by_hand) = (Bootstrap::new(&measured, 1).unwrap(), Bootstrap::new(&by_hand, 2).unwrap());
    let ratio = measured.ratio_to(&by_hand).unwrap();
    let gigabytes_per_second = |milliseconds: f64| round_figure(megabytes / milliseconds);
    json!({
        "ratio": rounded(ratio),
        "measure_ms": rounded(measured.interval()),
        "by_hand_ms": rounded(by_hand.interval()),
        "measure_gigabytes_per_second": gigabytes_per_second(measured.interval().median),
        "by_hand_gigabytes_per_second": gigabytes_per_second(by_hand.interval().median),
        "pairs": pairs,
    })
}

/// One iteration by `dicomperf measure`: its duration in ms, and its megabytes.
fn measure_ms(server: &Server, instances: u32, max_pdu: u32, seed: u64) -> (f64, f64) {
    let directory = tempfile::tempdir().unwrap();
    let request = json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": instances, "seed": seed } },
        "matrix": { "associations": [1], "maxPdu": [max_pdu] },
        "iterations": 1, "warmup": 0,
    });
    let path = directory.path().join("request.json");
    std::fs::write(&path, request.to_string()).unwrap();
    let mut command = Command::new(dicomperf());
    command.arg("measure").arg(format!("{}@127.0.0.1:{}", server.ae_title, server.port)).arg(path);
    command.args(["--receipt", server.receipt, "--json", "--yes", "--out"]).arg(directory.path().join("out"));
    command.env("XDG_STATE_HOME", directory.path()).env("TMPDIR", "/dev/shm").stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Summary = serde_json::from_slice(&output.stdout).unwrap();
    let iteration = &report.scenarios[0].iterations[0];
    #[expect(clippy::cast_precision_loss, reason = "a gigabyte")]
    let megabytes = iteration.bytes_sent as f64 / 1e6;
    (iteration.duration_ms, megabytes)
}

/// The whole process of the same sender, in ms.
fn by_hand_ms(server: &Server, instances: u32, max_pdu: u32, seed: u64) -> f64 {
    let instances = Instances::synthetic(&Synthetic { instances, seed, ..Synthetic::default() });
    let document =
        SendDocument { max_pdu, called_ae_title: server.ae_title.to_owned(), ..instances.document(server.port, 1) };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("send.json");
    std::fs::write(&path, serde_json::to_vec(&document).unwrap()).unwrap();
    let mut command = Command::new(dicomperf());
    command.arg("send").arg(path).arg("--out").arg(directory.path().join("out.json")).stdin(Stdio::null());
    let started = Instant::now();
    let status = command.status().unwrap();
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    assert!(status.success());
    milliseconds
}

fn dicomperf() -> PathBuf {
    std::env::var_os("DICOMPERF").map_or_else(|| "target/release/dicomperf".into(), PathBuf::from)
}

fn rounded(interval: Interval) -> Value {
    json!([round_figure(interval.median), round_figure(interval.low), round_figure(interval.high)])
}

fn round_figure(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
