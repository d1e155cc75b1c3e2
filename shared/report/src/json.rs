//! report.json and its schema.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use dicomperf_model::results::Summary;

/// Renders report.json: the summary itself, indented, with a newline at the end.
#[must_use]
pub fn json(summary: &Summary) -> String {
    // A summary is plain data whose maps have string keys, so it always has a JSON form.
    let mut text = serde_json::to_string_pretty(summary).expect("plain data");
    text.push('\n');
    text
}

/// Generates the JSON Schema of report.json, as committed in schemas/report.schema.json.
///
/// Further properties are allowed everywhere: a later report may have more fields, and today's scripts still read it.
#[must_use]
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Summary>();
    // A request may not have unknown fields when it is submitted, but in the report of a later version it may.
    schemars::transform::transform_subschemas(&mut open, &mut schema);
    let mut schema = schema.to_value();
    // The request for an existing server has none of the fields of a host.
    if let Some(server) = schema.pointer_mut("/$defs/Server").and_then(Value::as_object_mut) {
        server.remove("required");
    }
    schema
}

fn open(schema: &mut schemars::Schema) {
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        schema.remove("additionalProperties");
    }
    schemars::transform::transform_subschemas(&mut open, schema);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{small, went_well};
    use dicomperf_analysis::summarize::summarize;

    fn errors(document: &Value) -> Vec<String> {
        let validator = jsonschema::draft202012::new(&schema()).expect("a valid schema");
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    fn document(summary: &Summary) -> Value {
        serde_json::from_str(&json(summary)).expect("JSON")
    }

    #[test]
    fn a_report_is_what_its_schema_says() {
        assert_eq!(errors(&document(&small())), Vec::<String>::new());
    }

    #[test]
    fn the_report_of_a_run_that_measured_nothing_is_what_its_schema_says() {
        let plan = dicomperf_fixtures::planned(serde_json::json!({ "baseline": "history" }));
        let summary = summarize(&plan, &[], went_well());
        assert_eq!(errors(&document(&summary)), Vec::<String>::new());
    }

    #[test]
    fn a_report_may_say_more_but_not_less() {
        let mut report = document(&small());
        report["colour"] = "red".into();
        report["request"]["matrix"]["colour"] = "red".into();
        assert_eq!(errors(&report), Vec::<String>::new());
        report["scenarios"][0].as_object_mut().expect("an object").remove("latencyMs");
        assert_eq!(errors(&report).len(), 1);
    }

    /// The names that the documentation promises to scripts.
    #[test]
    fn the_stable_part_has_its_names() {
        let report = document(&small());
        for pointer in [
            "/runId",
            "/status",
            "/verdict",
            "/fingerprint",
            "/hostsLeft",
            "/diagnosis",
            "/scenarios/0/settings/tcpNoDelay",
            "/scenarios/0/instancesPerSecond/median",
            "/scenarios/0/instancesPerSecond/low",
            "/scenarios/0/bytesPerSecond/high",
            "/scenarios/0/latencyMs/p50",
            "/scenarios/0/latencyMs/p90",
            "/scenarios/0/latencyMs/p95",
            "/scenarios/0/latencyMs/p99",
            "/scenarios/0/latencyMs/max",
            "/scenarios/0/iterations/0/valid",
            "/scenarios/0/iterations/0/warmup",
            "/scenarios/0/iterations/0/round",
            "/scenarios/0/iterations/0/durationMs",
            "/scenarios/0/iterations/0/transferMs",
            "/scenarios/0/iterations/0/instancesSent",
            "/scenarios/0/iterations/0/instancesStored",
            "/scenarios/0/iterations/0/bytesSent",
            "/comparisons/0/a",
            "/comparisons/0/b",
            "/comparisons/0/ratio/median",
            "/comparisons/0/verdict",
        ] {
            assert!(report.pointer(pointer).is_some(), "{pointer} is missing");
        }
        assert_eq!((&report["status"], &report["verdict"]), (&"SUCCEEDED".into(), &"passed".into()));
    }
}
