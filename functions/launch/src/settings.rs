//! Settings of this function, which the template puts into its environment.

use std::collections::BTreeMap;

use dicomperf_aws::clients::placement::Placement;
use dicomperf_aws::environment::{optional_variable, required_variable};
use dicomperf_model::first_boot::FirstBoot;
use jiff::SignedDuration;
use lambda_runtime::Error;

/// The function's environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Name of the bucket with the files of runs.
    pub bucket: String,
    /// Name of the stack. Its hosts have it as a tag.
    pub project: String,
    /// Network of the hosts.
    pub placement: Placement,
    /// Name or ARN of the hosts' instance profile.
    pub instance_profile: String,
    /// More tags for the hosts, their volumes and their network interfaces.
    pub tags: Vec<(String, String)>,
    /// ARN of the KMS key of the hosts' volumes.
    pub volume_key: Option<String>,
    /// Settings of the hosts' first boot.
    pub first_boot: FirstBoot,
    /// The longest time from a host's launch until SSM manages it.
    pub ready_timeout: SignedDuration,
}

impl Settings {
    /// Reads the environment. An error names the variable that is missing or wrong.
    pub fn read() -> Result<Self, Error> {
        let tags = optional_variable("TAGS").unwrap_or_else(|| "{}".to_owned());
        let tags: BTreeMap<String, String> = serde_json::from_str(&tags)
            .map_err(|error| format!("TAGS is not a JSON object of strings (parameter HostTags): {error}"))?;
        let ready_timeout = required_variable("LAUNCH_TIMEOUT_SECONDS")?.parse().map_err(|error| {
            format!("LAUNCH_TIMEOUT_SECONDS is not a number of seconds (parameter LaunchTimeoutSeconds): {error}")
        })?;
        let [mirror, proxy, no_proxy] = ["PACKAGE_MIRROR", "HTTP_PROXY_URL", "NO_PROXY_HOSTS"].map(optional_variable);
        // Lambda sets the region (AWS Lambda Developer Guide, "Defined runtime environment variables").
        let first_boot = FirstBoot::new(mirror, proxy, no_proxy)?.in_region(&required_variable("AWS_REGION")?);
        Ok(Self {
            bucket: required_variable("BUCKET")?,
            project: required_variable("PROJECT")?,
            placement: Placement {
                subnet_id: optional_variable("SUBNET_ID"),
                vpc_id: optional_variable("VPC_ID"),
                server_security_group: required_variable("SERVER_SECURITY_GROUP_ID")?,
                client_security_group: required_variable("CLIENT_SECURITY_GROUP_ID")?,
            },
            instance_profile: required_variable("INSTANCE_PROFILE")?,
            tags: tags.into_iter().collect(),
            volume_key: optional_variable("VOLUME_KMS_KEY_ARN"),
            first_boot,
            ready_timeout: SignedDuration::from_secs(ready_timeout),
        })
    }
}
