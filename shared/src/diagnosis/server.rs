//! What of the server's host was used up: its CPUs, one thread, its disk.

use super::measured::{Case, Measured, at_least, at_most, closed, evidence, findings, share};
use super::{Confidence, Finding, Rule};
use crate::resources::ResourceUse;
use crate::summary::ScenarioSummary;

/// From this share of all CPUs on, the host has nothing left: 10% are the gaps between one instance and the next.
const ALL_BUSY: f64 = 0.90;
/// From this share of all CPUs on it is Orthanc that uses them. What is received, and what is written to the disk, takes CPU
/// time in the kernel that is not in Orthanc's account.
const BY_ORTHANC: f64 = 0.70;
/// From this share of the time on, a thread is the limit: were all else free, the transfer would be at most a quarter
/// faster.
const THREAD_BUSY: f64 = 0.80;
/// CPUs that must be idle for a single thread to be the limit, and not them: another thread would have had this much.
const IDLE_CPUS: f64 = 0.4;
/// From this share of the time on, a disk is busy: it has an operation under way.
const DISK_BUSY: f64 = 0.60;
/// From this share of the CPU time on, it is waiting for the disk: a fifth of one of two CPUs.
const WAITING: f64 = 0.10;
/// Up to this share of all CPUs, it is not they that the transfer waits for.
const CPUS_FREE: f64 = 0.80;

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    let with = |rule: &dyn Fn(&ScenarioSummary, &ResourceUse) -> Option<Case>| {
        measured
            .of_orthanc()
            // At a rate that was asked for, the server is as busy as was asked for.
            .filter(|one| closed(one))
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

fn busy(used: &ResourceUse) -> f64 {
    used.cpu.user + used.cpu.system
}

fn cpu_bound(scenario: &ScenarioSummary, used: &ResourceUse) -> Option<Case> {
    let number = scenario.scenario;
    let by_orthanc = used.orthanc?.cpu_cores / f64::from(used.cpus.max(1));
    if busy(used) < ALL_BUSY || by_orthanc < BY_ORTHANC {
        return None;
    }
    let evidence = vec![
        share(number, "CPUs of the server busy", busy(used), at_least(ALL_BUSY)),
        share(number, "CPUs of the server used by Orthanc", by_orthanc, at_least(BY_ORTHANC)),
    ];
    Some(Case { scenario: number, confidence: Confidence::Likely, weight: by_orthanc, evidence, gain: None })
}

fn thread_bound(measured: &Measured<'_>, scenario: &ScenarioSummary, used: &ResourceUse) -> Option<Case> {
    let number = scenario.scenario;
    let thread = used.orthanc?.busiest_thread?;
    let idle = (1.0 - busy(used) - used.cpu.steal).max(0.0) * f64::from(used.cpus);
    if thread < THREAD_BUSY || idle < IDLE_CPUS {
        return None;
    }
    let mut evidences = vec![
        share(number, "Orthanc's busiest thread", thread, at_least(THREAD_BUSY)),
        evidence(number, "CPUs of the server idle", idle, "", format!("at least {IDLE_CPUS}")),
    ];
    let more = measured
        .changed(scenario, "associations")
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
    let number = scenario.scenario;
    if used.disk.busy < DISK_BUSY || used.cpu.iowait < WAITING || busy(used) > CPUS_FREE {
        return None;
    }
    let mut evidences = vec![
        share(number, "the server's busiest disk", used.disk.busy, at_least(DISK_BUSY)),
        share(number, "CPU time idle while waiting for it", used.cpu.iowait, at_least(WAITING)),
        share(number, "CPUs of the server busy", busy(used), at_most(CPUS_FREE)),
        evidence(number, "operations of the disks", used.disk.operations_per_second, "1/s", String::new()),
    ];
    let unsynchronized = measured.changed(scenario, "orthanc").into_iter().find(|other| {
        let keys = other.value.as_object().into_iter().chain(other.own.as_object()).flatten();
        other.value.get("SyncStorageArea") == Some(&false.into())
            && keys.map(|(key, _)| key).all(|key| key == "SyncStorageArea")
    });
    let faster = unsynchronized.filter(super::measured::Changed::is_faster);
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
