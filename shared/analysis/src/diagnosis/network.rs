//! Rules that find the network, or the allowances of EC2, as the limit.

use super::measured::{Case, Measured, at_least, evidence, findings, share};
use dicomperf_model::host_type::HostType;
use dicomperf_model::results::ResourceUse;
use dicomperf_model::results::ScenarioSummary;
use dicomperf_model::results::{Confidence, Evidence, Finding, Rule};

/// The network is the limit from this share of the iperf3 rate on. It is below 1 for two reasons: the headers of TCP,
/// IP and PDUs add a few percent to the files, and a closed C-STORE leaves the wire idle for a round trip.
const MIN_NETWORK_SHARE: f64 = 0.80;
/// A burstable host is throttled if the hypervisor takes at least this share of its CPU time. Neighbours take less than
/// 1% on a host that is not throttled.
const MIN_STEAL_SHARE: f64 = 0.02;
/// The allowance for DNS, IMDS and the time service, whose packets are no part of a transfer
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-network-performance-ena.html>).
const LINK_LOCAL_ALLOWANCE: &str = "linklocal_allowance_exceeded";

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    let mut found = findings(
        Rule::NetworkBound,
        measured.scenarios().filter_map(|one| network_bound(measured, one)).collect(),
        "The transfer moved nearly as many bytes a second as iperf3 did over one TCP connection just before.",
        "A faster network: larger hosts, or hosts in one placement group. On EC2 one connection has a limit of its own, so \
         several associations may reach more. Or fewer bytes: a compressed transfer syntax.",
    );
    found.extend(findings(
        Rule::NetworkAllowanceExceeded,
        each_host(measured, allowance_exceeded),
        "EC2 queued or dropped packets, because the host exceeded what its type is allowed.",
        "A larger or network-optimized host type (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/\
         monitoring-network-performance-ena.html explains each allowance).",
    ));
    let burstable = |scenario: &ScenarioSummary, role: &str, used: &ResourceUse| {
        let hosts = &measured.summary.hosts;
        let host = if role == "server" { hosts.server.as_ref() } else { hosts.client.as_ref() };
        let instance_type = host.map_or("", |host| host.instance_type.as_str());
        let is_burstable = HostType::find(instance_type).is_some_and(|host_type| host_type.burstable);
        let figure = format!("CPU time of the {role} ({instance_type}) taken by the hypervisor");
        let evidence = share(scenario.number, &figure, used.cpu.steal, at_least(MIN_STEAL_SHARE));
        (is_burstable && used.cpu.steal >= MIN_STEAL_SHARE).then(|| (used.cpu.steal, vec![evidence]))
    };
    found.extend(findings(
        Rule::BurstableThrottled,
        each_host(measured, burstable),
        "A burstable host had spent its CPU credits, and the hypervisor took CPU time from it.",
        "A host type that is not burstable, or cpuCredits \"unlimited\" at its price.",
    ));
    found
}

fn network_bound(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let number = scenario.number;
    let reached = scenario.bytes_per_second?.median;
    let possible = measured.network_bytes_per_second(scenario).filter(|&rate| rate > 0.0)?;
    let share_of_network = reached / possible;
    let evidence = vec![
        evidence(number, "bytes of files", reached / 1e6, "MB/s", String::new()),
        evidence(number, "iperf3 over one connection", possible / 1e6, "MB/s", String::new()),
        share(number, "bytes of files over iperf3", share_of_network, at_least(MIN_NETWORK_SHARE)),
    ];
    (share_of_network >= MIN_NETWORK_SHARE).then_some(Case {
        scenario: number,
        confidence: Confidence::Likely,
        weight: share_of_network,
        evidence,
        gain: None,
    })
}

fn allowance_exceeded(scenario: &ScenarioSummary, role: &str, used: &ResourceUse) -> Option<(f64, Vec<Evidence>)> {
    let exceeded = used.ena_allowance_exceeded.as_ref()?;
    let exceeded = exceeded.iter().filter(|(name, packets)| **packets > 0 && name.as_str() != LINK_LOCAL_ALLOWANCE);
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 packets")]
    let packets: Vec<_> = exceeded.map(|(name, &packets)| (name, packets as f64)).collect();
    let all = packets.iter().map(|(_, packets)| packets).sum();
    let evidences = packets.into_iter().map(|(name, packets)| {
        evidence(scenario.number, &format!("{name} of the {role}"), packets, "packets", "at least 1".to_owned())
    });
    let evidences: Vec<_> = evidences.collect();
    (!evidences.is_empty()).then_some((all, evidences))
}

/// Applies a rule to both hosts of each scenario.
fn each_host(
    measured: &Measured<'_>,
    rule: impl Fn(&ScenarioSummary, &str, &ResourceUse) -> Option<(f64, Vec<Evidence>)>,
) -> Vec<Case> {
    let of_scenario = |scenario: &ScenarioSummary| {
        let hosts = [("server", &scenario.resources.server), ("client", &scenario.resources.client)];
        let found: Vec<_> = hosts.into_iter().filter_map(|(role, used)| rule(scenario, role, used.as_ref()?)).collect();
        let weight = found.iter().map(|(weight, _)| *weight).fold(0.0, f64::max);
        let evidence: Vec<_> = found.into_iter().flat_map(|(_, evidence)| evidence).collect();
        (!evidence.is_empty()).then_some(Case {
            scenario: scenario.number,
            confidence: Confidence::Likely,
            weight,
            evidence,
            gain: None,
        })
    };
    measured.scenarios().filter_map(of_scenario).collect()
}
