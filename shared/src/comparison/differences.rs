//! In what two runs differ before anything is measured.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{DifferenceOf, RunDifference};
use crate::step::HostVersions;
use crate::summary::{Summary, setting_name};

/// Keys of Orthanc's configuration that say where its files are and who may ask it, which bears on no transfer.
const OF_THE_RUN: [&str; 9] = [
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

/// What a host's versions are called.
const FIELDS: [Field; 5] = [
    ("OS", |versions| json(&versions.os)),
    ("kernel", |versions| json(&versions.kernel)),
    ("agent", |versions| json(&versions.agent)),
    ("Orthanc", |versions| json(&versions.orthanc)),
    ("DCMTK", |versions| json(&versions.dcmtk)),
];

/// All differences, by kind.
pub(super) fn between(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    let mut all = fingerprints(a, b);
    all.extend(versions(a, b));
    all.extend(settings(a, b));
    all.extend(configurations(a, b));
    all
}

/// The parts of the fingerprint; where they are alike and the hash is not, the versions that made it hash differently.
fn fingerprints(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    if a.fingerprint == b.fingerprint {
        return Vec::new();
    }
    let parts = by_key(&json(&a.fingerprint_of), &json(&b.fingerprint_of));
    let name = |key: &str| match key {
        "serverType" => "server type".to_owned(),
        "clientType" => "client type".to_owned(),
        "serverCpuCredits" => "server CPU credits".to_owned(),
        "clientCpuCredits" => "client CPU credits".to_owned(),
        "serverVolumeGiB" => "server volume, GiB".to_owned(),
        "clientVolumeGiB" => "client volume, GiB".to_owned(),
        other => other.to_owned(),
    };
    let mut found: Vec<_> = parts.map(|(key, a, b)| of(DifferenceOf::Fingerprint, name(&key), a, b)).collect();
    if found.is_empty() {
        let (a, b) = (json(&a.fingerprint), json(&b.fingerprint));
        found.push(of(DifferenceOf::Fingerprint, "fingerprint".to_owned(), a, b));
    }
    found
}

fn versions(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    let hosts = [
        ("server", &a.versions.server, &b.versions.server, &a.hosts.server.ami, &b.hosts.server.ami),
        ("client", &a.versions.client, &b.versions.client, &a.hosts.client.ami, &b.hosts.client.ami),
    ];
    let mut found = Vec::new();
    for (host, a, b, a_ami, b_ami) in hosts {
        for (name, field) in FIELDS {
            let told = |versions: &Option<HostVersions>| versions.as_ref().map_or(Value::Null, field);
            found.push((format!("{host} {name}"), told(a), told(b)));
        }
        found.push((format!("{host} AMI"), json(a_ami), json(b_ami)));
    }
    unequal(DifferenceOf::Versions, found)
}

fn settings(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    let (a, b) = (&a.request, &b.request);
    let mut found: Vec<_> = by_key(&json(&a.matrix), &json(&b.matrix))
        .filter(|(_, a, b)| !same_values(a, b))
        .map(|(axis, a, b)| of(DifferenceOf::Settings, setting_name(&axis).to_owned(), a, b))
        .collect();
    found.extend(
        by_key(&json(&a.server.orthanc), &json(&b.server.orthanc))
            .map(|(key, a, b)| of(DifferenceOf::Settings, format!("server.orthanc.{key}"), a, b)),
    );
    let counts =
        [("iterations", a.iterations, b.iterations), ("warmup", a.warmup, b.warmup), ("rounds", a.rounds, b.rounds)];
    let counts = counts.into_iter().map(|(name, a, b)| (name.to_owned(), json(&a), json(&b))).collect();
    found.extend(unequal(DifferenceOf::Settings, counts));
    found
}

/// Where one run's Orthanc told nothing, as where its last block was the sink's, nothing is known of a difference.
fn configurations(a: &Summary, b: &Summary) -> Vec<RunDifference> {
    let (Some(a), Some(b)) = (&a.server_configuration, &b.server_configuration) else { return Vec::new() };
    if a.orthanc.is_empty() || b.orthanc.is_empty() {
        return Vec::new();
    }
    let of_host = |key: &String| !OF_THE_RUN.contains(&key.rsplit('.').next().unwrap_or(key));
    by_key(&keys(&a.orthanc), &keys(&b.orthanc))
        .filter(|(key, ..)| of_host(key))
        // Of itself a newer Orthanc tells more: that is a difference of versions, and no setting that somebody changed.
        .filter(|(key, a, b)| !key.starts_with("system.") || !(a.is_null() || b.is_null()))
        .chain(by_key(&json(&a.environment), &json(&b.environment)))
        .map(|(key, a, b)| of(DifferenceOf::Configuration, key, a, b))
        .collect()
}

/// Orthanc's own configuration by key, and what its REST interface says of the system as `system.KEY`. Its versions
/// are differences of versions.
fn keys(told: &BTreeMap<String, Value>) -> Value {
    let mut all = Map::new();
    for (part, told) in told {
        match (part.as_str(), told) {
            ("configuration", Value::Object(keys)) => all.extend(keys.clone()),
            ("system", Value::Object(keys)) => {
                let keys = keys.iter().filter(|(key, _)| !["ApiVersion", "Version"].contains(&key.as_str()));
                all.extend(keys.map(|(key, value)| (format!("system.{key}"), value.clone())));
            }
            _ => {
                all.insert(part.clone(), told.clone());
            }
        }
    }
    Value::Object(all)
}

/// The order of an axis has no meaning.
fn same_values(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().all(|value| b.contains(value)),
        _ => a == b,
    }
}

/// What two objects do not have alike, by key, null where one has none.
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

fn unequal(kind: DifferenceOf, found: Vec<(String, Value, Value)>) -> Vec<RunDifference> {
    found.into_iter().filter(|(_, a, b)| a != b).map(|(name, a, b)| of(kind, name, a, b)).collect()
}

const fn of(of: DifferenceOf, name: String, a: Value, b: Value) -> RunDifference {
    RunDifference { of, name, a, b }
}

/// Plain data as JSON.
fn json(data: &impl Serialize) -> Value {
    serde_json::to_value(data).unwrap_or_default()
}
