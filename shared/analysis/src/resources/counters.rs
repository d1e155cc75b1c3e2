//! The growth of each counter in a window, summed over the intervals between samples.

use std::collections::BTreeMap;

use dicomperf_model::results::{CpuUse, DiskUse, OrthancUse, TrafficUse};
use dicomperf_model::samples::{ResourceSample, TrafficSample};

use super::traffic;
use dicomperf_model::samples::{CpuSample, DiskSample, ProcessSample};

#[derive(Debug, Default)]
pub(super) struct Counters<'a> {
    pub covered_ms: f64,
    pub retransmitted_segments: f64,
    cpu: CpuTimes,
    cpu_busy_ms: Vec<f64>,
    disks: BTreeMap<&'a str, DiskTimes>,
    network: (f64, f64),
    loopback: (f64, f64),
    /// The time in which Orthanc ran, and its CPU time.
    orthanc_ms: (f64, f64),
    /// CPU time of the busiest thread in each interval, summed.
    busiest_thread_ms: Option<f64>,
}

/// CPU times in ms, summed over all CPUs.
#[derive(Debug, Default)]
struct CpuTimes {
    user: f64,
    system: f64,
    iowait: f64,
    steal: f64,
    all: f64,
}

#[derive(Debug, Default)]
struct DiskTimes {
    read_bytes: f64,
    written_bytes: f64,
    operations: f64,
    busy_ms: f64,
}

/// The share of an interval between two samples that lies in the window, 0 to 1.
#[derive(Debug, Clone, Copy)]
struct Part(f64);

impl Part {
    /// Returns the growth of a counter in this part. A counter that fell was reset to 0 in between, and counts from 0.
    fn growth(self, earlier: u64, later: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an interval has less than 2^53 of anything")]
        let grown = later.checked_sub(earlier).unwrap_or(later) as f64;
        grown * self.0
    }

    /// Returns the growth of a time in this part. The kernel may correct a time downwards a little (proc_stat(5)); it
    /// then did not grow.
    fn time_growth(self, earlier: u64, later: u64) -> f64 {
        self.growth(earlier.min(later), later)
    }
}

impl<'a> Counters<'a> {
    /// Adds the part of the interval between two samples that lies in the window.
    pub fn add(&mut self, earlier: &'a ResourceSample, later: &'a ResourceSample, from_ms: u64, to_ms: u64) {
        let inside = later.at_ms.min(to_ms).saturating_sub(earlier.at_ms.max(from_ms));
        // The host restarted in between. The length of the outage is unknown, so the interval is skipped.
        let started_again = total_ms(&later.cpu) < total_ms(&earlier.cpu);
        // The samples have the same time, or the clock was set back: there is no time in between.
        if inside == 0 || later.at_ms <= earlier.at_ms || started_again {
            return;
        }
        let inside_ms = milliseconds(inside);
        let part = Part(inside_ms / milliseconds(later.at_ms - earlier.at_ms));
        self.covered_ms += inside_ms;
        self.retransmitted_segments +=
            part.growth(earlier.tcp.retransmitted_segments, later.tcp.retransmitted_segments);
        self.cpu.add(&earlier.cpu, &later.cpu, part);
        self.cpu_busy_ms.resize(self.cpu_busy_ms.len().max(later.cpu_busy_ms.len()), 0.0);
        let busy = earlier.cpu_busy_ms.iter().zip(&later.cpu_busy_ms);
        for (sum, (&earlier, &later)) in self.cpu_busy_ms.iter_mut().zip(busy) {
            *sum += part.time_growth(earlier, later);
        }
        for disk in &later.disks {
            // A disk that is new since the earlier sample starts from 0.
            let nothing = DiskSample::default();
            let before = earlier.disks.iter().find(|other| other.name == disk.name).unwrap_or(&nothing);
            self.disks.entry(&disk.name).or_default().add(before, disk, part);
        }
        add_traffic(&mut self.network, &earlier.network, &later.network, part);
        add_traffic(&mut self.loopback, &earlier.loopback, &later.loopback, part);
        self.add_processes(earlier, later, part, inside_ms);
    }

    fn add_processes(&mut self, earlier: &ResourceSample, later: &ResourceSample, part: Part, inside_ms: f64) {
        let (mut there, mut threads_ms) = (false, Vec::new());
        for process in &later.processes {
            // A new process is skipped: part of its CPU time may lie before this interval.
            let Some(before) = earlier.processes.iter().find(|other| other.pid == process.pid) else { continue };
            there = true;
            self.orthanc_ms.1 += part.time_growth(before.cpu_ms, process.cpu_ms);
            for thread in &process.threads {
                threads_ms.push(part.growth(thread_ms(before, thread.id), thread.cpu_ms));
            }
        }
        if there {
            self.orthanc_ms.0 += inside_ms;
        }
        if !threads_ms.is_empty() {
            *self.busiest_thread_ms.get_or_insert_default() += greatest(threads_ms.into_iter());
        }
    }

    pub fn cpu(&self) -> CpuUse {
        let share = |time: f64| if self.cpu.all > 0.0 { time / self.cpu.all } else { 0.0 };
        CpuUse {
            user: share(self.cpu.user),
            system: share(self.cpu.system),
            iowait: share(self.cpu.iowait),
            steal: share(self.cpu.steal),
        }
    }

    pub fn busiest_cpu(&self) -> f64 {
        capped_share(greatest(self.cpu_busy_ms.iter().copied()), self.covered_ms)
    }

    pub fn orthanc(&self) -> Option<OrthancUse> {
        let (there_ms, cpu_ms) = self.orthanc_ms;
        (there_ms > 0.0).then(|| OrthancUse {
            cpu_cores: cpu_ms / there_ms,
            busiest_thread: self.busiest_thread_ms.map(|busiest| capped_share(busiest, there_ms)),
        })
    }

    pub fn disk(&self) -> DiskUse {
        let per_second = |of: fn(&DiskTimes) -> f64| self.disks.values().map(of).sum::<f64>() * 1e3 / self.covered_ms;
        DiskUse {
            read_bytes_per_second: per_second(|disk| disk.read_bytes),
            written_bytes_per_second: per_second(|disk| disk.written_bytes),
            operations_per_second: per_second(|disk| disk.operations),
            busy: capped_share(greatest(self.disks.values().map(|disk| disk.busy_ms)), self.covered_ms),
        }
    }

    pub fn network(&self) -> TrafficUse {
        traffic(self.network.0, self.network.1, self.covered_ms)
    }

    pub fn loopback(&self) -> TrafficUse {
        traffic(self.loopback.0, self.loopback.1, self.covered_ms)
    }
}

impl CpuTimes {
    fn add(&mut self, earlier: &CpuSample, later: &CpuSample, part: Part) {
        let grown = |of: fn(&CpuSample) -> u64| part.time_growth(of(earlier), of(later));
        let user = grown(|cpu| cpu.user_ms) + grown(|cpu| cpu.nice_ms);
        let system = grown(|cpu| cpu.system_ms) + grown(|cpu| cpu.irq_ms) + grown(|cpu| cpu.softirq_ms);
        let (iowait, steal) = (grown(|cpu| cpu.iowait_ms), grown(|cpu| cpu.steal_ms));
        self.user += user;
        self.system += system;
        self.iowait += iowait;
        self.steal += steal;
        self.all += user + system + iowait + steal + grown(|cpu| cpu.idle_ms);
    }
}

impl DiskTimes {
    fn add(&mut self, earlier: &DiskSample, later: &DiskSample, part: Part) {
        self.read_bytes += part.growth(earlier.read_bytes, later.read_bytes);
        self.written_bytes += part.growth(earlier.written_bytes, later.written_bytes);
        self.operations += part.growth(earlier.operations, later.operations);
        self.busy_ms += part.growth(earlier.busy_ms, later.busy_ms);
    }
}

fn add_traffic(sum: &mut (f64, f64), earlier: &TrafficSample, later: &TrafficSample, part: Part) {
    sum.0 += part.growth(earlier.received_bytes, later.received_bytes);
    sum.1 += part.growth(earlier.sent_bytes, later.sent_bytes);
}

/// Returns the CPU time of a thread. A thread that is not listed has used less than 10 ms, and counts as 0.
fn thread_ms(process: &ProcessSample, id: u32) -> u64 {
    process.threads.iter().find(|thread| thread.id == id).map_or(0, |thread| thread.cpu_ms)
}

fn total_ms(cpu: &CpuSample) -> u64 {
    let busy = cpu.user_ms + cpu.nice_ms + cpu.system_ms + cpu.irq_ms + cpu.softirq_ms + cpu.steal_ms;
    busy + cpu.idle_ms + cpu.iowait_ms
}

fn greatest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}

/// Returns a share of the time, at most 1. Ticks of 10 ms, and clocks that are read one after another, could exceed it.
fn capped_share(time_ms: f64, of_ms: f64) -> f64 {
    if of_ms > 0.0 { (time_ms / of_ms).min(1.0) } else { 0.0 }
}

fn milliseconds(number: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "285,000 years")]
    let milliseconds = number as f64;
    milliseconds
}
