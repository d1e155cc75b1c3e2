//! The places for a run's hosts: zone and types, in order of preference. All hosts of a run share a zone, because the
//! network between zones differs from that within one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::clients::placement::Subnet;
use crate::failure::Failure;
use crate::workflow::LaunchedHosts;
use dicomperf_model::plan::{HostPlan, Hosts, Plan, credits_of};
use dicomperf_model::request::CpuCredits;
use dicomperf_model::step::HostRole;

/// A place for the hosts of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// Subnet of the hosts.
    pub(super) subnet: &'a Subnet,
    /// The hosts in the order of their launch: the server first, if the run has one.
    pub(super) hosts: Vec<Candidate<'a>>,
}

/// A host with one of its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    /// Role of the host.
    pub(super) role: HostRole,
    /// Plan of the host.
    pub(super) plan: &'a HostPlan,
    /// Instance type.
    pub(super) instance_type: &'a str,
}

/// Returns each combination of the hosts' types, in order of preference.
pub(super) fn combinations(hosts: &Hosts) -> Vec<Vec<Candidate<'_>>> {
    let mut combinations = vec![Vec::new()];
    for (role, plan) in hosts.iter() {
        combinations = combinations
            .iter()
            .flat_map(|before: &Vec<_>| {
                plan.types().map(|instance_type| [&before[..], &[Candidate { role, plan, instance_type }]].concat())
            })
            .collect();
    }
    combinations
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
    /// Ids of hosts that were terminated because the other host found no room beside them.
    #[serde(default)]
    pub(super) abandoned: BTreeSet<String>,
    /// Types of the hosts, once all are ready.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub launched: BTreeMap<HostRole, String>,
    /// The hosts, once all are ready.
    #[serde(default)]
    pub hosts: LaunchedHosts,
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
    /// Returns the first place that has room for all hosts, as far as it is known. The zones of a combination of types come
    /// first, then the client's next type, then the server's next type.
    pub(super) fn next_place<'a>(&self, hosts: &'a Hosts, subnets: &'a [Subnet]) -> Option<Place<'a>> {
        let mut places = combinations(hosts)
            .into_iter()
            .flat_map(|hosts| subnets.iter().map(move |subnet| Place { subnet, hosts: hosts.clone() }));
        places.find(|place| self.has_room(place))
    }

    /// Returns true if a place has room for all hosts, as far as it is known.
    pub(super) fn has_room(&self, place: &Place<'_>) -> bool {
        !place.hosts.iter().any(|host| self.is_full(host.role, host.instance_type, &place.subnet.zone))
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
            tried.push("EC2 has not shown every host in time".to_owned());
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

    fn two_hosts() -> Hosts {
        test_plan(json!({
            "server": { "instanceType": ["m5.large", "m6i.large"] }, "client": { "instanceType": ["c5.large", "t3.small"] },
        }))
        .hosts
    }

    /// Returns every place in the order in which they are tried if a role never finds room.
    fn tried(hosts: &Hosts, full: HostRole) -> Vec<String> {
        let subnets = subnets();
        let mut record = LaunchRecord::default();
        let mut tried = Vec::new();
        while let Some(place) = record.next_place(hosts, &subnets) {
            let types: Vec<_> = place.hosts.iter().map(|host| host.instance_type).collect();
            tried.push(format!("{} {}", place.subnet.zone, types.join(" ")));
            let of_role = place.hosts.iter().find(|host| host.role == full).expect("a host");
            record.note_full(full, of_role.instance_type, &place.subnet.zone, "InsufficientInstanceCapacity");
        }
        tried
    }

    #[test]
    fn zones_are_tried_before_types() {
        let by_server = ["a m5.large c5.large", "b m5.large c5.large", "a m6i.large c5.large", "b m6i.large c5.large"];
        assert_eq!(tried(&two_hosts(), HostRole::Server), by_server);
        let by_client = ["a m5.large c5.large", "b m5.large c5.large", "a m5.large t3.small", "b m5.large t3.small"];
        assert_eq!(tried(&two_hosts(), HostRole::Client), by_client);
    }

    #[test]
    fn a_run_without_a_server_host_tries_the_types_of_its_client() {
        let hosts = Hosts { server: None, ..two_hosts() };
        assert_eq!(tried(&hosts, HostRole::Client), ["a c5.large", "b c5.large", "a t3.small", "b t3.small"]);
        let without_any = Hosts::default();
        assert_eq!(combinations(&without_any), [Vec::new()]);
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
