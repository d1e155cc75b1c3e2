//! What settings and their values are called.

use serde_json::Value;

/// Settings in the order of the request, and their names for a person.
const SETTINGS: [(&str, &str); 10] = [
    ("sender", "sender"),
    ("target", "target"),
    ("associations", "associations"),
    ("instancesPerAssociation", "instances an association"),
    ("maxPdu", "PDU bytes"),
    ("tcpNoDelay", "TCP_NODELAY"),
    ("tls", "TLS"),
    ("transferSyntax", "transfer syntax"),
    ("arrival", "arrival"),
    ("orthanc", "Orthanc"),
];

/// The keys of all settings, in the order of the request.
pub(super) fn settings() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|(key, _)| *key)
}

/// What a setting is called.
pub(super) fn setting(key: &str) -> &str {
    SETTINGS.iter().find(|(known, _)| *known == key).map_or(key, |(_, name)| *name)
}

/// A value, as a person writes it.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(self::value).collect::<Vec<_>>().join(", "),
        Value::Object(entries) if entries.is_empty() => "default".to_owned(),
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| format!("{key}={}", self::value(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// Names in a list: `a`, `a and b`, `a, b and c`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
