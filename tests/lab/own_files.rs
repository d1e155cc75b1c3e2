use std::path::PathBuf;

use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};

use crate::harness::{Lab, printed, with_packages};

/// The bucket in events/own-files.json, which the lab's stack may read.
const BUCKET: &str = "dicomperf-own-files";

/// Real objects of many vendors and transfer syntaxes, some of them broken on purpose: pydicom's own test files.
fn scanner_objects() -> Vec<PathBuf> {
    let script = "import pydicom.data as d; print(chr(10).join(d.get_testdata_files('*.dcm', ) ))";
    printed("python3", &["-W", "ignore", "-c", script])
        .lines()
        .map(PathBuf::from)
        .filter(|path| path.is_file())
        .collect()
}

async fn put(lab: &Lab, key: &str, bytes: Vec<u8>) {
    lab.files.put_object().bucket(BUCKET).key(key).body(ByteStream::from(bytes)).send().await.unwrap();
}

fn event() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/own-files.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn own_objects_are_sent_as_they_are_and_those_refused_are_named_with_the_reason() {
    let lab = Lab::new().await;
    // The bucket may exist from an earlier test.
    let _ = lab.files.create_bucket().bucket(BUCKET).send().await;
    let objects = scanner_objects();
    assert!(objects.len() > 50, "pydicom's objects are not there");
    for path in &objects {
        let name = path.file_name().unwrap().to_str().unwrap();
        put(&lab, &format!("scanner/{name}"), std::fs::read(path).unwrap()).await;
    }
    let ct = objects.iter().find(|path| path.ends_with("CT_small.dcm")).unwrap();
    put(&lab, "scanner/Z-same-as-CT_small.dcm", std::fs::read(ct).unwrap()).await;
    put(&lab, "scanner/notes.txt", b"not DICOM at all".to_vec()).await;

    // The event without its two permissions is refused before any host is launched.
    let mut strict = event();
    strict["dataset"]["s3"].as_object_mut().unwrap().retain(|field, _| field == "bucket" || field == "prefix");
    let finished = lab.start("own-files-strict", strict).await.finish().await;
    let error = finished.failed_with("DatasetRefused");
    assert!(error.cause.contains("CT_small.dcm: identified: Patient's Name"), "{}", error.cause);
    assert!(lab.keys(&finished.id).await.iter().all(|key| !key.starts_with("steps/")));

    let finished = lab.start("own-files", with_packages(event())).await.finish().await;
    let report = finished.succeeded();
    assert_eq!(report["verdict"], "passed", "{report}");
    let refused = report["dataset"]["refused"].as_array().unwrap();
    let reason = |name: &str| {
        let found = refused.iter().find(|object| object["key"].as_str().unwrap().ends_with(name));
        found.unwrap_or_else(|| panic!("{name} is not refused"))["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason("notes.txt").contains("not DICOM"), "{}", reason("notes.txt"));
    assert!(reason("meta_missing_tsyntax.dcm").contains("not DICOM"), "{}", reason("meta_missing_tsyntax.dcm"));
    assert!(reason("Z-same-as-CT_small.dcm").contains("CT_small.dcm"), "{}", reason("Z-same-as-CT_small.dcm"));
    assert_eq!(report["dataset"]["instances"].as_u64().unwrap() as usize + refused.len(), objects.len() + 2);

    // The server stored the planned objects, including CT, MR and compressed ones.
    let plan: Value = lab.json(&format!("runs/{}/plan.json", finished.id)).await.unwrap();
    let planned = plan["dataset"]["source"]["s3"]["objects"].as_array().unwrap();
    let has = |field: &str, value: &str| planned.iter().any(|object| object[field] == value);
    assert!(has("sopClassUid", "1.2.840.10008.5.1.4.1.1.2"), "no CT");
    assert!(has("sopClassUid", "1.2.840.10008.5.1.4.1.1.4"), "no MR");
    assert!(
        ["50", "51", "57", "70", "90", "91"]
            .iter()
            .any(|end| has("transferSyntaxUid", &format!("1.2.840.10008.1.2.4.{end}"))),
        "no JPEG and no JPEG 2000"
    );
    for iteration in
        report["scenarios"].as_array().unwrap().iter().flat_map(|one| one["iterations"].as_array().unwrap())
    {
        assert_eq!(iteration["instancesStored"], json!(planned.len()), "{iteration}");
    }
}
