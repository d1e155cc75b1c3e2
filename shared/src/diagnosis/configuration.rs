//! Orthanc's live configuration against what is advised for ingest.

use serde_json::{Value, json};

use super::{Confidence, ConfigurationAdvice, Evidence, Finding, Rule};
use crate::request::Target;
use crate::summary::{ServerConfigurationSummary, Summary};

/// The Orthanc Book on large installations.
const BOOK: &str = "https://orthanc.uclouvain.be/book/faq/scalability.html";
/// The comments of Orthanc's default configuration file.
const COMMENTS: &str =
    "https://orthanc.uclouvain.be/hg/orthanc/file/default/OrthancServer/Resources/Configuration.json";
/// DCMTK on its environment variables.
const DCMTK: &str = "https://support.dcmtk.org/docs/file_envvars.html";
/// The Book says `several hundreds of thousands of DICOM instances` (its page on scalability): the least that this can mean.
const MANY_INSTANCES: u32 = 200_000;

/// Where a setting's value is found.
enum Place {
    /// A key of the configuration file, with Orthanc's own default: the file is complete.
    Key(Value),
    /// A variable of the environment.
    Environment,
    /// `/system` of the REST interface.
    System,
}

/// A setting of which something is advised.
struct Setting {
    name: &'static str,
    place: Place,
    advised: String,
    /// Of its value; a variable that is not set is null.
    is_followed: Box<dyn Fn(&Value) -> bool>,
    /// Whether it costs a C-STORE anything when it is not followed.
    costs_ingest: bool,
    why: &'static str,
    source: &'static str,
}

/// Setting by setting; empty where nobody could ask.
pub(super) fn advice(summary: &Summary) -> Vec<ConfigurationAdvice> {
    let live = summary.server_configuration.as_ref().filter(|live| !live.orthanc.is_empty());
    let Some(live) = live else { return Vec::new() };
    settings(summary)
        .into_iter()
        .map(|setting| {
            let value = setting.value(live);
            ConfigurationAdvice {
                key: setting.name.to_owned(),
                followed: value.as_ref().map(|value| (setting.is_followed)(value)),
                // JSON has one null, and it is that of what is not set too.
                value: value.filter(|value| !value.is_null()),
                advised: setting.advised,
                why: setting.why.to_owned(),
                source: setting.source.to_owned(),
            }
        })
        .collect()
}

/// One finding with all that is not followed and costs a C-STORE something.
pub(super) fn find(summary: &Summary) -> Option<Finding> {
    let orthanc = |target| target == Target::Orthanc;
    if !summary.scenarios.iter().any(|one| one.valid_iterations > 0 && orthanc(one.settings.target)) {
        return None;
    }
    let costs = settings(summary).into_iter().filter(|setting| setting.costs_ingest).map(|setting| setting.name);
    let costs: Vec<_> = costs.collect();
    let missed: Vec<_> = advice(summary)
        .into_iter()
        .filter(|advice| advice.followed == Some(false) && costs.contains(&advice.key.as_str()))
        .collect();
    let keys: Vec<_> = missed.iter().map(|advice| advice.key.as_str()).collect();
    let count = f64::from(u32::try_from(keys.len()).unwrap_or(u32::MAX));
    (!keys.is_empty()).then(|| Finding {
        rule: Rule::Configuration,
        confidence: Confidence::Possible,
        scenarios: Vec::new(),
        says: format!(
            "In the last block run Orthanc's configuration was not what is advised for ingest: {}. Where the request \
             asks for it, that is no surprise.",
            keys.join(", ")
        ),
        evidence: vec![Evidence {
            scenario: None,
            figure: "settings that are not as advised and bear on C-STORE".to_owned(),
            value: count,
            unit: String::new(),
            limit: "at least 1".to_owned(),
        }],
        fix: missed.iter().map(|one| format!("{}: {}.", one.key, one.advised)).collect::<Vec<_>>().join(" "),
        gain: None,
    })
}

impl Setting {
    fn value(&self, live: &ServerConfigurationSummary) -> Option<Value> {
        match &self.place {
            Place::Key(default) => {
                let file = live.orthanc.get("configuration")?;
                Some(file.get(self.name).unwrap_or(default).clone())
            }
            // Of a process that had gone there is no environment at all.
            Place::Environment if live.environment.is_empty() => None,
            Place::Environment => Some(live.environment.get(self.name).cloned().unwrap_or(Value::Null)),
            Place::System => Some(live.orthanc.get("system")?.get(self.name).cloned().unwrap_or(Value::Null)),
        }
    }
}

fn is(wanted: bool) -> Box<dyn Fn(&Value) -> bool> {
    Box::new(move |value| value == &Value::Bool(wanted))
}

fn settings(summary: &Summary) -> Vec<Setting> {
    let associations = summary.request.matrix.associations.iter().copied().max().unwrap_or(1);
    let instances = summary.dataset.instances;
    vec![
        Setting {
            name: "TCP_NODELAY",
            place: Place::Environment,
            advised: "1, at both ends".to_owned(),
            is_followed: Box::new(|value| value.as_str().is_some_and(|text| text.parse::<i64>().is_ok_and(|n| n != 0))),
            costs_ingest: true,
            why: "without it DCMTK in Orthanc leaves Nagle's algorithm on, which costs up to 40 ms an instance",
            source: DCMTK,
        },
        Setting {
            name: "TCP_BUFFER_LENGTH",
            place: Place::Environment,
            advised: "not set".to_owned(),
            is_followed: Box::new(Value::is_null),
            costs_ingest: true,
            why: "by itself the kernel chooses the lengths of its buffers; a fixed one turns that off",
            source: DCMTK,
        },
        Setting {
            name: "StorageCompression",
            place: Place::Key(json!(false)),
            advised: "false".to_owned(),
            is_followed: is(false),
            costs_ingest: true,
            why: "each file is deflated before it is written",
            source: BOOK,
        },
        Setting {
            name: "IngestTranscoding",
            place: Place::Key(Value::Null),
            advised: "not set".to_owned(),
            is_followed: Box::new(|value| value.as_str().is_none_or(str::is_empty)),
            costs_ingest: true,
            why: "each instance is decoded and encoded before it is stored: `this might result in high CPU usage`",
            source: COMMENTS,
        },
        Setting {
            name: "MaximumPduLength",
            place: Place::Key(json!(16_384)),
            advised: "16384, the default, or more".to_owned(),
            is_followed: Box::new(|value| value.as_u64().is_some_and(|length| length >= 16_384)),
            costs_ingest: true,
            why: "shorter PDUs are more PDUs: 4096 was 1.7 times slower on loopback",
            source: COMMENTS,
        },
        Setting {
            name: "DicomThreadsCount",
            place: Place::Key(json!(4)),
            advised: format!("as many as associations are open at once: {associations}"),
            is_followed: Box::new(move |value| value.as_u64().is_some_and(|count| count >= u64::from(associations))),
            costs_ingest: true,
            why: "so many DICOM operations run at once, and more associations wait for each other",
            source: COMMENTS,
        },
        Setting {
            name: "DatabaseBackendPlugin",
            place: Place::System,
            advised: format!("PostgreSQL or MySQL from {MANY_INSTANCES} instances on (this run: {instances})"),
            is_followed: Box::new(move |value| !value.is_null() || instances < MANY_INSTANCES),
            costs_ingest: true,
            why: "the built-in SQLite should be replaced `once Orthanc must store several hundreds of thousands of DICOM \
                  instances`",
            source: BOOK,
        },
        Setting {
            name: "SyncStorageArea",
            place: Place::Key(json!(true)),
            advised: "true, where no instance may be lost in a power failure; false is faster".to_owned(),
            is_followed: is(true),
            costs_ingest: false,
            why: "each file is written through to the disk before the C-STORE is answered",
            source: COMMENTS,
        },
        Setting {
            name: "StoreMD5ForAttachments",
            place: Place::Key(json!(true)),
            advised: "true, where corruption of the disk shall be detected; false is faster".to_owned(),
            is_followed: is(true),
            costs_ingest: false,
            why: "each file is hashed, `at the price of a small performance overhead`",
            source: COMMENTS,
        },
        Setting {
            name: "OverwriteInstances",
            place: Place::Key(json!(false)),
            advised: "false, unless instances change under the same SOP Instance UID".to_owned(),
            is_followed: is(false),
            // The server is emptied before each iteration.
            costs_ingest: false,
            why: "an instance that is sent again is written again, and the first one deleted; new ones cost the same",
            source: COMMENTS,
        },
        Setting {
            name: "SaveJobs",
            place: Place::Key(json!(true)),
            advised: "false".to_owned(),
            is_followed: is(false),
            costs_ingest: false,
            why: "concerns jobs, as those of C-MOVE and of the REST interface: no part of a C-STORE",
            source: BOOK,
        },
        Setting {
            name: "KeepAlive",
            place: Place::Key(json!(true)),
            advised: "true".to_owned(),
            is_followed: is(true),
            costs_ingest: false,
            why: "concerns the REST interface: no part of a C-STORE",
            source: BOOK,
        },
        Setting {
            name: "TcpNoDelay",
            place: Place::Key(json!(true)),
            advised: "true".to_owned(),
            is_followed: is(true),
            costs_ingest: false,
            why: "concerns the REST interface; for DICOM it is TCP_NODELAY in the environment",
            source: BOOK,
        },
    ]
}
