//! The agent's documents and reports against the committed schemas.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::orthanc::settings;
use crate::harness::run::block;
use crate::harness::{OrthancProcess, Run};

fn committed(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../schemas/{name}.schema.json"));
    serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()
}

#[test]
fn every_real_report_keeps_to_the_schema() {
    let schema = jsonschema::validator_for(&committed("step-report")).unwrap();
    let run = Run::with_instances(2);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    run.measure(0, block(&orthanc, &[1], 0, 1)).succeeds();
    let mut failing = block(&orthanc, &[1], 0, 1);
    failing.ordinal = 1;
    failing.server.dicom_port = 1;
    run.measure(0, failing).fails_with("AssociationFailed");
    let mut reports = 0;
    for step in ["client-configure", "client-measure-0", "client-measure-1"] {
        for body in run.bucket.uploads(&format!("{step}.json")) {
            let report: Value = serde_json::from_slice(&body).unwrap();
            let errors: Vec<_> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?} in {report}");
            reports += 1;
        }
    }
    assert!(reports >= 6);
}
