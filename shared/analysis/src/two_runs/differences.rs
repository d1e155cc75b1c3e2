//! The differences of two runs that are known before anything is measured.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use dicomperf_model::measurement::HostVersions;
use dicomperf_model::plan::HostPlan;
use dicomperf_model::results::{DifferenceOf, RunDifference, Summary};
use dicomperf_model::settings::Axis;
use strum::VariantArray as _;

/// Keys of Orthanc's configuration for file locations and access rights, which do not affect a transfer.
const IGNORED_KEYS: [&str; 9] = [
    "DatabaseServerIdentifier",
    "DicomTlsCertificate",
    "DicomTlsPrivateKey",
    "DicomTlsTrustedCertificates",
    "HttpPort",
    "IndexDirectory",
    "Name",
    "RegisteredUsers",
    "StorageDirectory",
];

type Field = (&'static str, fn(&HostVersions) -> Value);

/// The names of a host's versions in the report.
const VERSION_FIELDS: [Field; 5] = [
    ("OS", |versions| to_json(&versions.os)),
    ("kernel", |versions| to_json(&versions.kernel)),
    ("agent", |versions| to_json(&versions.agent)),
    ("Orthanc", |versions| to_json(&versions.orthanc)),
    ("DCMTK", |versions| to_json(&versions.dcmtk)),
];

/// Returns all differences, by kind.
pub(super) fn run_differences(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    let mut all = fingerprint_differences(a, b);
    all.extend(version_differences(a, b));
    all.extend(setting_differences(a, b));
    all.extend(configuration_differences(a, b));
    all
}

/// Returns the parts of the fingerprint that differ. If only the hash differs, returns the hash itself.
fn fingerprint_differences(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    if a.fingerprint == b.fingerprint {
        return Vec::new();
    }
    let parts = by_key(&fingerprint_parts(a), &fingerprint_parts(b));
    let name = |key: &str| match key {
        "address" => "server address".to_owned(),
        "port" => "server port".to_owned(),
        "aeTitle" => "server AE title".to_owned(),
        "serverType" => "server type".to_owned(),
        "clientType" => "client type".to_owned(),
        "serverCpuCredits" => "server CPU credits".to_owned(),
        "clientCpuCredits" => "client CPU credits".to_owned(),
        "serverVolumeGiB" => "server volume, GiB".to_owned(),
        "clientVolumeGiB" => "client volume, GiB".to_owned(),
        other => other.to_owned(),
    };
    let mut found: Vec<_> =
        parts.map(|(key, a, b)| run_difference(DifferenceOf::Fingerprint, name(&key), a, b)).collect();
    if found.is_empty() {
        let (a, b) = (to_json(&a.fingerprint), to_json(&b.fingerprint));
        found.push(run_difference(DifferenceOf::Fingerprint, "fingerprint".to_owned(), a, b));
    }
    found
}

/// Returns the parts of a fingerprint by key, those of an existing server among them.
fn fingerprint_parts(summary: &Summary) -> Value {
    let Value::Object(mut parts) = to_json(&summary.fingerprint_of) else { return Value::Null };
    // The implementation is a version.
    let existing = summary.fingerprint_of.existing.clone().map(|existing| existing.with_implementation(None));
    parts.remove("existing");
    parts.extend(to_json(&existing).as_object().cloned().unwrap_or_default());
    Value::Object(parts)
}

fn version_differences(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    let hosts = [
        ("server", &a.versions.server, &b.versions.server, &a.hosts.server, &b.hosts.server),
        ("client", &a.versions.client, &b.versions.client, &a.hosts.client, &b.hosts.client),
    ];
    let ami = |host: &Option<HostPlan>| to_json(&host.as_ref().map(|host| &host.ami));
    let mut found = Vec::new();
    for (host, a, b, a_host, b_host) in hosts {
        for (name, field) in VERSION_FIELDS {
            let reported = |versions: &Option<HostVersions>| versions.as_ref().map_or(Value::Null, field);
            found.push((format!("{host} {name}"), reported(a), reported(b)));
        }
        found.push((format!("{host} AMI"), ami(a_host), ami(b_host)));
    }
    // An existing server says no more about its software.
    let implementation =
        |summary: &Summary| to_json(&summary.existing.as_ref().and_then(|existing| existing.server.implementation()));
    found.push(("server implementation".to_owned(), implementation(a), implementation(b)));
    unequal_values(DifferenceOf::Versions, found)
}

fn setting_differences(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    let (a, b) = (&a.request, &b.request);
    let mut found: Vec<_> = Axis::VARIANTS
        .iter()
        .map(|axis| (axis.label().to_owned(), axis.values(&a.matrix), axis.values(&b.matrix)))
        .filter(|(_, a, b)| !same_values(a, b))
        .map(|(name, a, b)| run_difference(DifferenceOf::Settings, name, a, b))
        .collect();
    found.extend(
        by_key(&to_json(&a.server.orthanc), &to_json(&b.server.orthanc))
            .map(|(key, a, b)| run_difference(DifferenceOf::Settings, format!("server.orthanc.{key}"), a, b)),
    );
    let counts =
        [("iterations", a.iterations, b.iterations), ("warmup", a.warmup, b.warmup), ("rounds", a.rounds, b.rounds)];
    let counts = counts.into_iter().map(|(name, a, b)| (name.to_owned(), to_json(&a), to_json(&b))).collect();
    found.extend(unequal_values(DifferenceOf::Settings, counts));
    found
}

/// Returns the differences of the live configurations. Returns no difference if either is unknown, for instance because
/// the last block of a run was the sink's.
fn configuration_differences(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    let (Some(a), Some(b)) = (&a.server_configuration, &b.server_configuration) else { return Vec::new() };
    if a.orthanc.is_empty() || b.orthanc.is_empty() {
        return Vec::new();
    }
    let of_host = |key: &String| !IGNORED_KEYS.contains(&key.rsplit('.').next().unwrap_or(key));
    by_key(&values_by_key(&a.orthanc), &values_by_key(&b.orthanc))
        .filter(|(key, ..)| of_host(key))
        // A newer Orthanc reports more about itself. That is a difference of versions, not of settings.
        .filter(|(key, a, b)| !key.starts_with("system.") || !(a.is_null() || b.is_null()))
        .chain(by_key(&to_json(&a.environment), &to_json(&b.environment)))
        .map(|(key, a, b)| run_difference(DifferenceOf::Configuration, key, a, b))
        .collect()
}

/// Returns Orthanc's own configuration by key, and the answer of its REST interface on the system as `system.KEY`.
/// Versions are left out, because they are differences of another kind.
fn values_by_key(reported: &BTreeMap<String, Value>) -> Value {
    let mut all = Map::new();
    for (part, reported) in reported {
        match (part.as_str(), reported) {
            ("configuration", Value::Object(keys)) => all.extend(keys.clone()),
            ("system", Value::Object(keys)) => {
                let keys = keys.iter().filter(|(key, _)| !["ApiVersion", "Version"].contains(&key.as_str()));
                all.extend(keys.map(|(key, value)| (format!("system.{key}"), value.clone())));
            }
            _ => {
                all.insert(part.clone(), reported.clone());
            }
        }
    }
    Value::Object(all)
}

/// Compares the values of an axis, whose order has no meaning.
fn same_values(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().all(|value| b.contains(value)),
        _ => a == b,
    }
}

/// Returns the values that differ between two objects, by key; null for a missing value.
fn by_key(a: &Value, b: &Value) -> impl Iterator<Item = (String, Value, Value)> + use<> {
    let (a, b) = (a.as_object().cloned().unwrap_or_default(), b.as_object().cloned().unwrap_or_default());
    let mut all: Vec<_> = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).cloned().collect();
    all.sort();
    all.into_iter()
        .map(move |key| {
            let value = |of: &Map<String, Value>| of.get(&key).cloned().unwrap_or_default();
            let (a, b) = (value(&a), value(&b));
            (key, a, b)
        })
        .filter(|(_, a, b)| a != b)
}

fn unequal_values(kind: DifferenceOf, found: Vec<(String, Value, Value)>) -> Vec<RunDifference> {
    found.into_iter().filter(|(_, a, b)| a != b).map(|(name, a, b)| run_difference(kind, name, a, b)).collect()
}

const fn run_difference(of: DifferenceOf, name: String, a: Value, b: Value) -> RunDifference {
    RunDifference { of, name, a, b }
}

/// Converts plain data to JSON.
fn to_json(data: &impl Serialize) -> Value {
    serde_json::to_value(data).unwrap_or_default()
}
