//! The time to give a prepared dataset new UIDs, on tmpfs: 200 CT, and 100,000 small instances. The last line of output is
//! one JSON object.

#![allow(missing_docs, clippy::unwrap_used, dead_code, unused_imports)]

#[path = "../../agent/tests/agent/harness/mod.rs"]
mod harness;

use std::fs;
use std::path::Path;
use std::time::Instant;

use dicomperf_agent::client::dataset::Dataset;
use dicomperf_agent::client::renewal::renew_uids;
use dicomperf_model::request::{Synthetic, TransferSyntax};
use dicomperf_model::step::{ClientConfiguration, DatasetSource, FileSource, StepId, Work};
use harness::Run;
use harness::objects::object;
use serde_json::json;

/// Repetitions, of which the median counts.
const REPETITIONS: usize = 5;
const SMALL_INSTANCES: usize = 100_000;
const TMPFS_DIRECTORY: &str = "/dev/shm";

fn main() {
    tempfile::env::override_temp_dir(Path::new(TMPFS_DIRECTORY)).unwrap();
    let ct = measure(DatasetSource::Synthetic(Synthetic::default()));
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for number in 1..=SMALL_INSTANCES {
        let bytes = object("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", number);
        let path = format!("{number:06}.dcm");
        fs::write(directory.path().join(&path), &bytes).unwrap();
        files.push(FileSource { path, bytes: bytes.len() as u64 });
    }
    let small = measure(DatasetSource::Directory { path: directory.path().to_owned(), files });
    println!("{}", json!({ "ctMs": ct.0, "ctPrepareMs": ct.1, "smallMs": small.0, "smallPrepareMs": small.1 }));
}

/// The median time of a renewal, and the time of the preparation, in ms.
fn measure(source: DatasetSource) -> (f64, f64) {
    let run = Run::new();
    let configuration = ClientConfiguration {
        renew_uids: true,
        ..ClientConfiguration::new(source, vec![TransferSyntax::Original], false)
    };
    let started = Instant::now();
    let mut command = run.command(StepId::ConfigureClient, Work::ConfigureClient(configuration));
    assert!(command.status().unwrap().success());
    let prepared_ms = started.elapsed().as_secs_f64() * 1000.0;
    let dataset: Dataset = serde_json::from_slice(&fs::read(run.home("dataset.json")).unwrap()).unwrap();
    let mut times: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let started = Instant::now();
            renew_uids(&dataset, &run.home("dataset")).unwrap();
            started.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    eprintln!("{} instances: prepared in {prepared_ms:.0} ms, renewed in {times:.1?} ms", dataset.instances.len());
    (times[REPETITIONS / 2], prepared_ms)
}
