//! The processes called Orthanc: CPU time, state and memory, and the CPU time of each of their threads.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

use dicomperf_model::samples::{ProcessSample, ThreadSample};
use procfs::FromRead as _;
use procfs::process::{Process, Schedstat};

/// The server's name in the kernel (proc_pid_comm(5)).
const PROCESS_NAME: &str = "Orthanc";
/// A scan for processes and threads opens a file for each, so only one sample in this many does it. Orthanc starts its
/// threads when it starts, long before the first C-STORE.
const SCAN_EVERY_SAMPLES: u64 = 10;
/// Threads with less CPU time, in ms, are omitted: Orthanc has fifty that wait for REST requests.
const MIN_CPU_MS: u64 = 10;

/// The processes called Orthanc that the last scan found.
#[derive(Debug, Default)]
pub(super) struct Processes(Vec<Server>);

#[derive(Debug)]
struct Server {
    process: Process,
    /// The threads, each with its open schedstat: reading an open file again takes one system call.
    threads: Vec<(u32, File)>,
}

impl Processes {
    /// The processes in the sample with this number.
    pub fn sample(&mut self, number: u64) -> Vec<ProcessSample> {
        if number.is_multiple_of(SCAN_EVERY_SAMPLES) {
            self.scan();
        }
        // A process that has ended since is skipped; the next scan removes it.
        self.0.iter().filter_map(Server::sample).collect()
    }

    fn scan(&mut self) {
        let Ok(entries) = fs::read_dir("/proc") else { return };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        self.0 = pids.filter(|&pid| is_server(pid)).filter_map(Server::open).collect();
    }
}

/// True if the process has the server's name. The file has 16 bytes at most.
fn is_server(pid: i32) -> bool {
    let mut name = [0; 17];
    let read = File::open(format!("/proc/{pid}/comm")).and_then(|mut file| file.read(&mut name));
    read.is_ok_and(|length| name[..length].trim_ascii_end() == PROCESS_NAME.as_bytes())
}

impl Server {
    fn open(pid: i32) -> Option<Self> {
        let process = Process::new(pid).ok()?;
        let entries = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        let mut threads: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let id = entry.file_name().to_str()?.parse().ok()?;
                Some((id, File::open(entry.path().join("schedstat")).ok()?))
            })
            .collect();
        threads.sort_by_key(|(id, _)| *id);
        Some(Self { process, threads })
    }

    fn sample(&self) -> Option<ProcessSample> {
        let stat = self.process.stat().ok()?;
        let threads =
            self.threads.iter().filter_map(|(id, file)| Some(ThreadSample { id: *id, cpu_ms: cpu_ms(file)? }));
        Some(ProcessSample {
            pid: u32::try_from(self.process.pid).ok()?,
            cpu_ms: (stat.utime + stat.stime) * 1000 / procfs::ticks_per_second(),
            state: Some(stat.state),
            resident_bytes: Some(stat.rss * procfs::page_size()),
            name: stat.comm,
            threads: threads.filter(|thread| thread.cpu_ms >= MIN_CPU_MS).collect(),
        })
    }
}

/// The scheduler's own count, which is in ns. /proc/PID/task/ID/stat has ticks of 10 ms, and costs more to read.
fn cpu_ms(schedstat: &File) -> Option<u64> {
    // The file has three numbers of 20 digits at most.
    let mut line = [0; 64];
    let length = schedstat.read_at(&mut line, 0).ok()?;
    Some(Schedstat::from_read(&line[..length]).ok()?.sum_exec_runtime / 1_000_000)
}
