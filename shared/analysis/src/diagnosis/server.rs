//! Rules that find a resource of the server's host as the limit: its CPUs, one thread, its disk.

use super::measured::{Case, Measured, at_least, at_most, evidence, findings, is_closed, share};
use dicomperf_model::results::ResourceUse;
use dicomperf_model::results::ScenarioSummary;
use dicomperf_model::results::{Confidence, Finding, Rule};
use dicomperf_model::settings::Axis;

/// The host has no CPU time left from this share of all CPUs on. The remaining 10% are the gaps between instances.
const MIN_CPU_SHARE: f64 = 0.90;
/// Orthanc is the program that uses the CPUs from this share of all CPUs on. It is lower than the share above because
/// the kernel's CPU time for receiving and for writing to the disk does not count as Orthanc's.
const MIN_ORTHANC_SHARE: f64 = 0.70;
/// A thread is the limit if it is busy for at least this share of the time. If all other work were free, the transfer
/// would be at most a quarter faster.
const MIN_THREAD_SHARE: f64 = 0.80;
/// CPUs that must be idle before a single thread, and not the CPUs, is the limit: another thread could have used this
/// much.
const MIN_IDLE_CPUS: f64 = 0.4;
/// A disk is busy if it has an operation under way for at least this share of the time.
const MIN_DISK_SHARE: f64 = 0.60;
/// The CPUs wait for the disk from this share of their time on: a fifth of one of two CPUs.
const MIN_IOWAIT_SHARE: f64 = 0.10;
/// The transfer does not wait for the CPUs if at most this share of them is busy.
const MAX_CPU_SHARE: f64 = 0.80;

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    let with = |rule: &dyn Fn(&ScenarioSummary, &ResourceUse) -> Option<Case>| {
        measured
            .orthanc_scenarios()
            // With open arrival the request sets the rate, and therefore how busy the server is.
            .filter(|one| is_closed(one))
            .filter_map(|one| rule(one, one.resources.server.as_ref()?))
            .collect::<Vec<_>>()
    };
    let mut found = findings(
        Rule::ServerCpuBound,
        with(&cpu_bound),
        "Orthanc used nearly all the CPU time that its host has.",
        "A host with more or faster CPUs; or less work for each instance: no StorageCompression, no IngestTranscoding, no \
         TLS where the network is trusted.",
    );
    found.extend(findings(
        Rule::ServerThreadBound,
        with(&|one, used| thread_bound(measured, one, used)),
        "One thread of Orthanc was busy nearly all the time, while CPUs of its host were idle.",
        "More associations side by side, which Orthanc serves with a thread each; or a host with faster CPUs, not more.",
    ));
    found.extend(findings(
        Rule::DiskBound,
        with(&|one, used| disk_bound(measured, one, used)),
        "The server's disk was busy and threads waited for it, while its CPUs were not used up.",
        "A faster volume; or SyncStorageArea off, where instances that were just received may be lost in a power failure.",
    ));
    found
}

fn cpu_share(used: &ResourceUse) -> f64 {
    used.cpu.user + used.cpu.system
}

fn cpu_bound(scenario: &ScenarioSummary, used: &ResourceUse) -> Option<Case> {
    let number = scenario.number;
    let by_orthanc = used.orthanc?.cpu_cores / f64::from(used.cpus.max(1));
    if cpu_share(used) < MIN_CPU_SHARE || by_orthanc < MIN_ORTHANC_SHARE {
        return None;
    }
    let evidence = vec![
        share(number, "CPUs of the server busy", cpu_share(used), at_least(MIN_CPU_SHARE)),
        share(number, "CPUs of the server used by Orthanc", by_orthanc, at_least(MIN_ORTHANC_SHARE)),
    ];
    Some(Case { scenario: number, confidence: Confidence::Likely, weight: by_orthanc, evidence, gain: None })
}

fn thread_bound(measured: &Measured<'_>, scenario: &ScenarioSummary, used: &ResourceUse) -> Option<Case> {
    let number = scenario.number;
    let thread = used.orthanc?.busiest_thread?;
    let idle = (1.0 - cpu_share(used) - used.cpu.steal).max(0.0) * f64::from(used.cpus);
    if thread < MIN_THREAD_SHARE || idle < MIN_IDLE_CPUS {
        return None;
    }
    let mut evidences = vec![
        share(number, "Orthanc's busiest thread", thread, at_least(MIN_THREAD_SHARE)),
        evidence(number, "CPUs of the server idle", idle, "", format!("at least {MIN_IDLE_CPUS}")),
    ];
    let more = measured
        .variants(scenario, Axis::Associations)
        .into_iter()
        .filter(|other| other.value.as_u64() > other.own.as_u64() && other.is_faster());
    let more = more.max_by(|a, b| a.ratio.median.total_cmp(&b.ratio.median));
    if let Some(more) = &more {
        evidences.push(more.evidence(number, &format!("with {} associations", more.value)));
    }
    Some(Case {
        scenario: number,
        confidence: if more.is_some() { Confidence::Proven } else { Confidence::Likely },
        weight: thread,
        evidence: evidences,
        gain: more.map(|more| more.gain(number)),
    })
}

fn disk_bound(measured: &Measured<'_>, scenario: &ScenarioSummary, used: &ResourceUse) -> Option<Case> {
    let number = scenario.number;
    if used.disk.busy < MIN_DISK_SHARE || used.cpu.iowait < MIN_IOWAIT_SHARE || cpu_share(used) > MAX_CPU_SHARE {
        return None;
    }
    let mut evidences = vec![
        share(number, "the server's busiest disk", used.disk.busy, at_least(MIN_DISK_SHARE)),
        share(number, "CPU time idle while waiting for it", used.cpu.iowait, at_least(MIN_IOWAIT_SHARE)),
        share(number, "CPUs of the server busy", cpu_share(used), at_most(MAX_CPU_SHARE)),
        evidence(number, "operations of the disks", used.disk.operations_per_second, "1/s", String::new()),
    ];
    let unsynchronized = measured.variants(scenario, Axis::Orthanc).into_iter().find(|other| {
        let keys = other.value.as_object().into_iter().chain(other.own.as_object()).flatten();
        other.value.get("SyncStorageArea") == Some(&false.into())
            && keys.map(|(key, _)| key).all(|key| key == "SyncStorageArea")
    });
    let faster = unsynchronized.filter(super::measured::Variant::is_faster);
    if let Some(faster) = &faster {
        evidences.push(faster.evidence(number, "with SyncStorageArea off"));
    }
    Some(Case {
        scenario: number,
        confidence: if faster.is_some() { Confidence::Proven } else { Confidence::Likely },
        weight: used.disk.busy,
        evidence: evidences,
        gain: faster.map(|faster| faster.gain(number)),
    })
}
