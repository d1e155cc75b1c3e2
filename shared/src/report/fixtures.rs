//! Reports of runs that were never run, with all that a report can have.

mod two_runs;

use serde_json::json;

pub(super) use self::two_runs::{not_comparable, two_runs};
use crate::dataset::Refused;
use crate::diagnosis::{Confidence, ConfigurationAdvice, Evidence, Finding, Gain, Rule};
use crate::failure::RunError;
use crate::measurement::{Iteration, LatencyHistogram};
use crate::network::{NetworkBaseline, RoundTrip, RoundTripMethod};
use crate::plan::Plan;
use crate::request::Metric;
use crate::resources::{CpuUse, DiskUse, OrthancUse, ResourceUse, TrafficUse};
use crate::search::{Objective, SearchAxis, SearchLevel, SearchSummary};
use crate::step::{StepId, StepOutput, StepReport};
use crate::summary::fixture::{
    all_steps, classic_transfer_ms, failed, iterations_of, measured, midnight, planned, went_well,
};
use crate::summary::{Growth, LatencyBucket, LatencySummary, Outcome, Summary, TimelinePoint, summarize};
use crate::verdict::HistoricScenario;

/// Text that would break out of a table, a line, an element or its direction.
pub(super) const HOSTILE: &str =
    "a|b\nc <script>alert(1)</script> [x](javascript:y) `z` **w** # v \" onload=\"u\u{202e}t\u{2066}";

/// Numbers that look like noise, 0 to 1, the same every time.
fn noise(index: u32) -> f64 {
    f64::from(index.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
fn histogram(count: u32, us: impl Fn(u32) -> f64) -> LatencyHistogram {
    let mut histogram = LatencyHistogram::new();
    (0..count).for_each(|index| histogram.record(us(index) as u64));
    histogram
}

/// Makes an iteration as a real one is: at a time of its own, with C-STOREs that differ.
fn live(iteration: &mut Iteration, started_at_ms: u64) {
    let mean_us = iteration.transfer_ms * 1000.0 / f64::from(iteration.instances_sent.max(1));
    let salt = iteration.scenario * 7919 + iteration.index * 104_729;
    iteration.started_at_ms = started_at_ms;
    iteration.latency_us = histogram(iteration.instances_sent, |store| {
        let tail = if store % 61 == 7 { 3.5 } else { 0.0 };
        mean_us * (0.8 + 0.35 * noise(salt + store) + tail * noise(store + 3))
    });
    iteration.first_latency_us = histogram(1, |_| mean_us * 2.4);
    iteration.association_us = histogram(1, |_| 2400.0);
    iteration.release_us = histogram(1, |_| 900.0);
    iteration.startup_us = histogram(1, |_| 21_000.0);
    iteration.between_us = Some(310.0);
}

/// Every iteration after the one before, and a network before each block run.
fn live_steps(steps: &mut [StepReport]) -> u64 {
    let mut now_ms = u64::try_from(midnight().as_millisecond()).expect("after 1970") + 240_000;
    for report in steps {
        let Some(StepOutput::Measured(measured)) = &mut report.output else { continue };
        measured.network_error = None;
        measured.network = Some(NetworkBaseline {
            to_server_bytes_per_second: 118e6,
            from_server_bytes_per_second: 117e6,
            retransmits_to_server: 12,
            retransmits_from_server: 3,
            seconds: 3.0,
            round_trip: RoundTrip {
                method: RoundTripMethod::Ping,
                min_ms: 0.11,
                median_ms: 0.17,
                max_ms: 0.4,
                count: 20,
            },
            path_mtu_bytes: 9001,
            interface_mtu_bytes: 9001,
        });
        now_ms += 20_000;
        for iteration in &mut measured.iterations {
            live(iteration, now_ms);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
            let took_ms = iteration.duration_ms as u64;
            now_ms += took_ms + 1500;
        }
    }
    now_ms
}

/// What the hosts did, and all else that is not made from step reports here.
fn lived(mut summary: Summary, until_ms: u64) -> Summary {
    let points = 300;
    let seconds = (until_ms - u64::try_from(midnight().as_millisecond()).expect("after 1970")) as f64 / 1000.0;
    let point = |index: u32, load: f64| TimelinePoint {
        at_seconds: f64::from(index) / f64::from(points) * seconds,
        cpu: load * (0.5 + 0.2 * noise(index)),
        busiest_cpu: load * (0.8 + 0.2 * noise(index + 1)),
        steal: if index.is_multiple_of(50) { 0.03 } else { 0.0 },
        orthanc_cpus: Some(load * 1.1),
        disk_busy: load * 0.6 * noise(index + 2),
        disk_bytes_per_second: load * 60e6 * noise(index + 3),
        network_bytes_per_second: load * 105e6 * (0.7 + 0.3 * noise(index + 4)),
        memory_available_bytes: 600_000_000 - u64::from(index) * 800_000,
    };
    let load = |index: u32| if index < 60 { 0.1 } else { 0.95 };
    summary.timeline.server = (0..points).map(|index| point(index, load(index))).collect();
    summary.timeline.client = (0..points).map(|index| point(index, load(index) * 0.4)).collect();
    for scenario in &mut summary.scenarios {
        let Some(latency) = scenario.latency_ms else { continue };
        scenario.latency_over_time = (0..60)
            .map(|index| LatencyBucket {
                at_seconds: (f64::from(index) + 0.5) / 10.0,
                c_stores: 20,
                p50_ms: latency.p50 * (0.95 + 0.1 * noise(index)),
                p99_ms: latency.p99 * (0.8 + 0.3 * noise(index + 9)),
                max_ms: latency.max * if index == 37 { 1.0 } else { 0.85 + 0.1 * noise(index) },
            })
            .collect();
        scenario.growth = Some(Growth {
            ms_per_thousand: 0.12,
            first_quarter_p50_ms: latency.p50,
            last_quarter_p50_ms: latency.p50 * 1.02,
            instances: 200,
        });
        scenario.resources.server = Some(used(0.71, Some(0.93)));
        scenario.resources.client = Some(used(0.22, None));
    }
    summary.configuration_advice = advice();
    summary
}

fn used(cpu: f64, thread: Option<f64>) -> ResourceUse {
    ResourceUse {
        covered_ms: 10_000.0,
        samples: 50,
        between_samples: false,
        cpus: 2,
        cpu: CpuUse { user: cpu * 0.7, system: cpu * 0.3, iowait: 0.05, steal: 0.004 },
        busiest_cpu: (cpu * 1.2).min(1.0),
        orthanc: thread.map(|thread| OrthancUse { cpu_cores: 1.3, busiest_thread: Some(thread) }),
        memory_available_min_bytes: 412_000_000,
        disk: DiskUse {
            read_bytes_per_second: 2e5,
            written_bytes_per_second: 5.4e7,
            operations_per_second: 420.0,
            busy: 0.38,
        },
        network: TrafficUse { received_bytes_per_second: 1.04e8, sent_bytes_per_second: 4.2e5 },
        loopback: TrafficUse::default(),
        retransmitted_segments: 3.0,
        mean_run_queue: 2.4,
        ena_allowance_exceeded: None,
    }
}

fn advice() -> Vec<ConfigurationAdvice> {
    let one = |key: &str, value, advised: &str, followed, why: &str| ConfigurationAdvice {
        key: key.to_owned(),
        value,
        advised: advised.to_owned(),
        followed,
        why: why.to_owned(),
        source: "Orthanc Book, Scalability".to_owned(),
    };
    vec![
        one(
            "SyncStorageArea",
            Some(json!(true)),
            "false",
            Some(false),
            "Every file is flushed to the disk before the answer.",
        ),
        one(
            "StorageCompression",
            Some(json!(false)),
            "false",
            Some(true),
            "Compressing costs CPU time for each instance.",
        ),
        one("ConcurrentJobs", None, "0, all CPUs", None, "Jobs are not part of ingest."),
    ]
}

pub(super) fn nagle() -> Finding {
    Finding {
        rule: Rule::NagleDelayedAck,
        confidence: Confidence::Proven,
        scenarios: vec![0, 1],
        says: "C-STOREs wait some 40 ms for an acknowledgement while both hosts are idle: Nagle's algorithm at the sender \
               holds back the last segment, and the server delays its ACK."
            .to_owned(),
        evidence: vec![
            Evidence {
                scenario: Some(0),
                figure: "median C-STORE".to_owned(),
                value: 48.7,
                unit: "ms".to_owned(),
                limit: "at least 38 ms".to_owned(),
            },
            Evidence {
                scenario: None,
                figure: "server's busiest CPU".to_owned(),
                value: 31.0,
                unit: "%".to_owned(),
                limit: "at most 80 %".to_owned(),
            },
        ],
        fix: "Set TCP_NODELAY=1 in the environment of both ends.".to_owned(),
        gain: Some(Gain {
            times: 5.0,
            low: Some(4.9),
            high: Some(5.1),
            basis: "measured in this run: scenario 2 against scenario 0".to_owned(),
        }),
    }
}

fn live_summary(plan: &Plan, outcome: Outcome) -> Summary {
    let mut steps = all_steps(plan, classic_transfer_ms);
    let until_ms = live_steps(&mut steps);
    lived(summarize(plan, &steps, outcome), until_ms)
}

/// TCP_NODELAY and associations, a baseline, thresholds, a finding.
pub(super) fn classic() -> Summary {
    let plan = planned(json!({
        "name": "classic", "iterations": 5, "rounds": 2,
        "matrix": { "associations": [1, 2, 4], "tcpNoDelay": [false, true] },
        "thresholds": [{ "metric": "latencyMs.p99", "max": 300 }],
        "baseline": "history",
    }));
    let history = (1..=6).flat_map(|days| {
        plan.blocks.iter().flat_map(|block| &block.scenarios).map(move |scenario| HistoricScenario {
            settings_key: scenario.settings.key(),
            run_id: format!("earlier-{days}"),
            created_at: midnight() - jiff::SignedDuration::from_hours(24 * days),
            instances_per_second: 200_000.0 / classic_transfer_ms(&scenario.settings, 0) * (1.0 + 0.01 * days as f64),
        })
    });
    let outcome = Outcome { history: history.collect(), ..went_well() };
    let mut summary = live_summary(&plan, outcome);
    let second = Finding {
        rule: Rule::ServerThreadBound,
        confidence: Confidence::Possible,
        scenarios: vec![5],
        gain: None,
        says: "One thread of Orthanc was busy 93% of the time while CPUs were idle.".to_owned(),
        ..nagle()
    };
    summary.diagnosis = vec![nagle(), second];
    summary
}

/// A step failed when half was measured.
pub(super) fn failed_half_way() -> Summary {
    let plan = planned(json!({ "name": "nightly", "rounds": 2, "matrix": { "associations": [1, 4] } }));
    let mut steps = vec![
        measured(&plan, 0, classic_transfer_ms),
        failed(StepId::Measure { ordinal: 1, part: 0 }, "AssociationFailed", "A-ASSOCIATE-RQ: connection refused"),
    ];
    let until_ms = live_steps(&mut steps);
    let error = RunError {
        error: "StepFailed".to_owned(),
        cause:
            "client host i-0123456789abcdef0, step client-measure-1: A-ASSOCIATE-RQ: connection refused\nlog: see below"
                .to_owned(),
    };
    lived(summarize(&plan, &steps, Outcome { error: Some(error), hosts_left: 1, ..went_well() }), until_ms)
}

/// Iterations that prove nothing, objects that were left out, and text that means harm.
pub(super) fn invalid_iterations() -> Summary {
    let mut plan = planned(json!({ "name": "archive", "iterations": 4, "rounds": 2 }));
    plan.dataset.refused = vec![
        Refused { key: "studies/a.dcm".to_owned(), reason: "not DICOM: no DICM prefix".to_owned() },
        Refused { key: HOSTILE.to_owned(), reason: HOSTILE.to_owned() },
    ];
    let mut steps = all_steps(&plan, classic_transfer_ms);
    let until_ms = live_steps(&mut steps);
    let last = steps.last_mut().expect("a block run");
    for (index, reason) in [(1, "199 of 200 instances are stored"), (2, HOSTILE)] {
        let spoiled = &mut iterations_of(last)[index];
        (spoiled.valid, spoiled.reason, spoiled.instances_stored) = (false, Some(reason.to_owned()), 199);
    }
    let mut summary = lived(summarize(&plan, &steps, went_well()), until_ms);
    summary.scenarios[0].warnings.push("The client was the bottleneck: its busiest CPU was 97% busy.".to_owned());
    summary
}

/// As many scenarios and iterations as fit into an hour.
pub(super) fn sixty_scenarios() -> Summary {
    let plan = planned(json!({
        "name": "sixty", "iterations": 5, "rounds": 2, "warmup": 1,
        "limits": { "maxMinutes": 240, "maxCostUsd": 10.0 },
        "matrix": {
            "sender": ["storescu", "dcmsend", "native"], "associations": [1, 2, 4, 8, 16],
            "tcpNoDelay": [false, true], "instancesPerAssociation": ["all", 10],
        },
    }));
    let outcome = Outcome { finished_at: "2026-01-01T01:00:00Z".parse().expect("a time"), ..went_well() };
    let mut summary = live_summary(&plan, outcome);
    summary.diagnosis = vec![Finding { scenarios: (0..60).collect(), ..nagle() }];
    summary
}

/// Levels of load until the objective is broken.
pub(super) fn with_search() -> Summary {
    let plan = planned(json!({ "name": "capacity", "iterations": 5, "rounds": 1 }));
    let mut summary = live_summary(&plan, went_well());
    let levels = [1.0, 2.0, 4.0, 8.0, 16.0, 12.0_f64];
    let mut levels: Vec<_> = levels
        .into_iter()
        .map(|level| {
            let p95 = 3.0 + level * level / 4.0;
            SearchLevel {
                level,
                iterations: 3,
                instances_per_second: Some(700.0 * level / (level + 5.0)),
                latency_ms: Some(LatencySummary {
                    p50: p95 * 0.6,
                    p90: p95 * 0.9,
                    p95,
                    p99: p95 * 1.5,
                    max: p95 * 4.0,
                }),
                keeps: p95 <= 20.0,
                reason: (p95 > 20.0).then(|| format!("latencyMs.p95 is {p95:.1}, at most 20 is asked for")),
            }
        })
        .collect();
    levels.sort_by(|a, b| a.level.total_cmp(&b.level));
    summary.searches = vec![SearchSummary {
        scenario: 0,
        axis: SearchAxis::Associations,
        slo: vec![Objective { metric: Metric::LatencyP95, max: 20.0 }],
        levels,
        sustainable: Some(8.0),
        broken: Some(12.0),
        sustainable_instances_per_second: Some(430.8),
        knee: Some(4.0),
        ended: "the next level between 8 and 12 differs by less than the resolution".to_owned(),
    }];
    summary
}

/// Nothing came of it.
pub(super) fn nothing_measured() -> Summary {
    let plan = planned(json!({
        "name": "smoke", "matrix": { "associations": [1, 4] }, "baseline": "history",
        "thresholds": [{ "metric": "bytesPerSecond", "min": 1 }],
    }));
    let error = RunError {
        error: "NoCapacity".to_owned(),
        cause: "server host: no capacity for t3.micro in us-east-1a, us-east-1b; try another type or region, or later"
            .to_owned(),
    };
    summarize(&plan, &[], Outcome { error: Some(error), ..went_well() })
}
