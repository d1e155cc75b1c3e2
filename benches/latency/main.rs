//! C-STORE times that our own SCU and storescu report, against a packet capture of the same exchanges on loopback. The
//! last line of output is one JSON object.

#![allow(missing_docs, clippy::unwrap_used, dead_code, unused_imports)]

mod capture;
#[path = "../../agent/tests/agent/harness/mod.rs"]
mod harness;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use capture::{Capture, Exchange};
use dicomperf_agent::native::SendDocument;
use harness::sender::{Instances, send};
use harness::sink::{SinkProcess, plain};
use harness::storescp::Storescp;
use serde_json::json;

const INSTANCES: u32 = 300;
const ROUNDS: usize = 3;

/// The reported times of request and response, in us since 1970-01-01 UTC.
type Reported = Vec<(u64, u64)>;

fn main() {
    capture::require();
    tempfile::env::override_temp_dir(Path::new("/dev/shm")).unwrap();
    let instances = Instances::explicit(INSTANCES);
    let nowhere = tempfile::tempdir().unwrap();
    let sink = SinkProcess::start(plain());
    let storescp = Storescp::start(nowhere.path(), &["--ignore"]);
    let mut errors = Errors::default();
    for round in 1..=ROUNDS {
        for port in [sink.document.dicom_port, storescp.port] {
            for (name, sender, errors) in [
                ("native", &native as &dyn Fn(&Instances, u16) -> Reported, &mut errors.native),
                ("storescu", &storescu, &mut errors.storescu),
            ] {
                let capture = Capture::start(port);
                let reported = sender(&instances, port);
                let exchanges = capture.exchanges();
                let here = errors_ms(&reported, &exchanges);
                eprintln!("round {round}, port {port}: {name} is off by {:.4} ms", median(here.clone()));
                errors.extend(here);
            }
        }
    }
    let (native, storescu) = (errors.native, errors.storescu);
    println!(
        "{}",
        json!({
            "native_error_ms": rounded(median(native.clone())),
            "storescu_error_ms": rounded(median(storescu.clone())),
            "native_error_p95_ms": rounded(percentile_95(native)),
            "storescu_error_p95_ms": rounded(percentile_95(storescu)),
            "instances": INSTANCES,
            "rounds": ROUNDS,
        })
    );
}

/// Absolute differences in ms.
#[derive(Default)]
struct Errors {
    native: Vec<f64>,
    storescu: Vec<f64>,
}

fn native(instances: &Instances, port: u16) -> Reported {
    let document = SendDocument { max_pdu: 0, ..instances.document(port, 1) };
    let associations = send(&document).succeeds();
    let stores = associations.iter().flat_map(|association| &association.stores);
    stores.map(|store| (store.requested_us, store.response.as_ref().unwrap().0)).collect()
}

/// Runs storescu with the agent's logger configuration.
fn storescu(instances: &Instances, port: u16) -> Reported {
    let scratch = tempfile::tempdir().unwrap();
    let (log, configuration) = (scratch.path().join("log"), scratch.path().join("configuration"));
    let lines = [
        "log4cplus.rootLogger = ERROR, file",
        "log4cplus.logger.dcmtk.apps.storescu = INFO",
        "log4cplus.logger.dcmtk.apps.storescu.progress = WARN",
        "log4cplus.appender.file = log4cplus::FileAppender",
        &format!("log4cplus.appender.file.File = {}", log.display()),
        "log4cplus.appender.file.layout = log4cplus::PatternLayout",
        "log4cplus.appender.file.layout.ConversionPattern = %D{%s.%Q} %p %m%n",
    ];
    fs::write(&configuration, lines.join("\n") + "\n").unwrap();
    let mut command = Command::new("storescu");
    command.arg("-lc").arg(configuration).args(["127.0.0.1", &port.to_string(), "+sd"]).arg(instances.directory());
    command.env("TCP_NODELAY", "1").stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    let log = fs::read_to_string(log).unwrap();
    let times = |words: &str| -> Vec<u64> {
        let lines = log.lines().filter(|line| line.contains(words));
        lines.map(|line| line.split(' ').next().unwrap().replace('.', "").parse().unwrap()).collect()
    };
    times("Sending Store Request").into_iter().zip(times("Received Store Response")).collect()
}

/// The error of each reported time, in ms.
fn errors_ms(reported: &Reported, exchanges: &[Exchange]) -> Vec<f64> {
    assert_eq!(reported.len(), exchanges.len(), "the capture has other exchanges than the sender");
    let pairs = reported.iter().zip(exchanges);
    pairs
        .map(|((requested, answered), exchange)| {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
            let reported = (answered - requested) as f64 / 1e3;
            (reported - exchange.milliseconds()).abs()
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn percentile_95(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() * 95 / 100]
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
