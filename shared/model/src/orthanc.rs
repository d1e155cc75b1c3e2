//! Orthanc's settings that affect a C-STORE, in one table. Each row has the values that a request may set, the version
//! that introduced the setting, its default, and the advice for ingest.
//!
//! Everything else in Orthanc's configuration belongs to the measurement (ports, AE title, directories, users) or does
//! not affect ingest. Sources: the Orthanc Book, the comments of orthanc.json as Debian ships it, and Orthanc's NEWS.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// The Orthanc Book on large installations.
const BOOK_URL: &str = "https://orthanc.uclouvain.be/book/faq/scalability.html";
/// The Orthanc Book on its databases.
const DATABASES_URL: &str = "https://orthanc.uclouvain.be/book/faq/db-benchmark.html";
/// The comments of Orthanc's default configuration file.
const COMMENTS_URL: &str =
    "https://orthanc.uclouvain.be/hg/orthanc/file/default/OrthancServer/Resources/Configuration.json";
/// DCMTK on its environment variables.
const DCMTK_URL: &str = "https://support.dcmtk.org/docs/file_envvars.html";
/// From the Orthanc Book: the ingest performance of SQLite `clearly deteriorates as soon as you have 25.000 instances`.
const MIN_INSTANCES_FOR_POSTGRESQL: u32 = 25_000;
/// PDUs below this length are small. It is the default of DCMTK and Orthanc.
pub const USUAL_PDU: u32 = 16_384;

/// A setting of Orthanc.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the configuration file, in the environment, or in `/system` of the REST interface.
    pub name: &'static str,
    /// Place of its value.
    pub place: Place,
    /// The values that a request may set; `None` if a request cannot set it here.
    pub allowed: Option<Allowed>,
    /// Its effect on ingest.
    pub effect: &'static str,
    /// The version of Orthanc that introduced it. An older one ignores it without a message.
    pub since: Option<&'static str>,
    /// The advice for ingest.
    pub advice: Option<Advice>,
}

/// The place of a setting's value.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// A key of the configuration file, with Orthanc's own default. The file lists all keys.
    Key(fn() -> Value),
    /// A variable of the environment.
    Environment,
    /// `/system` of the REST interface.
    System,
}

/// The values that a request may give a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// `true` or `false`.
    Boolean,
    /// A whole number within these bounds, both included.
    Integer(i64, i64),
    /// One of these strings.
    OneOf(&'static [&'static str]),
}

/// The load of a run, as far as advice depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Associations that are open at once, at most.
    pub associations: u32,
    /// Instances of the dataset.
    pub instances: u32,
}

/// Advice on a setting.
#[derive(Debug, Clone, Copy)]
pub struct Advice {
    /// The advised value, for a person.
    pub advised: fn(Load) -> String,
    /// True if a value follows the advice. A variable that is not set is null.
    pub is_followed: fn(&Value, Load) -> bool,
    /// True if a C-STORE takes longer when the advice is not followed.
    pub costs_ingest: bool,
    /// The reason.
    pub why: &'static str,
    /// The source of the advice.
    pub source: &'static str,
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

/// A key of the configuration file that a request cannot set. Only its name is known.
const NAME_ONLY: Setting =
    Setting { name: "", place: Place::Key(|| Value::Null), allowed: None, effect: "", since: None, advice: None };

/// Every setting that affects a C-STORE, or that is often believed to.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "TCP_NODELAY",
        place: Place::Environment,
        advice: Some(Advice {
            advised: |_| "1, at both ends".to_owned(),
            is_followed: |value, _| value.as_str().is_some_and(|text| text.parse::<i64>().is_ok_and(|n| n != 0)),
            costs_ingest: true,
            why: "without it DCMTK in Orthanc leaves Nagle's algorithm on, which costs up to 40 ms an instance",
            source: DCMTK_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "TCP_BUFFER_LENGTH",
        place: Place::Environment,
        advice: Some(Advice {
            advised: |_| "not set".to_owned(),
            is_followed: |value, _| value.is_null(),
            costs_ingest: true,
            why: "the kernel tunes the lengths of its buffers; a fixed length turns that off",
            source: DCMTK_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "StorageCompression",
        place: Place::Key(|| json!(false)),
        allowed: Some(Allowed::Boolean),
        effect: "deflate the files",
        advice: Some(Advice {
            advised: |_| "false".to_owned(),
            is_followed: |value, _| is_boolean(value, false),
            costs_ingest: true,
            why: "each file is deflated before it is written",
            source: BOOK_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "IngestTranscoding",
        allowed: Some(Allowed::OneOf(INGEST_TRANSFER_SYNTAXES)),
        effect: "transcode to this transfer syntax before storing",
        since: Some("1.8.2"),
        advice: Some(Advice {
            advised: |_| "not set".to_owned(),
            is_followed: |value, _| value.as_str().is_none_or(str::is_empty),
            costs_ingest: true,
            why: "each instance is decoded and encoded before it is stored: `this might result in high CPU usage`",
            source: COMMENTS_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "IngestTranscodingOfCompressed",
        allowed: Some(Allowed::Boolean),
        effect: "transcode compressed instances too",
        since: Some("1.8.2"),
        ..NAME_ONLY
    },
    Setting {
        name: "IngestTranscodingOfUncompressed",
        allowed: Some(Allowed::Boolean),
        effect: "transcode uncompressed instances",
        since: Some("1.8.2"),
        ..NAME_ONLY
    },
    Setting {
        name: "MaximumPduLength",
        place: Place::Key(|| json!(USUAL_PDU)),
        since: Some("1.9.0"),
        advice: Some(Advice {
            advised: |_| format!("{USUAL_PDU}, the default, or more"),
            is_followed: |value, _| value.as_u64().is_some_and(|length| length >= u64::from(USUAL_PDU)),
            costs_ingest: true,
            why: "shorter PDUs are more PDUs: 4096 was 1.7 times slower on loopback",
            source: COMMENTS_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "DicomThreadsCount",
        place: Place::Key(|| json!(4)),
        allowed: Some(Allowed::Integer(1, 128)),
        effect: "associations that are served at once; since 1.10.0, default 4",
        since: Some("1.10.0"),
        advice: Some(Advice {
            advised: |load| format!("as many as associations are open at once: {}", load.associations),
            is_followed: |value, load| value.as_u64().is_some_and(|count| count >= u64::from(load.associations)),
            costs_ingest: true,
            why: "this many DICOM operations run at once; further associations wait",
            source: COMMENTS_URL,
        }),
    },
    Setting {
        name: "DatabaseBackendPlugin",
        place: Place::System,
        advice: Some(Advice {
            advised: |load| {
                format!("PostgreSQL from {MIN_INSTANCES_FOR_POSTGRESQL} instances on (this run: {})", load.instances)
            },
            is_followed: |value, load| !value.is_null() || load.instances < MIN_INSTANCES_FOR_POSTGRESQL,
            costs_ingest: true,
            why: "`the ingest performance of SQLite clearly deteriorates as soon as you have 25.000 instances`",
            source: DATABASES_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "SyncStorageArea",
        place: Place::Key(|| json!(true)),
        allowed: Some(Allowed::Boolean),
        effect: "fsync each file; default true since 1.7.4",
        since: Some("1.7.4"),
        advice: Some(Advice {
            advised: |_| "true, if no instance may be lost in a power failure; false is faster".to_owned(),
            is_followed: |value, _| is_boolean(value, true),
            costs_ingest: false,
            why: "each file is written through to the disk before the C-STORE is answered",
            source: COMMENTS_URL,
        }),
    },
    Setting {
        name: "StoreMD5ForAttachments",
        place: Place::Key(|| json!(true)),
        allowed: Some(Allowed::Boolean),
        effect: "hash each file on its way to the disk",
        advice: Some(Advice {
            advised: |_| "true, if corruption of the disk must be detected; false is faster".to_owned(),
            is_followed: |value, _| is_boolean(value, true),
            costs_ingest: false,
            why: "each file is hashed, `at the price of a small performance overhead`",
            source: COMMENTS_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "OverwriteInstances",
        place: Place::Key(|| json!(false)),
        allowed: Some(Allowed::Boolean),
        effect: "write an already stored instance again, and delete the first",
        advice: Some(Advice {
            advised: |_| "false, unless instances change under the same SOP Instance UID".to_owned(),
            is_followed: |value, _| is_boolean(value, false),
            // No effect here: the server is emptied before each iteration.
            costs_ingest: false,
            why: "an instance that is sent again is written again, and the first one deleted; new ones cost the same",
            source: COMMENTS_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "DicomScpTimeout",
        allowed: Some(Allowed::Integer(0, 3600)),
        effect: "seconds before an idle association is closed; 0 means never",
        ..NAME_ONLY
    },
    Setting {
        name: "UnknownSopClassAccepted",
        allowed: Some(Allowed::Boolean),
        effect: "accept instances of a SOP class that Orthanc does not know, like a private one; default false",
        ..NAME_ONLY
    },
    Setting {
        name: "StableAge",
        allowed: Some(Allowed::Integer(1, 86_400)),
        effect: "seconds without a new instance after which a series is stable",
        ..NAME_ONLY
    },
    Setting { name: "DicomTlsEnabled", since: Some("1.9.0"), ..NAME_ONLY },
    Setting { name: "DicomTlsRemoteCertificateRequired", since: Some("1.9.3"), ..NAME_ONLY },
    Setting {
        name: "SaveJobs",
        place: Place::Key(|| json!(true)),
        advice: Some(Advice {
            advised: |_| "false".to_owned(),
            is_followed: |value, _| is_boolean(value, false),
            costs_ingest: false,
            why: "affects jobs, like those of C-MOVE and of the REST interface, not a C-STORE",
            source: BOOK_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "KeepAlive",
        place: Place::Key(|| json!(true)),
        advice: Some(Advice {
            advised: |_| "true".to_owned(),
            is_followed: |value, _| is_boolean(value, true),
            costs_ingest: false,
            why: "affects the REST interface, not a C-STORE",
            source: BOOK_URL,
        }),
        ..NAME_ONLY
    },
    Setting {
        name: "TcpNoDelay",
        place: Place::Key(|| json!(true)),
        advice: Some(Advice {
            advised: |_| "true".to_owned(),
            is_followed: |value, _| is_boolean(value, true),
            costs_ingest: false,
            why: "affects the REST interface; the setting for DICOM is TCP_NODELAY in the environment",
            source: BOOK_URL,
        }),
        ..NAME_ONLY
    },
];

fn is_boolean(value: &Value, wanted: bool) -> bool {
    value == &Value::Bool(wanted)
}

/// Returns the JSON Schema of an object of the keys that a request may set.
#[must_use]
pub fn schema(_: &mut SchemaGenerator) -> Schema {
    let mut keys: Vec<_> = SETTINGS.iter().filter_map(|setting| Some((setting, setting.allowed?))).collect();
    keys.sort_by_key(|(setting, _)| setting.name);
    let properties: Map<String, Value> = keys
        .into_iter()
        .map(|(setting, allowed)| {
            let mut schema = match allowed {
                Allowed::Boolean => json!({ "type": "boolean" }),
                Allowed::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
                Allowed::OneOf(options) => json!({ "type": "string", "enum": options }),
            };
            schema["description"] = json!(setting.effect);
            (setting.name.to_owned(), schema)
        })
        .collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// Returns the JSON Schema of an axis of such objects.
#[must_use]
pub fn axis_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": schema(generator), "minItems": 1, "maxItems": 16, "uniqueItems": true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_one_row() {
        let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        let rows = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rows);
    }

    #[test]
    fn what_a_request_may_set_says_what_it_does() {
        for setting in SETTINGS.iter().filter(|setting| setting.allowed.is_some()) {
            assert!(!setting.effect.is_empty(), "{}", setting.name);
            assert!(matches!(setting.place, Place::Key(_)), "{} is no key of the configuration file", setting.name);
        }
    }

    #[test]
    fn orthancs_own_defaults_follow_the_advice_that_costs_ingest() {
        let load = Load { associations: 1, instances: 200 };
        for setting in SETTINGS {
            let (Place::Key(default), Some(advice)) = (setting.place, setting.advice) else { continue };
            let followed = (advice.is_followed)(&default(), load);
            assert!(followed || !advice.costs_ingest, "{}", setting.name);
        }
    }
}
