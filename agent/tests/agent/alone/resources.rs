//! The sampler's schedule, and the network, which other programs also use.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{scope, sleep};
use std::time::Duration;

use dicomperf_model::samples::ResourceSample;
use procfs::process::Process;

use crate::resources::{Busy, used_while};

const LOOPBACK_BYTES: usize = 100_000_000;

#[test]
fn samples_are_taken_five_times_a_second_and_do_not_drift() {
    let (_, samples) = used_while(|| sleep(Duration::from_secs(4)));
    // One sample at the start, one at the end, and twenty in between, of which a loaded machine may miss some.
    assert!((18..=23).contains(&samples.len()), "{}", samples.len());
    let start = samples[1].at_ms;
    let late: Vec<_> = samples[1..samples.len() - 1].iter().map(|sample| (sample.at_ms - start) % 200).collect();
    let on_time = late.iter().filter(|&&ms| ms.min(200 - ms) <= 20).count();
    assert!(on_time * 10 >= late.len() * 8, "{late:?}");
}

#[test]
fn what_goes_over_loopback_is_seen_there_and_not_on_the_network() {
    let (used, _) = used_while(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        scope(|scope| {
            scope.spawn(move || TcpStream::connect(address).unwrap().write_all(&vec![7; LOOPBACK_BYTES]).unwrap());
            let mut received = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
            assert_eq!(received.len(), LOOPBACK_BYTES);
        });
    });
    let expected = f64::from(u32::try_from(LOOPBACK_BYTES).unwrap()) / (used.covered_ms / 1e3);
    assert!(used.loopback.received_bytes_per_second > 0.95 * expected, "{:?}", used.loopback);
    assert!(used.network.received_bytes_per_second < 0.5 * expected, "{:?}", used.network);
}

/// Other tests' servers are called Orthanc too.
#[test]
fn a_server_that_computes_is_seen_in_its_own_cpu_time_and_in_the_hosts() {
    let busy = Busy::start();
    // Between fork and exec the process has another name.
    sleep(Duration::from_millis(200));
    let pid = busy.process.id();
    let by_hand = || {
        let stat = Process::new(i32::try_from(pid).unwrap()).unwrap().stat().unwrap();
        (stat.utime + stat.stime) * 1000 / procfs::ticks_per_second()
    };
    let mut ran = 0;
    let (used, samples) = used_while(|| {
        let before = by_hand();
        sleep(Duration::from_secs(2));
        ran = by_hand() - before;
    });
    // Even a loaded machine gives it this much.
    assert!(ran >= 50, "{ran} ms");
    let of_pid = |sample: &ResourceSample| sample.processes.iter().find(|process| process.pid == pid).cloned();
    let (first, last) = (of_pid(&samples[0]).unwrap(), of_pid(samples.last().unwrap()).unwrap());
    assert_eq!(first.name, "Orthanc");
    assert!((last.cpu_ms - first.cpu_ms).abs_diff(ran) <= 100, "{first:?} {last:?} {ran}");
    assert_eq!(last.threads.len(), 1);
    assert!(last.threads[0].cpu_ms.abs_diff(last.cpu_ms) <= 50, "{last:?}");
    let (orthanc, share) = (used.orthanc.unwrap(), f64::from(u32::try_from(ran).unwrap()) / used.covered_ms);
    assert!((orthanc.cpu_cores - share).abs() < 0.1, "{orthanc:?} {share}");
    assert!((orthanc.busiest_thread.unwrap() - share).abs() < 0.1, "{orthanc:?} {share}");
    // The host spent that CPU time and any other.
    assert!(used.cpu.user * f64::from(used.cpus) > 0.9 * share - 0.05, "{used:?} {share}");
    assert!(used.busiest_cpu > 0.5 * share && used.mean_run_queue >= 1.5, "{used:?} {share}");
}
