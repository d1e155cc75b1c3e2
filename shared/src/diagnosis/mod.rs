//! What limited a run: rules over its [`Summary`], each with its evidence, its confidence, the fix, and what the fix should
//! gain. Which rules there are, and what was measured when each was provoked: docs/diagnosis.md.

mod client;
mod configuration;
mod course;
mod measured;
mod network;
mod orthanc;
mod server;
mod transport;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::summary::Summary;
use measured::Measured;

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How sure it is.
    pub confidence: Confidence,
    /// The scenarios in which it was found, by number; none where it is of the run as a whole.
    pub scenarios: Vec<u32>,
    /// What limits the transfer, in a sentence or two.
    pub says: String,
    /// The figures that it rests on.
    pub evidence: Vec<Evidence>,
    /// What to do about it.
    pub fix: String,
    /// What that should gain; null where nobody can tell.
    pub gain: Option<Gain>,
}

/// What may limit a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Nagle's algorithm at one end waits for an acknowledgement that the other end delays (RFC 1122 4.2.3.2 and 4.2.3.4).
    NagleDelayedAck,
    /// The sender could not send faster.
    ClientBound,
    /// All CPUs of the server were busy.
    ServerCpuBound,
    /// One thread of the server was busy all the time, while CPUs were idle.
    ServerThreadBound,
    /// The server waited for its disk.
    DiskBound,
    /// The network was full.
    NetworkBound,
    /// EC2 queued or dropped packets because an allowance of the host's type was exceeded.
    NetworkAllowanceExceeded,
    /// A burstable host was throttled.
    BurstableThrottled,
    /// Orthanc compresses what it stores.
    StorageCompression,
    /// Orthanc transcodes what it receives.
    IngestTranscoding,
    /// Associations carry so few C-STOREs that opening and releasing them takes much of the time.
    ShortAssociations,
    /// PDUs are so small that their number costs time.
    SmallPdu,
    /// A C-STORE takes longer the more instances are stored.
    SlowerAsItFills,
    /// Iterations differ so much among themselves that small changes cannot be seen.
    NoisyEnvironment,
    /// Orthanc's configuration is not what is advised for ingest.
    Configuration,
}

/// How sure a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// This run measured what the fix does.
    Proven,
    /// The evidence has no other usual explanation.
    Likely,
    /// The evidence fits, and so would other explanations.
    Possible,
}

/// A figure that a finding rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The scenario that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<u32>,
    /// What it is, for a person: `median C-STORE`.
    pub figure: String,
    /// Its value.
    pub value: f64,
    /// The value's unit: `ms`, `%`, `times`; empty of a count.
    pub unit: String,
    /// From where on it speaks for the finding, for a person: `at least 38 ms`.
    pub limit: String,
}

/// What a fix should gain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gain {
    /// Instances per second with the fix, over those without.
    pub times: f64,
    /// The least that it should be, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The most that it should be, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// How this is known: measured in this run, or computed from what.
    pub basis: String,
}

/// One of Orthanc's settings against what is advised for ingest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationAdvice {
    /// The configuration key, or the name in the environment.
    pub key: String,
    /// What it was in the last block run; null where it was not set, and where the server did not tell: then `followed` is
    /// null too.
    pub value: Option<Value>,
    /// What is advised, for a person.
    pub advised: String,
    /// Whether it is as advised; null where the server did not tell.
    pub followed: Option<bool>,
    /// What it does to ingest.
    pub why: String,
    /// Who advises it.
    pub source: String,
}

impl Rule {
    /// The name in reports: that of report.json.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NagleDelayedAck => "nagle-delayed-ack",
            Self::ClientBound => "client-bound",
            Self::ServerCpuBound => "server-cpu-bound",
            Self::ServerThreadBound => "server-thread-bound",
            Self::DiskBound => "disk-bound",
            Self::NetworkBound => "network-bound",
            Self::NetworkAllowanceExceeded => "network-allowance-exceeded",
            Self::BurstableThrottled => "burstable-throttled",
            Self::StorageCompression => "storage-compression",
            Self::IngestTranscoding => "ingest-transcoding",
            Self::ShortAssociations => "short-associations",
            Self::SmallPdu => "small-pdu",
            Self::SlowerAsItFills => "slower-as-it-fills",
            Self::NoisyEnvironment => "noisy-environment",
            Self::Configuration => "configuration",
        }
    }

    /// What it says, as a title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::NagleDelayedAck => "A TCP timer: Nagle's algorithm with delayed ACK",
            Self::ClientBound => "The sender was the limit",
            Self::ServerCpuBound => "The server's CPUs were the limit",
            Self::ServerThreadBound => "One thread of the server was the limit",
            Self::DiskBound => "The server's disk was the limit",
            Self::NetworkBound => "The network was the limit",
            Self::NetworkAllowanceExceeded => "A network allowance of the host's type was exceeded",
            Self::BurstableThrottled => "A burstable host was throttled",
            Self::StorageCompression => "Orthanc compresses what it stores",
            Self::IngestTranscoding => "Orthanc transcodes what it receives",
            Self::ShortAssociations => "Associations carry few instances",
            Self::SmallPdu => "PDUs are small",
            Self::SlowerAsItFills => "The server gets slower as it fills",
            Self::NoisyEnvironment => "The environment is noisy",
            Self::Configuration => "Orthanc's configuration is not what is advised",
        }
    }
}

impl Confidence {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// Every finding of a run: the surest first, and of those that are equally sure the one that should gain most. A summary
/// tells all that is needed, so that an old one can be diagnosed anew.
#[must_use]
pub fn diagnose(summary: &Summary) -> Vec<Finding> {
    let measured = Measured::of(summary);
    let mut findings = Vec::new();
    findings.extend(transport::find(&measured));
    findings.extend(client::find(&measured));
    findings.extend(server::find(&measured));
    findings.extend(network::find(&measured));
    findings.extend(orthanc::find(&measured));
    findings.extend(course::find(&measured));
    findings.extend(configuration::find(summary));
    let gain = |finding: &Finding| finding.gain.as_ref().map_or(1.0, |gain| gain.times);
    findings.sort_by(|a, b| a.confidence.cmp(&b.confidence).then_with(|| gain(b).total_cmp(&gain(a))));
    findings
}

/// Orthanc's live configuration, setting by setting, against what is advised for ingest; empty where nobody could ask it.
#[must_use]
pub fn configuration(summary: &Summary) -> Vec<ConfigurationAdvice> {
    configuration::advice(summary)
}

#[cfg(test)]
mod tests;
