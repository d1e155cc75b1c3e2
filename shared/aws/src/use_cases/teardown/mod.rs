//! Terminates a run's hosts and polls until they are gone.

mod check;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::InstanceStateName;

use crate::clients::hosts::{Host, Hosts};
use crate::clients::records::{Records, hosts_lock};
use crate::failure::Failure;
use crate::workflow::TeardownAnswer;
use dicomperf_model::step::HostRole;

/// Terminates a run's hosts.
#[derive(Debug, Clone)]
pub struct Teardown {
    /// The project's hosts.
    pub hosts: Hosts,
    /// The table with the run's record and its schedule's lock.
    pub records: Records,
    /// Interval and number of polls.
    pub polling: Polling,
}

/// Interval and number of polls, which limit the wait for the hosts' end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// Pause between two polls.
    pub interval: Duration,
    /// Maximum number of polls.
    pub max_polls: u32,
}

impl Polling {
    /// Five minutes. EC2 needs one or two to terminate a host.
    pub const LONG: Self = Self { interval: Duration::from_secs(1), max_polls: 300 };
    /// Two minutes, for `reap`, where other runs wait too.
    pub const SHORT: Self = Self { interval: Duration::from_secs(1), max_polls: 120 };
}

/// Number of polls in a row that must find no host, unless this teardown saw both hosts. EC2 lists tags with a delay.
const MIN_EMPTY_POLLS: u32 = 2;

impl Teardown {
    /// Terminates the run's hosts and releases its schedule's lock and its place among the runs. Succeeds if no host is left,
    /// or never existed. Hosts that another run keeps stay, and their lock is released.
    ///
    /// # Errors
    /// [`Failure::TeardownIncomplete`] if hosts are left.
    pub async fn run(&self, run_id: &str) -> Result<TeardownAnswer, Failure> {
        let left = self.terminate(run_id).await?;
        let hosts_left = u32::try_from(left.len()).unwrap_or(u32::MAX);
        self.records.record_hosts_left(run_id, hosts_left).await?;
        if let Some(record) = self.records.run(run_id).await? {
            if let Some(schedule) = record.schedule {
                self.records.unlock(&schedule, run_id).await?;
            }
            if let Some(owner) = record.hosts_of {
                self.records.unlock(&hosts_lock(&owner), run_id).await?;
            }
        }
        if left.is_empty() {
            self.records.leave(run_id).await?;
            return Ok(TeardownAnswer { hosts_left });
        }
        let hosts = left.iter().map(|host| format!("{} ({})", host.id, host.state)).collect::<Vec<_>>().join(", ");
        let seconds = self.polling.interval.as_secs() * u64::from(self.polling.max_polls);
        Err(Failure::TeardownIncomplete { hosts, seconds })
    }

    /// Terminates the run's hosts and returns those that are left.
    async fn terminate(&self, run_id: &str) -> Result<Vec<Host>, Failure> {
        let mut empty_polls = 0;
        let mut seen = BTreeSet::new();
        let mut left = Vec::new();
        for poll in 0..self.polling.max_polls {
            if poll > 0 {
                tokio::time::sleep(self.polling.interval).await;
            }
            left = self.hosts.find_by_run(run_id).await?;
            left.retain(|host| !host.is_gone());
            seen.extend(left.iter().filter_map(|host| host.role));
            // The client first. Otherwise its measurements of a server that shuts down would look like failures.
            left.sort_by_key(|host| host.role != Some(HostRole::Client));
            if left.is_empty() {
                empty_polls += 1;
                if empty_polls == MIN_EMPTY_POLLS || seen.len() == 2 {
                    break;
                }
                continue;
            }
            empty_polls = 0;
            let not_shutting_down = |host: &&Host| host.state != InstanceStateName::ShuttingDown;
            let ids: Vec<_> = left.iter().filter(not_shutting_down).map(|host| host.id.clone()).collect();
            if !ids.is_empty() {
                self.hosts.terminate(ids).await?;
            }
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests;
