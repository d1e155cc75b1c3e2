//! Senders side by side. Each lane runs its processes one after another.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use dicomperf_model::sending::ANSWER_TIMEOUT_S;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::log::{NO_ANSWER, has_lost_association};
use crate::clock::Moment;
use crate::failure::{DuringIo as _, Failure};
use crate::interrupt;
use crate::process::{Running, wait_for_one};

/// The senders are stopped if no C-STORE begins or ends for this long.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);
/// The time between two polls of the senders' logs.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The same in a process that may be interrupted: short enough for a person who waits for the end.
const INTERRUPT_INTERVAL: Duration = Duration::from_millis(100);
/// A log that was still for this long may report next that an answer did not arrive. The senders' own limit is a little
/// longer.
const STILL_LOG: Duration = Duration::from_secs(ANSWER_TIMEOUT_S as u64 - 5);
/// Bytes at the end of a log that are searched for such a report.
const LOG_END_BYTES: u64 = 4096;
/// A lane gives up after this many lost associations. Each of them may take the whole time limit of an answer.
pub(super) const MAX_LOST_ASSOCIATIONS: u32 = 10;

/// A process that is ready to be started.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The program and its arguments.
    pub command: Command,
    /// A file that grows while the process works. A process without one has its own time limits.
    pub log: Option<PathBuf>,
}

/// A process that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    pub started: Moment,
    pub ended: Instant,
    /// The process's exit code or signal.
    pub status: ExitStatus,
    /// True if the agent ended the process.
    pub was_killed: bool,
}

/// The end of all lanes.
#[derive(Debug)]
pub(super) struct Finished {
    /// The start of the first process.
    pub started: Moment,
    /// The time from that start to the end of the last process.
    pub duration: Duration,
    /// CPU time of all processes. On a host with ENA it includes the sampler's ethtool, some ms every 2 s.
    pub cpu: Option<Duration>,
    /// The reason why they were stopped, if they were.
    pub stopped: Option<String>,
    /// The processes by lane. A lane that gave up has fewer than were prepared.
    pub lanes: Vec<Vec<Process>>,
}

struct Lane {
    running: Option<Current>,
    waiting: VecDeque<Prepared>,
    ended: Vec<Process>,
    /// Number of processes that lost their association.
    lost: u32,
}

/// A process that runs.
struct Current {
    process: Running,
    started: Moment,
    log: Option<PathBuf>,
    /// Size of the log at the last poll.
    logged: u64,
    /// The time at which the log grew last.
    grown: Instant,
    was_killed: bool,
}

/// Runs all lanes to their end. Stops them at `limit`, or when no lane makes progress.
pub(super) fn run(lanes: Vec<Vec<Prepared>>, limit: Instant) -> Result<Finished, Failure> {
    let mut waiting: Vec<VecDeque<Prepared>> = lanes.into_iter().map(VecDeque::from).collect();
    let first: Vec<_> = waiting.iter_mut().map(|lane| lane.pop_front()).collect();
    let used_before = children_cpu();
    let started = Moment::now();
    let mut lanes = start_together(first, waiting)?;
    let mut stopped = None;
    loop {
        let running: Vec<&Running> =
            lanes.iter().filter_map(|lane| lane.running.as_ref().map(|current| &current.process)).collect();
        if running.is_empty() {
            break;
        }
        let over = wait_for_one(&running, poll_interval()).while_doing(|| "wait for the sender".to_owned())?;
        let now = Instant::now();
        if interrupt::is_requested() && stopped.is_none() {
            stopped = Some(interrupt::REASON.to_owned());
            lanes.iter_mut().filter_map(|lane| lane.running.as_mut()).for_each(Current::terminate);
        }
        if over.contains(&true) {
            let mut over = over.into_iter();
            for lane in lanes.iter_mut().filter(|lane| lane.running.is_some()) {
                if over.next() == Some(true) {
                    lane.start_next(now, stopped.is_none())?;
                }
            }
            continue;
        }
        lanes.iter_mut().filter_map(|lane| lane.running.as_mut()).for_each(|current| current.poll(now));
        if let Some(reason) = reason_to_stop(&lanes, now, limit).filter(|_| stopped.is_none()) {
            stopped = Some(reason);
            lanes.iter_mut().filter_map(|lane| lane.running.as_mut()).for_each(Current::kill);
        }
    }
    let ends = lanes.iter().flat_map(|lane| &lane.ended).map(|process| process.ended);
    let duration = ends.max().map_or(Duration::ZERO, |ended| ended.duration_since(started.monotonic));
    let lanes = lanes.iter_mut().map(|lane| std::mem::take(&mut lane.ended)).collect();
    let cpu = used_before.zip(children_cpu()).map(|(before, after)| after.saturating_sub(before));
    Ok(Finished { started, duration, cpu, stopped, lanes })
}

fn poll_interval() -> Duration {
    if interrupt::is_watched() { INTERRUPT_INTERVAL } else { POLL_INTERVAL }
}

/// Starts a sender. A terminal's SIGINT does not reach it in a process that watches for interruptions.
fn start(command: &mut Command) -> io::Result<Running> {
    if interrupt::is_watched() {
        command.process_group(0);
    }
    Running::start(command)
}

/// The reason to stop all lanes: the time limit, or senders that make no progress.
fn reason_to_stop(lanes: &[Lane], now: Instant, limit: Instant) -> Option<String> {
    if now >= limit {
        return Some("the step's time limit had passed".to_owned());
    }
    let mut watched = lanes.iter().filter_map(|lane| lane.running.as_ref()).filter(|current| current.log.is_some());
    let moved = watched.next().map(|first| watched.fold(first.grown, |moved, current| moved.max(current.grown)))?;
    (now.duration_since(moved) >= STALL_TIMEOUT)
        .then(|| format!("no C-STORE was begun or answered for {} s", STALL_TIMEOUT.as_secs()))
}

/// CPU time of the children that have ended and were waited for. When [`run`] returns, that is every sender.
fn children_cpu() -> Option<Duration> {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let duration = |time: TimeVal| Some(Duration::from_micros(u64::try_from(time.num_microseconds()).ok()?));
    Some(duration(used.user_time())? + duration(used.system_time())?)
}

impl Current {
    fn new((process, started, log): (Running, Moment, Option<PathBuf>)) -> Self {
        Self { process, started, log, logged: 0, grown: started.monotonic, was_killed: false }
    }

    /// Notes the growth of the log. Ends a sender that has waited in vain for an answer. With `--no-halt` DCMTK's
    /// senders would wait as long for each of the following instances.
    fn poll(&mut self, now: Instant) {
        let Some(log) = &self.log else { return };
        let size = log.metadata().map_or(0, |metadata| metadata.len());
        if size == self.logged {
            return;
        }
        let was_still = now.duration_since(self.grown) >= STILL_LOG;
        (self.logged, self.grown) = (size, now);
        if was_still && log_end(log, size).contains(NO_ANSWER) {
            self.kill();
        }
    }

    /// Asks the sender to end. native first finishes the C-STORE under way, and releases its associations.
    fn terminate(&mut self) {
        self.was_killed = true;
        self.process.terminate();
    }

    fn kill(&mut self) {
        self.was_killed = true;
        self.process.kill();
    }
}

/// The end of a log.
fn log_end(path: &Path, size: u64) -> String {
    let mut bytes = Vec::new();
    // A log that cannot be read reports nothing.
    let _ = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(size.saturating_sub(LOG_END_BYTES)))?;
        file.read_to_end(&mut bytes)
    });
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Lane {
    /// Records the exit of the running process, and starts the next one. A process that failed does not end the lane,
    /// but too many lost associations do.
    fn start_next(&mut self, ended: Instant, may_continue: bool) -> Result<(), Failure> {
        let Some(mut current) = self.running.take() else { return Ok(()) };
        let status = current.process.status().while_doing(|| "wait for the sender".to_owned())?;
        self.ended.push(Process { started: current.started, ended, status, was_killed: current.was_killed });
        if self.waiting.is_empty() {
            return Ok(());
        }
        let has_died = current.was_killed || status.code().is_none();
        if has_died || current.log.as_deref().is_some_and(has_lost_association) {
            self.lost += 1;
        }
        let may_continue = may_continue && self.lost <= MAX_LOST_ASSOCIATIONS;
        if let Some(Prepared { mut command, log }) = self.waiting.pop_front().filter(|_| may_continue) {
            let started = Moment::now();
            let process = start(&mut command).while_doing(|| "start the sender".to_owned())?;
            self.running = Some(Current::new((process, started, log)));
        }
        Ok(())
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // A process still runs only if another one could not be started.
        if let Some(current) = &mut self.running {
            current.kill();
            // The process was killed, so its status does not matter.
            let _ = current.process.status();
        }
    }
}

/// Starts the first process of each lane from its own thread, because a start takes up to a millisecond.
fn start_together(first: Vec<Option<Prepared>>, waiting: Vec<VecDeque<Prepared>>) -> Result<Vec<Lane>, Failure> {
    let barrier = Barrier::new(first.iter().flatten().count());
    let started: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = first
            .into_iter()
            .map(|prepared| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let Some(Prepared { mut command, log }) = prepared else { return Ok(None) };
                    barrier.wait();
                    let started = Moment::now();
                    start(&mut command).map(|process| Some((process, started, log)))
                })
            })
            .collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut lanes = Vec::new();
    let mut failed = Ok(());
    for (result, waiting) in started.into_iter().zip(waiting) {
        match result.unwrap_or_else(|_| Err(std::io::Error::other("its thread ended"))) {
            Ok(running) => lanes.push(Lane { running: running.map(Current::new), waiting, ended: Vec::new(), lost: 0 }),
            Err(error) => failed = Err(error),
        }
    }
    failed.while_doing(|| "start the sender".to_owned())?;
    Ok(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Prepared {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Prepared { command, log: None }
    }

    fn time_limit() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn lanes_run_side_by_side_and_each_one_after_another() {
        let lanes = vec![vec![shell("sleep 0.2"), shell("sleep 0.2")], vec![shell("sleep 0.3")]];
        let finished = run(lanes, time_limit()).expect("run");
        assert_eq!(finished.lanes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        let [first, second] = finished.lanes[0][..] else { panic!("two") };
        assert!(second.started.monotonic >= first.ended);
        assert!(finished.lanes[1][0].started.monotonic < first.ended);
        assert!(finished.duration >= Duration::from_millis(400), "{:?}", finished.duration);
    }

    #[test]
    fn cpu_time_of_what_ran_is_told_and_waiting_takes_none() {
        let busy = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done";
        let computed =
            run(vec![vec![shell(busy)], vec![shell(busy)]], time_limit()).expect("run").cpu.expect("CPU time");
        let slept = run(vec![vec![shell("sleep 0.3")]], time_limit()).expect("run").cpu.expect("CPU time");
        assert!(computed > Duration::from_millis(100), "{computed:?}");
        assert!(slept < computed / 2, "{slept:?} {computed:?}");
    }

    #[test]
    fn a_process_that_fails_does_not_end_its_lane() {
        let finished =
            run(vec![vec![shell("exit 3"), shell("true")], vec![shell("true"), shell("true")]], time_limit());
        let finished = finished.expect("run");
        assert_eq!(finished.lanes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(finished.lanes[0][0].status.code(), Some(3));
    }

    #[test]
    fn a_lane_gives_up_after_too_many_lost_associations() {
        let lost = MAX_LOST_ASSOCIATIONS as usize + 1;
        let lane = || (0..lost + 5).map(|_| shell("kill -KILL $$")).collect();
        let finished = run(vec![lane()], time_limit()).expect("run");
        assert_eq!(finished.lanes[0].len(), lost);
    }

    #[test]
    fn what_is_not_over_in_time_is_stopped() {
        let limit = Instant::now() + Duration::from_millis(300);
        let finished = run(vec![vec![shell("exec sleep 60"), shell("true")]], limit).expect("run");
        assert_eq!(finished.stopped.as_deref(), Some("the step's time limit had passed"));
        assert_eq!(finished.lanes[0].len(), 1);
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error_and_leaves_nothing_behind() {
        let missing = Prepared { command: Command::new("no-such-program-here"), log: None };
        let started = Instant::now();
        assert!(run(vec![vec![shell("exec sleep 60")], vec![missing]], time_limit()).is_err());
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
