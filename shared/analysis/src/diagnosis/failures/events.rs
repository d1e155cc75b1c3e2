//! The failures of the server during one iteration, from the samples of its own host.

use dicomperf_model::request::Target;
use dicomperf_model::results::{Confidence, Evidence, FaultyIteration, Rule, ServerFault};
use dicomperf_model::samples::{LogTrouble, ResourceSample, ServerEnd, ServerLogSample, seconds};

use super::super::measured::evidence;
use crate::resources::use_between;

/// An invalid iteration may owe this to an event up to this time after its end: the sender gives up first, and the
/// server's process ends, or writes its log, later.
const GRACE_MS: u64 = 5_000;
/// The kernel counts a kill at most this long before the killed process has ended: it frees its memory first.
const KILL_MS: u64 = 2_000;
/// The bytes to which SQLite's write-ahead log grows before it is written back (1,000 pages of 4 KiB: SQLite,
/// wal_autocheckpoint). Orthanc needs them beside an instance.
const DATABASE_BYTES: u64 = 4_096_000;
/// A C-STORE that waits for at least this time may wait for a server that does not work. Orthanc takes 2 to 3 s for the
/// largest instance that was tried, 398 MB, and its disk and its CPUs are busy then.
const MIN_WAIT_MS: u64 = 5_000;
/// A server does not work if it uses at most this share of one CPU. An idle Orthanc uses about 1%.
const MAX_IDLE_CORES: f64 = 0.05;
/// The server does not wait for its disk if the disk is busy for at most this share of the time: a server that writes
/// and syncs one file after another leaves a disk no pause.
const MAX_IDLE_DISK: f64 = 0.8;
/// The server does not wait for the sender's bytes if fewer come than this. A slow line of 10 Mbit/s brings more.
const MAX_IDLE_BYTES_PER_SECOND: f64 = 1_000_000.0;

/// The samples of the server's host that tell of its failures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerSide<'a> {
    pub resources: &'a [ResourceSample],
    pub ends: &'a [ServerEnd],
    pub log: &'a [ServerLogSample],
    /// Mean bytes of an instance of the dataset.
    pub instance_bytes: u64,
}

/// A C-STORE without success, or one that waited long for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnusualStore {
    /// The time of the request, in us since 1970-01-01 UTC.
    pub requested_us: u64,
    /// The time from the request to the answer, in us; `None` if no answer came.
    pub waited_us: Option<u64>,
    /// Size of the file.
    pub bytes: u64,
    /// True if the answer was not Success, or did not come.
    pub failed: bool,
}

/// One iteration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    pub iteration: FaultyIteration,
    pub ended_at_ms: u64,
    /// The server under test. An Orthanc, its log and its volume do not concern an iteration to the sink.
    pub target: Target,
    /// True if the iteration passed all checks of the client.
    pub valid: bool,
    /// C-STOREs without success, and those that took long.
    pub stores: &'a [UnusualStore],
}

impl Window<'_> {
    /// True if an event at this time belongs to the iteration.
    pub fn contains(&self, at_ms: u64) -> bool {
        let grace = if self.valid { 0 } else { GRACE_MS };
        (self.iteration.started_at_ms..=self.ended_at_ms + grace).contains(&at_ms)
    }

    fn fault(&self, rule: Rule, confidence: Confidence, at_ms: u64, says: String) -> ServerFault {
        ServerFault { rule, confidence, iteration: Some(self.iteration), at_ms, says, evidence: Vec::new() }
    }
}

impl ServerSide<'_> {
    /// Returns the failures of the server in an iteration, one for each rule at most. The end of a process explains
    /// that the server did not work.
    pub fn faults(&self, window: &Window<'_>) -> Vec<ServerFault> {
        let end = self.end(window);
        if window.target != Target::Orthanc {
            return end.into_iter().collect();
        }
        let mut faults: Vec<_> = end.or_else(|| self.memory_in_log(window)).into_iter().collect();
        faults.extend(self.disk_full(window));
        if faults.is_empty() {
            faults.extend(self.stopped(window).or_else(|| self.idle(window)));
        }
        faults
    }

    fn end(&self, window: &Window<'_>) -> Option<ServerFault> {
        let end = self.ends.iter().find(|end| !end.requested && window.contains(end.at_ms))?;
        let mut fault = fault_of_end(end, self.resources);
        fault.iteration = Some(window.iteration);
        fault.evidence.iter_mut().for_each(|one| one.scenario = Some(window.iteration.scenario));
        Some(fault)
    }

    fn log_lines(&self, window: &Window<'_>, trouble: LogTrouble) -> Vec<&ServerLogSample> {
        let of_iteration = self.log.iter().filter(|one| window.contains(one.at_ms));
        of_iteration.filter(|one| one.trouble == Some(trouble)).collect()
    }

    fn memory_in_log(&self, window: &Window<'_>) -> Option<ServerFault> {
        let lines = self.log_lines(window, LogTrouble::OutOfMemory);
        let says = format!("Orthanc could not allocate memory; its log says: {}", lines.first()?.message);
        let at_ms = lines.first()?.at_ms;
        let mut fault = window.fault(Rule::OutOfMemory, Confidence::Likely, at_ms, says);
        fault.evidence.push(of(window, "lines of the log on lack of memory", count(&lines), "", "at least 1"));
        fault.evidence.extend(memory_evidence(self.resources, at_ms));
        Some(fault)
    }

    fn disk_full(&self, window: &Window<'_>) -> Option<ServerFault> {
        let lines = self.log_lines(window, LogTrouble::WriteFailed);
        let failed = window.stores.iter().filter(|store| store.failed);
        let (stores, largest) =
            failed.fold((0_u32, None), |(stores, largest), one| (stores + 1, largest.max(Some(one.bytes))));
        // A failed write spoils the iteration. Little space alone spoils nothing that the client found complete.
        if lines.is_empty() && (window.valid || stores == 0) {
            return None;
        }
        let needed = largest.unwrap_or(self.instance_bytes) + DATABASE_BYTES;
        let inside = self.resources.iter().filter(|one| window.contains(one.at_ms));
        let volume = inside.filter_map(|one| Some((one.at_ms, one.storage?))).min_by_key(|(_, one)| one.free_bytes);
        let full = volume.filter(|(_, volume)| volume.free_bytes < needed);
        if lines.is_empty() && full.is_none() {
            return None;
        }
        let space = volume.map(|(_, volume)| {
            let (free, total) = (volume.free_bytes / 1_000_000, volume.total_bytes / 1_000_000);
            format!("the volume with Orthanc's storage had {free} of {total} MB free")
        });
        let log = lines.first().map(|line| format!("Orthanc's log says: {}", line.message));
        let says = [space, log].into_iter().flatten().collect::<Vec<_>>().join(", and ");
        let confidence = if full.is_some() { Confidence::Likely } else { Confidence::Possible };
        let at_ms = lines.first().map(|line| line.at_ms).or(volume.map(|(at_ms, _)| at_ms))?;
        let mut fault = window.fault(Rule::DiskFull, confidence, at_ms, says);
        if let Some((_, volume)) = volume {
            let limit = format!("below {:.1} MB, an instance and SQLite's log", megabytes(needed));
            let free =
                evidence(window.iteration.scenario, "least free space", megabytes(volume.free_bytes), "MB", limit);
            fault.evidence.push(free);
            fault.evidence.push(of(window, "size of the volume", megabytes(volume.total_bytes), "MB", ""));
        }
        fault.evidence.push(of(window, "C-STOREs without success", f64::from(stores), "", "at least 1"));
        fault.evidence.push(of(window, "lines of the log on failed writes", count(&lines), "", "at least 1"));
        Some(fault)
    }

    /// A process that a signal or a debugger has stopped. It makes a valid iteration too slow.
    fn stopped(&self, window: &Window<'_>) -> Option<ServerFault> {
        let inside = self.resources.iter().filter(|one| window.contains(one.at_ms));
        let is_stopped =
            |one: &&ResourceSample| one.processes.iter().any(|process| matches!(process.state, Some('T' | 't')));
        let stopped: Vec<_> = inside.filter(is_stopped).collect();
        let (first, last) = (stopped.first()?, stopped.last()?);
        // A process may have been stopped between this sample and its neighbours.
        let lasted_ms = last.at_ms - first.at_ms;
        let says = match lasted_ms {
            0 => "the process of Orthanc was stopped by a signal (state T)".to_owned(),
            _ => format!("the process of Orthanc was stopped by a signal (state T) for {} or more", seconds(lasted_ms)),
        };
        let mut fault = window.fault(Rule::ServerStalled, Confidence::Likely, first.at_ms, says);
        fault.evidence.push(of(window, "time in state T", to_seconds(lasted_ms), "s", "seen once or more"));
        fault.evidence.push(of(window, "samples in state T", length(stopped.len()), "", "at least 1"));
        Some(fault)
    }

    /// A server that does nothing while a C-STORE waits for its answer.
    fn idle(&self, window: &Window<'_>) -> Option<ServerFault> {
        let waits = window.stores.iter().filter_map(|store| {
            let from_ms = store.requested_us / 1000;
            let until_ms = store.waited_us.map_or(window.ended_at_ms, |waited| from_ms + waited / 1000);
            let waited_ms = until_ms.saturating_sub(from_ms);
            (waited_ms >= MIN_WAIT_MS).then_some((waited_ms, from_ms, until_ms))
        });
        let (waited_ms, from_ms, until_ms) = waits.max()?;
        // Whole intervals only: the one in which the wait begins has what came before it, on a fast network a lot.
        let mut inside =
            self.resources.iter().map(|one| one.at_ms).filter(|at_ms| (from_ms..=until_ms).contains(at_ms));
        let used = use_between(self.resources, inside.next()?, inside.next_back()?)?;
        let cores = used.orthanc?.cpu_cores;
        let received = used.network.received_bytes_per_second + used.loopback.received_bytes_per_second;
        let is_covered = used.covered_ms >= 0.8 * to_seconds(waited_ms) * 1000.0;
        let is_idle =
            cores <= MAX_IDLE_CORES && used.disk.busy <= MAX_IDLE_DISK && received <= MAX_IDLE_BYTES_PER_SECOND;
        if !is_covered || !is_idle {
            return None;
        }
        let says = format!("Orthanc neither worked nor answered for {}", seconds(waited_ms));
        let mut fault = window.fault(Rule::ServerStalled, Confidence::Possible, from_ms, says);
        let at_least = format!("at least {} s", MIN_WAIT_MS / 1000);
        fault.evidence.push(of(window, "longest wait of a C-STORE", to_seconds(waited_ms), "s", &at_least));
        let at_most = |share: f64| format!("at most {:.0}%", share * 100.0);
        fault.evidence.push(of(window, "CPU of Orthanc meanwhile", cores * 100.0, "%", &at_most(MAX_IDLE_CORES)));
        fault.evidence.push(of(
            window,
            "the busiest disk meanwhile",
            used.disk.busy * 100.0,
            "%",
            &at_most(MAX_IDLE_DISK),
        ));
        Some(fault)
    }
}

/// Returns the failure that the end of a server's process is, in no iteration.
pub(crate) fn fault_of_end(end: &ServerEnd, resources: &[ResourceSample]) -> ServerFault {
    let lived_s = to_seconds(end.at_ms.saturating_sub(end.started_at_ms));
    let how = match (&end.signal, end.exit_code) {
        (Some(signal), _) => format!("ended by {signal}, time after its start"),
        (None, _) => "ended, time after its start".to_owned(),
    };
    let mut evidences = vec![of_run(&how, lived_s, "s", "")];
    evidences.extend(end.exit_code.map(|code| of_run("exit code", f64::from(code), "", "")));
    let (rule, says) = if lacked_memory(end, resources) {
        let kills = whole(end.cgroup_oom_kills.unwrap_or(end.oom_kills));
        evidences.push(of_run("processes that the kernel killed for lack of memory", kills, "", "at least 1"));
        evidences.extend(memory_evidence(resources, end.at_ms));
        (Rule::OutOfMemory, format!("{}, because the kernel had no memory left for it", end.sentence()))
    } else {
        (Rule::ServerDied, end.sentence())
    };
    ServerFault { rule, confidence: Confidence::Likely, iteration: None, at_ms: end.at_ms, says, evidence: evidences }
}

/// True if the kernel killed the server for lack of memory. The count of a whole host may be of another program, long
/// before: the samples show the time.
fn lacked_memory(end: &ServerEnd, resources: &[ResourceSample]) -> bool {
    let grew_then = || {
        let before = resources[..resources.partition_point(|one| one.at_ms + KILL_MS <= end.at_ms)].last()?;
        let after = resources[resources.partition_point(|one| one.at_ms < end.at_ms)..].first().or(resources.last())?;
        Some(after.oom_kills? > before.oom_kills?)
    };
    end.lacked_memory() && (end.cgroup_oom_kills.is_some() || grew_then() != Some(false))
}

/// Returns the failure that a message of the log is, in no iteration; `None` if its meaning is not known.
pub(crate) fn fault_of_log(line: &ServerLogSample) -> Option<ServerFault> {
    let rule = match line.trouble? {
        LogTrouble::WriteFailed => Rule::DiskFull,
        LogTrouble::OutOfMemory => Rule::OutOfMemory,
    };
    Some(ServerFault {
        rule,
        confidence: Confidence::Possible,
        iteration: None,
        at_ms: line.at_ms,
        says: format!("Orthanc's log says: {}", line.message),
        evidence: vec![of_run("lines of the log", f64::from(line.lines), "", "at least 1")],
    })
}

/// Returns the memory of Orthanc and of its host in the last sample before a time.
fn memory_evidence(resources: &[ResourceSample], at_ms: u64) -> Vec<Evidence> {
    let before = &resources[..resources.partition_point(|one| one.at_ms <= at_ms)];
    let resident = before
        .iter()
        .rev()
        .take(25)
        .filter_map(|one| one.processes.iter().filter_map(|process| process.resident_bytes).max());
    let mut evidences: Vec<_> = resident
        .max()
        .map(|bytes| of_run("most resident memory of Orthanc in the 5 s before", megabytes(bytes), "MB", ""))
        .into_iter()
        .collect();
    evidences
        .extend(before.last().map(|one| of_run("memory of the host", megabytes(one.memory.total_bytes), "MB", "")));
    evidences
}

fn of(window: &Window<'_>, figure: &str, value: f64, unit: &str, limit: &str) -> Evidence {
    evidence(window.iteration.scenario, figure, value, unit, limit.to_owned())
}

fn of_run(figure: &str, value: f64, unit: &str, limit: &str) -> Evidence {
    Evidence { scenario: None, ..evidence(0, figure, value, unit, limit.to_owned()) }
}

fn count(lines: &[&ServerLogSample]) -> f64 {
    lines.iter().map(|line| f64::from(line.lines)).sum()
}

fn length(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "a count, a time, or bytes below 2^53")]
const fn whole(number: u64) -> f64 {
    number as f64
}

fn to_seconds(milliseconds: u64) -> f64 {
    whole(milliseconds) / 1000.0
}

fn megabytes(bytes: u64) -> f64 {
    whole(bytes) / 1e6
}
