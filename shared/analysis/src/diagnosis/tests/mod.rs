//! Rules over invented figures: the rules whose cause no test can provoke, and the order of the findings. The tests in
//! agent/tests/agent/alone/diagnosis/ provoke the other rules for real.

mod existing;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::summarize::{fixture, summarize};
use dicomperf_model::request::{Target, TcpNoDelay};
use dicomperf_model::results::{Confidence, Growth, LatencySummary, Rule, ServerConfigurationSummary};
use dicomperf_model::results::{CpuUse, DiskUse, OrthancUse, ResourceUse, TrafficUse};

fn rules(summary: &Summary) -> Vec<Rule> {
    diagnose(summary).into_iter().map(|finding| finding.rule).collect()
}

/// A run of one scenario with 2 ms an instance.
fn healthy() -> Summary {
    let plan = fixture::planned(json!({ "iterations": 5 }));
    let steps = fixture::all_steps(&plan, |_, iteration| 400.0 + f64::from(iteration % 3));
    summarize(&plan, &steps, fixture::went_well())
}

/// A host with two CPUs, half idle.
fn used() -> ResourceUse {
    ResourceUse {
        covered_ms: 2000.0,
        samples: 10,
        between_samples: false,
        cpus: 2,
        cpu: CpuUse { user: 0.3, system: 0.2, iowait: 0.0, steal: 0.0 },
        busiest_cpu: 0.5,
        orthanc: Some(OrthancUse { cpu_cores: 0.5, busiest_thread: Some(0.4) }),
        memory_available_min_bytes: 1_000_000_000,
        disk: DiskUse::default(),
        network: TrafficUse::default(),
        loopback: TrafficUse::default(),
        retransmitted_segments: 0.0,
        mean_run_queue: 1.0,
        ena_allowance_exceeded: None,
    }
}

#[test]
fn a_healthy_run_has_no_finding() {
    let mut summary = healthy();
    assert_eq!(diagnose(&summary), []);
    summary.scenarios[0].resources.server = Some(used());
    summary.scenarios[0].resources.client = Some(used());
    assert_eq!(diagnose(&summary), []);
}

#[test]
fn nothing_is_found_in_a_scenario_without_a_valid_iteration() {
    let plan = fixture::planned(json!({ "iterations": 3, "matrix": { "tcpNoDelay": [false], "maxPdu": [4096] } }));
    let mut steps = fixture::all_steps(&plan, |_, _| 10_000.0);
    for report in &mut steps[2..] {
        fixture::iterations_of(report).iter_mut().for_each(|iteration| iteration.valid = false);
    }
    assert_eq!(diagnose(&summarize(&plan, &steps, fixture::went_well())), []);
}

#[test]
fn what_is_proven_comes_first_and_has_the_measured_gain() {
    let plan = fixture::planned(json!({
        "iterations": 5, "matrix": { "tcpNoDelay": [false, true], "maxPdu": [4096] },
    }));
    let steps = fixture::all_steps(&plan, fixture::classic_transfer_ms);
    let findings = diagnose(&summarize(&plan, &steps, fixture::went_well()));
    let found: Vec<_> = findings.iter().map(|one| (one.rule, one.confidence, one.scenarios.clone())).collect();
    let expected =
        [(Rule::NagleDelayedAck, Confidence::Proven, vec![0]), (Rule::SmallPdu, Confidence::Likely, vec![0, 1])];
    assert_eq!(found, expected);
    let gain = findings[0].gain.as_ref().expect("a gain");
    assert!((gain.times - 5.0).abs() < 0.1 && gain.low.is_some_and(|low| low > 4.8), "{gain:?}");
}

#[test]
fn a_comparison_that_shows_no_gain_silences_the_rule() {
    let plan = fixture::planned(json!({ "iterations": 5, "matrix": { "tcpNoDelay": [false, true] } }));
    let steps = fixture::all_steps(&plan, |_, iteration| 9_000.0 + f64::from(iteration % 3));
    assert_eq!(diagnose(&summarize(&plan, &steps, fixture::went_well())), []);
}

#[test]
fn without_short_associations_what_remains_is_at_least_the_c_stores() {
    let plan = fixture::planned(json!({ "iterations": 5, "matrix": { "instancesPerAssociation": [1] } }));
    let steps = fixture::all_steps(&plan, |_, _| 9_000.0);
    let mut summary = summarize(&plan, &steps, fixture::went_well());
    let all = |ms| Some(LatencySummary { p50: ms, p90: ms, p95: ms, p99: ms, max: ms });
    let scenario = &mut summary.scenarios[0];
    scenario.latency_ms = all(3.0);
    // The sum of medians may exceed the duration, if most associations took a little longer than the mean.
    scenario.decomposition.as_mut().expect("a decomposition").association_ms = all(46.0);
    let duration_ms = scenario.duration_ms.expect("a duration").median;
    let findings = diagnose(&summary);
    let short = findings.iter().find(|one| one.rule == Rule::ShortAssociations).expect("found");
    assert!((short.evidence[1].value - 100.0 * (1.0 - 600.0 / duration_ms)).abs() < 1e-6, "{short:?}");
    let gain = short.gain.as_ref().expect("a gain").times;
    assert!((gain - 9_000.0 / 600.0).abs() < 1e-6, "{gain}");
}

#[test]
fn allowances_of_ena_are_found_where_packets_of_the_transfer_were_held() {
    let mut summary = healthy();
    let with = |exceeded: &[(&str, u64)]| {
        let exceeded =
            exceeded.iter().map(|(name, packets)| ((*name).to_owned(), *packets)).collect::<BTreeMap<_, _>>();
        Some(ResourceUse { ena_allowance_exceeded: Some(exceeded), ..used() })
    };
    summary.scenarios[0].resources.client =
        with(&[("bw_out_allowance_exceeded", 0), ("linklocal_allowance_exceeded", 12)]);
    assert_eq!(diagnose(&summary), []);
    summary.scenarios[0].resources.client = with(&[("bw_out_allowance_exceeded", 517), ("pps_allowance_exceeded", 0)]);
    let findings = diagnose(&summary);
    assert_eq!(rules(&summary), [Rule::NetworkAllowanceExceeded]);
    let evidence = &findings[0].evidence;
    assert_eq!((evidence.len(), evidence[0].figure.as_str()), (1, "bw_out_allowance_exceeded of the client"));
    assert!((evidence[0].value - 517.0).abs() < 1e-9);
}

#[test]
fn stolen_time_throttles_burstable_hosts_only() {
    let mut summary = healthy();
    let stolen = |steal| Some(ResourceUse { cpu: CpuUse { steal, ..used().cpu }, ..used() });
    summary.scenarios[0].resources.server = stolen(0.3);
    assert_eq!(rules(&summary), [Rule::BurstableThrottled]);
    summary.scenarios[0].resources.server = stolen(0.01);
    assert_eq!(diagnose(&summary), []);
    summary.hosts.server.as_mut().expect("a server").instance_type = "m5.large".to_owned();
    summary.scenarios[0].resources.server = stolen(0.3);
    assert_eq!(diagnose(&summary), []);
}

#[test]
fn the_sink_has_no_finding_of_a_server() {
    let mut summary = healthy();
    let busy = ResourceUse {
        cpu: CpuUse { user: 0.7, system: 0.25, ..CpuUse::default() },
        orthanc: Some(OrthancUse { cpu_cores: 1.8, busiest_thread: Some(0.5) }),
        ..used()
    };
    summary.scenarios[0].resources.server = Some(busy);
    assert_eq!(rules(&summary), [Rule::ServerCpuBound]);
    summary.scenarios[0].settings.target = Target::Sink;
    assert_eq!(diagnose(&summary), []);
}

#[test]
fn a_run_that_shows_no_growth_says_up_to_how_many_instances() {
    let mut summary = healthy();
    let growth = |instances, last_quarter_p50_ms| {
        Some(Growth { ms_per_thousand: 0.1, first_quarter_p50_ms: 2.0, last_quarter_p50_ms, instances })
    };
    summary.scenarios[0].growth = growth(99, 2.0);
    assert_eq!(growth_note(&summary), None);
    summary.scenarios[0].growth = growth(200, 2.0);
    assert!(growth_note(&summary).is_some_and(|note| note.contains("up to 200 instances")));
    summary.scenarios[0].growth = growth(200, 4.0);
    let bucket = |position: u32| dicomperf_model::results::LatencyBucket {
        at_seconds: f64::from(position),
        c_stores: 10,
        p50_ms: 2.0 + f64::from(position) * 0.1,
        p99_ms: 9.0,
        max_ms: 9.0,
    };
    summary.scenarios[0].latency_over_time = (0..20).map(bucket).collect();
    assert_eq!(rules(&summary), [Rule::SlowerAsItFills]);
    assert_eq!(growth_note(&summary), None);
}

#[test]
fn a_last_quarter_that_is_slower_without_a_trend_is_no_growth() {
    let mut summary = healthy();
    summary.scenarios[0].growth =
        Some(Growth { ms_per_thousand: 4.0, first_quarter_p50_ms: 2.0, last_quarter_p50_ms: 4.0, instances: 200 });
    let bucket = |position: u32, p50_ms| dicomperf_model::results::LatencyBucket {
        at_seconds: f64::from(position),
        c_stores: 10,
        p50_ms,
        p99_ms: 9.0,
        max_ms: 9.0,
    };
    // The medians go up and down, and one stretch at the end was disturbed.
    summary.scenarios[0].latency_over_time =
        (0..20).map(|n| bucket(n, if n > 16 { 4.0 } else { 2.0 + f64::from(n * 7 % 5) * 0.01 })).collect();
    assert_eq!(diagnose(&summary), []);
    summary.scenarios[0].latency_over_time = (0..20).map(|n| bucket(n, 2.0 + f64::from(n) * 0.1)).collect();
    assert_eq!(rules(&summary), [Rule::SlowerAsItFills]);
}

#[test]
fn what_orthanc_is_not_configured_for_is_named_and_what_is_of_rest_is_not() {
    let mut summary = healthy();
    let live = |keys: Value, environment: Value| {
        let of = |value: Value| value.as_object().expect("an object").clone().into_iter().collect();
        Some(ServerConfigurationSummary {
            orthanc: BTreeMap::from([("configuration".to_owned(), keys), ("system".to_owned(), json!({}))]),
            environment: of(environment),
        })
    };
    let keys = json!({ "StorageCompression": true, "SaveJobs": true, "KeepAlive": false, "MaximumPduLength": 16384 });
    summary.server_configuration = live(keys, json!({ "TCP_NODELAY": "0" }));
    let advice = configuration(&summary);
    let missed: Vec<_> = advice.iter().filter(|one| one.followed == Some(false)).map(|one| one.key.as_str()).collect();
    assert_eq!(missed, ["TCP_NODELAY", "StorageCompression", "SaveJobs", "KeepAlive"]);
    let finding = diagnose(&summary).into_iter().find(|one| one.rule == Rule::Configuration).expect("a finding");
    assert!(finding.says.contains("ingest: TCP_NODELAY, StorageCompression."), "{}", finding.says);
    // A setting that the request itself sets or varies is no surprise.
    let mut asked = summary.clone();
    asked.request.matrix.tcp_no_delay = vec![TcpNoDelay::Both, TcpNoDelay::Neither];
    let finding = diagnose(&asked).into_iter().find(|one| one.rule == Rule::Configuration).expect("a finding");
    assert!(finding.says.contains("ingest: StorageCompression."), "{}", finding.says);
    asked.request.server.orthanc.insert("StorageCompression".to_owned(), json!(true));
    assert!(diagnose(&asked).iter().all(|one| one.rule != Rule::Configuration));

    summary.server_configuration = live(json!({}), json!({ "TCP_NODELAY": "1" }));
    assert_eq!(diagnose(&summary), []);
    // The environment of the process is unknown.
    summary.server_configuration = live(json!({}), json!({}));
    let unknown = configuration(&summary).into_iter().find(|one| one.key == "TCP_NODELAY").expect("a row");
    assert_eq!((unknown.value, unknown.followed), (None, None));
    summary.server_configuration = None;
    assert_eq!(configuration(&summary), []);
}
