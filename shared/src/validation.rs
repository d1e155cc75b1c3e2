//! Errors in a request: where, what, and what is allowed there.

mod pattern;

use std::fmt;
use std::sync::LazyLock;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request::Request;

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Where: `matrix.associations[0]`; empty for the document itself.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What is allowed there.
    pub allowed: String,
}

/// Everything that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", self.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct InvalidRequest {
    /// At least one.
    pub errors: Vec<FieldError>,
}

impl FieldError {
    /// An error at `path`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into(), allowed: allowed.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the request" } else { &self.path };
        write!(f, "{path}: {}; allowed: {}", self.problem, self.allowed)
    }
}

/// The JSON Schema of a request, as committed in events/request.schema.json.
#[must_use]
pub fn request_schema() -> Value {
    // Without references, so that the path of an error leads straight to the rule that it broke.
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Request>().to_value()
}

// Rules: what build.rs makes of the committed schema.
include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The committed schema, for the words of an error.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../events/request.schema.json")).expect("the committed schema is JSON")
});

/// Every error that the schema finds in a document.
pub(crate) fn against_schema(document: &Value) -> Vec<FieldError> {
    Rules::iter_errors(document).flat_map(|error| field_errors(&error)).collect()
}

fn field_errors(error: &ValidationError<'_>) -> Vec<FieldError> {
    let path = dotted(error.instance_path().as_str());
    let pointer = error.schema_path().as_str();
    let rule = pointer.rsplit_once('/').map_or("", |(parent, _keyword)| parent);
    let rule = SCHEMA.pointer(rule).unwrap_or(&Value::Null);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = property_names(rule);
            let field = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            unexpected.iter().map(|name| FieldError::new(field(name), "is not a known field", known.clone())).collect()
        }
        ValidationErrorKind::Required { property } => {
            vec![FieldError::new(path, format!("{property} is missing"), allowed(rule))]
        }
        ValidationErrorKind::MinProperties { .. } | ValidationErrorKind::MaxProperties { .. } => {
            let given = error.instance().as_object().map_or(0, serde_json::Map::len);
            vec![FieldError::new(path, format!("has {given} fields"), counted_properties(rule))]
        }
        ValidationErrorKind::UniqueItems => vec![FieldError::new(path, "has an item twice", "each item once")],
        _ => vec![FieldError::new(path, format!("is {}", shortened(error.instance())), allowed(rule))],
    }
}

/// `/matrix/associations/0` as people write it: `matrix.associations[0]`.
fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
            path.push_str(&format!("[{part}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

/// What a sub-schema allows, in words.
fn allowed(rule: &Value) -> String {
    let options = rule["enum"].as_array().or_else(|| rule["oneOf"].as_array());
    if let Some(options) = options {
        let names = options.iter().map(|option| shortened(option.get("const").unwrap_or(option)));
        return format!("one of {}", names.collect::<Vec<_>>().join(", "));
    }
    if let Some(options) = rule["anyOf"].as_array() {
        return options.iter().map(allowed).collect::<Vec<_>>().join(" or ");
    }
    if let Some(only) = rule.get("const") {
        return shortened(only);
    }
    let mut words = match rule["type"].as_str() {
        Some("object") => match rule["properties"].as_object().map(|all| (all.len(), all.iter().next())) {
            Some((1, Some((name, of)))) => format!("an object with {name}, {}", allowed(of)),
            _ => format!("an object with {}", property_names(rule)),
        },
        Some("array") => "a list".to_owned(),
        Some("integer") => "an integer".to_owned(),
        Some(name) => format!("a {name}"),
        None => return "see events/request.schema.json".to_owned(),
    };
    for (low, high, unit) in [("minimum", "maximum", ""), ("minItems", "maxItems", " items")] {
        match (rule.get(low), rule.get(high)) {
            (Some(low), Some(high)) => words.push_str(&format!(" from {low} to {high}{unit}")),
            (Some(low), None) => words.push_str(&format!(" of at least {low}{unit}")),
            (None, Some(high)) => words.push_str(&format!(" of at most {high}{unit}")),
            (None, None) => {}
        }
    }
    if let Some(pattern) = rule["pattern"].as_str() {
        words.push_str(&format!(" that matches {pattern}"));
    }
    words
}

fn property_names(rule: &Value) -> String {
    rule["properties"]
        .as_object()
        .map_or_else(String::new, |names| names.keys().cloned().collect::<Vec<_>>().join(", "))
}

fn counted_properties(rule: &Value) -> String {
    let names = property_names(rule);
    match (rule["minProperties"].as_u64(), rule["maxProperties"].as_u64()) {
        (Some(1), Some(1)) => format!("exactly one of {names}"),
        (Some(least), _) => format!("at least {least} of {names}"),
        _ => names,
    }
}

/// A value as JSON, cut where it would drown the message.
fn shortened(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn problems(document: Value) -> Vec<FieldError> {
        Request::from_json(&document).expect_err("the request is bad").errors
    }

    fn paths(document: Value) -> Vec<String> {
        let mut paths: Vec<_> = problems(document).into_iter().map(|error| error.path).collect();
        paths.sort();
        paths
    }

    #[test]
    fn the_empty_request_is_the_classic_test() {
        let request = Request::from_json(&json!({})).expect("valid");
        assert_eq!(request, Request::default());
        assert_eq!(request.server.instance_type, "t3.micro");
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let written = serde_json::to_value(Request::default()).expect("JSON");
        assert_eq!(Request::from_json(&written).expect("valid"), Request::default());
    }

    #[test]
    fn every_error_is_in_one_answer() {
        let found = paths(json!({
            "dataset": { "synthetic": { "instances": 0 } },
            "iterations": -1,
            "rounds": "two",
            "server": { "orthanc": { "RemoteAccessAllowed": true, "DicomThreadsCount": 0 }, "aeTitle": "SEVENTEEN_LETTERS" },
            "matrix": { "associations": [1, 1], "sender": ["scp"] },
            "thresholds": [{ "metric": "latencyMs.p99", "min": 2, "max": 1 }],
            "colour": "red",
        }));
        assert_eq!(
            found,
            [
                "colour",
                "dataset.synthetic.instances",
                "iterations",
                "matrix.associations",
                "matrix.sender[0]",
                "rounds",
                "server.aeTitle",
                "server.orthanc.DicomThreadsCount",
                "server.orthanc.RemoteAccessAllowed",
                "thresholds[0]",
            ]
        );
    }

    #[test]
    fn an_error_says_what_is_allowed() {
        let error = &problems(json!({ "iterations": 101 }))[0];
        assert_eq!(error.to_string(), "iterations: is 101; allowed: an integer from 1 to 100");
        let error = &problems(json!({ "matrix": { "sender": ["scp"] } }))[0];
        assert_eq!(error.to_string(), r#"matrix.sender[0]: is "scp"; allowed: one of "storescu", "dcmsend", "native""#);
        let error = &problems(json!({ "server": { "cores": 2 } }))[0];
        assert!(error.allowed.contains("instanceType"), "{error}");
    }

    #[test]
    fn a_baseline_is_the_history_or_one_run() {
        for document in
            [json!({ "baseline": "history" }), json!({ "baseline": { "run": "20260101T031500Z-ct-k3v9qx" } })]
        {
            let request = Request::from_json(&document).expect("valid");
            assert_eq!(serde_json::to_value(&request).expect("JSON")["baseline"], document["baseline"]);
        }
        for bad in
            [json!("run-1"), json!({ "run": "../run-1" }), json!({ "run": ".." }), json!({ "run": "a", "of": 1 })]
        {
            let error = &problems(json!({ "baseline": bad.clone() }))[0];
            assert_eq!(
                error.to_string(),
                format!(
                    "baseline: is {bad}; allowed: \"history\" or an object with run, a string that matches {}",
                    crate::run_id::PATTERN
                )
            );
        }
    }

    #[test]
    fn exactly_one_dataset_is_asked_for() {
        let both = json!({ "dataset": { "synthetic": {}, "s3": { "bucket": "images" } } });
        assert_eq!(problems(both)[0].to_string(), "dataset: has 2 fields; allowed: exactly one of synthetic, s3");
        assert_eq!(paths(json!({ "dataset": {} })), ["dataset"]);
    }

    #[test]
    fn an_arm_host_is_refused() {
        let error = &problems(json!({ "server": { "instanceType": "t4g.micro" } }))[0];
        assert_eq!(error.path, "server.instanceType");
        assert!(error.allowed.contains("t3.micro") && !error.allowed.contains("t4g"), "{error}");
    }

    /// Text that would do harm in a shell, in each field that takes text.
    #[test]
    fn text_that_a_shell_would_run_is_refused_wherever_text_is_taken() {
        for text in ["$(reboot)", "`reboot`", "a'b", "a\"b", "a\nb", "a;b", "a|b", "\u{0}", "é"] {
            let found = paths(json!({
                "name": text,
                "dataset": { "s3": { "bucket": text, "prefix": format!("{text}\\") } },
                "server": { "instanceType": text, "ami": text, "aeTitle": text, "cpuCredits": text,
                            "orthanc": { "IngestTranscoding": text } },
                "client": { "instanceType": text, "ami": text, "aeTitle": text },
                "baseline": text,
                "thresholds": [{ "metric": text, "min": 1 }],
            }));
            assert_eq!(found.len(), 13, "{text:?} passed somewhere: {found:?}");
        }
    }

    /// Every value in a document, as JSON Pointers.
    fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| pointers(value, format!("{at}/{name}"), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{at}/{index}"), found));
            }
            _ => {}
        }
        found.push(at);
    }

    /// Where something is wrong. Not by which keyword: of a type and an enum that are both broken, one names the enum alone.
    fn places<'a>(errors: impl Iterator<Item = ValidationError<'a>>) -> BTreeSet<String> {
        errors.map(|error| error.instance_path().to_string()).collect()
    }

    #[test]
    fn the_validator_made_of_the_schema_finds_what_a_validator_of_all_schemas_finds() {
        let whole = jsonschema::draft202012::new(&SCHEMA).expect("a schema");
        let mut refused = 0;
        for name in ["classic", "demo", "own-files", "search", "senders"] {
            let file = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let event: Value = serde_json::from_slice(&std::fs::read(file).expect("an event")).expect("JSON");
            let document = serde_json::to_value(Request::from_json(&event).expect("valid")).expect("JSON");
            let mut found = Vec::new();
            pointers(&document, String::new(), &mut found);
            for pointer in found {
                for other in [
                    json!(null),
                    json!({}),
                    json!([]),
                    json!([1, 1.0]),
                    json!(-1),
                    json!(0.5),
                    json!(1e300),
                    json!(u64::MAX),
                    json!(true),
                    json!(""),
                    json!("é\n"),
                    json!({ "colour": "red" }),
                ] {
                    let mut changed = document.clone();
                    *changed.pointer_mut(&pointer).expect("it was found") = other;
                    let wrong = places(Rules::iter_errors(&changed));
                    assert_eq!(wrong, places(whole.iter_errors(&changed)), "{changed}");
                    refused += usize::from(!wrong.is_empty());
                }
            }
        }
        assert!(refused > 1_000, "{refused}");
    }

    #[test]
    fn a_document_that_is_no_object_is_refused() {
        for document in [json!(null), json!([]), json!("x"), json!(1)] {
            assert_eq!(paths(document), [""]);
        }
    }
}
