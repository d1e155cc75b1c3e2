//! Round trips: by ping if the server answers it, else by the time that a TCP connection takes to open.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use dicomperf_model::network::{RoundTrip, RoundTripMethod};

use crate::clock::milliseconds;
use crate::process;

/// Number of round trips.
const ROUND_TRIPS: u32 = 10;
/// Seconds between two pings. Older versions of ping allow less than 0.2 to root only.
const PING_INTERVAL: &str = "0.02";
/// The time limit of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Measures by ping, or returns the reason why ping failed.
pub(super) fn ping(server: SocketAddr, scratch: &Path, limit: Instant) -> Result<RoundTrip, String> {
    if !process::is_installed("ping") {
        return Err("not installed".to_owned());
    }
    let mut command = Command::new("ping");
    command.env("LC_ALL", "C").args(["-n", "-c", &ROUND_TRIPS.to_string(), "-i", PING_INTERVAL, "-w", "1"]);
    command.arg(server.ip().to_string());
    let finished = process::run(&mut command, scratch, limit.min(Instant::now() + 2 * ANSWER_TIMEOUT));
    let output = finished.map_err(|error| error.to_string())?.output;
    let times = output.lines().filter_map(time_ms).collect();
    // Without an answer, the last line has the reason.
    RoundTrip::from_times(RoundTripMethod::Ping, times)
        .ok_or_else(|| output.lines().rfind(|line| !line.is_empty()).unwrap_or("no answer").to_owned())
}

/// The time in a line like `64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.123 ms`.
fn time_ms(line: &str) -> Option<f64> {
    line.split_once("time=")?.1.split(' ').next()?.parse().ok()
}

/// Measures by opening connections. A refused connection counts too: the server's kernel answered it just as fast.
pub(super) fn connect(server: SocketAddr, limit: Instant) -> io::Result<RoundTrip> {
    let until = limit.min(Instant::now() + ANSWER_TIMEOUT);
    let mut times = Vec::new();
    for _ in 0..ROUND_TRIPS {
        let started = Instant::now();
        let left = until.saturating_duration_since(started);
        // A timeout of zero would be an error of its own.
        match TcpStream::connect_timeout(&server, left.max(Duration::from_millis(1))) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => {
                if times.is_empty() {
                    return Err(error);
                }
                break;
            }
            _ => times.push(milliseconds(started.elapsed())),
        }
    }
    RoundTrip::from_times(RoundTripMethod::TcpConnect, times).ok_or_else(|| io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn times_are_taken_from_the_answers_alone() {
        let output = "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n\
                      64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.123 ms\n\
                      64 bytes from 10.0.0.2: icmp_seq=2 ttl=64 time=12 ms\n\n\
                      --- 10.0.0.2 ping statistics ---\n\
                      2 packets transmitted, 2 received, 0% packet loss, time 1001ms\n\
                      rtt min/avg/max/mdev = 0.123/6.061/12.000/5.938 ms\n";
        assert_eq!(output.lines().filter_map(time_ms).collect::<Vec<_>>(), [0.123, 12.0]);
    }

    #[test]
    fn connections_tell_a_round_trip_whether_they_open_or_are_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = listener.local_addr().expect("an address");
        let found = || connect(server, Instant::now() + Duration::from_secs(5)).expect("answered");
        let opened = found();
        drop(listener);
        for found in [opened, found()] {
            assert_eq!((found.method, found.count), (RoundTripMethod::TcpConnect, ROUND_TRIPS));
            assert!(found.min_ms > 0.0 && found.min_ms <= found.median_ms && found.median_ms <= found.max_ms);
        }
    }

    #[test]
    fn a_ping_that_is_not_answered_says_so() {
        let directory = tempfile::tempdir().expect("a directory");
        // No route leads to class E (RFC 1112), not even the default route.
        let server = SocketAddr::from(([255, 255, 255, 254], 9));
        let limit = Instant::now() + Duration::from_secs(5);
        assert!(!ping(server, &directory.path().join("ping"), limit).expect_err("no answer").is_empty());
    }
}
