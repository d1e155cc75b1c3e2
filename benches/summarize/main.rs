//! The cost of summarizing a large run of 1,000,000 C-STOREs, from the files of its hosts to its reports.
//!
//! The files are made first, on tmpfs if there is one. A separate process then reads them and writes the reports, as
//! the function `summarize` does with those in its bucket. Its peak of resident memory is the kernel's (`VmHWM`). The
//! last line of output is one JSON object with medians of 5 processes.

#![allow(missing_docs, clippy::unwrap_used)]

mod run;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use dicomperf_analysis::summarize::{HostSamples, Outcome, Stores, summarize};
use dicomperf_model::plan::Plan;
use dicomperf_model::results::Summary;
use dicomperf_model::statistics::median;
use dicomperf_model::step::{HostRole, StepReport};
use serde_json::{Value, json};

/// Measured processes.
const REPEATS: usize = 5;

fn main() {
    // Cargo passes `--bench` too.
    match env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        Some(directory) => println!("{}", measure(Path::new(&directory))),
        None => benchmark(),
    }
}

fn benchmark() {
    let parent = Path::new("/dev/shm");
    let directory = if parent.is_dir() { tempfile::tempdir_in(parent) } else { tempfile::tempdir() }.unwrap();
    let c_stores = run::write(directory.path());
    let figures: Vec<Value> = (0..REPEATS)
        .map(|_| {
            let output = Command::new(env::current_exe().unwrap()).arg(directory.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(figures["c_stores"], c_stores);
            eprintln!("{figures}");
            figures
        })
        .collect();
    let of = |key: &str| median(&figures.iter().map(|one| one[key].as_f64().unwrap()).collect::<Vec<_>>());
    println!("{}", json!({ "c_stores": c_stores, "seconds": of("seconds"), "peak_mb": of("peak_mb") }));
}

/// Makes the reports from the files in this process, and returns the measured values.
fn measure(directory: &Path) -> Value {
    let started = Instant::now();
    let summary = summary_of(directory);
    let texts =
        [dicomperf_report::json(&summary), dicomperf_report::markdown(&summary), dicomperf_report::html(&summary)];
    for (name, text) in ["report.json", "report.md", "report.html"].into_iter().zip(texts) {
        fs::write(directory.join(name), text).unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    let c_stores: u64 = summary.scenarios.iter().map(|scenario| scenario.c_stores).sum();
    json!({ "c_stores": c_stores, "seconds": seconds, "peak_mb": peak_bytes() / 1e6 })
}

fn summary_of(directory: &Path) -> Summary {
    let read = |name: PathBuf| fs::read(directory.join(name)).unwrap();
    let plan: Plan = serde_json::from_slice(&read("plan.json".into())).unwrap();
    let steps: Vec<StepReport> =
        plan.sequence.iter().map(|run| serde_json::from_slice(&read(run::report_name(run.ordinal))).unwrap()).collect();
    let (mut samples, mut stores) = (HostSamples::default(), Stores::default());
    for host in [HostRole::Server, HostRole::Client] {
        samples.add(host, &read(run::samples_name(host)), &mut stores).unwrap();
    }
    let finished_at = plan.expires_at;
    summarize(&plan, &steps, Outcome { error: None, hosts_left: 0, history: Vec::new(), samples, stores, finished_at })
}

/// The peak of this process's resident memory.
fn peak_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}
