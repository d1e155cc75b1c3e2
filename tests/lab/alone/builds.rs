//! The axis of builds: the distribution's Orthanc beside one that is really slower, in one run.

use aws_sdk_s3::primitives::ByteStream;
use dicomperf_model::hash::sha256_hex;
use dicomperf_testkit::{Cause, not_tested, slow_orthanc};
use serde_json::json;

use crate::harness::{Lab, with_packages};

#[tokio::test]
async fn a_build_that_answers_2_ms_later_is_found_to_be_slower_and_proven_to_store() {
    let lab = Lab::new().await;
    let scratch = tempfile::tempdir().unwrap();
    let Some(content) = slow_orthanc(2000, scratch.path()) else {
        return not_tested(Cause::Missing("no C compiler"));
    };
    let (key, sha256) = ("builds/orthanc-2-ms-later", sha256_hex(&content));
    lab.files.put_object().bucket(&lab.bucket).key(key).body(ByteStream::from(content)).send().await.unwrap();
    let build = json!({ "s3": { "bucket": lab.bucket, "key": key, "sha256": sha256, "label": "2 ms later" } });
    let request = json!({
        "name": "builds",
        "dataset": { "synthetic": { "modality": "MR", "instances": 60 } },
        "matrix": { "orthancBuild": ["distribution", build] },
        "iterations": 4, "warmup": 1, "rounds": 2,
    });
    let run = lab.start("builds", with_packages(request)).await;
    let finished = run.finish().await;
    let report = finished.succeeded();
    lab.keep_page(&finished.id, "lab-builds").await;
    assert_eq!(report["verdict"], "passed", "{report}");
    let comparisons = report["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 1, "{comparisons:?}");
    let found = &comparisons[0];
    println!("{found}");
    assert_eq!(found["difference"]["setting"].as_str().or(found["setting"].as_str()), Some("orthancBuild"), "{found}");
    let interval = &found["ratio"];
    assert!(interval["high"].as_f64().unwrap() < 1.0, "slower beyond doubt: {found}");
    assert_eq!(found["verdict"], "regressed", "{found}");
    for scenario in report["scenarios"].as_array().unwrap() {
        for iteration in scenario["iterations"].as_array().unwrap() {
            assert_eq!((&iteration["valid"], &iteration["instancesStored"]), (&json!(true), &json!(60)), "{iteration}");
        }
    }
    let builds = report["builds"].as_array().unwrap();
    let names: Vec<_> = builds.iter().map(|one| one["build"].as_str().unwrap()).collect();
    assert_eq!(names, ["distribution".to_owned(), format!("2 ms later ({})", &sha256[..12])]);
    // The wrapper becomes the distribution's Orthanc, and was asked for its version itself.
    assert!(
        builds.iter().all(|one| one["version"] == builds[0]["version"] && one["version"].is_string()),
        "{builds:?}"
    );
}
