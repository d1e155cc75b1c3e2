//! Hosts that a run keeps after its report, and the commands to use them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::REST_PORT;

/// Hosts that a run keeps after its report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptHosts {
    /// Time at which they are torn down, RFC 3339.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// EC2 instance id of the server; absent with an existing server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// EC2 instance id of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The commands to use them, for a person with the AWS CLI and its Session Manager plugin.
    pub commands: Vec<KeptCommand>,
}

/// A command for kept hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptCommand {
    /// The purpose, from its verb on.
    pub purpose: String,
    /// The command.
    pub command: String,
}

impl KeptHosts {
    /// Returns the hosts of a run with their commands. `secrets` is the URI of the object with Orthanc's user and
    /// password.
    #[must_use]
    pub fn new(run_id: &str, until: Timestamp, server: Option<String>, client: Option<String>, secrets: &str) -> Self {
        let mut commands = Vec::new();
        let mut add = |purpose: &str, command: String| {
            commands.push(KeptCommand { purpose: purpose.to_owned(), command });
        };
        if let Some(id) = &server {
            // In the CLI's shorthand. The API wants lists of text (Systems Manager API Reference, StartSession).
            let parameters = format!("portNumber={REST_PORT},localPortNumber={REST_PORT}");
            add(
                &format!("forward Orthanc's web page to localhost:{REST_PORT}"),
                format!(
                    "aws ssm start-session --target {id} --document-name AWS-StartPortForwardingSession --parameters {parameters}"
                ),
            );
            add("show its user and password", format!("aws s3 cp {secrets} -"));
            add("open a shell on the server", format!("aws ssm start-session --target {id}"));
        }
        if let Some(id) = &client {
            add("open a shell on the client", format!("aws ssm start-session --target {id}"));
        }
        add("measure once more on the same hosts", format!("dicomperf again {run_id}"));
        add("empty the server and delete the client's dataset", format!("dicomperf clear {run_id}"));
        add("tear the hosts down now", format!("dicomperf teardown {run_id}"));
        Self { until, server, client, commands }
    }
}

/// The build of Orthanc in a block, as it was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildSummary {
    /// Number of the block.
    pub block: u32,
    /// Name of the build, as in the settings of the block's scenarios.
    pub build: String,
    /// The version that the build reports; null if the server was never configured.
    pub version: Option<String>,
}
