//! Changed DICOM files through the inspection, which the plan and the agent share, and through the removal of identities.

use std::collections::HashSet;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use dicomperf_model::dataset::{Changes, Inspected, Part, Rewrite, UidReplacement, generate, inspect};
use dicomperf_model::request::{Modality, Synthetic};
use dicomperf_testkit::fuzz::fuzz;
use dicomperf_testkit::{Cause, not_tested, pydicom_files};

/// Seeds of more bytes are left out: changes to their pixels would change nothing.
const MAX_SEED_BYTES: u64 = 200_000;
/// Deflated Explicit VR Little Endian.
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
/// The most memory of the test's process: the seeds, the input, and the buffers of an inflater.
const MAX_PEAK_BYTES: u64 = 400_000_000;

/// The made-up files of the repository, which include inputs that were once wrong.
fn corpus() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let files = fs::read_dir(directory).expect("the corpus");
    files.map(|file| fs::read(file.expect("a file").path()).expect("a file")).collect()
}

/// The real objects of many vendors that pydicom ships.
fn pydicom() -> Option<Vec<Vec<u8>>> {
    let small = |path: &PathBuf| path.metadata().is_ok_and(|meta| meta.len() <= MAX_SEED_BYTES);
    Some(pydicom_files()?.into_iter().filter(small).filter_map(|path| fs::read(path).ok()).collect())
}

/// Inspects an object as the plan does, and as the agent does. Its repairs must leave nothing to repair.
fn inspect_both_ways(bytes: &[u8]) {
    let size = bytes.len() as u64;
    let beginning = &bytes[..bytes.len() / 2];
    let _ = inspect(beginning, Part { size, is_whole: false }, true);
    let Ok(inspected) = inspect(bytes, Part { size, is_whole: true }, false) else { return };
    assert!(inspected.data_set_at <= size);
    let mut repaired = Vec::new();
    inspected.repairs.apply(bytes, &mut repaired).expect("repaired");
    let part = Part { size: repaired.len() as u64, is_whole: true };
    let again = inspect(repaired.as_slice(), part, false).expect("still an object");
    assert!(again.repairs.is_empty(), "{:?}", again.repairs);
    assert_eq!((repaired.len() as u64 - again.data_set_at) % 2, 0);
    assert_eq!(again.sop_instance_uid, inspected.sop_instance_uid);
    remove_identity(bytes, &inspected);
}

/// Gives an object other UIDs and removes its identity. The result must be an object with nothing to repair.
fn remove_identity(bytes: &[u8], inspected: &Inspected) {
    // An inflated data set may be larger than the memory of this test.
    if inspected.transfer_syntax_uid == DEFLATED {
        return;
    }
    let uids = [&inspected.study_instance_uid, &inspected.series_instance_uid, &inspected.sop_instance_uid];
    let own: HashSet<_> = uids.into_iter().cloned().collect();
    let replacement = UidReplacement { salt: [1; 32], copy: 0 };
    let changes = Changes { own: &own, uids: Some(replacement), patient_id: Some("DICOMPERF"), deidentify: true };
    let rewrite = Rewrite::plan(Cursor::new(bytes), bytes.len() as u64, &changes).expect("planned");
    let mut new = Vec::new();
    let rewritten = rewrite.apply(bytes, &mut new).expect("rewritten");
    assert_eq!(rewritten.bytes, new.len() as u64);
    let again =
        inspect(new.as_slice(), Part { size: rewritten.bytes, is_whole: true }, false).expect("still an object");
    assert!(again.repairs.is_empty(), "{:?}", again.repairs);
    assert_eq!(again.data_set_at, rewritten.data_set_at);
    assert!(!own.contains(&again.sop_instance_uid) || inspected.sop_instance_uid.contains('\\'));
    for place in &rewritten.uids {
        let at = usize::try_from(place.at).expect("small");
        assert_eq!(new[at..at + place.uid.len()], *place.uid.as_bytes());
    }
}

#[test]
fn changed_objects_of_our_own_end_in_an_answer() {
    let mut seeds = corpus();
    let directory = tempfile::tempdir().expect("a directory");
    let spec = Synthetic { modality: Modality::Pt, instances: 1, seed: 1 };
    let made = generate(&spec, directory.path(), |_| {}).expect("made");
    seeds.push(fs::read(&made[0].path).expect("a file"));
    seeds.iter().for_each(|seed| inspect_both_ways(seed));
    let fuzzed = fuzz(&seeds, inspect_both_ways);
    assert!(fuzzed.peak_bytes < MAX_PEAK_BYTES, "{fuzzed:?}");
}

#[test]
fn changed_objects_of_many_vendors_end_in_an_answer() {
    let Some(seeds) = pydicom() else { return not_tested(Cause::Missing("no pydicom: make install")) };
    seeds.iter().for_each(|seed| inspect_both_ways(seed));
    let fuzzed = fuzz(&seeds, inspect_both_ways);
    assert!(fuzzed.peak_bytes < MAX_PEAK_BYTES, "{fuzzed:?}");
}
