//! Senders side by side: in each lane one process at a time, one after another.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::clock::Moment;
use crate::failure::{DuringIo as _, Failure};
use crate::process::{Running, wait_for_one};

/// Without any C-STORE begun or answered for this long, the senders are stopped.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);
/// The time between two looks at their logs.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A process that is ready to be started.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The program and its arguments.
    pub command: Command,
    /// A file that grows while it works; a process without one has time limits of its own.
    pub log: Option<PathBuf>,
}

/// A process that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    /// When it was started.
    pub started: Moment,
    /// When it ended.
    pub ended: Instant,
    /// Its exit code or signal.
    pub status: ExitStatus,
}

/// The end of all lanes.
#[derive(Debug)]
pub(super) struct Finished {
    /// When the first process was started.
    pub started: Moment,
    /// From then to the end of the last.
    pub duration: Duration,
    /// CPU time of all of them. On a host with ENA it has that of the sampler's ethtool too, some ms every 2 s.
    pub cpu: Option<Duration>,
    /// The reason for which they were stopped, if they were.
    pub stopped: Option<String>,
    /// By lane; where a process failed, its lane ended with it.
    pub lanes: Vec<Vec<Process>>,
}

struct Lane {
    running: Option<(Running, Moment, Option<PathBuf>)>,
    waiting: VecDeque<Prepared>,
    ended: Vec<Process>,
}

/// Runs all lanes to their end, or stops them when `limit` comes or none gets on.
pub(super) fn run(lanes: Vec<Vec<Prepared>>, limit: Instant) -> Result<Finished, Failure> {
    let mut waiting: Vec<VecDeque<Prepared>> = lanes.into_iter().map(VecDeque::from).collect();
    let first: Vec<_> = waiting.iter_mut().map(|lane| lane.pop_front()).collect();
    let used_before = children_cpu();
    let started = Moment::now();
    let mut lanes = start_together(first, waiting)?;
    let mut stopped = None;
    let mut logged = 0;
    let mut moved = started.monotonic;
    loop {
        let running: Vec<&Running> =
            lanes.iter().filter_map(|lane| lane.running.as_ref().map(|(process, ..)| process)).collect();
        if running.is_empty() {
            break;
        }
        let over = wait_for_one(&running, POLL_INTERVAL).while_doing(|| "wait for the sender".to_owned())?;
        let now = Instant::now();
        if over.contains(&true) {
            let mut over = over.into_iter();
            for lane in lanes.iter_mut().filter(|lane| lane.running.is_some()) {
                if over.next() == Some(true) {
                    lane.next(now, stopped.is_none())?;
                }
            }
            moved = now;
            continue;
        }
        let logs = lanes.iter().filter_map(|lane| lane.running.as_ref()?.2.as_ref());
        let watched = logs.clone().count() > 0;
        let size: u64 = logs.filter_map(|log| log.metadata().ok()).map(|metadata| metadata.len()).sum();
        if size != logged {
            (logged, moved) = (size, now);
        }
        let reason = if now >= limit {
            Some("the step's time was over".to_owned())
        } else if watched && now.duration_since(moved) >= STALL_TIMEOUT {
            Some(format!("no C-STORE was begun or answered for {} s", STALL_TIMEOUT.as_secs()))
        } else {
            None
        };
        if let Some(reason) = reason.filter(|_| stopped.is_none()) {
            stopped = Some(reason);
            lanes.iter().filter_map(|lane| lane.running.as_ref()).for_each(|(process, ..)| process.kill());
        }
    }
    let ends = lanes.iter().flat_map(|lane| &lane.ended).map(|process| process.ended);
    let duration = ends.max().map_or(Duration::ZERO, |ended| ended.duration_since(started.monotonic));
    let lanes = lanes.iter_mut().map(|lane| std::mem::take(&mut lane.ended)).collect();
    let cpu = used_before.zip(children_cpu()).map(|(before, after)| after.saturating_sub(before));
    Ok(Finished { started, duration, cpu, stopped, lanes })
}

/// CPU time of the children that have ended and were waited for, as every sender is when [`run`] comes back.
fn children_cpu() -> Option<Duration> {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let duration = |time: TimeVal| Some(Duration::from_micros(u64::try_from(time.num_microseconds()).ok()?));
    Some(duration(used.user_time())? + duration(used.system_time())?)
}

impl Lane {
    /// Notes how the running process ended, and starts the next one.
    fn next(&mut self, ended: Instant, goes_on: bool) -> Result<(), Failure> {
        let Some((mut process, started, _)) = self.running.take() else { return Ok(()) };
        let status = process.status().while_doing(|| "wait for the sender".to_owned())?;
        self.ended.push(Process { started, ended, status });
        if let Some(Prepared { mut command, log }) = self.waiting.pop_front().filter(|_| goes_on && status.success()) {
            let started = Moment::now();
            let process = Running::start(&mut command).while_doing(|| "start the sender".to_owned())?;
            self.running = Some((process, started, log));
        }
        Ok(())
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Only where another one could not be started.
        if let Some((process, ..)) = &mut self.running {
            process.kill();
            // It was killed: how it ended does not matter.
            let _ = process.status();
        }
    }
}

/// Starts the first of each lane, each from a thread of its own: starting one takes up to a millisecond.
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
                    Running::start(&mut command).map(|process| Some((process, started, log)))
                })
            })
            .collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut lanes = Vec::new();
    let mut failed = Ok(());
    for (result, waiting) in started.into_iter().zip(waiting) {
        match result.unwrap_or_else(|_| Err(std::io::Error::other("its thread ended"))) {
            Ok(running) => lanes.push(Lane { running, waiting, ended: Vec::new() }),
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

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn lanes_run_side_by_side_and_each_one_after_another() {
        let lanes = vec![vec![shell("sleep 0.2"), shell("sleep 0.2")], vec![shell("sleep 0.3")]];
        let finished = run(lanes, soon()).expect("run");
        assert_eq!(finished.lanes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        let [first, second] = finished.lanes[0][..] else { panic!("two") };
        assert!(second.started.monotonic >= first.ended);
        assert!(finished.lanes[1][0].started.monotonic < first.ended);
        assert!(finished.duration >= Duration::from_millis(400), "{:?}", finished.duration);
    }

    #[test]
    fn cpu_time_of_what_ran_is_told_and_waiting_takes_none() {
        let busy = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done";
        let computed = run(vec![vec![shell(busy)], vec![shell(busy)]], soon()).expect("run").cpu.expect("told");
        let slept = run(vec![vec![shell("sleep 0.3")]], soon()).expect("run").cpu.expect("told");
        assert!(computed > Duration::from_millis(100), "{computed:?}");
        assert!(slept < computed / 2, "{slept:?} {computed:?}");
    }

    #[test]
    fn a_lane_ends_with_the_process_that_failed() {
        let finished = run(vec![vec![shell("exit 3"), shell("true")], vec![shell("true"), shell("true")]], soon());
        let finished = finished.expect("run");
        assert_eq!(finished.lanes.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(finished.lanes[0][0].status.code(), Some(3));
    }

    #[test]
    fn what_is_not_over_in_time_is_stopped() {
        let limit = Instant::now() + Duration::from_millis(300);
        let finished = run(vec![vec![shell("exec sleep 60"), shell("true")]], limit).expect("run");
        assert_eq!(finished.stopped.as_deref(), Some("the step's time was over"));
        assert_eq!(finished.lanes[0].len(), 1);
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error_and_leaves_nothing_behind() {
        let missing = Prepared { command: Command::new("no-such-program-here"), log: None };
        let started = Instant::now();
        assert!(run(vec![vec![shell("exec sleep 60")], vec![missing]], soon()).is_err());
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
