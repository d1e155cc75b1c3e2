//! Tests over invented counters, so that every result is known in advance.

use super::*;
use dicomperf_model::samples::{
    CpuSample, DiskSample, MemorySample, ProcessSample, TcpSample, ThreadSample, TrafficSample,
};

/// A sample of a host with two CPUs, sampled every 200 ms from 10,000 ms on. In each interval one CPU is wholly in user
/// mode; the other one is in system mode for half of it, and idle for the rest.
fn sample(number: u64) -> ResourceSample {
    let disk = |name: &str, factor: u64| DiskSample {
        name: name.to_owned(),
        read_bytes: number * 100 * factor,
        written_bytes: number * 1000 * factor,
        operations: number * factor,
        busy_ms: number * 50 * factor,
    };
    let threads = vec![ThreadSample { id: 7, cpu_ms: number * 150 }, ThreadSample { id: 8, cpu_ms: number * 100 }];
    ResourceSample {
        at_ms: 10_000 + number * 200,
        cpu: CpuSample {
            user_ms: 500 + number * 190,
            nice_ms: number * 10,
            system_ms: number * 80,
            softirq_ms: number * 20,
            idle_ms: 9000 + number * 100,
            ..CpuSample::default()
        },
        cpu_busy_ms: vec![500 + number * 200, number * 100],
        procs_running: if number.is_multiple_of(2) { 1 } else { 3 },
        procs_blocked: 0,
        memory: MemorySample { total_bytes: 1000, available_bytes: 900 - number, unwritten_bytes: 0 },
        disks: vec![disk("nvme0n1", 1), disk("nvme1n1", 3)],
        network: TrafficSample { received_bytes: number * 2_000_000, sent_bytes: number * 20_000 },
        loopback: TrafficSample { received_bytes: 5, sent_bytes: 5 },
        tcp: TcpSample { sent_segments: number * 1000, retransmitted_segments: number * 10, timeouts: None },
        processes: vec![ProcessSample {
            pid: 6,
            name: "Orthanc".to_owned(),
            cpu_ms: 40 + number * 260,
            threads,
            ..ProcessSample::default()
        }],
        ..ResourceSample::default()
    }
}

fn samples(numbers: std::ops::Range<u64>) -> Vec<ResourceSample> {
    numbers.map(sample).collect()
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
}

#[track_caller]
fn is_the_even_load(used: &ResourceUse) {
    close(used.cpu.user, 0.5);
    close(used.cpu.system, 0.25);
    close(used.cpu.iowait + used.cpu.steal, 0.0);
    close(used.busiest_cpu, 1.0);
    let orthanc = used.orthanc.expect("Orthanc");
    close(orthanc.cpu_cores, 1.3);
    close(orthanc.busiest_thread.expect("threads"), 0.75);
    close(used.disk.read_bytes_per_second, 2000.0);
    close(used.disk.written_bytes_per_second, 20_000.0);
    close(used.disk.operations_per_second, 20.0);
    close(used.disk.busy, 0.75);
    close(used.network.received_bytes_per_second, 10e6);
    close(used.network.sent_bytes_per_second, 100e3);
    close(used.loopback.sent_bytes_per_second, 0.0);
    assert_eq!(used.cpus, 2);
}

#[test]
fn a_window_from_sample_to_sample_has_their_differences() {
    let used = use_between(&samples(0..20), 10_400, 11_400).expect("samples");
    is_the_even_load(&used);
    close(used.covered_ms, 1000.0);
    close(used.retransmitted_segments, 50.0);
    assert_eq!((used.samples, used.between_samples), (6, false));
    // Samples 2 to 7 have 1, 3, 1, 3, 1, 3.
    close(used.mean_run_queue, 2.0);
    assert_eq!(used.memory_available_min_bytes, 893);
}

#[test]
fn intervals_that_the_window_cuts_count_by_the_part_inside() {
    let mut samples = samples(0..20);
    // Only the interval from sample 5 (11,000 ms) to 6 has the growth, and a quarter of it lies in the window.
    for late in &mut samples[6..] {
        late.tcp.retransmitted_segments += 400;
    }
    let used = use_between(&samples, 10_500, 11_050).expect("samples");
    is_the_even_load(&used);
    close(used.covered_ms, 550.0);
    close(used.retransmitted_segments, 27.5 + 100.0);
    assert_eq!(used.samples, 5);
}

#[test]
fn a_window_between_two_samples_has_theirs_and_says_so() {
    for (from, to) in [(10_410, 10_450), (10_410, 10_410)] {
        let used = use_between(&samples(0..20), from, to).expect("samples");
        is_the_even_load(&used);
        assert_eq!((used.samples, used.between_samples), (2, true));
        close(used.covered_ms, f64::from(u32::try_from((to - from).max(1)).expect("short")));
    }
}

#[test]
fn of_a_window_without_samples_nothing_is_said() {
    assert_eq!(use_between(&[], 0, 1000), None);
    assert_eq!(use_between(&samples(0..1), 10_000, 11_000), None);
    assert_eq!(use_between(&samples(0..20), 0, 9_999), None);
    assert_eq!(use_between(&samples(0..20), 20_000, 21_000), None);
}

#[test]
fn a_window_that_is_known_in_part_says_how_much() {
    let used = use_between(&samples(0..20), 9_000, 10_600).expect("samples");
    is_the_even_load(&used);
    close(used.covered_ms, 600.0);
}

#[test]
fn missing_samples_are_bridged_by_the_counters() {
    let mut samples = samples(0..20);
    samples.drain(4..9);
    let used = use_between(&samples, 10_400, 12_400).expect("samples");
    is_the_even_load(&used);
    close(used.covered_ms, 2000.0);
    assert_eq!(used.samples, 6);
}

#[test]
fn a_host_that_started_again_is_not_credited_with_what_nobody_saw() {
    let mut samples = samples(0..10);
    // The host was down for 60 s, and all its counters begin at 0 again.
    samples.extend((0..10).map(|number| ResourceSample { at_ms: 72_000 + number * 200, ..sample(number) }));
    for late in &mut samples[10..] {
        late.cpu.idle_ms -= 8990;
    }
    let used = use_between(&samples, 10_000, 80_000).expect("samples");
    is_the_even_load(&used);
    close(used.covered_ms, 3600.0);
}

#[test]
fn a_counter_that_falls_alone_counts_from_zero() {
    let mut samples = samples(0..20);
    // The interface was recreated between samples 4 and 5.
    for late in &mut samples[5..] {
        late.network.received_bytes -= 4 * 2_000_000;
    }
    is_the_even_load(&use_between(&samples, 10_000, 12_000).expect("samples"));
    // The kernel corrects iowait downwards.
    samples[0].cpu.iowait_ms = 10;
    close(use_between(&samples, 10_000, 12_000).expect("samples").cpu.iowait, 0.0);
}

#[test]
fn an_orthanc_that_started_again_is_known_from_its_second_sample_on() {
    let mut samples = samples(0..20);
    for late in &mut samples[10..] {
        late.processes[0].pid = 60;
        late.processes[0].cpu_ms += 1_000_000;
    }
    // Orthanc ran in nine intervals and then, as another process, in five.
    let orthanc = use_between(&samples, 10_000, 13_000).expect("samples").orthanc.expect("Orthanc");
    close(orthanc.cpu_cores, 1.3);
    close(orthanc.busiest_thread.expect("threads"), 0.75);
    for sample in &mut samples {
        sample.processes.clear();
    }
    assert_eq!(use_between(&samples, 10_000, 13_000).expect("samples").orthanc, None);
}

#[test]
fn work_that_one_thread_hands_to_another_is_as_busy_as_if_one_had_done_it() {
    let mut samples = samples(0..20);
    for (number, sample) in (0..).zip(&mut samples) {
        let (before, after) = (u64::min(number, 8), u64::saturating_sub(number, 8));
        sample.processes[0].threads =
            vec![ThreadSample { id: 7, cpu_ms: before * 150 }, ThreadSample { id: 8, cpu_ms: after * 150 }];
    }
    let orthanc = use_between(&samples, 10_000, 13_000).expect("samples").orthanc.expect("Orthanc");
    close(orthanc.busiest_thread.expect("threads"), 0.75);
}

#[test]
fn allowances_are_the_difference_of_the_readings_around_the_window() {
    let mut samples = samples(0..40);
    for (number, exceeded) in [(0, 5), (10, 5), (20, 12), (30, 30)] {
        samples[number].ena_allowance_exceeded = Some([("pps_allowance_exceeded".to_owned(), exceeded)].into());
    }
    let exceeded = |from, to| {
        let used = use_between(&samples, from, to).expect("samples");
        used.ena_allowance_exceeded.map(|allowances| allowances["pps_allowance_exceeded"])
    };
    // Samples 0, 10, 20, 30 are at 10,000, 12,000, 14,000 and 16,000 ms.
    assert_eq!(exceeded(10_500, 11_500), Some(0));
    assert_eq!(exceeded(12_500, 13_500), Some(7));
    assert_eq!(exceeded(13_500, 14_500), Some(25));
    assert_eq!(exceeded(10_500, 17_500), Some(25));
    let without = use_between(&self::samples(0..20), 10_500, 11_500).expect("samples");
    assert_eq!(without.ena_allowance_exceeded, None);
}

#[test]
fn a_mean_counts_each_window_by_its_length() {
    let even = samples(0..20);
    let short = use_between(&even, 10_000, 10_400).expect("samples");
    let mut long = use_between(&even, 11_000, 12_200).expect("samples");
    is_the_even_load(&mean(&[short.clone(), long.clone()]).expect("two"));

    long.cpu.user = 0.9;
    long.orthanc = None;
    long.ena_allowance_exceeded = Some([("pps_allowance_exceeded".to_owned(), 4)].into());
    let mean = mean(&[short.clone(), long.clone(), long.clone()]).expect("three");
    close(mean.cpu.user, (0.5 * 400.0 + 0.9 * 2400.0) / 2800.0);
    close(mean.covered_ms, 2800.0);
    assert_eq!(mean.orthanc, short.orthanc);
    close(mean.retransmitted_segments, (20.0 + 60.0 + 60.0) / 3.0);
    assert_eq!(mean.memory_available_min_bytes, long.memory_available_min_bytes);
    assert_eq!(mean.ena_allowance_exceeded.map(|sums| sums["pps_allowance_exceeded"]), Some(8));
    assert_eq!(super::mean(&[]), None);
}
