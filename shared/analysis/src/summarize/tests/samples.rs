//! The hosts' resource samples.

use super::*;

fn resources(at_ms: u64, busy_of: u64, steal_of: u64) -> ResourceSample {
    // The host has two CPUs. In each 100 ms the first one is busy for `busy_of` ms, and `steal_of` ms of it are stolen.
    let since = at_ms - STARTED_MS + 1000;
    ResourceSample {
        at_ms,
        cpu: CpuSample {
            user_ms: since * (busy_of - steal_of) / 100,
            steal_ms: since * steal_of / 100,
            idle_ms: since + since * (100 - busy_of) / 100,
            ..CpuSample::default()
        },
        cpu_busy_ms: vec![since * busy_of / 100, 0],
        ..ResourceSample::default()
    }
}

/// The time at which the fixture's iterations begin.
const STARTED_MS: u64 = 1_767_225_600_000;

fn samples(busy_of: u64, steal_of: u64) -> Vec<ResourceSample> {
    (0..100).map(|tick| resources(STARTED_MS - 200 + tick * 200 + 200, busy_of, steal_of)).collect()
}

fn summarized(samples: HostSamples) -> Summary {
    let plan = planned(json!({ "rounds": 1, "iterations": 6 }));
    summarize(&plan, &all_steps(&plan, |_, _| 2500.0), Outcome { samples, ..went_well() })
}

#[test]
fn a_warning_is_a_finding_of_the_diagnosis_and_no_invalid_iteration() {
    let summary = summarized(HostSamples { client: samples(30, 0), server: samples(60, 20), ..HostSamples::default() });
    assert_eq!(summary.scenarios[0].valid_iterations, 6);
    let [finding] = &summary.diagnosis[..] else { panic!("{:?}", summary.diagnosis) };
    assert_eq!((finding.rule, &finding.scenarios[..]), (Rule::BurstableThrottled, &[0][..]));
    let [warning] = &summary.scenarios[0].warnings[..] else { panic!("{:?}", summary.scenarios[0].warnings) };
    assert!(warning.contains(finding.rule.title()) && warning.contains(&finding.says), "{warning}");
    // Busy CPUs alone do not show that the sender was the limit; only its own CPU time does.
    let summary = summarized(HostSamples { client: samples(99, 0), server: samples(40, 0), ..HostSamples::default() });
    assert_eq!(summary.scenarios[0].warnings, Vec::<String>::new());
}

#[test]
fn without_samples_nothing_is_said_of_the_hosts() {
    let summary = summarized(HostSamples::default());
    assert_eq!(summary.scenarios[0].resources, ScenarioResources::default());
    assert_eq!(summary.scenarios[0].warnings, Vec::<String>::new());
}
