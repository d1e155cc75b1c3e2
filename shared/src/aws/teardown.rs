//! Terminates a run's hosts and polls until they are gone.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::InstanceStateName;

use super::hosts::{Host, Hosts};
use super::records::Records;
use crate::failure::Failure;
use crate::step::HostRole;
use crate::workflow::TeardownAnswer;

/// Terminates a run's hosts.
#[derive(Debug, Clone)]
pub struct Teardown {
    /// The hosts.
    pub hosts: Hosts,
    /// The run's record and its schedule's lock.
    pub records: Records,
    /// The longest wait for the hosts' end.
    pub patience: Patience,
}

/// The longest wait for the hosts' end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Between two looks.
    pub pause: Duration,
    /// Looks at most.
    pub looks: u32,
}

impl Patience {
    /// Five minutes: a host needs one or two to be terminated.
    pub const LONG: Self = Self { pause: Duration::from_secs(1), looks: 300 };
    /// Two minutes, where other runs wait too.
    pub const SHORT: Self = Self { pause: Duration::from_secs(1), looks: 120 };
}

/// Looks in a row that must find no host, unless this teardown saw both: tags are not seen everywhere at once.
const CLEAR_LOOKS: u32 = 2;

impl Teardown {
    /// Terminates the run's hosts and gives its schedule's lock back. Succeeds if no host is left, or never was.
    ///
    /// # Errors
    /// [`Failure::TeardownIncomplete`] when hosts are left.
    pub async fn run(&self, run_id: &str) -> Result<TeardownAnswer, Failure> {
        let left = self.terminate(run_id).await?;
        let hosts_left = u32::try_from(left.len()).unwrap_or(u32::MAX);
        self.records.hosts_left(run_id, hosts_left).await?;
        if let Some(schedule) = self.records.run(run_id).await?.and_then(|record| record.schedule) {
            self.records.unlock(&schedule, run_id).await?;
        }
        if left.is_empty() {
            return Ok(TeardownAnswer { hosts_left });
        }
        let hosts = left.iter().map(|host| format!("{} ({})", host.id, host.state)).collect::<Vec<_>>().join(", ");
        let seconds = self.patience.pause.as_secs() * u64::from(self.patience.looks);
        Err(Failure::TeardownIncomplete { hosts, seconds })
    }

    /// The hosts that are left.
    async fn terminate(&self, run_id: &str) -> Result<Vec<Host>, Failure> {
        let mut clear_looks = 0;
        let mut seen = BTreeSet::new();
        let mut left = Vec::new();
        for look in 0..self.patience.looks {
            if look > 0 {
                tokio::time::sleep(self.patience.pause).await;
            }
            left = self.hosts.of_run(run_id).await?;
            left.retain(|host| !host.is_gone());
            seen.extend(left.iter().filter_map(|host| host.role));
            // The client first: what it measured of a server that goes would look like the server's failure.
            left.sort_by_key(|host| host.role != Some(HostRole::Client));
            if left.is_empty() {
                clear_looks += 1;
                if clear_looks == CLEAR_LOOKS || seen.len() == 2 {
                    break;
                }
                continue;
            }
            clear_looks = 0;
            let going = |host: &&Host| host.state != InstanceStateName::ShuttingDown;
            let ids: Vec<_> = left.iter().filter(going).map(|host| host.id.clone()).collect();
            if !ids.is_empty() {
                self.hosts.terminate(ids).await?;
            }
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests;
