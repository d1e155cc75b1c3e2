//! Launches the hosts of a run side by side: server and client, or the client alone. If one finds no room, both move to the
//! next zone, then to the next type.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::InstanceStateName;

use super::places::{Candidate, LaunchRecord, Place};
use super::{Launch, NoRoom};
use crate::clients::hosts::Host;
use crate::failure::Failure;
use crate::workflow::LaunchedHosts;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::Plan;
use dicomperf_model::step::HostRole;

/// Beginning of EC2's reason for a host that ended before it ran, because there was no room for it (EC2 API Reference,
/// StateReason).
const NO_ROOM_AFTER_ALL: &str = "Server.InsufficientInstanceCapacity";

/// The hosts of a run, as far as they exist. EC2 may not list a host yet that it just launched.
#[derive(Debug, Clone, Default)]
pub(super) struct RunHosts(BTreeMap<HostRole, Host>);

impl Launch {
    /// Looks for the run's hosts. Launches at most one that does not exist, or gives up a place without room. Returns true
    /// once all exist. `hosts` has the hosts of the last poll.
    pub(super) async fn ensure_hosts(
        &self,
        plan: &Plan,
        record: &mut LaunchRecord,
        hosts: &mut RunHosts,
    ) -> Result<bool, Failure> {
        // By the tag, which also finds a host whose launch was never answered.
        let found = self.hosts.find_by_run(&plan.run_id).await?;
        // Another invocation may have given up a host since.
        if found.iter().any(|host| !host.is_alive()) {
            *record = self.record(&plan.run_id).await?;
        }
        self.give_up_those_without_room(plan, record, &found).await?;
        for (role, _) in plan.hosts.iter() {
            if let Some(host) = self.launched_host(&found, role, record).await? {
                hosts.0.insert(role, host);
            }
        }
        hosts.0.retain(|_, host| !record.abandoned.contains(&host.id));
        if hosts.are_complete(plan) {
            return Ok(true);
        }
        self.advance(plan, record, hosts).await?;
        Ok(false)
    }

    /// Records the types of the hosts. The results are compared with those of the same types only.
    pub(super) async fn record_types(
        &self,
        plan: &Plan,
        record: &mut LaunchRecord,
        hosts: &RunHosts,
    ) -> Result<(), Failure> {
        let launched: BTreeMap<_, _> = hosts.0.iter().map(|(role, host)| (*role, host.instance_type.clone())).collect();
        if record.launched == launched && record.hosts == hosts.to_launched() {
            return Ok(());
        }
        record.launched = launched;
        record.hosts = hosts.to_launched();
        self.save(plan, record).await
    }

    /// Finds the hosts that another run keeps, and launches none.
    pub(super) async fn find_kept(&self, plan: &Plan, owner: &str) -> Result<RunHosts, Failure> {
        let found = self.hosts.find_by_run(owner).await?;
        let mut hosts = RunHosts::default();
        for (role, _) in plan.hosts.iter() {
            let alive = found.iter().find(|host| host.role == Some(role) && host.is_alive());
            let Some(host) = alive else {
                let last = found.iter().rfind(|host| host.role == Some(role));
                return Err(Failure::HostLost {
                    host: role,
                    id: last.map_or_else(|| format!("of run {owner}"), |host| host.id.clone()),
                    step: "launch".to_owned(),
                    reason: last.map_or_else(|| "EC2 does not know it any more".to_owned(), Host::ending),
                });
            };
            hosts.0.insert(role, host.clone());
        }
        Ok(hosts)
    }

    /// Reads the course of the launch so far.
    pub(super) async fn record(&self, run_id: &str) -> Result<LaunchRecord, Failure> {
        Ok(self.artifacts.read(&RunKeys(run_id).launch()).await?.unwrap_or_default())
    }

    /// Makes one step towards the run's hosts.
    async fn advance(&self, plan: &Plan, record: &mut LaunchRecord, hosts: &mut RunHosts) -> Result<(), Failure> {
        let subnets = self.placement.subnets(&self.hosts.client).await?;
        let Some(place) = record.next_place(&plan.hosts, &subnets) else {
            self.abandon(plan, record, std::mem::take(&mut hosts.0).into_values()).await?;
            return Err(record.no_capacity());
        };
        let elsewhere = hosts.take_those_elsewhere(&place);
        if !elsewhere.is_empty() {
            return self.abandon(plan, record, elsewhere).await;
        }
        let Some(next) = place.hosts.iter().find(|candidate| !hosts.0.contains_key(&candidate.role)) else {
            return Ok(());
        };
        match self.launch(plan, next, &place).await? {
            Ok(host) => {
                hosts.0.insert(next.role, host);
            }
            Err(NoRoom(code)) => {
                record.note_full(next.role, next.instance_type, &place.subnet.zone, &code);
                self.save(plan, record).await?;
            }
        }
        Ok(())
    }

    /// Notes the places of hosts that EC2 accepted and then ended, because it had no room after all.
    async fn give_up_those_without_room(
        &self,
        plan: &Plan,
        record: &mut LaunchRecord,
        found: &[Host],
    ) -> Result<(), Failure> {
        let has_no_room = |host: &&Host| {
            !host.is_alive()
                && host.reason.as_ref().is_some_and(|reason| reason.starts_with(NO_ROOM_AFTER_ALL))
                && !record.abandoned.contains(&host.id)
        };
        let ended: Vec<_> = found.iter().filter(has_no_room).cloned().collect();
        for host in &ended {
            let Some(role) = host.role else { continue };
            record.note_full(role, &host.instance_type, &host.zone, "InsufficientInstanceCapacity");
        }
        if ended.is_empty() { Ok(()) } else { self.abandon(plan, record, ended).await }
    }

    /// Terminates hosts whose place is given up. They are recorded first, so that no look takes them for lost.
    async fn abandon(
        &self,
        plan: &Plan,
        record: &mut LaunchRecord,
        hosts: impl IntoIterator<Item = Host>,
    ) -> Result<(), Failure> {
        let hosts: Vec<_> = hosts.into_iter().collect();
        if hosts.is_empty() {
            return Ok(());
        }
        record.abandoned.extend(hosts.iter().map(|host| host.id.clone()));
        self.save(plan, record).await?;
        let ids: Vec<_> =
            hosts.into_iter().filter(|host| host.state != InstanceStateName::Terminated).map(|host| host.id).collect();
        if ids.is_empty() { Ok(()) } else { self.hosts.terminate(ids).await }
    }

    /// Writes the record. Another invocation may have written it since it was read.
    async fn save(&self, plan: &Plan, record: &mut LaunchRecord) -> Result<(), Failure> {
        record.merge(self.record(&plan.run_id).await?);
        self.artifacts.write_json(&RunKeys(&plan.run_id).launch(), record).await
    }

    /// Returns the host that was launched for a role, if any.
    async fn launched_host(
        &self,
        found: &[Host],
        role: HostRole,
        record: &LaunchRecord,
    ) -> Result<Option<Host>, Failure> {
        let of_role = || found.iter().filter(|host| host.role == Some(role) && !record.abandoned.contains(&host.id));
        let mut alive = of_role().filter(|host| host.is_alive());
        if let Some(first) = alive.next() {
            // Two invocations at the same time may have launched hosts in different zones. The first host stays.
            let surplus: Vec<_> = alive.map(|host| host.id.clone()).collect();
            if !surplus.is_empty() {
                self.hosts.terminate(surplus).await?;
            }
            return Ok(Some(first.clone()));
        }
        match of_role().next_back() {
            Some(lost) => Err(Failure::HostLost {
                host: role,
                id: lost.id.clone(),
                step: "launch".to_owned(),
                reason: lost.ending(),
            }),
            None => Ok(None),
        }
    }
}

impl RunHosts {
    /// Returns the hosts with their roles, the server first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (HostRole, &Host)> {
        self.0.iter().map(|(role, host)| (*role, host))
    }

    /// Returns the hosts as later functions need them.
    pub(super) fn to_launched(&self) -> LaunchedHosts {
        let launched = |role| self.0.get(&role).and_then(Host::to_launched);
        LaunchedHosts { server: launched(HostRole::Server), client: launched(HostRole::Client) }
    }

    /// Returns true if every planned host exists, all in one subnet.
    fn are_complete(&self, plan: &Plan) -> bool {
        let mut subnets = self.0.values().map(|host| &host.subnet_id);
        let first = subnets.next();
        plan.hosts.iter().all(|(role, _)| self.0.contains_key(&role)) && subnets.all(|subnet| Some(subnet) == first)
    }

    /// Removes and returns the hosts that do not belong to a place. They were launched in another place, before that one
    /// turned out to be full.
    fn take_those_elsewhere(&mut self, place: &Place<'_>) -> Vec<Host> {
        let mut is_before_a_gap = true;
        let mut elsewhere = Vec::new();
        for Candidate { role, instance_type, .. } in &place.hosts {
            let is_here =
                |host: &Host| host.subnet_id.as_ref() == Some(&place.subnet.id) && host.instance_type == *instance_type;
            // A client is launched beside a server only. Without its server it belongs to a place that was given up.
            let stays = is_before_a_gap && self.0.get(role).is_some_and(is_here);
            if !stays {
                elsewhere.extend(self.0.remove(role));
            }
            is_before_a_gap = stays;
        }
        elsewhere
    }
}

#[cfg(test)]
mod tests;
