//! Samples, which are finer than a measurement: the resources of a host five times a second, and every C-STORE.
//!
//! A file `samples/HOST.jsonl.zst` contains [`Sample`]s as JSON lines in zstd frames, one after another; see [`read`].

mod reading;
mod server;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use reading::{UnreadableSamples, for_each_sample, read};
pub use server::{LogLevel, LogTrouble, ServerEnd, ServerLogSample, VolumeSample, seconds};

/// One line of a samples file. The field `kind` gives its type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Sample {
    /// The resources of the host at one moment.
    Resources(Box<ResourceSample>),
    /// One C-STORE.
    Store(StoreSample),
    /// The end of a server's process.
    ServerEnd(ServerEnd),
    /// A warning or an error of the server's log.
    ServerLog(ServerLogSample),
}

/// The resources of a host at one moment.
///
/// A counter starts at the host's start. Values of the moment are marked as such. CPU times are whole ms in steps of
/// the kernel's tick, which is 10 ms on every usual kernel (proc(5): `sysconf(_SC_CLK_TCK)`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSample {
    /// Time of the sample, in ms since 1970-01-01 UTC, by the host's own wall clock.
    pub at_ms: u64,
    /// CPU time of all CPUs together, by state.
    pub cpu: CpuSample,
    /// For each online CPU, in their order: ms in which it was neither idle nor waiting for I/O. They come from
    /// /proc/stat, lines `cpuN`, all columns up to steal except idle and iowait. There is one entry for each CPU.
    pub cpu_busy_ms: Vec<u64>,
    /// Threads that ran or could have run at that moment, including the sampler's own (/proc/stat, `procs_running`).
    pub procs_running: u32,
    /// Threads that waited for I/O at that moment (/proc/stat, `procs_blocked`).
    pub procs_blocked: u32,
    /// Memory at that moment.
    pub memory: MemorySample,
    /// The physical disks that have done any work (/proc/diskstats; a physical disk has /sys/block/NAME/device).
    /// Partitions, loop, ram, device-mapper and md devices are left out: their I/O is counted on the disk below them.
    pub disks: Vec<DiskSample>,
    /// All network interfaces except `lo` together (/proc/net/dev).
    pub network: TrafficSample,
    /// The interface `lo` (/proc/net/dev).
    pub loopback: TrafficSample,
    /// TCP of the whole host, including `lo`.
    pub tcp: TcpSample,
    /// The processes called Orthanc.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<ProcessSample>,
    /// Packets that EC2 queued or dropped because an allowance of the host's type was exceeded, by allowance
    /// (`bw_in_allowance_exceeded`, ...). They are counters of `ethtool -S` (driver `ena`), summed over interfaces.
    /// Present only in samples that read them: one in ten, and no sample without such a driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ena_allowance_exceeded: Option<BTreeMap<String, u64>>,
    /// The volume with the server's storage; absent on the client, and as long as the storage does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<VolumeSample>,
    /// Processes that the kernel killed for lack of memory since its start (/proc/vmstat, `oom_kill`); absent if the
    /// kernel does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<u64>,
}

/// Counters of CPU time by state, in ms, summed over CPUs (/proc/stat, line `cpu`; proc_stat(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CpuSample {
    /// In user mode.
    pub user_ms: u64,
    /// In user mode with low priority.
    pub nice_ms: u64,
    /// In system mode.
    pub system_ms: u64,
    /// Idle.
    pub idle_ms: u64,
    /// Idle while a thread waited for I/O. The kernel's own documentation calls it unreliable; it may decrease.
    pub iowait_ms: u64,
    /// In interrupts.
    pub irq_ms: u64,
    /// In soft interrupts: most of the network's work.
    pub softirq_ms: u64,
    /// Taken by the hypervisor: on a burstable host, the time that its credits did not cover.
    pub steal_ms: u64,
}

/// Memory at one moment, in bytes (/proc/meminfo; proc_meminfo(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemorySample {
    /// All memory: `MemTotal`.
    pub total_bytes: u64,
    /// `MemAvailable`: memory that a new program could use without swapping.
    pub available_bytes: u64,
    /// `Dirty` and `Writeback`: written by a program, but not yet on disk.
    pub unwritten_bytes: u64,
}

/// Counters of one disk (/proc/diskstats; the kernel's Documentation/admin-guide/iostats.rst).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskSample {
    /// Name, like `nvme0n1`.
    pub name: String,
    /// Bytes read (field 3, sectors of 512 bytes).
    pub read_bytes: u64,
    /// Bytes written (field 7).
    pub written_bytes: u64,
    /// Reads and writes that have completed (fields 1 and 5).
    pub operations: u64,
    /// ms with at least one operation in progress (field 10).
    pub busy_ms: u64,
}

/// Counters of network interfaces, in bytes with link-layer headers (/proc/net/dev; proc_pid_net(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficSample {
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
}

/// Counters of TCP (/proc/net/snmp and /proc/net/netstat; RFC 4022 for the first two).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TcpSample {
    /// `OutSegs`: segments sent, without those sent again.
    pub sent_segments: u64,
    /// `RetransSegs`: segments sent again.
    pub retransmitted_segments: u64,
    /// `TCPTimeouts`: expiries of a retransmission timer; absent if the kernel does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<u64>,
}

/// Counters of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessSample {
    /// Its process id.
    pub pid: u32,
    /// Its name in the kernel (/proc/PID/comm).
    pub name: String,
    /// CPU time in ms of all its threads, including ended ones, in user and system mode (/proc/PID/stat, utime and
    /// stime).
    pub cpu_ms: u64,
    /// Its living threads that have used 10 ms of CPU or more; empty if the kernel does not report them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadSample>,
    /// Its state at that moment, in one letter (/proc/PID/stat; proc_pid_stat(5)). `T` is stopped by a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<char>,
    /// Its resident memory at that moment, in bytes (/proc/PID/stat, rss).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
}

/// The counter of one thread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThreadSample {
    /// Its thread id.
    pub id: u32,
    /// CPU time in ms, not in steps of the tick (/proc/PID/task/ID/schedstat, first column, there in ns).
    pub cpu_ms: u64,
}

/// One C-STORE, as the sender saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreSample {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// The scenario's number in the plan.
    pub scenario: u32,
    /// Index of the iteration in its block run and scenario, from 0.
    pub index: u32,
    /// Index of the association in its iteration, from 0.
    pub association: u32,
    /// The file's name in the dataset's directory.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Time at which it was due, in us since 1970-01-01 UTC, with open arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_us: Option<u64>,
    /// Time of the request, in us since 1970-01-01 UTC, by the client's wall clock.
    pub requested_us: u64,
    /// Time from the request to the response, in us; absent if no response came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// `Success` for status 0000H (PS3.7 C.1.1), or the sender's words for another status; absent if no response came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}
