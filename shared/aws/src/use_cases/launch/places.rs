//! The places for a pair of hosts: zone and types, in order of preference. Both hosts share a zone, because the network
//! between zones differs from that within one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clients::placement::Subnet;
use crate::failure::Failure;
use dicomperf_model::plan::{HostPlan, Hosts, Plan, credits_of};
use dicomperf_model::request::CpuCredits;
use dicomperf_model::step::HostRole;

/// A place for a pair of hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// Subnet of both hosts.
    pub(super) subnet: &'a Subnet,
    /// Instance type of the server.
    pub(super) server_type: &'a str,
    /// Instance type of the client.
    pub(super) client_type: &'a str,
}

/// Returns the plan of a host.
pub(super) fn host_of(hosts: &Hosts, role: HostRole) -> Result<&HostPlan, Failure> {
    hosts.get(role).ok_or_else(|| Failure::Aws {
        doing: format!("launching the {role}"),
        reason: "the plan has no such host".to_owned(),
    })
}

/// Returns each type of the server with each type of the client, in order of preference.
pub(super) fn pairs_of_types(hosts: &Hosts) -> impl Iterator<Item = (&str, &str)> {
    let clients = || hosts.client.iter().flat_map(HostPlan::types);
    hosts.server.iter().flat_map(HostPlan::types).flat_map(move |server| clients().map(move |client| (server, client)))
}

/// Returns the credit option of a host that is launched with this type.
pub(super) fn credits_of_host(plan: &Plan, role: HostRole, instance_type: &str) -> Option<CpuCredits> {
    let credits = match role {
        HostRole::Server => plan.request.server.cpu_credits,
        HostRole::Client => plan.request.client.cpu_credits,
    };
    credits_of(instance_type, credits)
}

/// The course of a run's launch, in its bucket. So a later look, or a second invocation, resumes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchRecord {
    /// Types without room, by role and zone.
    #[serde(default)]
    pub(super) full: Vec<Full>,
    /// Ids of hosts that were terminated because the other host of the pair found no room beside them.
    #[serde(default)]
    pub(super) abandoned: BTreeSet<String>,
    /// Types of the two hosts, once both are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched: Option<LaunchedTypes>,
}

/// The instance types that were launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchedTypes {
    /// Instance type of the server.
    pub server: String,
    /// Instance type of the client.
    pub client: String,
}

/// A type that has no room in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Full {
    role: HostRole,
    instance_type: String,
    zone: String,
    /// EC2's error code.
    code: String,
}

impl LaunchRecord {
    /// Returns the first place that has room for both hosts, as far as it is known. The zones of a pair of types come
    /// first, then the client's next type, then the server's next type.
    pub(super) fn next_place<'a>(&self, hosts: &'a Hosts, subnets: &'a [Subnet]) -> Option<Place<'a>> {
        let mut places = pairs_of_types(hosts).flat_map(|(server_type, client_type)| {
            subnets.iter().map(move |subnet| Place { subnet, server_type, client_type })
        });
        places.find(|place| self.has_room(place))
    }

    /// Returns true if a place has room for both hosts, as far as it is known.
    pub(super) fn has_room(&self, place: &Place<'_>) -> bool {
        !self.is_full(HostRole::Server, place.server_type, &place.subnet.zone)
            && !self.is_full(HostRole::Client, place.client_type, &place.subnet.zone)
    }

    /// Adds the places and the hosts that another invocation gave up.
    pub(super) fn merge(&mut self, other: Self) {
        for full in other.full {
            self.note_full(full.role, &full.instance_type, &full.zone, &full.code);
        }
        self.abandoned.extend(other.abandoned);
    }

    /// Notes that a type has no room in a zone.
    pub(super) fn note_full(&mut self, role: HostRole, instance_type: &str, zone: &str, code: &str) {
        if !self.is_full(role, instance_type, zone) {
            let (instance_type, zone) = (instance_type.to_owned(), zone.to_owned());
            self.full.push(Full { role, instance_type, zone, code: code.to_owned() });
        }
    }

    /// Returns the failure of a launch that found no room, with every place that was tried.
    pub(super) fn no_capacity(&self) -> Failure {
        let mut tried: Vec<String> = Vec::new();
        if self.full.is_empty() {
            tried.push("EC2 has not shown both hosts in time".to_owned());
        }
        for (index, full) in self.full.iter().enumerate() {
            let is_same = |other: &&Full| other.role == full.role && other.instance_type == full.instance_type;
            if self.full[..index].iter().any(|earlier| is_same(&earlier)) {
                continue;
            }
            let zones: Vec<_> =
                self.full.iter().filter(is_same).map(|one| format!("{} ({})", one.zone, one.code)).collect();
            tried.push(format!("{} {} in {}", full.role, full.instance_type, zones.join(", ")));
        }
        Failure::NoCapacity { tried: tried.join("; ") }
    }

    fn is_full(&self, role: HostRole, instance_type: &str, zone: &str) -> bool {
        let is_same = |full: &Full| full.role == role && full.instance_type == instance_type && full.zone == zone;
        self.full.iter().any(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mocked::test_plan;
    use serde_json::json;

    fn subnets() -> Vec<Subnet> {
        ["a", "b"].map(|zone| Subnet::new(format!("subnet-{zone}"), zone.to_owned())).to_vec()
    }

    fn hosts() -> Hosts {
        test_plan(json!({
            "server": { "instanceType": ["m5.large", "m6i.large"] }, "client": { "instanceType": ["c5.large", "t3.small"] },
        }))
        .hosts
    }

    /// Returns every place in the order in which they are tried if a role never finds room.
    fn tried(full: HostRole) -> Vec<String> {
        let (hosts, subnets) = (hosts(), subnets());
        let mut record = LaunchRecord::default();
        let mut tried = Vec::new();
        while let Some(place) = record.next_place(&hosts, &subnets) {
            tried.push(format!("{} {} {}", place.subnet.zone, place.server_type, place.client_type));
            let of_role = if full == HostRole::Server { place.server_type } else { place.client_type };
            record.note_full(full, of_role, &place.subnet.zone, "InsufficientInstanceCapacity");
        }
        tried
    }

    #[test]
    fn zones_are_tried_before_types() {
        let by_server = ["a m5.large c5.large", "b m5.large c5.large", "a m6i.large c5.large", "b m6i.large c5.large"];
        assert_eq!(tried(HostRole::Server), by_server);
        let by_client = ["a m5.large c5.large", "b m5.large c5.large", "a m5.large t3.small", "b m5.large t3.small"];
        assert_eq!(tried(HostRole::Client), by_client);
    }

    #[test]
    fn two_invocations_do_not_forget_what_the_other_gave_up() {
        let mut one = LaunchRecord { abandoned: ["i-1".to_owned()].into(), ..LaunchRecord::default() };
        one.note_full(HostRole::Client, "c5.large", "a", "Unsupported");
        let mut other = LaunchRecord { abandoned: ["i-2".to_owned()].into(), ..LaunchRecord::default() };
        other.note_full(HostRole::Client, "c5.large", "a", "Unsupported");
        other.note_full(HostRole::Client, "c5.large", "b", "Unsupported");
        one.merge(other);
        assert_eq!((one.abandoned.len(), one.full.len()), (2, 2));
    }

    #[test]
    fn the_failure_names_every_zone_and_type() {
        let mut record = LaunchRecord::default();
        record.note_full(HostRole::Server, "m5.large", "a", "Unsupported");
        record.note_full(HostRole::Client, "c5.large", "b", "InsufficientInstanceCapacity");
        record.note_full(HostRole::Server, "m5.large", "b", "InsufficientInstanceCapacity");
        let text = record.no_capacity().to_string();
        assert!(
            text.contains(
                "server m5.large in a (Unsupported), b (InsufficientInstanceCapacity); client c5.large in b \
                 (InsufficientInstanceCapacity)"
            ),
            "{text}"
        );
    }
}
