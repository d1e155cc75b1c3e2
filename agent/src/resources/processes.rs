//! The CPU time of the processes called Orthanc, and of each of their threads.

use std::fs;

use dicomperf::samples::{ProcessSample, ThreadSample};
use procfs::process::Process;

/// The server's name as the kernel has it (proc_pid_comm(5)).
const NAME: &str = "Orthanc";
/// Looking for processes means to read as many files as there are processes, so it is done in one sample of this many.
const LOOK_EVERY: u64 = 5;
/// A thread that has used less, in ms, is left out: Orthanc has fifty that wait for REST.
const LEAST_MS: u64 = 10;

/// The processes called Orthanc, kept from sample to sample.
#[derive(Debug, Default)]
pub(super) struct Processes(Vec<Process>);

impl Processes {
    /// Of the sample with this number.
    pub fn sample(&mut self, number: u64) -> Vec<ProcessSample> {
        if number.is_multiple_of(LOOK_EVERY) {
            self.look();
        }
        // One that has ended since is gone with the next look.
        self.0.iter().filter_map(sample).collect()
    }

    fn look(&mut self) {
        let Ok(entries) = fs::read_dir("/proc") else { return };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let found: Vec<i32> = pids
            .filter(|pid| {
                fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_ascii_end() == NAME.as_bytes())
            })
            .collect();
        self.0 = found.into_iter().filter_map(|pid| Process::new(pid).ok()).collect();
    }
}

fn sample(process: &Process) -> Option<ProcessSample> {
    let stat = process.stat().ok()?;
    Some(ProcessSample {
        pid: u32::try_from(process.pid).ok()?,
        name: stat.comm,
        cpu_ms: (stat.utime + stat.stime) * 1000 / procfs::ticks_per_second(),
        threads: threads(process),
    })
}

fn threads(process: &Process) -> Vec<ThreadSample> {
    let Ok(tasks) = process.tasks() else { return Vec::new() };
    let mut threads: Vec<_> = tasks
        .flatten()
        .filter_map(|task| {
            // The scheduler's own count, in ns; /proc/PID/task/ID/stat has it in ticks of 10 ms, and costs more.
            let cpu_ms = task.schedstat().ok()?.sum_exec_runtime / 1_000_000;
            Some(ThreadSample { id: u32::try_from(task.tid).ok()?, cpu_ms })
        })
        .filter(|thread| thread.cpu_ms >= LEAST_MS)
        .collect();
    threads.sort_by_key(|thread| thread.id);
    threads
}
