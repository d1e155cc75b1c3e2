//! A server that exists already: its address, and the interface that proves storage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::validation::FieldError;

/// The most associations open at once to a server that the run does not own.
pub const MAX_ASSOCIATIONS: u64 = 32;
/// The fastest open arrival at a server that the run does not own, in instances a second.
pub const MAX_ARRIVAL_PER_SECOND: f64 = 1000.0;

/// A server that exists already. The run launches no host for it, does not configure it and cannot empty it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Existing {
    /// A host name or an IPv4 address. The stack's parameter AllowedServers must allow it.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"))]
    pub address: String,
    /// TCP port for DICOM.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: u16,
    /// AE title of the server (PS3.5 6.2, without the characters that cause trouble).
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]([A-Za-z0-9 _.-]{0,14}[A-Za-z0-9_.-])?$"))]
    pub ae_title: String,
    /// DICOM over TLS. The server's certificate is not verified, and the client presents none.
    #[serde(default)]
    pub tls: bool,
    /// The interface that proves storage.
    #[serde(default)]
    pub receipt: Receipt,
    /// Base URL of the server's REST interface, for `qido`, `orthanc` and `cleanup`: `https://pacs.example.org/dicom-web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        regex(pattern = r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,200})?$")
    )]
    pub url: Option<String>,
    /// Name of an SSM parameter of type SecureString with `{"user", "password"}` for `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = r"^/[A-Za-z0-9_./-]{1,500}$"))]
    pub credentials: Option<String>,
    /// The interface that deletes the run's studies after the measurement.
    #[serde(default)]
    pub cleanup: Cleanup,
}

/// The interface that proves storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// C-FIND at the IMAGE level of the Study Root model (PS3.4 C.6.2.1).
    #[default]
    CFind,
    /// QIDO-RS (PS3.18 10.6) at `url`.
    Qido,
    /// Orthanc's REST interface at `url`.
    Orthanc,
    /// No proof. The report says so in its first sentence.
    None,
}

/// The interface that deletes the run's studies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cleanup {
    /// The studies stay on the server. The report lists them.
    #[default]
    None,
    /// Orthanc's REST interface at `url`.
    Orthanc,
    /// DELETE of each study below `url`, which many DICOMweb servers implement beyond the standard.
    Dicomweb,
}

/// The fields of `server` that describe a host of the run.
const HOST_FIELDS: [&str; 6] = ["instanceType", "volume", "cpuCredits", "ami", "aeTitle", "orthanc"];

/// Returns the errors of a request with an existing server. `document` may break the schema.
pub(super) fn errors(document: &Value) -> Vec<FieldError> {
    let existing = &document["server"]["existing"];
    let matrix = &document["matrix"];
    let mut errors = Vec::new();
    if !existing.is_object() {
        let is_existing = |target: &Value| target == "existing";
        if let Some(index) = position(&matrix["target"], is_existing) {
            let allowed = "\"orthanc\" or \"sink\", or server.existing";
            errors.push(FieldError::new(format!("matrix.target[{index}]"), "no server.existing", allowed));
        }
        return errors;
    }
    for field in HOST_FIELDS.iter().filter(|field| document["server"].get(**field).is_some()) {
        errors.push(FieldError::new(format!("server.{field}"), "server.existing is not a host of the run", "no value"));
    }
    let tls = existing["tls"] == true;
    let associations = format!("at most {MAX_ASSOCIATIONS} to server.existing");
    let arrival = format!("at most {MAX_ARRIVAL_PER_SECOND} instances a second to server.existing");
    for (axis, allowed, is_wrong) in [
        (
            "target",
            "no value: server.existing is the only target",
            &(|value: &Value| value != "existing") as &dyn Fn(&Value) -> bool,
        ),
        ("orthanc", "no value: a run does not configure server.existing", &|value| {
            value.as_object().is_none_or(|keys| !keys.is_empty())
        }),
        ("orthancBuild", "no value: a run does not configure server.existing", &|value| value != "distribution"),
        ("tcpNoDelay", "\"client\" or false: a run does not configure server.existing", &|value| {
            value == true || value == "server"
        }),
        ("tls", "the value of server.existing.tls", &move |value| *value != Value::Bool(tls)),
        ("associations", &associations, &|value| value.as_u64() > Some(MAX_ASSOCIATIONS)),
        ("arrival", &arrival, &|value| value["open"].as_f64() > Some(MAX_ARRIVAL_PER_SECOND)),
    ] {
        if let Some(index) = position(&matrix[axis], is_wrong) {
            let problem = format!("is {}", matrix[axis][index]);
            errors.push(FieldError::new(format!("matrix.{axis}[{index}]"), problem, allowed));
        }
    }
    errors.extend(url_errors(existing));
    errors
}

fn position(axis: &Value, is_wrong: impl Fn(&Value) -> bool) -> Option<usize> {
    axis.as_array()?.iter().position(is_wrong)
}

/// Returns the errors of `url` and of the fields that need it.
fn url_errors(existing: &Value) -> Vec<FieldError> {
    let (receipt, cleanup) = (existing["receipt"].as_str(), existing["cleanup"].as_str());
    let mut errors = Vec::new();
    let is_orthanc = receipt == Some("orthanc") || cleanup == Some("orthanc");
    let is_dicomweb = receipt == Some("qido") || cleanup == Some("dicomweb");
    let has_url = existing.get("url").is_some();
    if is_orthanc && is_dicomweb {
        let allowed = "\"none\", or the same interface as receipt: server.existing has one url";
        errors.push(FieldError::new("server.existing.cleanup", "needs another url than receipt", allowed));
    }
    if (is_orthanc || is_dicomweb) && !has_url {
        let allowed = if is_orthanc { "the base URL of Orthanc's REST interface" } else { "the base URL of DICOMweb" };
        errors.push(FieldError::new("server.existing.url", "is missing", allowed));
    }
    if has_url && !is_orthanc && !is_dicomweb {
        let allowed = "no value, or a receipt or cleanup that uses it";
        errors.push(FieldError::new("server.existing.url", "is not used", allowed));
    }
    if existing.get("credentials").is_some() && !has_url {
        errors.push(FieldError::new("server.existing.credentials", "no url that they are for", "no value, or url"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Request, Target, TcpNoDelay};
    use super::*;

    fn errors(request: Value) -> Vec<String> {
        let invalid = Request::from_json(&request).expect_err("a bad request");
        invalid.errors.iter().map(ToString::to_string).collect()
    }

    fn with(more: Value) -> Value {
        let mut existing = json!({ "address": "pacs.example.org", "port": 104, "aeTitle": "PACS" });
        existing.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "server": { "existing": existing } })
    }

    #[test]
    fn an_existing_server_needs_no_more_than_its_address() {
        let request = Request::from_json(&with(json!({}))).expect("a request");
        assert_eq!(request.matrix.target, [Target::Existing]);
        assert_eq!(request.matrix.tcp_no_delay, [TcpNoDelay::Client]);
        assert_eq!(request.matrix.tls, [false]);
        let secure = Request::from_json(&with(json!({ "tls": true }))).expect("a request");
        assert_eq!(secure.matrix.tls, [true]);
        // The request of a report is a request again, without the fields of a host.
        let written = serde_json::to_value(&secure).expect("JSON");
        assert_eq!(written["server"].as_object().expect("an object").len(), 1);
        assert_eq!(Request::from_json(&written).expect("a request"), secure);
    }

    #[test]
    fn a_run_configures_no_existing_server() {
        let mut request = with(json!({}));
        request["server"]["instanceType"] = json!("m5.large");
        request["server"]["orthanc"] = json!({ "StorageCompression": true });
        request["matrix"] = json!({
            "target": ["orthanc"], "orthanc": [{}, { "StorageCompression": true }], "tcpNoDelay": ["client", true],
            "tls": [true], "associations": [1, 64], "sender": ["native"], "arrival": [{ "open": 5000 }],
        });
        let found = errors(request);
        let paths: Vec<_> = found.iter().filter_map(|error| error.split(':').next()).collect();
        assert_eq!(
            paths,
            [
                "server.instanceType",
                "server.orthanc",
                "matrix.target[0]",
                "matrix.orthanc[1]",
                "matrix.tcpNoDelay[1]",
                "matrix.tls[0]",
                "matrix.associations[1]",
                "matrix.arrival[0]"
            ]
        );
    }

    #[test]
    fn a_url_is_where_it_is_used_and_nowhere_else() {
        assert_eq!(
            errors(with(json!({ "receipt": "qido" }))),
            ["server.existing.url: is missing; allowed: the base URL of DICOMweb"]
        );
        assert_eq!(errors(with(json!({ "url": "http://x/", "credentials": "/a" }))).len(), 1);
        assert_eq!(errors(with(json!({ "credentials": "/a" }))).len(), 1);
        let both = json!({ "receipt": "qido", "cleanup": "orthanc", "url": "http://x:8042" });
        assert!(errors(with(both))[0].starts_with("server.existing.cleanup: needs another url"));
    }

    #[test]
    fn the_target_existing_needs_an_existing_server() {
        assert_eq!(
            errors(json!({ "matrix": { "target": ["existing"] } })),
            ["matrix.target[0]: no server.existing; allowed: \"orthanc\" or \"sink\", or server.existing"]
        );
    }
}
