//! Plans and reports of steps for tests: runs that were never run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{HostSamples, Outcome, Stores, Summary, summarize};
use crate::measurement::{BlockMeasurement, Clock, Iteration, LatencyHistogram, ReadBack};
use crate::plan::{Circumstances, DatasetOrigin, DatasetPlan, Plan, Settings, plan};
use crate::request::Request;
use crate::statistics::LeastSquares;
use crate::step::{
    Collected, HostVersions, PreparedDataset, Progress, StepError, StepId, StepOutput, StepReport, StepState,
};

/// Instances of the dataset.
pub(crate) const INSTANCES: u32 = 200;
/// Bytes of one.
pub(crate) const INSTANCE_BYTES: u64 = 525_000;

/// A plan made at midnight.
pub(crate) fn planned(document: Value) -> Plan {
    let request = Request::from_json(&document).expect("valid");
    let dataset = DatasetPlan {
        source: DatasetOrigin::Synthetic(request.dataset.synthetic.clone().expect("synthetic")),
        instances: INSTANCES,
        bytes: u64::from(INSTANCES) * INSTANCE_BYTES,
        hash: "0123456789abcdef".to_owned(),
        refused: Vec::new(),
    };
    let ami = "ami-0123456789abcdef0".to_owned();
    let circumstances =
        Circumstances { server_ami: ami.clone(), client_ami: ami, ..Circumstances::offline("run-1", midnight()) };
    plan(request, dataset, circumstances).expect("a plan")
}

pub(crate) fn midnight() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

/// The end of a run that went well, half an hour after midnight.
pub(crate) fn went_well() -> Outcome {
    Outcome {
        error: None,
        hosts_left: 0,
        history: Vec::new(),
        samples: HostSamples::default(),
        stores: Stores::default(),
        finished_at: "2026-01-01T00:30:00Z".parse().expect("a time"),
    }
}

/// The reports of all steps, with an iteration's transfer taking what `transfer_ms` says of its settings and index.
pub(crate) fn all_steps(plan: &Plan, transfer_ms: impl Fn(&Settings, u32) -> f64) -> Vec<StepReport> {
    let mut steps = vec![
        report(
            StepId::ConfigureClient,
            StepOutput::ClientConfigured(PreparedDataset {
                versions: client_versions(),
                instances: INSTANCES,
                bytes: plan.dataset.bytes,
                sha256: "ab".repeat(32),
            }),
        ),
        report(
            StepId::Collect,
            StepOutput::Collected(Collected {
                versions: HostVersions { orthanc: Some("1.12.2".to_owned()), dcmtk: None, ..client_versions() },
                orthanc: BTreeMap::from([("DicomThreadsCount".to_owned(), json!(4))]),
                environment: BTreeMap::from([("TCP_NODELAY".to_owned(), json!("1"))]),
            }),
        ),
    ];
    steps.extend(plan.sequence.iter().map(|run| measured(plan, run.ordinal, &transfer_ms)));
    steps
}

/// The report of measuring one block run.
pub(crate) fn measured(plan: &Plan, ordinal: u32, transfer_ms: impl Fn(&Settings, u32) -> f64) -> StepReport {
    let (run, block) = plan.block_of(ordinal).expect("a block run");
    let per_scenario = plan.request.warmup + block.iterations(&plan.request);
    let iterations = (0..per_scenario)
        .flat_map(|index| block.scenarios.iter().map(move |scenario| (index, scenario)))
        .map(|(index, scenario)| Iteration {
            warmup: index < plan.request.warmup,
            ..iteration(scenario.scenario, index, transfer_ms(&scenario.settings, ordinal * per_scenario + index))
        })
        .collect();
    report(
        StepId::Measure { ordinal, part: 0 },
        StepOutput::Measured(Box::new(BlockMeasurement {
            ordinal,
            block: run.block,
            round: run.round,
            clock: Clock {
                duration: "CLOCK_MONOTONIC".to_owned(),
                resolution_ns: 1,
                latency: "wall clock of storescu's log, 1 us".to_owned(),
            },
            versions: client_versions(),
            iterations,
            searches: Vec::new(),
            network: None,
            network_error: Some("iperf3 is not there".to_owned()),
            read_back: Some(ReadBack { sop_instance_uid: "2.25.1".to_owned(), elements: 60, differences: Vec::new() }),
        })),
    )
}

/// A valid iteration in which each C-STORE took its share of the time.
pub(crate) fn iteration(scenario: u32, index: u32, transfer_ms: f64) -> Iteration {
    let mut latency_us = LatencyHistogram::new();
    for _ in 0..INSTANCES {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
        latency_us.record((transfer_ms * 1000.0 / f64::from(INSTANCES)) as u64);
    }
    Iteration {
        scenario,
        index,
        warmup: false,
        started_at_ms: 1_767_225_600_000,
        duration_ms: transfer_ms + 35.0,
        transfer_ms,
        instances_sent: INSTANCES,
        instances_stored: INSTANCES,
        bytes_sent: u64::from(INSTANCES) * INSTANCE_BYTES,
        stored_bytes: u64::from(INSTANCES) * INSTANCE_BYTES,
        valid: true,
        reason: None,
        first_latency_us: latency_us.clone(),
        latency_us,
        association_us: LatencyHistogram::new(),
        release_us: LatencyHistogram::new(),
        startup_us: LatencyHistogram::new(),
        between_us: Some(500.0),
        size_fit: LeastSquares { n: 1, ..LeastSquares::default() },
        server: None,
        sender_cpu_ms: None,
    }
}

/// A step that failed before it had anything to show.
pub(crate) fn failed(step: StepId, name: &str, message: &str) -> StepReport {
    let error = StepError { name: name.to_owned(), message: message.to_owned() };
    StepReport {
        state: StepState::Failed,
        error: Some(error),
        output: None,
        ..report(step, StepOutput::ServerConfigured(client_versions()))
    }
}

/// The iterations of a report, to spoil them.
pub(crate) fn iterations_of(report: &mut StepReport) -> &mut Vec<Iteration> {
    match &mut report.output {
        Some(StepOutput::Measured(measured)) => &mut measured.iterations,
        _ => panic!("no measurement"),
    }
}

/// A complete run of 2 x 2 scenarios, in which TCP_NODELAY is 5 times as fast, and 4 associations 2 times.
pub(crate) fn classic() -> Summary {
    let plan = planned(json!({
        "name": "classic", "iterations": 3, "rounds": 2,
        "matrix": { "associations": [1, 4], "tcpNoDelay": [false, true] },
        "thresholds": [{ "metric": "latencyMs.p99", "max": 60 }],
        "baseline": "history",
    }));
    let steps = all_steps(&plan, classic_transfer_ms);
    summarize(&plan, &steps, went_well())
}

/// Within 1% from iteration to iteration.
pub(crate) fn classic_transfer_ms(settings: &Settings, iteration: u32) -> f64 {
    let base = if settings.tcp_no_delay == crate::request::TcpNoDelay::Both { 2000.0 } else { 10_000.0 };
    let at_once = if settings.associations > 1 { 2.0 } else { 1.0 };
    base / at_once * (1.0 + f64::from(iteration * 7 % 5) * 0.002)
}

fn client_versions() -> HostVersions {
    HostVersions {
        os: "Ubuntu 24.04.3 LTS".to_owned(),
        kernel: "6.8.0-1029-aws".to_owned(),
        agent: "0.1.0".to_owned(),
        orthanc: None,
        dcmtk: Some("3.6.7".to_owned()),
    }
}

fn report(step: StepId, output: StepOutput) -> StepReport {
    StepReport {
        run_id: "run-1".to_owned(),
        step,
        state: StepState::Succeeded,
        error: None,
        progress: Progress { done: 1, total: 1, doing: "done".to_owned() },
        elapsed_seconds: 10.0,
        output: Some(output),
    }
}
