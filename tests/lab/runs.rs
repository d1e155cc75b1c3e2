use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Lab, command};

/// The demonstration, typed as a person would: the command line starts it, follows it and fetches its report.
#[tokio::test]
async fn whole_run_of_the_demonstration_is_valid_and_leaves_nothing_but_its_results() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let out = root.join("target/tests/demo");
    let output = command(
        root.join("target/debug/dicomperf").to_str().unwrap(),
        &["run", root.join("events/demo.json").to_str().unwrap(), "--out", out.to_str().unwrap()],
    );
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}\n{errors}");
    // Without a terminal, each state and iteration is a line.
    assert!(errors.contains("Measure block") && errors.contains("iteration"), "{errors}");
    assert!(printed.contains("instances/s"), "{printed}");

    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["status"], "SUCCEEDED");
    assert_eq!(report["verdict"], "passed");
    assert_eq!(report["hostsLeft"], 0);
    let scenarios = report["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 4);
    for iteration in scenarios.iter().flat_map(|scenario| scenario["iterations"].as_array().unwrap()) {
        assert_eq!(iteration["valid"], true, "{iteration}");
        assert_eq!(iteration["instancesStored"], 100);
    }

    // One association: TCP_NODELAY at both ends takes a timer of 40 ms out of every C-STORE.
    let one = |tcp_no_delay: bool| {
        let matches = |settings: &Value| settings["associations"] == 1 && settings["tcpNoDelay"] == tcp_no_delay;
        scenarios.iter().find(|scenario| matches(&scenario["settings"])).unwrap()["scenario"].clone()
    };
    let comparison = report["comparisons"].as_array().unwrap().iter();
    let ratio = comparison.clone().find(|pair| pair["a"] == one(false) && pair["b"] == one(true)).unwrap();
    assert!(ratio["ratio"]["median"].as_f64().unwrap() >= 5.0, "{ratio}");
    assert_eq!(ratio["verdict"], "improved");

    // What the hosts used, and what the network could do, is known of all of it.
    for scenario in scenarios {
        for host in ["server", "client"] {
            let used = &scenario["resources"][host];
            assert!(used["cpu"]["user"].as_f64().unwrap() > 0.0, "{host}: {used}");
        }
        let orthanc = &scenario["resources"]["server"]["orthanc"];
        assert!(orthanc["cpuCores"].as_f64().unwrap() > 0.0, "{orthanc}");
        let parts = &scenario["decomposition"];
        assert!(parts["startupMs"]["p50"].as_f64().unwrap() > 1.0, "{parts}");
        assert!(parts["networkFloorMs"].as_f64().unwrap() < scenario["latencyMs"]["p50"].as_f64().unwrap(), "{parts}");
    }
    let network = report["network"].as_array().unwrap();
    assert_eq!(network.len(), 4);
    assert!(network.iter().all(|one| one["baseline"]["toServerBytesPerSecond"].as_f64().unwrap() > 1e7), "{network:?}");

    let lab = Lab::new().await;
    let id = report["runId"].as_str().unwrap();
    assert!(lab.hosts_of(id).await.is_empty());
    lab.keep_page(id, "lab-demo").await;
    let keys = lab.keys(id).await;
    for key in [
        "request.json",
        "plan.json",
        "report.html",
        "report.json",
        "report.md",
        "blocks/0.json",
        "blocks/3.json",
        "logs/client/client-measure-0.log",
        "logs/server/server-configure-0.log",
        "logs/server/orthanc.log",
        "samples/client.jsonl.zst",
        "samples/server.jsonl.zst",
    ] {
        assert!(keys.iter().any(|known| known == key), "{key} is missing: {keys:?}");
    }
    let items = lab.items(id).await;
    let blocks = items.iter().filter(|(key, _)| key.starts_with("BLOCK#")).count();
    assert_eq!(blocks, 4, "{:?}", items.iter().map(|(key, _)| key).collect::<Vec<_>>());
    let (_, meta) = items.iter().find(|(key, _)| key == "META").unwrap();
    assert_eq!(meta["status"].as_s().unwrap(), "SUCCEEDED");
    assert_eq!(meta["verdict"].as_s().unwrap(), "passed");
}

#[tokio::test]
async fn settings_reach_both_ends_and_the_report_names_what_ran() {
    let lab = Lab::new().await;
    let request = json!({
        "dataset": { "synthetic": { "instances": 5 } },
        "server": { "aeTitle": "ARCHIVE", "orthanc": { "StableAge": 7 } },
        "client": { "aeTitle": "SCANNER" },
        "matrix": { "tls": [true], "maxPdu": [32768], "orthanc": [{ "DicomThreadsCount": 2 }] },
        "iterations": 2, "warmup": 0, "rounds": 1,
        "thresholds": [{ "metric": "instancesPerSecond", "min": 1_000_000 }],
    });
    let finished = lab.start("settings", request).await.finish().await;
    let report = finished.succeeded();
    assert_eq!(report["verdict"], "threshold-broken");
    assert_eq!(report["scenarios"][0]["settings"]["tls"], true);
    let text = report.to_string();
    for said in ["\"DicomThreadsCount\":2", "\"StableAge\":7", "\"MaximumPduLength\":32768", "\"DicomAet\":\"ARCHIVE\""]
    {
        assert!(text.contains(said), "{said} is not in the report");
    }
    let secret: Value = lab.json(&format!("runs/{}/secrets.json", finished.id)).await.unwrap_or_default();
    if let Some(password) = secret["restPassword"].as_str() {
        assert!(!text.contains(password), "the report tells the password");
    }
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
    let finished = lab.start("senders", request).await.finish().await;
    let report = finished.succeeded();
    assert_eq!(report["verdict"], "passed", "{report}");
    let scenarios = report["scenarios"].as_array().unwrap();
    // Three senders, two syntaxes; two targets, and TCP_NODELAY at the server or not.
    assert_eq!(scenarios.len(), 24);
    for scenario in scenarios {
        let iteration = &scenario["iterations"][0];
        assert_eq!(iteration["instancesStored"], 12, "{} {iteration}", scenario["settings"]);
    }
    let targets = |target: &str| scenarios.iter().filter(|one| one["settings"]["target"] == target).count();
    assert_eq!((targets("orthanc"), targets("sink")), (12, 12));
    // A mix has instances of several sizes: what each takes, and what each MB adds, can be told apart.
    assert!(scenarios.iter().any(|one| one["decomposition"]["bySize"]["perMegabyteMs"].is_number()));
    // The last block's server is the sink: there is no Orthanc to collect from, and that is no failure.
    let last: u64 = report["network"].as_array().unwrap().last().unwrap()["block"].as_u64().unwrap();
    assert!(scenarios.iter().any(|one| one["block"] == last && one["settings"]["target"] == "sink"));
}
