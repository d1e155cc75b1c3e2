//! What the template tells this function.

use std::collections::BTreeMap;

use dicomperf::aws::environment::{optional, required};
use dicomperf::aws::placement::Placement;
use jiff::SignedDuration;
use lambda_runtime::Error;

/// The environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Where runs keep their files.
    pub bucket: String,
    /// The stack's name, which its hosts are tagged with.
    pub project: String,
    /// The hosts' network.
    pub placement: Placement,
    /// The hosts' instance profile.
    pub instance_profile: String,
    /// More tags for the hosts and their volumes.
    pub tags: Vec<(String, String)>,
    /// The longest time from a host's launch until SSM manages it.
    pub patience: SignedDuration,
}

impl Settings {
    /// Reads the environment; an error names the variable that is missing or wrong.
    pub fn read() -> Result<Self, Error> {
        let tags = optional("TAGS").unwrap_or_else(|| "{}".to_owned());
        let tags: BTreeMap<String, String> = serde_json::from_str(&tags)
            .map_err(|error| format!("TAGS is no JSON object of strings (parameter HostTags): {error}"))?;
        let patience = required("LAUNCH_TIMEOUT_SECONDS")?.parse().map_err(|error| {
            format!("LAUNCH_TIMEOUT_SECONDS is not a number of seconds (parameter LaunchTimeoutSeconds): {error}")
        })?;
        Ok(Self {
            bucket: required("BUCKET")?,
            project: required("PROJECT")?,
            placement: Placement {
                subnet_id: optional("SUBNET_ID"),
                vpc_id: optional("VPC_ID"),
                server_security_group: required("SERVER_SECURITY_GROUP_ID")?,
                client_security_group: required("CLIENT_SECURITY_GROUP_ID")?,
            },
            instance_profile: required("INSTANCE_PROFILE")?,
            tags: tags.into_iter().collect(),
            patience: SignedDuration::from_secs(patience),
        })
    }
}
