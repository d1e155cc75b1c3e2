//! The settings of a scenario, and the part of them that needs a restart of the server.

mod axis;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::axis::{Axis, Difference, common_keys, differences, varying_axes};
use crate::hash::hash;
use crate::request::{Arrival, InstancesPerAssociation, OrthancBuild, Sender, Target, TcpNoDelay, TransferSyntax};

/// The settings that need a restart of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerSettings {
    /// The SCP.
    pub target: Target,
    /// TCP_NODELAY in the SCP's environment.
    pub tcp_no_delay: bool,
    /// TLS.
    pub tls: bool,
    /// Maximum length of a PDU in bytes; 0 for an existing server, which has its own.
    pub max_pdu: u32,
    /// Orthanc configuration keys.
    pub orthanc: BTreeMap<String, Value>,
    /// The build of Orthanc.
    #[serde(default)]
    pub orthanc_build: OrthancBuild,
}

/// All settings of a scenario: one value of each [`Axis`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The SCU.
    pub sender: Sender,
    /// The SCP.
    pub target: Target,
    /// Associations open at once.
    pub associations: u32,
    /// C-STOREs on one association.
    pub instances_per_association: InstancesPerAssociation,
    /// Maximum length of a PDU in bytes, in both directions.
    pub max_pdu: u32,
    /// TCP_NODELAY: at both ends, at one of them, or at neither.
    pub tcp_no_delay: TcpNoDelay,
    /// TLS.
    pub tls: bool,
    /// The transfer syntax of the sent dataset.
    pub transfer_syntax: TransferSyntax,
    /// The arrival of instances.
    pub arrival: Arrival,
    /// Orthanc configuration keys.
    pub orthanc: BTreeMap<String, Value>,
    /// The build of Orthanc; absent for the distribution's package, so that the history's keys are those of runs before
    /// there were builds.
    #[serde(default, skip_serializing_if = "OrthancBuild::is_distribution")]
    pub orthanc_build: OrthancBuild,
}

impl Settings {
    /// Returns the key of the settings in the history: the same text for the same settings. A build counts by its
    /// content.
    #[must_use]
    pub fn key(&self) -> String {
        hash(&Self { orthanc_build: self.orthanc_build.without_names(), ..self.clone() })
    }
}

impl ServerSettings {
    /// Returns the part of a scenario's settings that the server is started with.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        // A run does not configure an existing server, so all of its scenarios share one block and alternate in it.
        let max_pdu = if settings.target == Target::Existing { 0 } else { settings.max_pdu };
        Self {
            target: settings.target,
            tcp_no_delay: settings.tcp_no_delay.server(),
            tls: settings.tls,
            max_pdu,
            orthanc: settings.orthanc.clone(),
            orthanc_build: settings.orthanc_build.clone(),
        }
    }
}
