//! The cost of sampling: the CPU time and memory of `dicomperf-agent sample` over 60 s beside a running Orthanc. It
//! also measures the bytes of a sample, and of a C-STORE of a real storescu, in a samples file. The last line of output
//! is one JSON object.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

#[path = "../../agent/tests/agent/harness/mod.rs"]
mod harness;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_agent::resources::SampleFile;
use dicomperf_model::samples::{Sample, StoreSample, read};
use harness::orthanc::settings;
use harness::run::block;
use harness::{OrthancProcess, Run};
use procfs::WithCurrentSystemInfo as _;
use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

const SECONDS: u64 = 60;
const INSTANCES: u32 = 500;

fn main() {
    tempfile::env::override_temp_dir(Path::new("/dev/shm")).unwrap();
    let run = Run::with_instances(INSTANCES);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    run.measure(0, block(&orthanc, &[1], 0, 1)).succeeds();
    let stores = stores(&run);
    let file = run.home("stores.jsonl.zst");
    SampleFile::append(&file, stores.clone()).unwrap();
    let store_bytes = number(fs::metadata(&file).unwrap().len()) / number(stores.len() as u64);

    let file = run.home("server.jsonl.zst");
    let agent = std::env::var_os("DICOMPERF_AGENT").expect("DICOMPERF_AGENT names an optimized agent");
    let mut child = Command::new(agent).args(["sample", "--out"]).arg(&file).spawn().unwrap();
    let sampler = Process::new(i32::try_from(child.id()).unwrap()).unwrap();
    // The cost of the start does not count.
    sleep(Duration::from_secs(2));
    let (before, started) = (cpu_seconds(&sampler), Instant::now());
    sleep(Duration::from_secs(SECONDS));
    let (used, took) = (cpu_seconds(&sampler) - before, started.elapsed().as_secs_f64());
    let rss_bytes = sampler.stat().unwrap().rss_bytes().get();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let samples = read(&fs::read(&file).unwrap()).unwrap();
    let of_orthanc = |sample: &Sample| match sample {
        Sample::Resources(sample) => sample.processes.iter().map(|process| process.threads.len()).sum(),
        Sample::Store(_) | Sample::ServerEnd(_) | Sample::ServerLog(_) => 0,
    };
    let figures = json!({
        "cpu_percent_of_one_core": rounded(100.0 * used / took),
        "rss_mb": rounded(number(rss_bytes) / 1e6),
        "store_bytes": rounded(store_bytes),
        "sample_bytes": rounded(number(fs::metadata(&file).unwrap().len()) / number(samples.len() as u64)),
        "samples": samples.len(),
        "seconds": rounded(took),
        "stores": stores.len(),
        "orthanc_threads_listed": samples.last().map_or(0, of_orthanc),
        "processes": fs::read_dir("/proc").unwrap().flatten().filter(|entry| entry.path().join("comm").exists()).count(),
    });
    println!("{figures}");
}

/// User and system time of the process, and of its children that it has waited for.
fn cpu_seconds(process: &Process) -> f64 {
    let stat = process.stat().unwrap();
    let children = u64::try_from(stat.cutime + stat.cstime).unwrap();
    number(stat.utime + stat.stime + children) / number(procfs::ticks_per_second())
}

/// The C-STOREs of the latest iteration, from storescu's own log.
fn stores(run: &Run) -> Vec<Sample> {
    let mut files: Vec<_> = fs::read_dir(run.home("dataset")).unwrap().flatten().collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let log = fs::read_to_string(run.home("iteration/0.log")).unwrap();
    let times = |words: &str| -> Vec<u64> {
        let lines = log.lines().filter(|line| line.contains(words));
        lines.map(|line| line.split(' ').next().unwrap().replace('.', "").parse().unwrap()).collect()
    };
    let (requests, responses) = (times("Sending Store Request"), times("Received Store Response"));
    assert_eq!((requests.len(), responses.len()), (files.len(), files.len()));
    let store = |((file, requested_us), responded_us): ((&fs::DirEntry, u64), u64)| {
        Sample::Store(StoreSample {
            file: file.file_name().into_string().unwrap(),
            bytes: file.metadata().unwrap().len(),
            requested_us,
            latency_us: Some(responded_us - requested_us),
            status: Some("Success".to_owned()),
            ..StoreSample::default()
        })
    };
    files.iter().zip(requests).zip(responses).map(store).collect()
}

fn number(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let number = count as f64;
    number
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
