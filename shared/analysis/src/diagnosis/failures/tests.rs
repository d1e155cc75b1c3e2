//! Failures of the server over invented samples. agent/tests/agent/alone/failures.rs provokes each for real.

use dicomperf_model::request::Target;
use dicomperf_model::results::{Confidence, FaultyIteration, Rule, ServerFault};
use dicomperf_model::samples::{
    LogLevel, LogTrouble, MemorySample, ProcessSample, ResourceSample, ServerEnd, ServerLogSample, VolumeSample,
};

use super::events::{ServerSide, UnusualStore, Window};

/// The invented iteration takes 20 s.
const STARTED_MS: u64 = 100_000;
const ENDED_MS: u64 = 120_000;
const MB: u64 = 1_000_000;

/// The samples of a host on which nothing is wrong: Orthanc uses half a CPU, and its volume is half full.
struct Host {
    resources: Vec<ResourceSample>,
    ends: Vec<ServerEnd>,
    log: Vec<ServerLogSample>,
    stores: Vec<UnusualStore>,
    valid: bool,
    target: Target,
}

impl Host {
    fn healthy() -> Self {
        Self {
            resources: (0..200).map(|number| sample(number, number * 100)).collect(),
            ends: Vec::new(),
            log: Vec::new(),
            stores: Vec::new(),
            valid: true,
            target: Target::Orthanc,
        }
    }

    /// The client found that the iteration is not complete: one C-STORE failed.
    fn failing(bytes: u64) -> Self {
        let store = UnusualStore { requested_us: STARTED_MS * 1000, waited_us: Some(3_000), bytes, failed: true };
        Self { valid: false, stores: vec![store], ..Self::healthy() }
    }

    fn faults(&self) -> Vec<ServerFault> {
        let iteration = FaultyIteration { scenario: 2, ordinal: 1, index: 3, started_at_ms: STARTED_MS };
        let (target, valid, stores) = (self.target, self.valid, &self.stores[..]);
        let window = Window { iteration, ended_at_ms: ENDED_MS, target, valid, stores };
        let (resources, ends, log) = (&self.resources, &self.ends, &self.log);
        ServerSide { resources, ends, log, instance_bytes: MB }.faults(&window)
    }

    fn found(&self) -> Vec<(Rule, Confidence, String)> {
        self.faults().into_iter().map(|fault| (fault.rule, fault.confidence, fault.says)).collect()
    }

    fn rules(&self) -> Vec<Rule> {
        self.faults().into_iter().map(|fault| fault.rule).collect()
    }
}

/// A sample of every 200 ms, from 10 s before the iteration on.
fn sample(number: u64, orthanc_cpu_ms: u64) -> ResourceSample {
    ResourceSample {
        at_ms: STARTED_MS - 10_000 + number * 200,
        cpu_busy_ms: vec![number * 100, 0],
        memory: MemorySample { total_bytes: 1000 * MB, available_bytes: 500 * MB, unwritten_bytes: 0 },
        processes: vec![ProcessSample {
            pid: 7,
            name: "Orthanc".to_owned(),
            cpu_ms: orthanc_cpu_ms,
            state: Some('S'),
            resident_bytes: Some(300 * MB),
            ..ProcessSample::default()
        }],
        storage: Some(VolumeSample { total_bytes: 16 * MB, free_bytes: 8 * MB }),
        oom_kills: Some(0),
        ..ResourceSample::default()
    }
}

fn killed(at_ms: u64, oom_kills: u64) -> ServerEnd {
    ServerEnd {
        at_ms,
        started_at_ms: at_ms - 3_200,
        server: "Orthanc".to_owned(),
        signal: Some("SIGKILL".to_owned()),
        oom_kills,
        ..ServerEnd::default()
    }
}

fn logged(at_ms: u64, message: &str, trouble: LogTrouble) -> ServerLogSample {
    ServerLogSample { at_ms, level: LogLevel::Error, message: message.to_owned(), trouble: Some(trouble), lines: 12 }
}

#[test]
fn a_healthy_server_has_no_failure() {
    assert_eq!(Host::healthy().faults(), []);
    // An invalid iteration has its own reason: this one would have had room for the instance.
    assert_eq!(Host::failing(MB).faults(), []);
}

#[test]
fn a_process_that_ends_in_an_iteration_is_named_with_its_signal() {
    let mut host = Host::healthy();
    host.ends = vec![killed(ENDED_MS - 1, 0)];
    let says = "Orthanc was ended by SIGKILL, 3.2 s after its start".to_owned();
    assert_eq!(host.found(), [(Rule::ServerDied, Confidence::Likely, says)]);
    // A valid iteration was over. An invalid one may owe its failure to the end that follows at once.
    host.ends = vec![killed(ENDED_MS + 1, 0)];
    assert_eq!(host.rules(), []);
    host.valid = false;
    assert_eq!(host.rules(), [Rule::ServerDied]);
}

#[test]
fn an_end_that_was_asked_for_is_no_failure() {
    let mut host = Host::healthy();
    host.ends = vec![ServerEnd { requested: true, ..killed(ENDED_MS - 1, 0) }];
    assert_eq!(host.rules(), []);
}

#[test]
fn a_kill_that_the_kernel_counted_is_a_lack_of_memory_and_only_that() {
    let mut host = Host::healthy();
    host.ends = vec![killed(STARTED_MS + 5_000, 1)];
    host.resources.iter_mut().filter(|one| one.at_ms >= STARTED_MS + 4_800).for_each(|one| one.oom_kills = Some(1));
    let faults = host.faults();
    assert_eq!((faults.len(), faults[0].rule), (1, Rule::OutOfMemory));
    assert!(faults[0].says.starts_with("Orthanc was ended by SIGKILL"), "{}", faults[0].says);
    let figures: Vec<_> = faults[0].evidence.iter().map(|one| one.value).collect();
    assert_eq!(figures[1..], [1.0, 300.0, 1000.0], "{:?}", faults[0].evidence);
}

#[test]
fn a_kill_of_another_program_long_before_is_no_lack_of_memory() {
    let mut host = Host::healthy();
    host.ends = vec![killed(STARTED_MS + 5_000, 1)];
    let kill = |host: &mut Host, at_ms| {
        for sample in &mut host.resources {
            sample.oom_kills = Some(u64::from(sample.at_ms >= at_ms));
        }
    };
    kill(&mut host, STARTED_MS - 1_000);
    assert_eq!(host.rules(), [Rule::ServerDied]);
    kill(&mut host, STARTED_MS + 4_500);
    assert_eq!(host.rules(), [Rule::OutOfMemory]);
    // The count of the server's own control group needs no time.
    host.ends[0].cgroup_oom_kills = Some(1);
    kill(&mut host, STARTED_MS - 1_000);
    assert_eq!(host.rules(), [Rule::OutOfMemory]);
}

#[test]
fn an_allocation_that_failed_spoils_a_valid_iteration() {
    let mut host = Host::healthy();
    host.log = vec![logged(STARTED_MS + 1, "std::bad_alloc", LogTrouble::OutOfMemory)];
    let says = "Orthanc could not allocate memory; its log says: std::bad_alloc".to_owned();
    assert_eq!(host.found(), [(Rule::OutOfMemory, Confidence::Likely, says)]);
}

#[test]
fn a_volume_that_is_full_is_named_with_its_size_and_the_log() {
    let mut host = Host::failing(MB);
    let full = |host: &mut Host, free_bytes| {
        for sample in &mut host.resources {
            sample.storage = Some(VolumeSample { total_bytes: 16 * MB, free_bytes });
        }
    };
    full(&mut host, 100_000);
    let says = "the volume with Orthanc's storage had 0 of 16 MB free".to_owned();
    assert_eq!(host.found(), [(Rule::DiskFull, Confidence::Likely, says.clone())]);
    host.log = vec![logged(STARTED_MS + 1, "Cannot write to file", LogTrouble::WriteFailed)];
    let with_log = says + ", and Orthanc's log says: Cannot write to file";
    assert_eq!(host.found(), [(Rule::DiskFull, Confidence::Likely, with_log)]);
    // The last instance of a complete iteration may fill the volume.
    let mut complete = Host::healthy();
    full(&mut complete, 100_000);
    assert_eq!(complete.rules(), []);
}

#[test]
fn a_large_instance_needs_more_room_than_a_small_one() {
    // 8 MB are free: enough for an instance of 1 MB, and not for one of 6 MB beside SQLite's log.
    assert_eq!(Host::failing(MB).rules(), []);
    assert_eq!(Host::failing(6 * MB).rules(), [Rule::DiskFull]);
}

#[test]
fn a_failed_write_with_room_left_is_only_possible() {
    let mut host = Host::healthy();
    host.log = vec![logged(STARTED_MS + 1, "Cannot write to file", LogTrouble::WriteFailed)];
    let [(rule, confidence, _)] = &host.found()[..] else { panic!("one") };
    assert_eq!((*rule, *confidence), (Rule::DiskFull, Confidence::Possible));
}

#[test]
fn a_process_that_is_stopped_spoils_a_valid_iteration() {
    let mut host = Host::healthy();
    for sample in &mut host.resources[60..76] {
        sample.processes[0].state = Some('T');
    }
    let says = "the process of Orthanc was stopped by a signal (state T) for 3.0 s or more".to_owned();
    assert_eq!(host.found(), [(Rule::ServerStalled, Confidence::Likely, says)]);
    // Before the iteration it does not matter.
    let mut before = Host::healthy();
    before.resources[10].processes[0].state = Some('T');
    assert_eq!(before.rules(), []);
}

#[test]
fn an_orthanc_does_not_concern_the_sink_and_the_end_of_the_sink_does() {
    let mut host = Host::healthy();
    host.target = Target::Sink;
    host.resources[60].processes[0].state = Some('T');
    host.log = vec![logged(STARTED_MS + 1, "std::bad_alloc", LogTrouble::OutOfMemory)];
    assert_eq!(host.rules(), []);
    host.ends = vec![ServerEnd { server: "sink".to_owned(), ..killed(STARTED_MS + 1, 0) }];
    assert_eq!(host.faults()[0].says, "the sink was ended by SIGKILL, 3.2 s after its start");
}

#[test]
fn a_server_that_neither_works_nor_answers_may_be_stalled() {
    let mut host = Host::failing(MB);
    host.stores[0].waited_us = None;
    // It works: a long wait alone is no stall.
    assert_eq!(host.rules(), []);
    host.resources = (0..200).map(|number| sample(number, number * 2)).collect();
    let says = "Orthanc neither worked nor answered for 20 s".to_owned();
    assert_eq!(host.found(), [(Rule::ServerStalled, Confidence::Possible, says)]);
    host.stores[0].waited_us = Some(4_900_000);
    assert_eq!(host.rules(), []);
    host.stores[0].waited_us = Some(5_100_000);
    assert_eq!(host.rules(), [Rule::ServerStalled]);
}

#[test]
fn what_came_just_before_the_wait_is_no_work_of_a_stalled_server() {
    let mut host = Host::failing(MB);
    host.resources = (0..200).map(|number| sample(number, number * 2)).collect();
    host.stores[0].waited_us = Some(6_000_000);
    // The wait begins within the interval in which all of it comes.
    host.stores[0].requested_us += 20_000;
    for sample in &mut host.resources[51..] {
        sample.loopback.received_bytes = 50 * MB;
    }
    assert_eq!(host.rules(), [Rule::ServerStalled]);
    for sample in &mut host.resources[52..] {
        sample.loopback.received_bytes = 100 * MB;
    }
    assert_eq!(host.rules(), []);
}

#[test]
fn the_end_of_a_process_explains_that_it_did_not_work() {
    let mut host = Host::failing(MB);
    host.stores[0].waited_us = None;
    host.resources = (0..200).map(|number| sample(number, 0)).collect();
    host.ends = vec![killed(STARTED_MS + 1_000, 0)];
    assert_eq!(host.rules(), [Rule::ServerDied]);
}
