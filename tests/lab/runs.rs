use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::Secrets;
use serde_json::{Value, json};

use crate::dicomperf::answer;
use crate::harness::{Lab, with_packages};

#[tokio::test]
async fn settings_reach_both_ends_and_the_report_names_what_ran() {
    let lab = Lab::new().await;
    let request = json!({
        "dataset": { "synthetic": { "instances": 5 } },
        "server": { "aeTitle": "ARCHIVE", "orthanc": { "StableAge": 7 }, "instanceType": ["r7i.4xlarge", "t3.small"] },
        "client": { "aeTitle": "SCANNER", "instanceType": "r7i.2xlarge" },
        "matrix": { "tls": [true], "maxPdu": [32768], "orthanc": [{ "DicomThreadsCount": 2 }] },
        "iterations": 2, "warmup": 0, "rounds": 1,
        "thresholds": [{ "metric": "instancesPerSecond", "min": 1_000_000 }],
    });
    let finished = lab.start("settings", with_packages(request)).await.finish().await;
    let report = finished.succeeded();
    assert_eq!(report["verdict"], "threshold-broken");
    let attached = answer(&["attach", &finished.id], "run", 3);
    assert_eq!((&attached["status"], &attached["verdict"]), (&json!("SUCCEEDED"), &report["verdict"]));
    // lab/emulator has no room for the server's first type, and none for the client's in the first zone.
    let launched = &report["fingerprintOf"];
    assert_eq!((&launched["serverType"], &launched["clientType"]), (&json!("t3.small"), &json!("r7i.2xlarge")));
    let course: Value = lab.json(&RunKeys(&finished.id).launch()).await.unwrap();
    assert_eq!(course["abandoned"].as_array().unwrap().len(), 1, "the server of the first zone: {course}");
    let record = lab.items(&finished.id).await.into_iter().find(|(key, _)| key == "META").unwrap().1;
    assert_eq!(record["fingerprint"].as_s().unwrap(), report["fingerprint"].as_str().unwrap());
    assert_eq!(report["scenarios"][0]["settings"]["tls"], true);
    let text = report.to_string();
    for said in ["\"DicomThreadsCount\":2", "\"StableAge\":7", "\"MaximumPduLength\":32768", "\"DicomAet\":\"ARCHIVE\""]
    {
        assert!(text.contains(said), "{said} is not in the report");
    }
    let secrets: Secrets = lab.json(&RunKeys(&finished.id).secrets()).await.expect("a run has secrets");
    assert!(secrets.rest_password.len() >= 16, "no password");
    assert!(!text.contains(&secrets.rest_password), "the report tells the password");
}

#[tokio::test]
async fn every_sender_reaches_both_targets_and_client_and_server_have_their_own_tcp_nodelay() {
    let lab = Lab::new().await;
    let request = json!({
        "dataset": { "synthetic": { "modality": "mix", "instances": 12 } },
        "matrix": {
            "sender": ["storescu", "dcmsend", "native"], "target": ["orthanc", "sink"], "associations": [2],
            "tcpNoDelay": ["client", true], "transferSyntax": ["original", "RLELossless"],
        },
        "iterations": 1, "warmup": 0, "rounds": 1,
    });
    let finished = lab.start("senders", with_packages(request)).await.finish().await;
    let report = finished.succeeded();
    assert_eq!(report["verdict"], "passed", "{report}");
    let scenarios = report["scenarios"].as_array().unwrap();
    // Three senders and two syntaxes, two targets, and TCP_NODELAY on or off at the server.
    assert_eq!(scenarios.len(), 24);
    for scenario in scenarios {
        let iteration = &scenario["iterations"][0];
        assert_eq!(iteration["instancesStored"], 12, "{} {iteration}", scenario["settings"]);
    }
    let targets = |target: &str| scenarios.iter().filter(|one| one["settings"]["target"] == target).count();
    assert_eq!((targets("orthanc"), targets("sink")), (12, 12));
    // A mix has instances of several sizes, so that the time per instance and the time per MB can be separated.
    assert!(scenarios.iter().any(|one| one["decomposition"]["bySize"]["perMegabyteMs"].is_number()));
    // The server of the last block is the sink. There is no Orthanc to collect from, which is not a failure.
    let last: u64 = report["network"].as_array().unwrap().last().unwrap()["block"].as_u64().unwrap();
    assert!(scenarios.iter().any(|one| one["block"] == last && one["settings"]["target"] == "sink"));
}
