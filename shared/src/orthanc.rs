//! The Orthanc configuration keys that a request may set: those that bear on C-STORE, by name and type.
//!
//! Everything else in Orthanc's configuration belongs to the measurement (ports, AE title, directories, users, TLS,
//! PDU length) or has no part in ingest. Source: the Orthanc Book, and the comments of orthanc.json as Debian ships it.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// What a key may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// `true` or `false`.
    Boolean,
    /// A whole number between two others, both included.
    Integer(i64, i64),
    /// One of these strings.
    OneOf(&'static [&'static str]),
}

/// The transfer syntaxes that Orthanc can transcode to at ingest (PS3.6 table A-1).
const INGEST_TRANSFER_SYNTAXES: &[&str] = &[
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
];

/// Key, what it may hold, and what it does to ingest.
pub const KEYS: &[(&str, Allowed, &str)] = &[
    ("DicomScpTimeout", Allowed::Integer(0, 3600), "seconds before an idle association is closed; 0 is never"),
    ("DicomThreadsCount", Allowed::Integer(1, 128), "associations that are served at once; since 1.10.0, default 4"),
    ("IngestTranscoding", Allowed::OneOf(INGEST_TRANSFER_SYNTAXES), "transcode to this transfer syntax before storing"),
    ("IngestTranscodingOfCompressed", Allowed::Boolean, "whether compressed instances are transcoded too"),
    ("IngestTranscodingOfUncompressed", Allowed::Boolean, "whether uncompressed instances are transcoded"),
    (
        "OverwriteInstances",
        Allowed::Boolean,
        "write an instance that is stored already once more, and delete the first",
    ),
    ("StableAge", Allowed::Integer(1, 86_400), "seconds without a new instance after which a series is stable"),
    ("StorageCompression", Allowed::Boolean, "deflate the files"),
    ("StoreMD5ForAttachments", Allowed::Boolean, "hash each file on its way to the disk"),
    ("SyncStorageArea", Allowed::Boolean, "fsync each file; default true since 1.7.4"),
];

/// The JSON Schema of an object of these keys.
#[must_use]
pub fn schema(_: &mut SchemaGenerator) -> Schema {
    let properties: Map<String, Value> = KEYS
        .iter()
        .map(|(name, allowed, effect)| {
            let mut schema = match allowed {
                Allowed::Boolean => json!({ "type": "boolean" }),
                Allowed::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
                Allowed::OneOf(options) => json!({ "type": "string", "enum": options }),
            };
            schema["description"] = json!(effect);
            ((*name).to_owned(), schema)
        })
        .collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The JSON Schema of an axis of such objects.
#[must_use]
pub fn axis_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": schema(generator), "minItems": 1, "maxItems": 16, "uniqueItems": true })
}
