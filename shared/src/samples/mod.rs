//! What is kept at a finer grain than a measurement: the resources of a host five times a second, and every C-STORE.
//!
//! A file `samples/HOST.jsonl.zst` holds [`Sample`]s as JSON lines in zstd frames, one after another; see [`read`].

mod reading;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use reading::{UnreadableSamples, each, read};

/// One line of a samples file; `kind` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Sample {
    /// What the host was doing at one moment.
    Resources(Box<ResourceSample>),
    /// One C-STORE.
    Store(StoreSample),
}

/// What the host was doing at one moment.
///
/// A counter counts from the host's start; what is a momentary value says so. CPU times are whole ms in steps of the
/// kernel's tick, 10 ms on every usual kernel (proc(5): `sysconf(_SC_CLK_TCK)`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSample {
    /// When, in ms since 1970-01-01 UTC, by the host's own wall clock.
    pub at_ms: u64,
    /// Where the time of all CPUs together went.
    pub cpu: CpuSample,
    /// For each CPU that is on line, in their order: ms in which it was neither idle nor waiting for I/O (/proc/stat,
    /// lines `cpuN`, all columns up to steal but idle and iowait). There are as many CPUs as entries.
    pub cpu_busy_ms: Vec<u64>,
    /// Threads that ran or could have run at that moment, the sampler's own among them (/proc/stat, `procs_running`).
    pub procs_running: u32,
    /// Threads that waited for I/O at that moment (/proc/stat, `procs_blocked`).
    pub procs_blocked: u32,
    /// Memory at that moment.
    pub memory: MemorySample,
    /// The physical disks that have done anything (/proc/diskstats; physical is what has /sys/block/NAME/device).
    /// Partitions, loop, ram, device-mapper and md devices are left out: their I/O is counted on the disk below them.
    pub disks: Vec<DiskSample>,
    /// All network interfaces but `lo` together (/proc/net/dev).
    pub network: TrafficSample,
    /// The interface `lo` (/proc/net/dev).
    pub loopback: TrafficSample,
    /// TCP as a whole, `lo` included.
    pub tcp: TcpSample,
    /// The processes called Orthanc.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<ProcessSample>,
    /// Packets that EC2 queued or dropped because an allowance of the host's type was exceeded, by allowance
    /// (`bw_in_allowance_exceeded`, ...; `ethtool -S`, driver `ena`; counters, summed over interfaces). Only in the
    /// samples for which they were read: one in ten, and none without such a driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ena_allowance_exceeded: Option<BTreeMap<String, u64>>,
}

/// Counters of where CPU time went, in ms, summed over CPUs (/proc/stat, line `cpu`; proc_stat(5)).
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
    /// Idle while a thread waited for I/O. The kernel's own documentation does not call it reliable; it may fall.
    pub iowait_ms: u64,
    /// In interrupts.
    pub irq_ms: u64,
    /// In soft interrupts: most of the network's work.
    pub softirq_ms: u64,
    /// Taken by the hypervisor: on a burstable host, what its credits did not cover.
    pub steal_ms: u64,
}

/// Memory at one moment, in bytes (/proc/meminfo; proc_meminfo(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemorySample {
    /// `MemTotal`
    pub total_bytes: u64,
    /// `MemAvailable`: what a new program could have without swapping.
    pub available_bytes: u64,
    /// `Dirty` and `Writeback`: written by a program, and not yet on disk.
    pub unwritten_bytes: u64,
}

/// Counters of one disk (/proc/diskstats; the kernel's Documentation/admin-guide/iostats.rst).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskSample {
    /// Like `nvme0n1`.
    pub name: String,
    /// Bytes read (field 3, sectors of 512 bytes).
    pub read_bytes: u64,
    /// Bytes written (field 7).
    pub written_bytes: u64,
    /// Reads and writes that have completed (fields 1 and 5).
    pub operations: u64,
    /// ms in which at least one operation was under way (field 10).
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
    /// `TCPTimeouts`: times that a retransmission timer ran out; absent where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<u64>,
}

/// Counters of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessSample {
    /// Its id.
    pub pid: u32,
    /// Its name, as the kernel has it (/proc/PID/comm).
    pub name: String,
    /// CPU time in ms of all its threads, those that have ended too, in user and system mode (/proc/PID/stat, utime and
    /// stime).
    pub cpu_ms: u64,
    /// Those of its threads that live and have used 10 ms of CPU or more; none where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadSample>,
}

/// The counter of one thread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThreadSample {
    /// Its id.
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
    /// The iteration, counted from 0 in its block run and scenario.
    pub index: u32,
    /// The association in its iteration, counted from 0.
    pub association: u32,
    /// The file's name in the dataset's directory.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it should have been requested, in us since 1970-01-01 UTC, where the arrival is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_us: Option<u64>,
    /// When it was requested, in us since 1970-01-01 UTC, by the client's wall clock.
    pub requested_us: u64,
    /// From the request to the response, in us; absent where no response came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// `Success` for status 0000H (PS3.7 C.1.1), or the sender's words for another; absent where no response came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}
