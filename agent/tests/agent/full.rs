//! An Orthanc whose volume is full, and that cannot be emptied therefore.

use std::fs::File;
use std::io::Write as _;

use dicomperf_model::request::{Modality, Synthetic};
use dicomperf_testkit::{Cause, not_tested};

use crate::harness::OrthancProcess;
use crate::harness::failing::Mounted;
use crate::harness::orthanc::settings;
use crate::harness::sender::{Instances, send};

#[test]
fn an_orthanc_that_cannot_be_emptied_is_told_by_path_status_and_its_own_error() {
    let directory = tempfile::tempdir().unwrap();
    let storage = directory.path().join("storage");
    let Some(mounted) = Mounted::new(&storage, 8) else {
        return not_tested(Cause::Missing("no permission to mount a file system"));
    };
    let mut orthanc = OrthancProcess::start_in(directory, settings(true, false, &[]));
    let instances = Instances::synthetic(&Synthetic { modality: Modality::Pt, instances: 5, ..Synthetic::default() });
    send(&instances.document(orthanc.address.dicom_port, 1)).succeeds();
    let mut file = File::create(storage.join("of-another-program")).unwrap();
    while file.write(&[7; 4096]).is_ok() {}
    let message = orthanc.rest().empty().expect_err("a full volume").to_string();
    assert!(message.contains("/tools/bulk-delete answers 500 Internal Server Error: SQLite: "), "{message}");
    assert!(!message.trim_end().ends_with(':'), "{message}");
    orthanc.stop();
    drop(mounted);
}
