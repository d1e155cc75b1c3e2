//! Two measurements of an existing server, before and after a change.

use super::*;

/// A run to an existing server that announces this version, sent from this machine.
fn measured(existing: &Value, version: &str, transfer_ms: f64) -> Summary {
    let plan = fixture::planned_here(fixture::existing_request(existing, json!({ "iterations": 6 })));
    let mut steps = fixture::existing_steps(&plan, steady(transfer_ms));
    for answer in steps.iter_mut().filter_map(fixture::measurement_of).filter_map(|one| one.negotiated.as_mut()) {
        answer.implementation_version_name = Some(version.to_owned());
    }
    summarize(&plan, &steps, fixture::went_well())
}

#[test]
fn a_new_version_of_the_server_is_judged_and_named() {
    let before = measured(&json!({}), "PACS_1", 1000.0);
    let after = measured(&json!({}), "PACS_2", 2000.0);
    assert_eq!(before.fingerprint, after.fingerprint);
    let found = compare(&before, &after);
    assert!(found.comparable);
    assert_eq!(found.verdict, Change::Regressed);
    let [difference] = &found.differences[..] else { panic!("{:?}", found.differences) };
    assert_eq!((difference.of, difference.name.as_str()), (DifferenceOf::Versions, "server implementation"));
    let named = "the runs differ in server implementation (PACS_2 (1.2.3.4) instead of PACS_1 (1.2.3.4)).";
    assert!(found.says.ends_with(named), "{}", found.says);
}

#[test]
fn without_a_difference_the_server_may_still_have_changed() {
    let (before, after) = (measured(&json!({}), "PACS_1", 1000.0), measured(&json!({}), "PACS_1", 2000.0));
    let says = compare(&before, &after).says;
    assert!(says.ends_with("differ in nothing but their time and what the server does not announce."), "{says}");
}

#[test]
fn another_server_is_not_compared() {
    let one = measured(&json!({}), "PACS_1", 1000.0);
    let other = measured(&json!({ "address": "10.0.0.9", "port": 11112, "aeTitle": "ARCHIVE" }), "PACS_1", 1000.0);
    let found = compare(&one, &other);
    assert!(!found.comparable);
    let of_fingerprint = found.differences.iter().filter(|one| one.of == DifferenceOf::Fingerprint);
    let names: Vec<_> = of_fingerprint.map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["server address", "server AE title", "server port"]);
    let expected = "they differ in server address (10.0.0.9 instead of pacs.example.org), server AE title (ARCHIVE \
                    instead of PACS) and server port (11112 instead of 104). Server, hosts and dataset must be the same.";
    assert!(found.says.ends_with(expected), "{}", found.says);
    assert!(!compare(&one, &run(json!({}), steady(1000.0))).comparable);
}
