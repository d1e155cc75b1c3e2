use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::*;
use crate::summarize::{fixture, summarize};
use crate::verdict::{compare_with_history, judge_ratio};
use dicomperf_fixtures::spread as noisy;
use dicomperf_model::results::{BaselineComparison, Confidence, DifferenceOf, Finding, Rule, RunDifference, RunNoise};
use dicomperf_model::settings::{Axis, Settings};
use dicomperf_model::statistics::{Bootstrap, Interval, prediction_interval};

/// A run whose iterations take as many ms as `transfer_ms` returns.
fn run(document: Value, transfer_ms: impl Fn(&Settings, u32) -> f64) -> Summary {
    let plan = fixture::planned(document);
    let steps = fixture::all_steps(&plan, transfer_ms);
    Summary { diagnosis: Vec::new(), ..summarize(&plan, &steps, fixture::went_well()) }
}

/// Times of iterations that differ by at most 1%.
fn steady(base: f64) -> impl Fn(&Settings, u32) -> f64 {
    move |_, iteration| base * (1.0 + f64::from(iteration * 7 % 5) * 0.002)
}

fn finding(rule: Rule, scenarios: &[u32]) -> Finding {
    Finding {
        rule,
        confidence: Confidence::Likely,
        scenarios: scenarios.to_vec(),
        says: "so".to_owned(),
        evidence: Vec::new(),
        fix: "this".to_owned(),
        gain: None,
    }
}

fn names(comparison: &RunComparison) -> Vec<&str> {
    comparison.differences.iter().map(|one| one.name.as_str()).collect()
}

#[test]
fn a_run_is_like_itself_and_five_percent_of_noise_leave_it_unproved() {
    let a = fixture::classic();
    let found = compare(&a, &a.clone());
    assert!(found.comparable && found.differences.is_empty() && found.only_in_a.is_empty());
    assert_eq!(found.scenarios.len(), 4);
    for pair in &found.scenarios {
        let (ratio, wide) = (pair.ratio.expect("a ratio"), pair.ratio_between_runs.expect("a ratio"));
        assert!(wide.low < ratio.low && ratio.high < wide.high, "{pair:?}");
        assert_eq!((pair.a, ratio.median, wide.median), (pair.b, 1.0, 1.0));
    }
    assert_eq!(found.verdict, Change::Inconclusive);
    assert_eq!(found.scenarios[0].name, "associations 1, TCP_NODELAY off");
    let says = "Of 4 pairs of scenarios: 4 inconclusive. Run B is 1.00 (0.87–1.15) times as fast as run A (associations 1, \
                TCP_NODELAY off): with this much noise between runs that is inconclusive.";
    assert_eq!(found.says, says);
}

#[test]
fn other_hosts_or_another_dataset_are_not_compared() {
    let a = fixture::classic();
    let mut b = a.clone();
    b.fingerprint = "another".to_owned();
    b.fingerprint_of.server_type = Some("m5.large".to_owned());
    b.fingerprint_of.server_cpu_credits = None;
    let found = compare(&a, &b);
    assert!(!found.comparable && found.scenarios.is_empty() && found.only_in_a.is_empty());
    assert_eq!(found.verdict, Change::Inconclusive);
    assert_eq!(
        found.says,
        "These runs cannot be compared: they differ in server CPU credits (none instead of unlimited) and server type \
         (m5.large instead of t3.micro). Hosts and dataset must be the same."
    );
    b.fingerprint_of = a.fingerprint_of.clone();
    assert_eq!(names(&compare(&a, &b)), ["fingerprint"]);
}

#[test]
fn versions_settings_and_live_configuration_are_told_apart() {
    let mut a = run(
        json!({ "matrix": { "associations": [1, 4] }, "server": { "orthanc": { "StableAge": 5 } } }),
        steady(2000.0),
    );
    let mut b = run(
        json!({ "matrix": { "associations": [4, 1], "tls": [true] }, "server": { "orthanc": { "StableAge": 9 } }, "rounds": 3 }),
        steady(2000.0),
    );
    b.versions.server.as_mut().expect("told").orthanc = Some("1.12.9".to_owned());
    b.versions.client = None;
    b.hosts.server.as_mut().expect("a server").ami = "ami-1".to_owned();
    let live = |threads: u32, version: &str, of: &mut Summary| {
        let told = of.server_configuration.as_mut().expect("told");
        told.orthanc = serde_json::from_value(json!({
            "configuration": { "DicomThreadsCount": threads, "StorageDirectory": version, "RegisteredUsers": { version: "redacted" } },
            "system": { "Version": version, "DatabaseVersion": 6, "Name": version },
        }))
        .expect("keys");
    };
    live(4, "1.12.2", &mut a);
    live(8, "1.12.9", &mut b);
    // A value that only a newer Orthanc reports is not a setting.
    let newer = &mut b.server_configuration.as_mut().expect("told").orthanc;
    newer.get_mut("system").expect("told")["HasLabels"] = json!(true);
    b.server_configuration.as_mut().expect("told").environment.remove("TCP_NODELAY");
    let found = compare(&a, &b);
    let expected = [
        (DifferenceOf::Versions, "server Orthanc", json!("1.12.2"), json!("1.12.9")),
        (DifferenceOf::Versions, "server AMI", json!("ami-0123456789abcdef0"), json!("ami-1")),
        (DifferenceOf::Versions, "client OS", json!("Ubuntu 24.04.3 LTS"), Value::Null),
        (DifferenceOf::Versions, "client kernel", json!("6.8.0-1029-aws"), Value::Null),
        (DifferenceOf::Versions, "client agent", json!("0.1.0"), Value::Null),
        (DifferenceOf::Versions, "client DCMTK", json!("3.6.7"), Value::Null),
        (DifferenceOf::Settings, "TLS", json!([false]), json!([true])),
        (DifferenceOf::Settings, "server.orthanc.StableAge", json!(5), json!(9)),
        (DifferenceOf::Settings, "rounds", json!(2), json!(3)),
        (DifferenceOf::Configuration, "DicomThreadsCount", json!(4), json!(8)),
        (DifferenceOf::Configuration, "TCP_NODELAY", json!("1"), Value::Null),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(of, name, a, b)| RunDifference { of, name: name.to_owned(), a, b }).collect();
    assert_eq!(found.differences, expected);
    // Without an answer from one of the two, no difference is known.
    b.server_configuration = None;
    assert!(compare(&a, &b).differences.iter().all(|one| one.of != DifferenceOf::Configuration));
}

#[test]
fn the_same_settings_belong_together_whatever_their_numbers() {
    let a = run(json!({ "matrix": { "associations": [1, 4, 8] } }), steady(2000.0));
    let b = run(json!({ "matrix": { "associations": [8, 1] } }), steady(2000.0));
    let found = compare(&a, &b);
    let pairs: Vec<_> = found.scenarios.iter().map(|pair| (pair.a, pair.b, pair.name.as_str())).collect();
    assert_eq!(pairs, [(0, 1, "associations 1"), (2, 0, "associations 8")]);
    assert_eq!((found.only_in_a.as_slice(), found.only_in_b.as_slice()), (&[1][..], &[][..]));
}

#[test]
fn the_nearest_settings_belong_together_where_there_is_no_doubt() {
    let off = run(json!({ "matrix": { "associations": [1, 4], "tcpNoDelay": [false] } }), steady(2000.0));
    let on = run(json!({ "matrix": { "associations": [1, 4], "tcpNoDelay": [true] } }), steady(2000.0));
    let found = compare(&off, &on);
    assert_eq!(found.scenarios.iter().map(|pair| (pair.a, pair.b)).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
    assert_eq!(found.scenarios[1].name, "associations 4");
    let difference = &found.scenarios[1].differences;
    assert_eq!((difference.len(), difference[0].setting), (1, Axis::TcpNoDelay));
    assert_eq!((&difference[0].a, &difference[0].b), (&json!(false), &json!(true)));

    // 2 associations are one setting away from both 1 and 4.
    let two = run(json!({ "matrix": { "associations": [2], "tcpNoDelay": [false] } }), steady(2000.0));
    let found = compare(&off, &two);
    assert!(found.scenarios.is_empty());
    assert_eq!((found.only_in_a.as_slice(), found.only_in_b.as_slice()), (&[0, 1][..], &[0][..]));
    assert_eq!(
        (found.says.as_str(), found.verdict),
        ("No scenario of run B belongs to one of run A.", Change::Inconclusive)
    );
}

#[test]
fn pairs_are_called_by_the_orthanc_keys_that_tell_them_apart() {
    let orthanc = json!([{ "StableAge": 5 }, { "StableAge": 5, "StorageCompression": true }]);
    let one = run(json!({ "matrix": { "orthanc": orthanc } }), steady(2000.0));
    let found = compare(&one, &one.clone());
    let names: Vec<_> = found.scenarios.iter().map(|pair| pair.name.as_str()).collect();
    assert_eq!(names, ["Orthanc default", "Orthanc StorageCompression=on"]);
    let single = run(json!({}), steady(2000.0));
    assert_eq!(compare(&single, &single.clone()).scenarios[0].name, "scenario 0");
}

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

fn history(runs: &[f64]) -> BaselineComparison {
    compare_with_history(0, None, runs)
}

#[test]
fn the_noise_between_runs_is_that_of_the_longer_history() {
    let mut a = run(json!({}), steady(1000.0));
    let mut b = a.clone();
    assert_eq!(Spread::between_runs(&a, &b), Spread::assumed());
    b.baseline = vec![history(&[100.0, 104.0, 98.0, 101.0])]; // one too few
    assert_eq!(Spread::between_runs(&a, &b), Spread::assumed());
    assert!(RunNoise::from(Spread::assumed()).source.starts_with("assumed: 5% between hosts"));
    let medians = [100.0, 104.0, 98.0, 101.0, 97.0];
    assert!(prediction_interval(&medians).is_some());
    b.baseline = vec![history(&medians)];
    let found = Spread::between_runs(&a, &b);
    // sqrt(sum((ln x - mean)^2) / 4)
    assert!((found.standard_deviation - 0.027_261).abs() < 1e-5 && found.runs == Some(5), "{found:?}");
    a.baseline = vec![history(&[100.0; 6]), history(&[100.0, 110.0, 100.0, 110.0, 100.0, 110.0, 100.0])];
    let longer = Spread::between_runs(&a, &b);
    assert_eq!(longer.runs, Some(6));
    assert_eq!(Spread::between_runs(&b, &a), longer);
    assert!(compare(&a, &b).noise.source.starts_with("measured: the medians of 6 earlier runs"));
}

#[test]
fn with_little_noise_between_runs_two_runs_are_equivalent() {
    let mut a = run(json!({}), steady(1000.0));
    a.baseline = vec![history(&[100.0, 100.1, 100.2, 100.1, 100.0, 99.9, 100.0, 100.1])];
    let found = compare(&a, &a.clone());
    assert_eq!(found.verdict, Change::Equivalent, "{:?}", found.scenarios[0]);
    assert_eq!(found.says, "Run B is as fast as run A: 1.00 (0.99–1.01) times.");
}

#[test]
fn a_ratio_without_noise_of_its_own_has_that_between_runs() {
    let exact = Interval { median: 2.0, low: 2.0, high: 2.0 };
    let found = Spread::assumed().between(&exact);
    let reach = 1.959_964 * 2.0_f64.sqrt() * 0.05;
    assert!((found.low - 2.0 * (-reach).exp()).abs() < 1e-6 && (found.high - 2.0 * reach.exp()).abs() < 1e-6);
    // Student's t with 4 degrees of freedom
    let found = Spread { standard_deviation: 0.05, runs: Some(5) }.between(&exact);
    assert!((found.high - 2.0 * (2.776_445 * 2.0_f64.sqrt() * 0.05).exp()).abs() < 1e-6);
    let steady = Spread { standard_deviation: 0.0, runs: None };
    let within = Interval { median: 2.0, low: 1.9, high: 2.2 };
    let found = steady.between(&within);
    assert!((found.low - 1.9).abs() < 1e-9 && (found.high - 2.2).abs() < 1e-9);
}

/// Hosts differ by 5%, iterations by 2%, as in benches/verdict-simulation, which prints the rates.
#[test]
fn alike_runs_are_seldom_called_different_and_half_as_fast_is_found() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut iterations_of = |speed: f64| {
        let hosts = noisy(&mut random, 1, speed, 0.05)[0];
        noisy(&mut random, 10, hosts, 0.02)
    };
    let (mut pooled, mut assumed, mut measured, mut found) = (0, 0, 0, 0);
    for _ in 0..100 {
        let runs = [100.0, 100.0, 50.0].map(&mut iterations_of);
        let [a, alike, slow] = [0, 1, 2].map(|run| Bootstrap::new(&runs[run], run as u64).expect("a sample"));
        let earlier: Vec<_> =
            (0..6).filter_map(|_| dicomperf_model::statistics::median(&iterations_of(100.0))).collect();
        let history = Spread::measured(&history(&earlier)).expect("enough runs");
        let ratio = alike.ratio_to(&a).expect("a ratio");
        let different =
            |ratio: &Interval| u32::from(matches!(judge_ratio(ratio), Change::Regressed | Change::Improved));
        pooled += different(&ratio);
        assumed += different(&Spread::assumed().between(&ratio));
        measured += different(&history.between(&ratio));
        let slow = Spread::assumed().between(&slow.ratio_to(&a).expect("a ratio"));
        found += u32::from(judge_ratio(&slow) == Change::Regressed);
    }
    let rates = format!("of 100: {pooled} pooled, {assumed} assumed, {measured} measured, {found} found");
    assert!(pooled >= 30 && assumed <= 5 && measured <= 5 && found >= 99, "{rates}");
}

#[test]
fn a_run_is_held_against_its_baseline() {
    let (earlier, slower) = (run(json!({}), steady(1000.0)), run(json!({}), steady(2000.0)));
    let held = |earlier: Result<&Summary, &str>| {
        let mut summary = slower.clone();
        compare_with_baseline(&mut summary, "run-0", earlier);
        summary
    };
    let regressed = held(Ok(&earlier));
    assert_eq!(regressed.verdict, Verdict::Regressed);
    assert_eq!(regressed.against.map(|against| against.verdict), Some(Change::Regressed));
    assert_eq!(held(Ok(&slower)).verdict, Verdict::Passed);

    let elsewhere = Summary { fingerprint: "another".to_owned(), ..earlier };
    let not_comparable = held(Ok(&elsewhere));
    assert_eq!(not_comparable.verdict, Verdict::Passed);
    assert!(not_comparable.against.is_some_and(|against| !against.comparable));
    assert!(not_comparable.notes.last().is_some_and(|note| note.starts_with("The baseline, run run-0: These runs")));

    let missing = held(Err("it has no report"));
    assert_eq!((missing.against, missing.verdict), (None, Verdict::Passed));
    assert_eq!(
        missing.notes.last().map(String::as_str),
        Some("Not compared with the baseline, run run-0: it has no report.")
    );
}
