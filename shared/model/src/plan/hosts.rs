//! The hosts of a plan, before and after their types are known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host_role::HostRole;
use crate::host_type::{HostType, TypePreference};
use crate::measurement::Negotiated;
use crate::request::{CpuCredits, Existing, Request, Volume};

/// The hosts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hosts {
    /// The host that runs Orthanc; absent with an existing server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<HostPlan>,
    /// The host that sends; absent if the machine of `dicomperf measure` sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<HostPlan>,
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

/// Hardware, server and dataset: two runs must share them to be compared. Null stands for hardware that the run does not
/// know: that of an existing server, and that of the machine of `dicomperf measure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FingerprintParts {
    /// EC2 instance type of the server.
    #[serde(default)]
    pub server_type: Option<String>,
    /// EC2 instance type of the client.
    #[serde(default)]
    pub client_type: Option<String>,
    /// Credit option of the server, if it is burstable.
    pub server_cpu_credits: Option<CpuCredits>,
    /// Credit option of the client, if it is burstable.
    pub client_cpu_credits: Option<CpuCredits>,
    /// Root volume of the server in GiB.
    #[serde(default, rename = "serverVolumeGiB")]
    pub server_volume_gib: Option<u32>,
    /// Root volume of the client in GiB.
    #[serde(default, rename = "clientVolumeGiB")]
    pub client_volume_gib: Option<u32>,
    /// The existing server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingIdentity>,
    /// Hash of the dataset.
    pub dataset: String,
}

/// The identity of an existing server. Two runs must share its address and AE title to be compared, and not its
/// implementation: a new version is what one wants to judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExistingIdentity {
    /// Host name or IPv4 address.
    pub address: String,
    /// TCP port for DICOM.
    pub port: u16,
    /// AE title of the server.
    pub ae_title: String,
    /// Implementation Class UID, as the server announced it; null if it announced none. Not part of the fingerprint.
    pub implementation_class_uid: Option<String>,
    /// Implementation Version Name, as the server announced it; null if it announced none. Not part of the fingerprint.
    pub implementation_version_name: Option<String>,
}

/// Returns the hosts of a request. Each has the first of its types. Without an AMI for the client, this machine sends.
pub(crate) fn planned(request: &Request, server_ami: &str, client_ami: Option<&str>) -> Hosts {
    let host = |types: &TypePreference, volume: &Volume, credits, ami: &str| HostPlan {
        instance_type: types.first().to_owned(),
        further_types: types.further().to_vec(),
        ami: ami.to_owned(),
        volume_gib: volume.size_gib,
        cpu_credits: credits_of(types.first(), credits),
    };
    let (server, client) = (&request.server, &request.client);
    let server_ami = Some(server_ami).filter(|_| server.existing.is_none());
    Hosts {
        server: server_ami.map(|ami| host(&server.instance_type, &server.volume, server.cpu_credits, ami)),
        client: client_ami.map(|ami| host(&client.instance_type, &client.volume, client.cpu_credits, ami)),
    }
}

/// Returns the properties that two runs must share to be compared.
pub(crate) fn fingerprint_parts(hosts: &Hosts, existing: Option<&Existing>, dataset: &str) -> FingerprintParts {
    let (server, client) = (hosts.server.as_ref(), hosts.client.as_ref());
    FingerprintParts {
        server_type: server.map(|host| host.instance_type.clone()),
        client_type: client.map(|host| host.instance_type.clone()),
        server_cpu_credits: server.and_then(|host| host.cpu_credits),
        client_cpu_credits: client.and_then(|host| host.cpu_credits),
        server_volume_gib: server.map(|host| host.volume_gib),
        client_volume_gib: client.map(|host| host.volume_gib),
        existing: existing.map(Existing::identity),
        dataset: dataset.to_owned(),
    }
}

impl FingerprintParts {
    /// Returns the hash of the parts, without the implementation of an existing server.
    pub(crate) fn fingerprint(&self) -> String {
        let existing = self.existing.clone().map(|existing| existing.with_implementation(None));
        crate::hash::hash(&Self { existing, ..self.clone() })
    }
}

impl Existing {
    /// Returns the identity of the server, whose implementation is not known yet.
    #[must_use]
    pub fn identity(&self) -> ExistingIdentity {
        ExistingIdentity {
            address: self.address.clone(),
            port: self.port,
            ae_title: self.ae_title.clone(),
            implementation_class_uid: None,
            implementation_version_name: None,
        }
    }
}

impl ExistingIdentity {
    /// Returns the identity with the implementation of a server's answer.
    #[must_use]
    pub fn with_implementation(self, negotiated: Option<&Negotiated>) -> Self {
        Self {
            implementation_class_uid: negotiated.and_then(|one| one.implementation_class_uid.clone()),
            implementation_version_name: negotiated.and_then(|one| one.implementation_version_name.clone()),
            ..self
        }
    }

    /// Returns the announced implementation in words: `ORTHANC_1 (1.2.3)`; `None` if the server announced nothing.
    #[must_use]
    pub fn implementation(&self) -> Option<String> {
        match (&self.implementation_version_name, &self.implementation_class_uid) {
            (Some(name), Some(uid)) => Some(format!("{name} ({uid})")),
            (name, uid) => name.clone().or_else(|| uid.clone()),
        }
    }
}

impl Hosts {
    /// True if the machine of `dicomperf measure` sends.
    #[must_use]
    pub const fn is_sent_from_here(&self) -> bool {
        self.client.is_none()
    }

    /// Returns the run's host with this role, if it has one.
    #[must_use]
    pub const fn get(&self, role: HostRole) -> Option<&HostPlan> {
        match role {
            HostRole::Server => self.server.as_ref(),
            HostRole::Client => self.client.as_ref(),
        }
    }

    /// Returns the run's hosts, the server first.
    pub fn iter(&self) -> impl Iterator<Item = (HostRole, &HostPlan)> {
        HostRole::BOTH.into_iter().filter_map(|role| Some((role, self.get(role)?)))
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
