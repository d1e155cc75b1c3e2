//! Launches the two hosts of a run side by side. If one finds no room, the pair moves to the next zone, then to the next
//! type.

use aws_sdk_ec2::types::InstanceStateName;

use super::places::{LaunchRecord, LaunchedTypes, Place};
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
pub(super) struct Pair {
    pub(super) server: Option<Host>,
    pub(super) client: Option<Host>,
}

impl Launch {
    /// Looks for the run's two hosts. Launches at most one that does not exist, or gives up a place without room. Returns
    /// both once they exist. `pair` has the hosts of the last poll.
    pub(super) async fn ensure_pair(
        &self,
        plan: &Plan,
        record: &mut LaunchRecord,
        pair: &mut Pair,
    ) -> Result<Option<(Host, Host)>, Failure> {
        // By the tag, which also finds a host whose launch was never answered.
        let found = self.hosts.find_by_run(&plan.run_id).await?;
        // Another invocation may have given up a host since.
        if found.iter().any(|host| !host.is_alive()) {
            *record = self.record(&plan.run_id).await?;
        }
        self.give_up_those_without_room(plan, record, &found).await?;
        let server = self.existing_host(&found, HostRole::Server, record).await?;
        let client = self.existing_host(&found, HostRole::Client, record).await?;
        pair.server = server.or(pair.server.take()).filter(|host| !record.abandoned.contains(&host.id));
        pair.client = client.or(pair.client.take()).filter(|host| !record.abandoned.contains(&host.id));
        if let (Some(server), Some(client)) = (&pair.server, &pair.client)
            && server.subnet_id == client.subnet_id
        {
            return Ok(Some((server.clone(), client.clone())));
        }
        self.advance(plan, record, pair).await?;
        Ok(None)
    }

    /// Records the types of both hosts. The results are compared with those of the same types only.
    pub(super) async fn record_types(
        &self,
        plan: &Plan,
        record: &mut LaunchRecord,
        server: &Host,
        client: &Host,
    ) -> Result<(), Failure> {
        let launched = LaunchedTypes { server: server.instance_type.clone(), client: client.instance_type.clone() };
        if record.launched.as_ref() == Some(&launched) {
            return Ok(());
        }
        record.launched = Some(launched);
        self.save(plan, record).await
    }

    /// Reads the course of the launch so far.
    pub(super) async fn record(&self, run_id: &str) -> Result<LaunchRecord, Failure> {
        Ok(self.artifacts.read(&RunKeys(run_id).launch()).await?.unwrap_or_default())
    }

    /// Makes one step towards a pair.
    async fn advance(&self, plan: &Plan, record: &mut LaunchRecord, pair: &mut Pair) -> Result<(), Failure> {
        let subnets = self.placement.subnets(&self.hosts.client).await?;
        let Some(place) = record.next_place(&plan.hosts, &subnets) else {
            self.abandon(plan, record, pair.server.take().into_iter().chain(pair.client.take())).await?;
            return Err(record.no_capacity());
        };
        let is_here = |host: &Host, instance_type: &str| {
            host.subnet_id.as_ref() == Some(&place.subnet.id) && host.instance_type == instance_type
        };
        // A host of another place was launched before that place turned out to be full.
        let server_elsewhere = pair.server.take_if(|host| !is_here(host, place.server_type));
        // A client is launched beside a server only. Without its server it belongs to a place that was given up.
        let client_elsewhere = pair.client.take_if(|host| pair.server.is_none() || !is_here(host, place.client_type));
        let elsewhere: Vec<_> = server_elsewhere.into_iter().chain(client_elsewhere).collect();
        if !elsewhere.is_empty() {
            return self.abandon(plan, record, elsewhere).await;
        }
        let role = if pair.server.is_none() { HostRole::Server } else { HostRole::Client };
        match self.launch(plan, role, &place).await? {
            Ok(host) if role == HostRole::Server => pair.server = Some(host),
            Ok(host) => pair.client = Some(host),
            Err(NoRoom(code)) => {
                record.note_full(role, place.instance_type(role), &place.subnet.zone, &code);
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
    async fn existing_host(
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

impl Pair {
    /// Returns the hosts as later functions need them.
    pub(super) fn to_launched(&self) -> LaunchedHosts {
        let launched = |host: &Option<Host>| host.as_ref().and_then(Host::to_launched);
        LaunchedHosts { server: launched(&self.server), client: launched(&self.client) }
    }
}

impl Place<'_> {
    /// Returns the type of a host.
    pub(super) const fn instance_type(&self, role: HostRole) -> &str {
        match role {
            HostRole::Server => self.server_type,
            HostRole::Client => self.client_type,
        }
    }
}

#[cfg(test)]
mod tests;
