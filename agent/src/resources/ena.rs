//! EC2's network allowances, as the driver `ena` counts the packets beyond them.
//!
//! The counters are driver statistics. The kernel has an ioctl for them, but no netlink message. A crate needs unsafe
//! code of its own or an asynchronous runtime to read them. The agent runs `ethtool -S` instead.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// The interfaces with the driver `ena`.
pub(super) fn interfaces() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/class/net") else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| {
            let driver = fs::read_link(format!("/sys/class/net/{name}/device/driver"));
            driver.is_ok_and(|path| path.file_name().is_some_and(|driver| driver == "ena"))
        })
        .collect()
}

/// The counts by allowance, summed over the interfaces; `None` without ethtool or without counters.
pub(super) fn allowances_exceeded(interfaces: &[String]) -> Option<BTreeMap<String, u64>> {
    let mut sums: Option<BTreeMap<String, u64>> = None;
    for interface in interfaces {
        let Ok(output) = Command::new("ethtool").arg("-S").arg(interface).output() else { continue };
        for (name, exceeded) in parse(&String::from_utf8_lossy(&output.stdout)) {
            *sums.get_or_insert_default().entry(name.to_owned()).or_default() += exceeded;
        }
    }
    sums
}

fn parse(output: &str) -> impl Iterator<Item = (&str, u64)> {
    let lines = output.lines().filter_map(|line| line.trim().split_once(": "));
    let allowances = lines.filter(|(name, _)| name.ends_with("_allowance_exceeded"));
    allowances.filter_map(|(name, value)| Some((name, value.trim().parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_allowances_are_taken() {
        // Output of `ethtool -S` for ena 2.2.10 and later (AWS, "Monitor network performance for ENA settings").
        let output = "NIC statistics:\n     tx_timeout: 0\n     suspend: 0\n     bw_in_allowance_exceeded: 7\n     \
                      bw_out_allowance_exceeded: 0\n     pps_allowance_exceeded: 12\n     \
                      conntrack_allowance_exceeded: 0\n     linklocal_allowance_exceeded: 3\n     \
                      conntrack_allowance_available: 136812\n     queue_0_tx_cnt: 107\n";
        let found: Vec<_> = parse(output).filter(|(_, exceeded)| *exceeded > 0).collect();
        let expected =
            [("bw_in_allowance_exceeded", 7), ("pps_allowance_exceeded", 12), ("linklocal_allowance_exceeded", 3)];
        assert_eq!(found, expected);
        assert_eq!(parse(output).count(), 5);
        assert_eq!(parse("no stats available\n").count(), 0);
    }

    #[test]
    fn without_such_a_driver_nothing_is_run_or_said() {
        assert_eq!(allowances_exceeded(&[]), None);
        assert!(!interfaces().contains(&"lo".to_owned()));
    }
}
