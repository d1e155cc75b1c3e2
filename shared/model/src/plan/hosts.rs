//! The hosts of a plan, before and after their types are known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host_type::{HostType, TypePreference};
use crate::request::{CpuCredits, Request, Volume};

/// The two hosts of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hosts {
    /// The host that runs Orthanc.
    pub server: HostPlan,
    /// The host that sends.
    pub client: HostPlan,
}

/// A host to launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostPlan {
    /// EC2 instance type. In a plan the first of the request's list, and in a report the one that was launched.
    pub instance_type: String,
    /// Types to try in order if no zone has capacity for the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_types: Vec<String>,
    /// AMI id.
    pub ami: String,
    /// Size of the root volume in GiB.
    #[serde(rename = "volumeGiB")]
    pub volume_gib: u32,
    /// Credit option, for burstable types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_credits: Option<CpuCredits>,
}

/// Hardware and dataset: two runs must share them to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FingerprintParts {
    /// EC2 instance type of the server.
    pub server_type: String,
    /// EC2 instance type of the client.
    pub client_type: String,
    /// Credit option of the server, if it is burstable.
    pub server_cpu_credits: Option<CpuCredits>,
    /// Credit option of the client, if it is burstable.
    pub client_cpu_credits: Option<CpuCredits>,
    /// Root volume of the server in GiB.
    #[serde(rename = "serverVolumeGiB")]
    pub server_volume_gib: u32,
    /// Root volume of the client in GiB.
    #[serde(rename = "clientVolumeGiB")]
    pub client_volume_gib: u32,
    /// Hash of the dataset.
    pub dataset: String,
}

/// Returns the hosts of a request. Each has the first of its types.
pub(crate) fn planned(request: &Request, server_ami: String, client_ami: String) -> Hosts {
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
pub(crate) fn fingerprint_parts(hosts: &Hosts, dataset: &str) -> FingerprintParts {
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
