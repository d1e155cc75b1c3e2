//! The axes of the matrix. [`Axis`] is the source for the product of a request, the pairs of scenarios that differ in
//! one setting, the reports and the diagnosis.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::VariantArray;

use super::Settings;
use crate::request::{Matrix, OrthancBuild, Request, Target};
use crate::words;

/// An axis of the matrix, in the order of the request.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, VariantArray, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Axis {
    /// The SCU.
    Sender,
    /// The SCP.
    Target,
    /// Associations open at once.
    Associations,
    /// C-STOREs on one association.
    InstancesPerAssociation,
    /// Maximum length of a PDU in bytes.
    MaxPdu,
    /// TCP_NODELAY.
    TcpNoDelay,
    /// TLS.
    Tls,
    /// The transfer syntax of the sent dataset.
    TransferSyntax,
    /// The arrival of instances.
    Arrival,
    /// Orthanc configuration keys.
    Orthanc,
    /// The build of Orthanc.
    OrthancBuild,
}

// The text is the key in a request's matrix and in a scenario's settings.
serde_plain::derive_display_from_serialize!(Axis);

/// The setting in which two scenarios differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The axis. `orthanc` counts as one setting, for any number of different keys.
    pub setting: Axis,
    /// Its value in a; for `orthanc` the keys that differ.
    pub a: Value,
    /// Its value in b; for `orthanc` the keys that differ.
    pub b: Value,
}

impl Axis {
    /// Returns the name in reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Target => "target",
            Self::Associations => "associations",
            Self::InstancesPerAssociation => "instances an association",
            Self::MaxPdu => "PDU bytes",
            Self::TcpNoDelay => "TCP_NODELAY",
            Self::Tls => "TLS",
            Self::TransferSyntax => "transfer syntax",
            Self::Arrival => "arrival",
            Self::Orthanc => "Orthanc",
            Self::OrthancBuild => "Orthanc build",
        }
    }

    /// Returns the values in a request's matrix, as a JSON list.
    #[must_use]
    pub fn values(self, matrix: &Matrix) -> Value {
        match self {
            Self::Sender => to_json(&matrix.sender),
            Self::Target => to_json(&matrix.target),
            Self::Associations => to_json(&matrix.associations),
            Self::InstancesPerAssociation => to_json(&matrix.instances_per_association),
            Self::MaxPdu => to_json(&matrix.max_pdu),
            Self::TcpNoDelay => to_json(&matrix.tcp_no_delay),
            Self::Tls => to_json(&matrix.tls),
            Self::TransferSyntax => to_json(&matrix.transfer_syntax),
            Self::Arrival => to_json(&matrix.arrival),
            Self::Orthanc => to_json(&matrix.orthanc),
            Self::OrthancBuild => matrix.orthanc_build.iter().map(OrthancBuild::name).collect(),
        }
    }

    /// Returns the value in a scenario's settings, as JSON.
    #[must_use]
    pub fn value(self, settings: &Settings) -> Value {
        match self {
            Self::Sender => to_json(settings.sender),
            Self::Target => to_json(settings.target),
            Self::Associations => to_json(settings.associations),
            Self::InstancesPerAssociation => to_json(settings.instances_per_association),
            Self::MaxPdu => to_json(settings.max_pdu),
            Self::TcpNoDelay => to_json(settings.tcp_no_delay),
            Self::Tls => to_json(settings.tls),
            Self::TransferSyntax => to_json(settings.transfer_syntax),
            Self::Arrival => to_json(settings.arrival),
            Self::Orthanc => to_json(&settings.orthanc),
            // In a report a build is its name, which has a part of its hash.
            Self::OrthancBuild => to_json(settings.orthanc_build.name()),
        }
    }

    /// Writes the value in a scenario's settings, without the Orthanc keys that all scenarios share.
    #[must_use]
    pub fn words(self, settings: &Settings, common_keys: &BTreeMap<String, Value>) -> String {
        match self.value(settings) {
            Value::Object(mut keys) if self == Self::Orthanc => {
                keys.retain(|key, _| !common_keys.contains_key(key));
                words::value(&Value::Object(keys))
            }
            value => words::value(&value),
        }
    }

    /// Returns a copy of the settings for each value that the request has on this axis.
    pub(crate) fn expand(self, request: &Request, settings: &Settings) -> Vec<Settings> {
        let matrix = &request.matrix;
        match self {
            Self::Sender => expand_values(settings, &matrix.sender, |one, value| one.sender = value),
            Self::Target => expand_values(settings, &matrix.target, |one, value| one.target = value),
            Self::Associations => expand_values(settings, &matrix.associations, |one, value| one.associations = value),
            Self::InstancesPerAssociation => {
                expand_values(settings, &matrix.instances_per_association, |one, value| {
                    one.instances_per_association = value
                })
            }
            Self::MaxPdu => expand_values(settings, &matrix.max_pdu, |one, value| one.max_pdu = value),
            Self::TcpNoDelay => expand_values(settings, &matrix.tcp_no_delay, |one, value| one.tcp_no_delay = value),
            Self::Tls => expand_values(settings, &matrix.tls, |one, value| one.tls = value),
            Self::TransferSyntax => {
                expand_values(settings, &matrix.transfer_syntax, |one, value| one.transfer_syntax = value)
            }
            Self::Arrival => expand_values(settings, &matrix.arrival, |one, value| one.arrival = value),
            Self::Orthanc => {
                expand_values(settings, &orthanc_entries(request, settings.target), |one, value| one.orthanc = value)
            }
            Self::OrthancBuild => {
                expand_values(settings, &builds(request, settings.target), |one, value| one.orthanc_build = value)
            }
        }
    }
}

/// Returns the configurations of Orthanc: each entry of the matrix, merged over the server's own. Another target has no
/// keys, and so has one configuration.
fn orthanc_entries(request: &Request, target: Target) -> Vec<BTreeMap<String, Value>> {
    match target {
        Target::Sink | Target::Existing => vec![BTreeMap::new()],
        Target::Orthanc => {
            let over = |keys: &BTreeMap<String, Value>| {
                let mut orthanc = request.server.orthanc.clone();
                orthanc.extend(keys.clone());
                orthanc
            };
            request.matrix.orthanc.iter().map(over).collect()
        }
    }
}

/// Returns the builds of Orthanc. Another target has one, which stands for no build.
fn builds(request: &Request, target: Target) -> Vec<OrthancBuild> {
    match target {
        Target::Sink | Target::Existing => vec![OrthancBuild::default()],
        Target::Orthanc => request.matrix.orthanc_build.clone(),
    }
}

fn expand_values<T: Clone>(settings: &Settings, values: &[T], set: impl Fn(&mut Settings, T)) -> Vec<Settings> {
    let with = |value: &T| {
        let mut one = settings.clone();
        set(&mut one, value.clone());
        one
    };
    values.iter().map(with).collect()
}

/// Returns the axes on which two scenarios or more differ, in the request's order.
#[must_use]
pub fn varying_axes(scenarios: &[&Settings]) -> Vec<Axis> {
    let varies = |axis: &Axis| scenarios.windows(2).any(|two| axis.value(two[0]) != axis.value(two[1]));
    Axis::VARIANTS.iter().copied().filter(varies).collect()
}

/// Returns every setting in which two scenarios differ, in the request's order.
#[must_use]
pub fn differences(a: &Settings, b: &Settings) -> Vec<Difference> {
    Axis::VARIANTS
        .iter()
        // The sink has no Orthanc keys and no build: between the sink and Orthanc, they are not a separate difference.
        .filter(|axis| !matches!(axis, Axis::Orthanc | Axis::OrthancBuild) || a.target == b.target)
        // A build is what its files are, under any label.
        .filter(|axis| **axis != Axis::OrthancBuild || a.orthanc_build.content() != b.orthanc_build.content())
        .map(|&axis| (axis, axis.value(a), axis.value(b)))
        .filter(|(_, a, b)| a != b)
        .map(|(setting, a, b)| match (&a, &b) {
            (Value::Object(keys_a), Value::Object(keys_b)) if setting == Axis::Orthanc => {
                let (a, b) = (entries_without(keys_a, keys_b), entries_without(keys_b, keys_a));
                Difference { setting, a: Value::Object(a), b: Value::Object(b) }
            }
            _ => Difference { setting, a, b },
        })
        .collect()
}

/// Returns the Orthanc keys that have the same value in all scenarios.
#[must_use]
pub fn common_keys(scenarios: &[&Settings]) -> BTreeMap<String, Value> {
    let Some((first, others)) = scenarios.split_first() else { return BTreeMap::new() };
    let common = |(key, value): &(&String, &Value)| others.iter().all(|one| one.orthanc.get(*key) == Some(*value));
    first.orthanc.iter().filter(common).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Returns the entries of one map that the other map does not have with the same value.
fn entries_without(one: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    one.iter().filter(|(key, value)| other.get(*key) != Some(*value)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn to_json(value: impl Serialize) -> Value {
    // A setting is plain data whose maps have string keys, so it has a JSON form.
    serde_json::to_value(value).expect("plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(value: impl Serialize) -> Vec<String> {
        let Value::Object(fields) = to_json(value) else { panic!("a struct is an object") };
        let mut keys: Vec<_> = fields.into_iter().map(|(key, _)| key).collect();
        keys.sort();
        keys
    }

    /// An axis that is missing in one of the three would never be measured, or never reported.
    #[test]
    fn matrix_settings_and_axes_have_the_same_names() {
        let mut axes: Vec<_> = Axis::VARIANTS.iter().map(ToString::to_string).collect();
        axes.sort();
        assert_eq!(keys(Matrix::default()), axes);
        let build = serde_json::from_value(serde_json::json!({ "s3": { "bucket": "b", "key": "k", "sha256": "s" } }));
        let settings = Settings { orthanc_build: build.expect("a build"), ..Settings::default() };
        assert_eq!(keys(settings), axes);
    }

    #[test]
    fn every_axis_changes_the_setting_that_it_reads() {
        // The agent's test that every axis is applied reads this file too.
        let matrix: Value = serde_json::from_str(include_str!("two_values.json")).expect("JSON");
        let all = serde_json::json!({ "matrix": matrix });
        let request: Request = serde_json::from_value(all).expect("a request");
        for &axis in Axis::VARIANTS {
            let expanded = axis.expand(&request, &Settings::default());
            assert_eq!(expanded.len(), 2, "{axis}: one value of the matrix is lost");
            let differing: Vec<_> = differences(&expanded[0], &expanded[1]).iter().map(|one| one.setting).collect();
            assert_eq!(differing, [axis]);
            let given: Vec<_> = expanded.iter().map(|one| axis.value(one)).collect();
            assert_eq!(axis.values(&request.matrix), Value::Array(given));
            assert_eq!(varying_axes(&[&expanded[0], &expanded[1]]), [axis]);
        }
    }
}
