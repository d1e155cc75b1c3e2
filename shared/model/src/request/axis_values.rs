//! Values of axes whose JSON is not one name or one number: each has its own form and schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The number of C-STOREs on one association.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum InstancesPerAssociation {
    /// `"all"`: all instances of its share.
    #[default]
    All,
    /// This many. Then the association is released and the next one opened.
    Count(u32),
}

/// The ends that send without delay (TCP_NODELAY, RFC 1122 4.2.3.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TcpNoDelay {
    /// `false`
    Neither,
    /// `"client"`
    Client,
    /// `"server"`
    Server,
    /// `true`
    #[default]
    Both,
}

/// The arrival of instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// `"closed"`: each instance is sent as soon as the one before it is answered.
    #[default]
    Closed,
    /// `{"open": 50}`: this many instances a second over all associations, even if the server does not keep up. Latency
    /// is measured from the time at which an instance was due.
    Open(f64),
}

/// The slowest open arrival, in instances a second.
pub(crate) const MIN_ARRIVAL_PER_SECOND: f64 = 0.1;
/// The fastest open arrival, in instances a second.
pub(crate) const MAX_ARRIVAL_PER_SECOND: f64 = 100_000.0;

impl TcpNoDelay {
    /// True if the client sends without delay.
    #[must_use]
    pub const fn client(self) -> bool {
        matches!(self, Self::Client | Self::Both)
    }

    /// True if the server sends without delay.
    #[must_use]
    pub const fn server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
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
    fn schema_name() -> Cow<'static, str> {
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
            _ => Err(serde::de::Error::custom(format!("{value} is not one of false, true, \"client\", \"server\""))),
        }
    }
}

impl JsonSchema for TcpNoDelay {
    fn schema_name() -> Cow<'static, str> {
        "TcpNoDelay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [false, true, "client", "server"] })
    }
}

impl JsonSchema for Arrival {
    fn schema_name() -> Cow<'static, str> {
        "Arrival".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "const": "closed" },
            {
                "type": "object",
                "properties": { "open": { "type": "number", "minimum": MIN_ARRIVAL_PER_SECOND, "maximum": MAX_ARRIVAL_PER_SECOND } },
                "required": ["open"],
                "additionalProperties": false,
            },
        ] })
    }
}
