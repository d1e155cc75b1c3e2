//! Differences that are known before anything is measured.

use super::*;

fn names(comparison: &RunComparison) -> Vec<&str> {
    comparison.differences.iter().map(|one| one.name.as_str()).collect()
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
