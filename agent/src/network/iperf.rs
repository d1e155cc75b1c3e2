//! iperf3: one TCP connection for a second, read from the JSON output.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::NoBaseline;
use crate::process;

/// The time for which each direction is measured. iperf3 accepts whole seconds.
pub(super) const DIRECTION_SECONDS: f64 = 1.0;
/// A second, and the time to open the connection, to exchange the results and to close.
const RUN_TIMEOUT: Duration = Duration::from_millis(2500);

/// The direction of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    ToServer,
    FromServer,
}

/// The measurement of one direction.
#[derive(Debug, PartialEq)]
pub(super) struct Throughput {
    pub bytes_per_second: f64,
    pub retransmits: u64,
}

/// The used part of iperf3's JSON. A run that failed has `error` beside the results up to then.
#[derive(Deserialize)]
struct Output {
    error: Option<String>,
    #[serde(default)]
    end: End,
}

#[derive(Deserialize, Default)]
struct End {
    sum_sent: Option<Sum>,
    sum_received: Option<Sum>,
}

#[derive(Deserialize)]
struct Sum {
    bits_per_second: f64,
    #[serde(default)]
    retransmits: u64,
}

pub(super) fn measure(
    server: SocketAddr,
    direction: Direction,
    scratch: &Path,
    limit: Instant,
) -> Result<Throughput, NoBaseline> {
    let way = match direction {
        Direction::ToServer => "to",
        Direction::FromServer => "from",
    };
    if !process::is_installed("iperf3") {
        return Err(NoBaseline::NotInstalled("iperf3"));
    }
    let failed = |reason: String| NoBaseline::Iperf { direction: way, server, reason };
    let mut command = Command::new("iperf3");
    command.arg("-c").arg(server.ip().to_string()).arg("-p").arg(server.port().to_string());
    // Without it, iperf3 would wait for TCP to time out if the server's packets are dropped.
    command.args(["-t", "1", "-J", "--connect-timeout", "1000"]);
    if direction == Direction::FromServer {
        command.arg("-R");
    }
    let finished = process::run(&mut command, scratch, limit.min(Instant::now() + RUN_TIMEOUT))
        .map_err(|source| NoBaseline::Host { doing: "iperf3".to_owned(), source })?;
    if finished.status.is_none() {
        return Err(failed("it did not end in time".to_owned()));
    }
    parse(&finished.output).map_err(failed)
}

/// Throughput as the receiver counted it, retransmissions as the sender counted them.
fn parse(output: &str) -> Result<Throughput, String> {
    let parsed: Output = serde_json::from_str(output).map_err(|_| format!("no JSON: {}", output.trim()))?;
    if let Some(error) = parsed.error {
        return Err(error);
    }
    let (Some(sent), Some(received)) = (parsed.end.sum_sent, parsed.end.sum_received) else {
        return Err("no sums in its JSON".to_owned());
    };
    Ok(Throughput { bytes_per_second: received.bits_per_second / 8.0, retransmits: sent.retransmits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_is_the_receivers_and_retransmissions_are_the_senders() {
        let output = r#"{"start": {}, "intervals": [], "end": {"streams": [],
            "sum_sent": {"start": 0, "seconds": 1.0, "bytes": 900, "bits_per_second": 7200.5, "retransmits": 4, "sender": true},
            "sum_received": {"start": 0, "seconds": 1.04, "bytes": 890, "bits_per_second": 6848, "sender": true}}}"#;
        assert_eq!(parse(output), Ok(Throughput { bytes_per_second: 856.0, retransmits: 4 }));
    }

    #[test]
    fn an_error_is_told_in_iperf3s_own_words() {
        // iperf3 3.12 with a busy server.
        let output = r#"{"start": {"connected": []}, "intervals": [], "end": {},
            "error": "error - the server is busy running a test. try again later"}"#;
        assert_eq!(parse(output), Err("error - the server is busy running a test. try again later".to_owned()));
        assert_eq!(parse("Killed\n"), Err("no JSON: Killed".to_owned()));
        assert_eq!(parse(r#"{"end": {}}"#), Err("no sums in its JSON".to_owned()));
    }
}
