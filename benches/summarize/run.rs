//! The files of a simulated run, as its hosts would leave them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use dicomperf_model::measurement::HostVersions;
use dicomperf_model::measurement::{BlockMeasurement, Clock, Iteration, LatencyHistogram};
use dicomperf_model::plan::{Circumstances, DatasetPlan, Plan, plan};
use dicomperf_model::request::Request;
use dicomperf_model::samples::{CpuSample, ProcessSample, ResourceSample, Sample, StoreSample, ThreadSample};
use dicomperf_model::statistics::LeastSquares;
use dicomperf_model::step::{HostRole, Progress, StepId, StepOutput, StepReport, StepState};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;

/// Instances of the dataset: 2 blocks of 2 scenarios with 5 iterations in 2 rounds make 1,000,000 C-STOREs.
const INSTANCES: u32 = 25_000;
/// C-STOREs in a frame of a samples file, as many as the agent writes.
const MAX_FRAME_STORES: usize = 16_384;
/// The time between two samples of a host, in ms.
const SAMPLE_PERIOD_MS: u64 = 200;

/// Writes the files, and returns the number of their C-STOREs.
pub fn write(directory: &Path) -> u64 {
    let plan = make_plan();
    write_json(directory, "plan.json".into(), &plan);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut client = File::create(directory.join(samples_name(HostRole::Client))).unwrap();
    let mut server = File::create(directory.join(samples_name(HostRole::Server))).unwrap();
    let mut now_us: u64 = 1_767_225_600_000_000;
    let started_us = now_us;
    let mut c_stores = 0;
    for run in &plan.sequence {
        let (_, block) = plan.block_of(run.ordinal).unwrap();
        let mut iterations = Vec::new();
        for index in 0..plan.request.iterations {
            for scenario in &block.scenarios {
                let place =
                    StoreSample { ordinal: run.ordinal, scenario: scenario.number, index, ..StoreSample::default() };
                let stores = stores(&place, now_us, &mut random);
                iterations.push(iteration(&stores, now_us));
                now_us = stores.last().unwrap().requested_us + 1_000_000;
                c_stores += stores.len() as u64;
                append(&mut client, stores.into_iter().map(Sample::Store).collect());
            }
        }
        write_json(directory, report_name(run.ordinal), &report(&plan, run.ordinal, iterations));
    }
    for host in [&mut client, &mut server] {
        append(host, (started_us / 1000..now_us / 1000).step_by(SAMPLE_PERIOD_MS as usize).map(resources).collect());
    }
    c_stores
}

pub fn report_name(ordinal: u32) -> PathBuf {
    format!("{ordinal}.json").into()
}

pub fn samples_name(host: HostRole) -> PathBuf {
    format!("{host}.jsonl.zst").into()
}

fn make_plan() -> Plan {
    let request = json!({
        "dataset": { "synthetic": { "modality": "PT", "instances": INSTANCES } }, "warmup": 0, "iterations": 5,
        "matrix": { "associations": [4, 8], "maxPdu": [16384, 32768] },
        "limits": { "maxMinutes": 240, "maxCostUsd": 10.0 },
    });
    let request = Request::from_json(&request).unwrap();
    let dataset = DatasetPlan::synthetic(request.dataset.synthetic.as_ref().unwrap());
    plan(request, dataset, Circumstances::offline("large", "2026-01-01T00:00:00Z".parse().unwrap())).unwrap()
}

/// A C-STORE every 2.5 ms, each answered after about 2 ms.
fn stores(place: &StoreSample, from_us: u64, random: &mut impl rand::Rng) -> Vec<StoreSample> {
    (0..INSTANCES)
        .map(|position| StoreSample {
            association: position * 4 / INSTANCES,
            file: format!("PT.{position:06}.dcm"),
            bytes: 80_000,
            requested_us: from_us + u64::from(position) * 2500 + random.random_range(0..500),
            latency_us: Some(1500 + u64::from(random.next_u32() % 1200)),
            status: Some("Success".to_owned()),
            ..place.clone()
        })
        .collect()
}

fn iteration(stores: &[StoreSample], started_us: u64) -> Iteration {
    let mut latency_us = LatencyHistogram::new();
    let mut size_fit = LeastSquares::default();
    for store in stores {
        latency_us.record(store.latency_us.unwrap());
        size_fit.add(store.bytes as f64, store.latency_us.unwrap() as f64);
    }
    let transfer_ms = (stores.last().unwrap().requested_us - started_us) as f64 / 1000.0;
    Iteration {
        scenario: stores[0].scenario,
        index: stores[0].index,
        warmup: false,
        started_at_ms: started_us / 1000,
        duration_ms: transfer_ms + 35.0,
        transfer_ms,
        instances_sent: INSTANCES,
        instances_refused: 0,
        instances_failed: 0,
        instances_not_tried: 0,
        failures: Vec::new(),
        instances_stored: Some(INSTANCES),
        bytes_sent: u64::from(INSTANCES) * 80_000,
        stored_bytes: Some(u64::from(INSTANCES) * 80_000),
        study_instance_uids: Vec::new(),
        valid: true,
        reason: None,
        first_latency_us: latency_us.clone(),
        latency_us,
        association_us: LatencyHistogram::new(),
        release_us: LatencyHistogram::new(),
        startup_us: LatencyHistogram::new(),
        between_us: Some(400.0),
        size_fit,
        server: None,
        sender_cpu_ms: Some(transfer_ms / 2.0),
    }
}

fn report(plan: &Plan, ordinal: u32, iterations: Vec<Iteration>) -> StepReport {
    let (run, _) = plan.block_of(ordinal).unwrap();
    let clock =
        Clock { duration: "CLOCK_MONOTONIC".to_owned(), resolution_ns: 1, latency: "storescu's log".to_owned() };
    let measurement = BlockMeasurement {
        negotiated: None,
        cleanup: None,
        ordinal,
        block: run.block,
        round: run.round,
        clock,
        versions: HostVersions::default(),
        iterations,
        network: None,
        network_error: None,
        read_back: None,
        searches: Vec::new(),
    };
    StepReport {
        run_id: plan.run_id.clone(),
        step: StepId::Measure { ordinal, part: 0 },
        state: StepState::Succeeded,
        error: None,
        progress: Progress { done: 1, total: 1, doing: "done".to_owned() },
        elapsed_seconds: 600.0,
        output: Some(StepOutput::Measured(Box::new(measurement))),
    }
}

/// A sample of a half-busy host with 4 CPUs and a server with 20 threads.
fn resources(at_ms: u64) -> Sample {
    let threads = (0..20).map(|id| ThreadSample { id, cpu_ms: at_ms / 50 }).collect();
    Sample::Resources(Box::new(ResourceSample {
        at_ms,
        cpu: CpuSample { user_ms: at_ms, system_ms: at_ms, idle_ms: 2 * at_ms, ..CpuSample::default() },
        cpu_busy_ms: vec![at_ms / 2; 4],
        processes: vec![ProcessSample {
            pid: 1,
            name: "Orthanc".to_owned(),
            cpu_ms: at_ms,
            threads,
            ..ProcessSample::default()
        }],
        ..ResourceSample::default()
    }))
}

fn append(file: &mut File, samples: Vec<Sample>) {
    for frame in samples.chunks(MAX_FRAME_STORES) {
        let lines: String = frame.iter().map(|sample| serde_json::to_string(sample).unwrap() + "\n").collect();
        file.write_all(&compress_to_vec(lines.as_bytes(), CompressionLevel::Fastest)).unwrap();
    }
}

fn write_json(directory: &Path, name: PathBuf, value: &impl serde::Serialize) {
    fs::write(directory.join(name), serde_json::to_vec(value).unwrap()).unwrap();
}
