//! The hosts of a plan, before and after their types are known.

use super::{FingerprintParts, HostPlan, Hosts, Plan, notes};
use crate::hash::hash;
use crate::host_type::{HostType, TypePreference};
use crate::request::{CpuCredits, Request, Volume};

/// Returns the hosts of a request. Each has the first of its types.
pub(super) fn planned(request: &Request, server_ami: String, client_ami: String) -> Hosts {
    let host = |types: &TypePreference, volume: &Volume, credits, ami| HostPlan {
        instance_type: types.first().to_owned(),
        further_types: types.further().to_vec(),
        ami,
        volume_gib: volume.size_gib,
        cpu_credits: credits_of(types.first(), credits),
    };
    let (server, client) = (&request.server, &request.client);
    Hosts {
        server: host(&server.instance_type, &server.volume, server.cpu_credits, server_ami),
        client: host(&client.instance_type, &client.volume, client.cpu_credits, client_ami),
    }
}

/// Returns the hardware and the dataset that two runs must share to be compared.
pub(super) fn fingerprint_parts(hosts: &Hosts, dataset: &str) -> FingerprintParts {
    FingerprintParts {
        server_type: hosts.server.instance_type.clone(),
        client_type: hosts.client.instance_type.clone(),
        server_cpu_credits: hosts.server.cpu_credits,
        client_cpu_credits: hosts.client.cpu_credits,
        server_volume_gib: hosts.server.volume_gib,
        client_volume_gib: hosts.client.volume_gib,
        dataset: dataset.to_owned(),
    }
}

/// Returns a type's credit option. Only a burstable type has one.
#[must_use]
pub fn credits_of(instance_type: &str, credits: CpuCredits) -> Option<CpuCredits> {
    HostType::find(instance_type).filter(|host_type| host_type.burstable).map(|_| credits)
}

impl HostPlan {
    /// Returns every type in order of preference.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.instance_type).chain(&self.further_types).map(String::as_str)
    }
}

impl Plan {
    /// Returns the plan with the types that were launched. They decide the fingerprint and the notes on the hosts.
    #[must_use]
    pub fn with_launched_types(mut self, server_type: &str, client_type: &str) -> Self {
        let (server, client) = (&self.request.server, &self.request.client);
        for (host, launched, credits) in [
            (&mut self.hosts.server, server_type, server.cpu_credits),
            (&mut self.hosts.client, client_type, client.cpu_credits),
        ] {
            host.instance_type = launched.to_owned();
            host.further_types.clear();
            host.cpu_credits = credits_of(launched, credits);
        }
        self.fingerprint_of = fingerprint_parts(&self.hosts, &self.dataset.hash);
        self.fingerprint = hash(&self.fingerprint_of);
        self.notes = notes::notes(&self.request, &self.dataset, &self.blocks, &self.hosts);
        self
    }
}
