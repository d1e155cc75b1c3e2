//! The kernel's counters of processes that it killed for lack of memory.

use std::fs;
use std::path::Path;

/// The counters at one moment, or their growth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OomKills {
    /// Of the whole host (/proc/vmstat); 0 if the kernel does not report it.
    pub host: u64,
    /// Of this process's control group (cgroup v2); `None` if it has no such counter.
    pub cgroup: Option<u64>,
}

impl OomKills {
    /// The counters now.
    pub fn read() -> Self {
        Self { host: host().unwrap_or_default(), cgroup: cgroup() }
    }

    /// The growth since an earlier moment.
    pub fn since(&self, before: &Self) -> Self {
        let cgroup = self.cgroup.zip(before.cgroup).map(|(now, before)| now.saturating_sub(before));
        Self { host: self.host.saturating_sub(before.host), cgroup }
    }
}

/// The count of the whole host since its start; `None` if the kernel does not report it (Linux reports it since 4.13).
pub(super) fn host() -> Option<u64> {
    counter(&fs::read_to_string("/proc/vmstat").ok()?)
}

/// The count of this process's control group. A group without a memory controller has no such file.
fn cgroup() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    counter(&fs::read_to_string(Path::new("/sys/fs/cgroup").join(path).join("memory.events")).ok()?)
}

/// A line `oom_kill COUNT`.
fn counter(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_not_one_with_a_longer_name() {
        assert_eq!(counter("low 0\noom 3\noom_kill 2\noom_group_kill 1\n"), Some(2));
        assert_eq!(counter("oom_group_kill 1\n"), None);
    }

    #[test]
    fn this_kernel_counts() {
        assert!(host().is_some());
        assert_eq!(OomKills::read().host, host().unwrap_or_default());
    }
}
