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
    assert_eq!(request.server.instance_type, "t3.micro".into());
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
fn a_baseline_is_the_history_or_one_run_or_a_name() {
    for document in [
        json!({ "baseline": "history" }),
        json!({ "baseline": { "run": "20260101T031500Z-ct-k3v9qx" } }),
        json!({ "baseline": { "named": "release-1.12" } }),
    ] {
        let request = Request::from_json(&document).expect("valid");
        assert_eq!(serde_json::to_value(&request).expect("JSON")["baseline"], document["baseline"]);
    }
    for bad in [json!("run-1"), json!({ "run": "../run-1" }), json!({ "run": ".." }), json!({ "run": "a", "of": 1 })] {
        let error = &problems(json!({ "baseline": bad.clone() }))[0];
        assert_eq!(
            error.to_string(),
            format!(
                "baseline: is {bad}; allowed: \"history\" or an object with run, a string that matches {} or an object \
                 with named, a string that matches {}",
                crate::run_id::PATTERN,
                crate::baseline_name::PATTERN
            )
        );
    }
}

#[test]
fn exactly_one_dataset_is_asked_for() {
    let both = json!({ "dataset": { "synthetic": {}, "s3": { "bucket": "images" } } });
    assert_eq!(
        problems(both)[0].to_string(),
        "dataset: has 2 fields; allowed: exactly one of synthetic, s3, directory"
    );
    assert_eq!(paths(json!({ "dataset": {} })), ["dataset"]);
}

#[test]
fn an_arm_host_is_refused() {
    let error = &problems(json!({ "server": { "instanceType": "t4g.micro" } }))[0];
    assert_eq!(error.path, "server.instanceType");
    assert!(error.allowed.contains("t3.micro") && !error.allowed.contains("t4g"), "{error}");
}

/// Text that would do harm in a shell, in each field that accepts text.
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

/// Collects every value of a document, as JSON Pointers.
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

/// Returns the places of errors, without their keywords: if a type and an enum are both broken, one validator names the
/// enum alone.
fn places<'a>(errors: impl Iterator<Item = ValidationError<'a>>) -> BTreeSet<String> {
    errors.map(|error| error.instance_path().to_string()).collect()
}

#[test]
fn the_validator_made_of_the_schema_finds_what_a_validator_of_all_schemas_finds() {
    let whole = jsonschema::draft202012::new(&SCHEMA).expect("a schema");
    let mut refused = 0;
    for name in ["classic", "demo", "own-files", "search", "senders"] {
        let file = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
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

#[test]
fn a_host_has_one_type_or_a_list_in_order_of_preference() {
    let types = |value: Value| {
        let request = Request::from_json(&json!({ "server": { "instanceType": value } })).expect("valid");
        let written = serde_json::to_value(&request).expect("JSON")["server"]["instanceType"].clone();
        (request.server.instance_type.iter().map(str::to_owned).collect::<Vec<_>>(), written)
    };
    assert_eq!(types(json!("m5.large")), (vec!["m5.large".to_owned()], json!("m5.large")));
    let both = ["m6i.large", "m5.large"];
    assert_eq!(types(json!(both)), (both.map(str::to_owned).to_vec(), json!(both)));
    for bad in [json!([]), json!(["t4g.micro"]), json!(["m5.large", "m5.large"]), json!([1]), json!(5)] {
        assert_eq!(paths(json!({ "client": { "instanceType": bad } })), ["client.instanceType"], "{bad}");
    }
}
