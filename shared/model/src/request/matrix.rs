//! The axes of the measurement. Their product gives the scenarios.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::axis_values::{Arrival, InstancesPerAssociation, TcpNoDelay};
use super::build::{self, OrthancBuild};
use crate::orthanc;
use crate::validation::FieldError;

/// The axes of the measurement: every combination of their values is one scenario. Each axis has at least one value,
/// and no value twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Matrix {
    /// The SCU.
    #[schemars(length(min = 1, max = 8), extend("uniqueItems" = true))]
    pub sender: Vec<Sender>,
    /// The SCP.
    #[schemars(length(min = 1, max = 2), extend("uniqueItems" = true))]
    pub target: Vec<Target>,
    /// Associations open at once. Each sends its own share of the dataset.
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true), inner(range(min = 1, max = 64)))]
    pub associations: Vec<u32>,
    /// C-STOREs after which an association is released and the next one opened. The default is `all` of its share.
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true))]
    pub instances_per_association: Vec<InstancesPerAssociation>,
    /// Maximum length of a PDU in bytes that each side announces and sends (PS3.8 D.1).
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true), inner(range(min = 4096, max = 131_072)))]
    pub max_pdu: Vec<u32>,
    /// TCP_NODELAY: `true` at both ends, `"client"` or `"server"` at one of them, or `false`, which Debian and Ubuntu
    /// ship.
    #[schemars(length(min = 1, max = 4), extend("uniqueItems" = true))]
    pub tcp_no_delay: Vec<TcpNoDelay>,
    /// TLS (anonymous: the server has a certificate, the client has no certificate).
    #[schemars(length(min = 1, max = 2), extend("uniqueItems" = true))]
    pub tls: Vec<bool>,
    /// The transfer syntax of the sent dataset, by its keyword in PS3.6 table A-1. The client converts the dataset
    /// before the measurement. The conversion is lossless, so the instances stay the same.
    #[schemars(length(min = 1, max = 8), extend("uniqueItems" = true))]
    pub transfer_syntax: Vec<TransferSyntax>,
    /// The arrival of instances: closed, or open at a rate.
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true))]
    pub arrival: Vec<Arrival>,
    /// Orthanc configuration keys. Each entry is merged over `server.orthanc`. The sink has no keys.
    #[schemars(schema_with = "orthanc::axis_schema")]
    pub orthanc: Vec<BTreeMap<String, Value>>,
    /// Builds of Orthanc, each in blocks of its own: the distribution's package, or an executable from S3. The sink has
    /// no build.
    #[schemars(schema_with = "build::axis_schema")]
    pub orthanc_build: Vec<OrthancBuild>,
}

/// A program that sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// DCMTK's storescu, one process an association.
    #[default]
    Storescu,
    /// DCMTK's dcmsend, one process an association.
    Dcmsend,
    /// The agent's own SCU, one process with a thread for each association. It is fast enough to find the server's
    /// limit.
    Native,
}

/// A program that receives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Orthanc.
    #[default]
    Orthanc,
    /// The agent's own SCP, which counts the instances and discards them. It shows the capacity of network and sender
    /// alone.
    Sink,
    /// A server that exists already: `server.existing`. The only target of such a request, and its default.
    Existing,
}

/// A transfer syntax of the sent dataset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum TransferSyntax {
    /// No conversion. A synthetic dataset is in Explicit VR Little Endian.
    #[serde(rename = "original")]
    #[default]
    Original,
    /// Implicit VR Little Endian, 1.2.840.10008.1.2
    ImplicitVRLittleEndian,
    /// Explicit VR Little Endian, 1.2.840.10008.1.2.1
    ExplicitVRLittleEndian,
    /// Deflated Explicit VR Little Endian, 1.2.840.10008.1.2.1.99
    DeflatedExplicitVRLittleEndian,
    /// JPEG Lossless, Non-Hierarchical, First-Order Prediction, 1.2.840.10008.1.2.4.70
    JPEGLosslessSV1,
    /// JPEG-LS Lossless, 1.2.840.10008.1.2.4.80
    JPEGLSLossless,
    /// RLE Lossless, 1.2.840.10008.1.2.5
    RLELossless,
}

impl Matrix {
    /// Returns the combinations that no sender supports, each at the field that decides it. `matrix` may break the
    /// schema.
    pub(super) fn errors(matrix: &Value, synthetic: bool) -> Vec<FieldError> {
        let has = |axis: &str, value: &str| matrix[axis].as_array().is_some_and(|axis| axis.contains(&value.into()));
        let position = |axis: &str, wanted: &dyn Fn(&Value) -> bool| {
            let index = matrix[axis].as_array()?.iter().position(wanted)?;
            Some(format!("matrix.{axis}[{index}]"))
        };
        let mut errors = Vec::new();
        if has("sender", "dcmsend")
            && let Some(path) = position("tls", &|value| value.as_bool() == Some(true))
        {
            errors.push(FieldError::new(path, "dcmsend has no TLS", "false, or matrix.sender without dcmsend"));
        }
        let others = matrix["sender"].as_array().is_none_or(|senders| senders.iter().any(|name| *name != "native"));
        if others && let Some(path) = position("arrival", &Value::is_object) {
            let allowed = "\"closed\", or matrix.sender with native alone";
            errors.push(FieldError::new(path, "only native supports a schedule", allowed));
        }
        if !synthetic && let Some(path) = position("transferSyntax", &|value| value != "original") {
            let problem = "a user's own objects are sent as they are";
            errors.push(FieldError::new(path, problem, "\"original\", or dataset.synthetic"));
        }
        errors
    }
}

impl Default for Matrix {
    fn default() -> Self {
        Self {
            sender: vec![Sender::default()],
            target: vec![Target::default()],
            associations: vec![1],
            instances_per_association: vec![InstancesPerAssociation::default()],
            max_pdu: vec![16_384],
            tcp_no_delay: vec![TcpNoDelay::default()],
            tls: vec![false],
            transfer_syntax: vec![TransferSyntax::default()],
            arrival: vec![Arrival::default()],
            orthanc: vec![BTreeMap::new()],
            orthanc_build: vec![OrthancBuild::default()],
        }
    }
}

impl Sender {
    /// Returns the name in requests and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Storescu => "storescu",
            Self::Dcmsend => "dcmsend",
            Self::Native => "native",
        }
    }
}

impl Target {
    /// Every target that a run starts on a host of its own.
    pub const STARTED: [Self; 2] = [Self::Orthanc, Self::Sink];

    /// Returns the name in requests and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orthanc => "orthanc",
            Self::Sink => "sink",
            Self::Existing => "existing",
        }
    }
}

impl TransferSyntax {
    /// Returns the Transfer Syntax UID (PS3.6 table A-1); `None` for `Original`.
    #[must_use]
    pub const fn uid(self) -> Option<&'static str> {
        match self {
            Self::Original => None,
            Self::ImplicitVRLittleEndian => Some("1.2.840.10008.1.2"),
            Self::ExplicitVRLittleEndian => Some("1.2.840.10008.1.2.1"),
            Self::DeflatedExplicitVRLittleEndian => Some("1.2.840.10008.1.2.1.99"),
            Self::JPEGLosslessSV1 => Some("1.2.840.10008.1.2.4.70"),
            Self::JPEGLSLossless => Some("1.2.840.10008.1.2.4.80"),
            Self::RLELossless => Some("1.2.840.10008.1.2.5"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Request;
    use super::*;

    fn errors(request: Value) -> Vec<String> {
        let invalid = Request::from_json(&request).expect_err("a bad request");
        invalid.errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_axis_survives_its_json() {
        let document = json!({ "matrix": {
            "sender": ["native"], "target": ["orthanc", "sink"], "associations": [1, 8],
            "instancesPerAssociation": ["all", 1], "maxPdu": [4096, 131_072],
            "tcpNoDelay": [false, true, "client", "server"], "tls": [false, true],
            "transferSyntax": ["original", "ImplicitVRLittleEndian", "JPEGLosslessSV1", "JPEGLSLossless", "RLELossless",
                "DeflatedExplicitVRLittleEndian", "ExplicitVRLittleEndian"],
            "arrival": ["closed", { "open": 12.5 }],
            "orthanc": [{}, { "StorageCompression": true }],
            "orthancBuild": ["distribution", { "s3": { "bucket": "own-builds", "key": "builds/Orthanc", "sha256": "0".repeat(64) } }],
        } });
        let matrix = Request::from_json(&document).expect("a request").matrix;
        assert_eq!(matrix.arrival, [Arrival::Closed, Arrival::Open(12.5)]);
        assert_eq!(serde_json::to_value(&matrix).expect("JSON"), document["matrix"]);
    }

    #[test]
    fn what_no_sender_can_do_is_refused_where_it_is_asked_for() {
        let found = errors(json!({
            "dataset": { "s3": { "bucket": "own-objects" } },
            "matrix": {
                "sender": ["native", "dcmsend"], "tls": [false, true], "arrival": [{ "open": 5 }],
                "transferSyntax": ["original", "RLELossless"],
            },
        }));
        assert_eq!(
            found,
            [
                "matrix.tls[1]: dcmsend has no TLS; allowed: false, or matrix.sender without dcmsend",
                "matrix.arrival[0]: only native supports a schedule; allowed: \"closed\", or matrix.sender with native alone",
                "matrix.transferSyntax[1]: a user's own objects are sent as they are; allowed: \"original\", or \
             dataset.synthetic",
            ]
        );
        // The default sender does not support a schedule either.
        assert_eq!(errors(json!({ "matrix": { "arrival": [{ "open": 5 }] } })).len(), 1);
    }

    #[test]
    fn an_axis_says_what_it_allows() {
        let found = errors(json!({ "matrix": {
            "instancesPerAssociation": [0], "tcpNoDelay": ["both"], "arrival": [{ "open": 0 }], "sender": ["native"],
            "transferSyntax": ["JPEG"],
        } }));
        assert_eq!(
            found,
            [
                "matrix.instancesPerAssociation[0]: is 0; allowed: \"all\" or an integer from 1 to 100000",
                "matrix.tcpNoDelay[0]: is \"both\"; allowed: one of false, true, \"client\", \"server\"",
                "matrix.arrival[0]: is {\"open\":0}; allowed: \"closed\" or an object with open, a \
             number from 0.1 to 100000.0",
                "matrix.transferSyntax[0]: is \"JPEG\"; allowed: one of \"original\", \"ImplicitVRLittleEndian\", \
             \"ExplicitVRLittleEndian\", \"DeflatedExplicitVRLittleEndian\", \"JPEGLosslessSV1\", \"JPEGLSLossless\", \
             \"RLELossless\"",
            ]
        );
    }
}
