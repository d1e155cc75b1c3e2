//! The speed of one thread that makes synthetic instances on tmpfs, and the memory to make and check the largest one.
//!
//! A separate process measures each value, so that none is affected by the memory of another. `taskset` limits it to
//! one CPU, and so to one thread. The last line of output is one JSON object.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dicomperf_agent::client::dataset;
use dicomperf_model::dataset::generate;
use dicomperf_model::request::{Modality, Synthetic};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Each modality, and a number of instances that takes about a second.
const DATASETS: [(&str, u32); 11] = [
    ("CT", 680),
    ("MR", 1140),
    ("CR", 40),
    ("DX", 24),
    ("MG", 24),
    ("DBT", 1),
    ("XA", 10),
    ("US", 20),
    ("PT", 2100),
    ("NM", 60),
    ("mix", 600),
];
/// Repetitions, of which the median counts.
const REPETITIONS: usize = 5;
const TMPFS_DIRECTORY: &str = "/dev/shm";

#[derive(Serialize, Deserialize)]
struct Measured {
    mb_per_second: f64,
    peak_rss_mb: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [what, modality, instances] = &arguments[..] {
        let spec = Synthetic {
            modality: serde_json::from_value(json!(modality)).unwrap(),
            instances: instances.parse().unwrap(),
            seed: 1,
        };
        let measured = if what == "make" { measure_making(&spec) } else { measure_checking(Path::new(what)) };
        println!("{}", serde_json::to_string(&measured).unwrap());
        return;
    }
    let mut mb_s = BTreeMap::new();
    let mut peaks = BTreeMap::new();
    for (modality, instances) in DATASETS {
        let measured = on_one_cpu("make", modality, instances);
        eprintln!("{modality}: {:.0} MB/s, peak RSS {:.1} MB", measured.mb_per_second, measured.peak_rss_mb);
        mb_s.insert(modality, measured.mb_per_second.round());
        peaks.insert(modality, measured.peak_rss_mb);
    }
    let directory = tempfile::tempdir_in(TMPFS_DIRECTORY).unwrap();
    generate(&Synthetic { modality: Modality::Dbt, instances: 1, seed: 1 }, directory.path(), |_| {}).unwrap();
    let proved = on_one_cpu(&directory.path().to_string_lossy(), "DBT", 1);
    let figures = json!({
        "ct_mb_s_per_core": mb_s["CT"],
        "dbt_peak_rss_mb": peaks["DBT"],
        "dbt_prove_peak_rss_mb": proved.peak_rss_mb,
        "mb_s": mb_s,
    });
    println!("{figures}");
}

/// Measures in a new process on one CPU. `what` is `make`, or the directory to check.
fn on_one_cpu(what: &str, modality: &str, instances: u32) -> Measured {
    let output = Command::new("taskset")
        .args(["--cpu-list", "1"])
        .arg(std::env::current_exe().unwrap())
        .args([what, modality, &instances.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn measure_making(spec: &Synthetic) -> Measured {
    let mut rates: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let directory = tempfile::tempdir_in(TMPFS_DIRECTORY).unwrap();
            let start = Instant::now();
            let written = generate(spec, directory.path(), |_| {}).unwrap();
            let seconds = start.elapsed().as_secs_f64();
            written.iter().map(|instance| instance.bytes as f64).sum::<f64>() / 1e6 / seconds
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    Measured { mb_per_second: rates[REPETITIONS / 2], peak_rss_mb: peak_rss_mb() }
}

fn measure_checking(directory: &Path) -> Measured {
    let start = Instant::now();
    let dataset = dataset::prove(directory, str::to_owned, |_| Ok(())).unwrap().dataset;
    let bytes: u64 = dataset.instances.iter().map(|instance| instance.bytes).sum();
    Measured { mb_per_second: bytes as f64 / 1e6 / start.elapsed().as_secs_f64(), peak_rss_mb: peak_rss_mb() }
}

/// VmHWM (proc(5)): the peak of resident memory. Files on tmpfs do not count.
fn peak_rss_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    (kib * 1.024).round() / 1000.0
}
