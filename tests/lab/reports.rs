//! Reports of real runs. The tests leave them in target/reports, where a browser checks them afterwards.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Finished, Lab, command, container_of, root, setting, with_packages};

/// Returns a request for 40 instances and five iterations, with further fields.
pub fn short_run(more: &Value) -> Value {
    let mut request = json!({
        "dataset": { "synthetic": { "instances": 40 } }, "iterations": 5, "warmup": 1, "rounds": 1,
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

/// Compares two runs, as a person would, and writes the page to the folder of the browser tests.
pub fn compare(a: &Finished, b: &Finished, name: &str) -> (Output, Value) {
    let out = root().join("target/tests").join(name);
    let file = |run: &Finished| -> PathBuf {
        let path = out.join(&run.id).with_extension("json");
        std::fs::create_dir_all(&out).unwrap();
        std::fs::write(&path, run.report.as_ref().unwrap().to_string()).unwrap();
        path
    };
    let (a, b) = (file(a), file(b));
    let program = root().join("target/debug/dicomperf");
    let arguments = ["compare", a.to_str().unwrap(), b.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let output = command(program.to_str().unwrap(), &arguments);
    let pages = root().join("target/reports");
    std::fs::create_dir_all(&pages).unwrap();
    std::fs::copy(out.join("comparison.html"), pages.join(name).with_extension("html")).unwrap();
    (output, serde_json::from_slice(&std::fs::read(out.join("comparison.json")).unwrap()).unwrap())
}

/// Returns the differences of a kind: name, value in a, value in b.
pub fn differences(comparison: &Value, of: &str) -> Vec<(String, String, String)> {
    let all = comparison["differences"].as_array().unwrap().iter().filter(|one| one["of"] == of);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    all.map(|one| (text(&one["name"]), text(&one["a"]), text(&one["b"]))).collect()
}

#[tokio::test]
async fn runs_with_different_orthancs_are_compared_and_the_versions_named() {
    let lab = Lab::new().await;
    let this = with_packages(short_run(&json!({})));
    let mut other = this.clone();
    other["server"]["ami"] = setting("DICOMPERF_LAB_AMI_OTHER_RELEASE").into();
    let (this, other) = (lab.start("this-orthanc", this).await, lab.start("other-orthanc", other).await);
    let (this, other) = tokio::join!(this.finish(), other.finish());
    let versions = |run: &Finished| run.succeeded()["versions"]["server"]["orthanc"].as_str().unwrap().to_owned();
    assert_ne!(versions(&this), versions(&other));
    let (_, comparison) = compare(&this, &other, "orthanc-versions");
    assert_eq!(comparison["comparable"], true);
    let named = differences(&comparison, "versions");
    let orthanc = named.iter().find(|(name, ..)| name.contains("Orthanc")).unwrap_or_else(|| panic!("{named:?}"));
    assert_eq!((&orthanc.1, &orthanc.2), (&versions(&this), &versions(&other)));
    assert!(comparison["scenarios"][0]["ratioBetweenRuns"]["median"].is_number(), "{comparison}");
}

#[tokio::test]
async fn runs_with_different_fingerprints_are_not_compared() {
    let lab = Lab::new().await;
    let small = json!({ "dataset": { "synthetic": { "instances": 5 } }, "iterations": 1, "warmup": 0 });
    let mut large = small.clone();
    large["server"] = json!({ "instanceType": "m7i.large" });
    large["dataset"]["synthetic"]["seed"] = 2.into();
    let (small, large) = (with_packages(short_run(&small)), with_packages(short_run(&large)));
    let (small, large) = (lab.start("small", small).await, lab.start("large", large).await);
    let (small, large) = tokio::join!(small.finish(), large.finish());
    let (output, comparison) = compare(&small, &large, "different-fingerprints");
    assert_eq!(output.status.code(), Some(1));
    let named = differences(&comparison, "fingerprint");
    assert!(named.iter().any(|(_, a, b)| a == "t3.micro" && b == "m7i.large"), "{named:?}");
    assert!(named.iter().any(|(name, ..)| name.contains("dataset")), "{named:?}");
    assert_eq!(comparison["scenarios"], json!([]));
}

#[tokio::test]
async fn killed_senders_make_invalid_iterations_that_the_report_explains() {
    let lab = Lab::new().await;
    let request = short_run(&json!({ "matrix": { "tcpNoDelay": [false, true] }, "iterations": 12, "warmup": 0 }));
    let run = lab.start("invalid", with_packages(request)).await;
    run.measured(0, 2).await;
    let client = container_of(&run.hosts().await.client.unwrap());
    // Without TCP_NODELAY a transfer takes two seconds. Only there does a sender run for a second, in mid-transfer.
    let kill = ["exec", &client, "pkill", "-KILL", "--older", "1", "-x", "storescu"];
    let mut killed = 0;
    for _ in 0..600 {
        killed += u32::from(command("docker", &kill).status.success());
        if killed == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(killed, 2, "the run ended before two senders were killed");
    let finished = run.finish().await;
    let report = finished.report.as_ref().unwrap();
    assert_eq!(report["verdict"], "invalid", "{report}");
    let iterations = report["scenarios"][0]["iterations"].as_array().unwrap();
    let invalid: Vec<_> = iterations.iter().filter(|one| one["valid"] == false).collect();
    assert!(!invalid.is_empty() && invalid.len() < iterations.len(), "{} of {}", invalid.len(), iterations.len());
    assert!(invalid.iter().all(|one| one["reason"].as_str().is_some_and(|reason| !reason.is_empty())), "{invalid:?}");
    lab.keep_page(&finished.id, "lab-invalid-iterations").await;
}

#[tokio::test]
async fn sixty_scenarios_are_one_readable_report() {
    let lab = Lab::new().await;
    let request = json!({
        "dataset": { "synthetic": { "modality": "MR", "instances": 16 } },
        "matrix": {
            "sender": ["storescu", "dcmsend", "native"], "associations": [1, 2, 4, 8],
            "instancesPerAssociation": ["all", 8, 4, 2, 1],
        },
        "iterations": 1, "warmup": 0, "rounds": 1,
    });
    let finished = lab.start("sixty", with_packages(request)).await.finish().await;
    assert_eq!(finished.succeeded()["scenarios"].as_array().unwrap().len(), 60);
    assert!(lab.keep_page(&finished.id, "lab-sixty-scenarios").await < 1_000_000);
}

#[tokio::test]
async fn a_search_finds_what_orthanc_sustains() {
    let lab = Lab::new().await;
    let request: Value = serde_json::from_slice(&std::fs::read(root().join("events/search.json")).unwrap()).unwrap();
    let finished = lab.start("search", with_packages(request)).await.finish().await;
    let report = finished.succeeded();
    let search = &report["searches"][0];
    let (kept, broken) = (search["sustainable"].as_f64().unwrap(), search["broken"].as_f64());
    assert!(kept > 1.0 && broken.is_none_or(|broken| broken > kept), "{search}");
    let levels = search["levels"].as_array().unwrap();
    assert!((2..=12).contains(&levels.len()), "{search}");
    lab.keep_page(&finished.id, "lab-search").await;
}
