//! The counters of this host, read at the same time.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use dicomperf_model::samples::{CpuSample, DiskSample, MemorySample, ResourceSample, TrafficSample};
use procfs::{CpuTime, Current as _, CurrentSI as _, DiskStat, KernelStats, Meminfo, ProcResult};

use super::processes::Processes;
use super::watch::Watch;
use super::{ena, oom, tcp};
use crate::clock::Moment;

/// The sector size of /proc/diskstats, whatever the disk's own (the kernel's Documentation/admin-guide/iostats.rst).
const SECTOR_BYTES: u64 = 512;
/// The allowances are read once in this many samples, because that starts a process.
const ALLOWANCES_EVERY_SAMPLES: u64 = 10;

/// The state of this host that passes from sample to sample.
#[derive(Debug)]
pub(super) struct Host {
    number: u64,
    /// Block devices; true for a physical disk.
    physical: BTreeMap<String, bool>,
    processes: Processes,
    ena: Vec<String>,
}

impl Host {
    pub fn new() -> Self {
        Self { number: 0, physical: BTreeMap::new(), processes: Processes::default(), ena: ena::interfaces() }
    }

    /// Samples the host's current counters.
    ///
    /// # Errors
    /// A file of /proc that cannot be read: a sample is complete, or it is not taken.
    pub fn sample(&mut self, watch: &Watch) -> io::Result<ResourceSample> {
        let at_ms = Moment::now().wall_ms();
        let kernel = read("/proc/stat", KernelStats::current())?;
        let memory = read("/proc/meminfo", Meminfo::current())?;
        let disks = read("/proc/diskstats", procfs::diskstats())?;
        let (network, loopback) = traffic()?;
        let number = self.number;
        self.number += 1;
        let allowances =
            number.is_multiple_of(ALLOWANCES_EVERY_SAMPLES).then(|| ena::allowances_exceeded(&self.ena)).flatten();
        Ok(ResourceSample {
            at_ms,
            cpu: cpu(&kernel.total),
            cpu_busy_ms: kernel.cpu_time.iter().map(busy_ms).collect(),
            procs_running: kernel.procs_running.unwrap_or_default(),
            procs_blocked: kernel.procs_blocked.unwrap_or_default(),
            memory: MemorySample {
                total_bytes: memory.mem_total,
                // Linux reports it since 3.14.
                available_bytes: memory.mem_available.unwrap_or(memory.mem_free),
                unwritten_bytes: memory.dirty + memory.writeback,
            },
            disks: disks.iter().filter(|disk| self.is_physical(&disk.name)).filter_map(disk_sample).collect(),
            network,
            loopback,
            tcp: tcp::sample()?,
            processes: self.processes.sample(number),
            ena_allowance_exceeded: allowances,
            storage: watch.volume(),
            oom_kills: oom::host(),
        })
    }

    fn is_physical(&mut self, name: &str) -> bool {
        if let Some(&known) = self.physical.get(name) {
            return known;
        }
        // /sys writes the / of a name like cciss/c0d0 as a !.
        let physical = Path::new("/sys/block").join(name.replace('/', "!")).join("device").exists();
        self.physical.insert(name.to_owned(), physical);
        physical
    }
}

fn read<T>(file: &str, found: ProcResult<T>) -> io::Result<T> {
    found.map_err(|error| io::Error::other(format!("{file}: {error}")))
}

fn cpu(time: &CpuTime) -> CpuSample {
    CpuSample {
        user_ms: time.user_ms(),
        nice_ms: time.nice_ms(),
        system_ms: time.system_ms(),
        idle_ms: time.idle_ms(),
        iowait_ms: time.iowait_ms().unwrap_or_default(),
        irq_ms: time.irq_ms().unwrap_or_default(),
        softirq_ms: time.softirq_ms().unwrap_or_default(),
        steal_ms: time.steal_ms().unwrap_or_default(),
    }
}

fn busy_ms(time: &CpuTime) -> u64 {
    let cpu = cpu(time);
    cpu.user_ms + cpu.nice_ms + cpu.system_ms + cpu.irq_ms + cpu.softirq_ms + cpu.steal_ms
}

fn disk_sample(disk: &DiskStat) -> Option<DiskSample> {
    let operations = disk.reads + disk.writes;
    (operations > 0).then(|| DiskSample {
        name: disk.name.clone(),
        read_bytes: disk.sectors_read * SECTOR_BYTES,
        written_bytes: disk.sectors_written * SECTOR_BYTES,
        operations,
        busy_ms: disk.time_in_progress,
    })
}

/// The traffic of all interfaces except `lo`, and that of `lo`.
fn traffic() -> io::Result<(TrafficSample, TrafficSample)> {
    let (mut network, mut loopback) = (TrafficSample::default(), TrafficSample::default());
    for (name, interface) in read("/proc/net/dev", procfs::net::dev_status())? {
        let sum = if name == "lo" { &mut loopback } else { &mut network };
        sum.received_bytes += interface.recv_bytes;
        sum.sent_bytes += interface.sent_bytes;
    }
    Ok((network, loopback))
}
