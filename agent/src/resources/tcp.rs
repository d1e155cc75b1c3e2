//! TCP's counters. The crate procfs reads /proc/net/snmp, but rejects the whole file if the kernel lacks one of its
//! columns. It does not read /proc/net/netstat.

use std::fs;
use std::io;

use dicomperf_model::samples::TcpSample;

pub(super) fn sample() -> io::Result<TcpSample> {
    let table = fs::read_to_string("/proc/net/snmp")?;
    let column = |name| {
        let missing = || io::Error::other(format!("/proc/net/snmp has no Tcp: {name}"));
        value(&table, "Tcp:", name).ok_or_else(missing)
    };
    Ok(TcpSample {
        sent_segments: column("OutSegs")?,
        retransmitted_segments: column("RetransSegs")?,
        timeouts: fs::read_to_string("/proc/net/netstat")
            .ok()
            .and_then(|table| value(&table, "TcpExt:", "TCPTimeouts")),
    })
}

/// A value in a table. Each part of the table has a line of names and a line of values, and both begin with the same
/// word (proc_pid_net(5)).
fn value(table: &str, part: &str, name: &str) -> Option<u64> {
    let mut lines = table.lines().filter_map(|line| line.strip_prefix(part)).map(str::split_ascii_whitespace);
    let position = lines.next()?.position(|other| other == name)?;
    lines.next()?.nth(position)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_below_their_names() {
        let table = "Ip: Forwarding RetransSegs\nIp: 1 9\nTcp: RtoMin MaxConn RetransSegs\nTcp: 200 -1 17\n";
        assert_eq!(value(table, "Tcp:", "RetransSegs"), Some(17));
        assert_eq!(value(table, "Tcp:", "MaxConn"), None);
        assert_eq!(value(table, "Tcp:", "OutSegs"), None);
        assert_eq!(value("Tcp: OutSegs\n", "Tcp:", "OutSegs"), None);
    }

    #[test]
    fn this_kernel_tells_all_three() {
        let found = sample().expect("read");
        assert!(found.timeouts.is_some());
    }
}
