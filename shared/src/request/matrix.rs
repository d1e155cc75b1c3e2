//! The axes whose product is measured.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::orthanc;
use crate::validation::FieldError;

/// The axes whose product is measured. Each has one value or more, none twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Matrix {
    /// The SCU.
    #[schemars(length(min = 1, max = 8), extend("uniqueItems" = true))]
    pub sender: Vec<Sender>,
    /// The SCP.
    #[schemars(length(min = 1, max = 2), extend("uniqueItems" = true))]
    pub target: Vec<Target>,
    /// Associations open at once, each with its own share of the dataset.
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true), inner(range(min = 1, max = 64)))]
    pub associations: Vec<u32>,
    /// C-STOREs after which an association is released and the next one opened; `all` of its share by default.
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true))]
    pub instances_per_association: Vec<InstancesPerAssociation>,
    /// Maximum length of a PDU in bytes that each side announces and sends (PS3.8 D.1).
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true), inner(range(min = 4096, max = 131_072)))]
    pub max_pdu: Vec<u32>,
    /// TCP_NODELAY: `true` at both ends, at one of them, or `false`, which is what Debian and Ubuntu ship.
    #[schemars(length(min = 1, max = 4), extend("uniqueItems" = true))]
    pub tcp_no_delay: Vec<TcpNoDelay>,
    /// TLS (anonymous: the server has a certificate, the client none).
    #[schemars(length(min = 1, max = 2), extend("uniqueItems" = true))]
    pub tls: Vec<bool>,
    /// The transfer syntax that the dataset is sent in, by its keyword in PS3.6 table A-1. It is converted on the client,
    /// before anything is measured; without loss, so that the instances stay the same.
    #[schemars(length(min = 1, max = 8), extend("uniqueItems" = true))]
    pub transfer_syntax: Vec<TransferSyntax>,
    /// When instances are sent.
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true))]
    pub arrival: Vec<Arrival>,
    /// Orthanc configuration keys, each entry laid over `server.orthanc`. The sink has none.
    #[schemars(schema_with = "orthanc::axis_schema")]
    pub orthanc: Vec<BTreeMap<String, Value>>,
}

/// A program that sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// DCMTK's storescu, one process an association.
    Storescu,
    /// DCMTK's dcmsend, one process an association.
    Dcmsend,
    /// The agent's own SCU, one process with a thread for each association: made to find the server's limit.
    Native,
}

/// A program that receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Orthanc.
    Orthanc,
    /// The agent's own SCP, which counts what it gets and discards it: what network and sender could do by themselves.
    Sink,
}

/// How many C-STOREs an association carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InstancesPerAssociation {
    /// `"all"`: as many as are in its share.
    All,
    /// So many; then it is released, and the next one opened.
    Count(u32),
}

/// Which ends send without delay (TCP_NODELAY, RFC 1122 4.2.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpNoDelay {
    /// `false`
    Neither,
    /// `"client"`
    Client,
    /// `"server"`
    Server,
    /// `true`
    Both,
}

/// A transfer syntax to send in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum TransferSyntax {
    /// As it was made or brought: a synthetic dataset in Explicit VR Little Endian.
    #[serde(rename = "original")]
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

/// When instances are sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// `"closed"`: each as soon as the one before it is answered.
    Closed,
    /// `{"open": 50}`: so many instances a second over all associations, whether or not the server keeps up. Latency is
    /// counted from the time at which an instance should have been sent.
    Open(f64),
}

/// The slowest open arrival, in instances a second.
pub(crate) const SLOWEST_ARRIVAL: f64 = 0.1;
/// The fastest open arrival, in instances a second.
pub(crate) const FASTEST_ARRIVAL: f64 = 100_000.0;

impl Matrix {
    /// The combinations that no sender can do, each at the field that decides it. `matrix` may break the schema.
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
            errors.push(FieldError::new(path, "only native keeps a schedule", allowed));
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
            sender: vec![Sender::Storescu],
            target: vec![Target::Orthanc],
            associations: vec![1],
            instances_per_association: vec![InstancesPerAssociation::All],
            max_pdu: vec![16_384],
            tcp_no_delay: vec![TcpNoDelay::Both],
            tls: vec![false],
            transfer_syntax: vec![TransferSyntax::Original],
            arrival: vec![Arrival::Closed],
            orthanc: vec![BTreeMap::new()],
        }
    }
}

impl Sender {
    /// The name in requests and reports.
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
    /// Every program that receives.
    pub const ALL: [Self; 2] = [Self::Orthanc, Self::Sink];

    /// The name in requests and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orthanc => "orthanc",
            Self::Sink => "sink",
        }
    }
}

impl TcpNoDelay {
    /// Whether the client sends without delay.
    #[must_use]
    pub const fn client(self) -> bool {
        matches!(self, Self::Client | Self::Both)
    }

    /// Whether the server sends without delay.
    #[must_use]
    pub const fn server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
    }
}

impl TransferSyntax {
    /// Transfer Syntax UID (PS3.6 table A-1); none for what stays as it is.
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

impl Serialize for InstancesPerAssociation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Count(count) => serializer.serialize_u32(*count),
        }
    }
}

impl<'de> Deserialize<'de> for InstancesPerAssociation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match (value.as_str(), value.as_u64().and_then(|count| u32::try_from(count).ok())) {
            (Some("all"), _) => Ok(Self::All),
            (_, Some(count)) if count > 0 => Ok(Self::Count(count)),
            _ => Err(serde::de::Error::custom(format!("{value} is neither \"all\" nor a count"))),
        }
    }
}

impl JsonSchema for InstancesPerAssociation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "InstancesPerAssociation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "all" }, { "type": "integer", "minimum": 1, "maximum": 100_000 }] })
    }
}

impl Serialize for TcpNoDelay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Neither => serializer.serialize_bool(false),
            Self::Client => serializer.serialize_str("client"),
            Self::Server => serializer.serialize_str("server"),
            Self::Both => serializer.serialize_bool(true),
        }
    }
}

impl<'de> Deserialize<'de> for TcpNoDelay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match (value.as_bool(), value.as_str()) {
            (Some(false), _) => Ok(Self::Neither),
            (Some(true), _) => Ok(Self::Both),
            (_, Some("client")) => Ok(Self::Client),
            (_, Some("server")) => Ok(Self::Server),
            _ => Err(serde::de::Error::custom(format!("{value} is none of false, true, \"client\", \"server\""))),
        }
    }
}

impl JsonSchema for TcpNoDelay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TcpNoDelay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [false, true, "client", "server"] })
    }
}

impl JsonSchema for Arrival {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Arrival".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "const": "closed" },
            {
                "type": "object",
                "properties": { "open": { "type": "number", "minimum": SLOWEST_ARRIVAL, "maximum": FASTEST_ARRIVAL } },
                "required": ["open"],
                "additionalProperties": false,
            },
        ] })
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
                "matrix.arrival[0]: only native keeps a schedule; allowed: \"closed\", or matrix.sender with native alone",
                "matrix.transferSyntax[1]: a user's own objects are sent as they are; allowed: \"original\", or \
             dataset.synthetic",
            ]
        );
        // The default sender keeps no schedule either.
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
