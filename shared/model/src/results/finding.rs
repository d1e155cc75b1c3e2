//! The findings of the diagnosis: the rule, its evidence, the fix, and the expected gain of the fix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A finding of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule that found it.
    pub rule: Rule,
    /// Confidence in the finding.
    pub confidence: Confidence,
    /// The scenarios with this finding, by number; empty if it concerns the run as a whole.
    pub scenarios: Vec<u32>,
    /// The limit of the transfer, in a sentence or two.
    pub says: String,
    /// The figures that support it.
    pub evidence: Vec<Evidence>,
    /// The figures that this run does not have, and their effect on the confidence. Absent if nothing is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// The fix, for a person.
    pub fix: String,
    /// The expected gain of the fix; null if it cannot be predicted.
    pub gain: Option<Gain>,
}

/// A rule of the diagnosis: a possible limit of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The kernel ended the server for lack of memory, or the server could not allocate memory.
    OutOfMemory,
    /// The process of the server ended.
    ServerDied,
    /// The volume with the server's storage was full.
    DiskFull,
    /// The server neither worked nor answered.
    ServerStalled,
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
    /// Orthanc compresses the instances that it stores.
    StorageCompression,
    /// Orthanc transcodes the instances that it receives.
    IngestTranscoding,
    /// Associations carry so few C-STOREs that opening and releasing them takes much of the time.
    ShortAssociations,
    /// PDUs are so small that their number costs time.
    SmallPdu,
    /// A C-STORE takes longer the more instances are stored.
    SlowerAsItFills,
    /// Iterations differ so much from each other that small changes cannot be seen.
    NoisyEnvironment,
    /// Orthanc's configuration does not follow the advice for ingest.
    Configuration,
}

/// Confidence in a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// This run measured the effect of the fix.
    Proven,
    /// The evidence has no other usual explanation.
    Likely,
    /// The evidence fits, but it also fits other explanations.
    Possible,
}

/// A figure that supports a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The scenario of the figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<u32>,
    /// Name for a person: `median C-STORE`.
    pub figure: String,
    /// Its value.
    pub value: f64,
    /// The value's unit: `ms`, `%`, `times`; empty for a count.
    pub unit: String,
    /// The bound from which the value supports the finding, for a person: `at least 38 ms`.
    pub limit: String,
}

/// The expected gain of a fix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gain {
    /// Instances per second with the fix, divided by those without.
    pub times: f64,
    /// Lower bound of the gain, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper bound of the gain, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Origin of the gain: measured in this run, or computed from other figures.
    pub basis: String,
}

/// One of Orthanc's settings, compared with the advice for ingest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationAdvice {
    /// The configuration key, or the name of the environment variable.
    pub key: String,
    /// Its value in the last block run; null if it was not set, or if the server did not report it. In the second case
    /// `followed` is null too.
    pub value: Option<Value>,
    /// The advised value, for a person.
    pub advised: String,
    /// True if the value follows the advice; null if the server did not report it.
    pub followed: Option<bool>,
    /// Its effect on ingest.
    pub why: String,
    /// Source of the advice.
    pub source: String,
}

impl Rule {
    /// True if a scenario's figures may not be those of the server because of it.
    #[must_use]
    pub const fn is_warning(self) -> bool {
        matches!(self, Self::ClientBound | Self::BurstableThrottled)
    }

    /// True if the server failed. Such a finding comes before every limit of the transfer.
    #[must_use]
    pub const fn is_server_fault(self) -> bool {
        matches!(self, Self::OutOfMemory | Self::ServerDied | Self::DiskFull | Self::ServerStalled)
    }

    /// Returns the title of the finding.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::OutOfMemory => "The server ran out of memory",
            Self::ServerDied => "The server's process ended",
            Self::DiskFull => "The server's volume was full",
            Self::ServerStalled => "The server did not work",
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

// Reports use the same words as report.json.
serde_plain::derive_display_from_serialize!(Confidence);
serde_plain::derive_display_from_serialize!(Rule);
