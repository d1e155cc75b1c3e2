//! How fast synthetic instances are made on tmpfs by one thread, and what memory the largest takes.
//!
//! Each figure comes from a process of its own, so that one does not grow on what another left; `taskset` keeps it to
//! one CPU, and so to one thread. The last line is one JSON object.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dicomperf::dataset::generate;
use dicomperf::request::{Modality, Synthetic};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Each modality, and instances that take about a second.
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
/// The median of so many is taken.
const TIMES: usize = 5;

#[derive(Serialize, Deserialize)]
struct Measured {
    mb_per_second: f64,
    peak_rss_mb: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [modality, instances] = &arguments[..] {
        let measured = measure(modality, instances.parse().unwrap());
        println!("{}", serde_json::to_string(&measured).unwrap());
        return;
    }
    let mut mb_s = BTreeMap::new();
    let mut peaks = BTreeMap::new();
    for (modality, instances) in DATASETS {
        let measured = on_one_cpu(modality, instances);
        eprintln!("{modality}: {:.0} MB/s, peak RSS {:.1} MB", measured.mb_per_second, measured.peak_rss_mb);
        mb_s.insert(modality, measured.mb_per_second.round());
        peaks.insert(modality, measured.peak_rss_mb);
    }
    let figures = json!({ "ct_mb_s_per_core": mb_s["CT"], "dbt_peak_rss_mb": peaks["DBT"], "mb_s": mb_s });
    println!("{figures}");
}

fn on_one_cpu(modality: &str, instances: u32) -> Measured {
    let output = Command::new("taskset")
        .args(["--cpu-list", "1"])
        .arg(std::env::current_exe().unwrap())
        .args([modality, &instances.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn measure(modality: &str, instances: u32) -> Measured {
    let modality: Modality = serde_json::from_value(json!(modality)).unwrap();
    let spec = Synthetic { modality, instances, seed: 1 };
    let mut rates: Vec<f64> = (0..TIMES)
        .map(|_| {
            let directory = tempfile::tempdir_in(Path::new("/dev/shm")).unwrap();
            let start = Instant::now();
            let written = generate(&spec, directory.path(), |_| {}).unwrap();
            let seconds = start.elapsed().as_secs_f64();
            written.iter().map(|instance| instance.bytes as f64).sum::<f64>() / 1e6 / seconds
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    Measured { mb_per_second: rates[TIMES / 2], peak_rss_mb: peak_rss_mb() }
}

/// VmHWM (proc(5)): the most that was resident; files on tmpfs are not in it.
fn peak_rss_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    (kib * 1.024).round() / 1000.0
}
