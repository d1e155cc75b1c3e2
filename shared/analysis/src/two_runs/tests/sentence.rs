//! The conclusion in words.

use super::*;

fn off_and_on() -> (Summary, Summary) {
    let off = run(json!({ "matrix": { "tcpNoDelay": [false] } }), steady(10_000.0));
    let on = run(json!({ "matrix": { "tcpNoDelay": [true] } }), steady(1000.0));
    (off, on)
}

#[test]
fn what_the_diagnosis_finds_in_the_slower_alone_explains_the_difference() {
    let (mut off, mut on) = off_and_on();
    let rules = [Rule::ClientBound, Rule::NagleDelayedAck, Rule::NoisyEnvironment];
    off.diagnosis = rules.map(|rule| finding(rule, &[0])).to_vec();
    off.diagnosis.push(finding(Rule::DiskBound, &[7]));
    on.diagnosis = vec![finding(Rule::ClientBound, &[]), finding(Rule::ShortAssociations, &[0])];
    let found = compare(&off, &on);
    assert_eq!(found.verdict, Change::Improved);
    assert_eq!(found.scenarios[0].because, [finding(Rule::NagleDelayedAck, &[0])]);
    assert_eq!(
        found.says,
        "Run B is 10.0 (8.7–11.5) times as fast as run A with TCP_NODELAY on instead of off; the diagnosis of run A names \
         the cause: A TCP timer: Nagle's algorithm with delayed ACK."
    );
    let found = compare(&on, &off);
    assert_eq!(found.verdict, Change::Regressed);
    assert_eq!(found.scenarios[0].because[0].rule, Rule::NagleDelayedAck);
    assert_eq!(
        found.says,
        "Run B is slower, 0.100 (0.087–0.115) times as fast as run A with TCP_NODELAY off instead of on; the diagnosis of run B \
         names the cause: A TCP timer: Nagle's algorithm with delayed ACK."
    );
}

#[test]
fn a_cause_that_is_only_possible_is_called_so_and_the_surest_is_named() {
    let (mut off, on) = off_and_on();
    let possible = Finding { confidence: Confidence::Possible, ..finding(Rule::DiskBound, &[]) };
    off.diagnosis = vec![possible.clone()];
    assert!(compare(&off, &on).says.ends_with("names a possible cause: The server's disk was the limit."));
    off.diagnosis = vec![possible, finding(Rule::SmallPdu, &[])];
    assert!(compare(&off, &on).says.ends_with("names the cause: PDUs are small."));
}

#[test]
fn without_an_explanation_the_differences_are_named() {
    let (a, mut b) = (run(json!({}), steady(1000.0)), run(json!({}), steady(1500.0)));
    let says = compare(&a, &b).says;
    assert_eq!(
        says,
        "Run B is slower, 0.67 (0.58–0.77) times as fast as run A. No rule of the diagnosis explains it, and the runs differ \
         in nothing but their hosts and their time."
    );
    let versions = b.versions.server.as_mut().expect("told");
    versions.orthanc = Some("1.12.9".to_owned());
    versions.kernel = "6.8.1".to_owned();
    let says = compare(&a, &b).says;
    let expected = "; the runs differ in server kernel (6.8.1 instead of 6.8.0-1029-aws) and server Orthanc (1.12.9 instead \
                    of 1.12.2).";
    assert!(says.ends_with(expected), "{says}");
    let versions = b.versions.client.as_mut().expect("told");
    (versions.kernel, versions.os, versions.dcmtk) = ("6.8.1".to_owned(), "Debian".to_owned(), None);
    assert!(compare(&a, &b).says.ends_with(" and 1 more."));
}

#[test]
fn versions_that_differ_are_named_whatever_the_verdict() {
    let (mut off, mut on) = off_and_on();
    off.diagnosis = vec![finding(Rule::SmallPdu, &[0])];
    on.versions.server.as_mut().expect("told").orthanc = Some("1.12.9".to_owned());
    let named = " The runs differ in server Orthanc (1.12.9 instead of 1.12.2).";
    assert!(compare(&off, &on).says.ends_with(&format!("names the cause: PDUs are small.{named}")));
    let (a, mut b) = (run(json!({}), steady(1000.0)), run(json!({}), steady(1010.0)));
    b.versions.server.as_mut().expect("told").orthanc = Some("1.12.9".to_owned());
    assert!(compare(&a, &b).says.ends_with(&format!("is inconclusive.{named}")));
}

#[test]
fn too_few_iterations_have_a_ratio_and_no_verdict() {
    let few = json!({ "iterations": 2, "rounds": 2 });
    let (a, b) = (run(json!({}), steady(1000.0)), run(few.clone(), steady(100.0)));
    let found = &compare(&a, &b);
    let pair = &found.scenarios[0];
    assert_eq!(pair.verdict, Change::Inconclusive);
    assert!(pair.ratio.is_some_and(|ratio| ratio.median > 9.0) && pair.because.is_empty());
    assert_eq!(pair.reason.as_deref(), Some("scenario 0 of run B has 4 valid iterations, and 5 are needed"));
    assert!(found.says.contains("which is inconclusive: scenario 0 of run B has 4 valid"), "{}", found.says);

    let plan = fixture::planned(few);
    let none = summarize(&plan, &[], fixture::went_well());
    let found = compare(&none, &a);
    assert_eq!((found.scenarios[0].ratio, found.scenarios[0].ratio_between_runs), (None, None));
    assert_eq!(
        found.says,
        "Runs A and B cannot be compared: scenario 0 of run A has 0 valid iterations, and 5 are needed."
    );
}

#[test]
fn settings_that_one_run_could_tell_apart_are_to_be_measured_in_one() {
    let off = run(json!({ "matrix": { "tls": [false] } }), steady(1000.0));
    let on = run(json!({ "matrix": { "tls": [true] } }), steady(1050.0));
    let found = compare(&off, &on);
    assert_eq!(
        found.says,
        "Run B is 0.95 (0.83–1.09) times as fast as run A with TLS on instead of off: with this much noise between runs that \
         is inconclusive. Measure both settings in one run to decide."
    );
}

#[test]
fn the_worst_of_the_pairs_is_the_verdict_and_the_greatest_change_the_headline() {
    let base = json!({ "matrix": { "associations": [1, 2, 4] } });
    let (a, b) = (
        run(base.clone(), steady(1000.0)),
        run(base, |settings, _| match settings.associations {
            1 => 1000.0,
            2 => 3000.0,
            _ => 200.0,
        }),
    );
    let found = compare(&a, &b);
    assert_eq!(found.verdict, Change::Regressed);
    let says = &found.says;
    assert!(
        says.starts_with(
            "Of 3 pairs of scenarios: 1 regressed, 1 improved and 1 inconclusive. Run B is slower, 0.33 (0.29–0.38) times as \
             fast as run A (associations 2)."
        ),
        "{says}"
    );
    assert!(severity(Change::Inconclusive) < severity(Change::Improved));
    assert!(severity(Change::Improved) < severity(Change::Equivalent));
}
