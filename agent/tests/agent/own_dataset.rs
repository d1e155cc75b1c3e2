//! A user's own files: planned, copied, multiplied, without identities, and with new UIDs for every iteration.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dicom_dictionary_std::uids;
use dicomperf_agent::client::converted::Converted;
use dicomperf_agent::client::dataset::Dataset;
use dicomperf_agent::client::{directory, renewal};
use dicomperf_agent::failure::Failure;
use dicomperf_model::plan::DatasetPlan;
use dicomperf_model::request::{Modality, Request, Synthetic, TransferSyntax};
use dicomperf_model::step::{
    ClientConfiguration, DatasetSource, PreparedDataset, StepId, StepOutput, StepReport, Work,
};
use dicomperf_testkit::{Cause, not_tested, pydicom_files};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::Run;
use crate::harness::objects::object;

const CT: &str = uids::CT_IMAGE_STORAGE;
const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;
/// Reads and compares files with pydicom.
const COMPARE: &str = include_str!("compare.py");
/// PS3.15 table E.1-1.
const TABLE: &str = "../shared/model/src/dataset/deidentify/table-e1-1.tsv";
/// The made-up files that the fuzz tests start from.
const CORPUS: &str = "../shared/model/tests/fuzz/corpus";

/// The plan of a directory's files, of which native sends all that are DICOM.
fn plan(directory: &Path, more: Value) -> Result<(Request, DatasetPlan), Failure> {
    let mut dataset = json!({ "path": directory, "allowIdentified": true });
    dataset.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let matrix = json!({ "sender": ["native"], "target": ["sink"] });
    let request = Request::from_json(&json!({ "dataset": { "directory": dataset }, "matrix": matrix })).unwrap();
    let plan = directory::dataset(request.dataset.directory.as_ref().unwrap(), &request, |_| Ok(()))?;
    Ok((request, plan))
}

/// The configuration of a client for a plan.
fn configuration(request: &Request, plan: &DatasetPlan) -> ClientConfiguration {
    ClientConfiguration::of_request(request, DatasetSource::local(plan).unwrap())
}

/// Carries out `client configure`. The packages that it needs are installed.
fn configure(run: &Run, configuration: ClientConfiguration) -> StepReport {
    let step = StepId::ConfigureClient;
    run.command(step.clone(), Work::ConfigureClient(configuration)).output().unwrap();
    run.bucket.reports(&step.to_string()).pop().expect("a report")
}

fn prepared(report: &StepReport) -> &PreparedDataset {
    match &report.output {
        Some(StepOutput::ClientConfigured(prepared)) => prepared,
        _ => panic!("{report:?}"),
    }
}

fn index(run: &Run, syntax: TransferSyntax) -> (PathBuf, Dataset) {
    let files = Converted::in_syntax(syntax);
    let index = fs::read(run.home(&files.index)).unwrap();
    (run.home(&files.directory), serde_json::from_slice(&index).unwrap())
}

fn uids_of(dataset: &Dataset) -> HashSet<String> {
    let uids = |one: &dicomperf_agent::client::dataset::Instance| {
        [one.study_instance_uid.clone(), one.series_instance_uid.clone(), one.sop_instance_uid.clone()]
    };
    dataset.instances.iter().flat_map(uids).collect()
}

fn sizes(directory: &Path, dataset: &Dataset) -> Vec<u64> {
    dataset.instances.iter().map(|one| fs::metadata(directory.join(&one.file)).unwrap().len()).collect()
}

/// The lines that the script prints about these pairs of files, or `None` without pydicom.
fn compare(task: &Value) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("task.json");
    fs::write(&path, task.to_string()).unwrap();
    let has_pydicom = Command::new("python3").args(["-c", "import pydicom"]).output();
    if !has_pydicom.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let output = Command::new("python3").args(["-W", "ignore", "-c", COMPARE]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A directory with the real objects of many vendors and the made-up files of the repository.
fn directory_of_many() -> Option<TempDir> {
    let directory = tempfile::tempdir().unwrap();
    let corpus = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(CORPUS)).unwrap();
    let files = pydicom_files()?.into_iter().chain(corpus.map(|file| file.unwrap().path()));
    for (number, path) in files.enumerate() {
        fs::copy(&path, directory.path().join(format!("{number:03}-{}", path.file_name()?.display()))).unwrap();
    }
    Some(directory)
}

/// Pairs of original and changed files, and the UIDs of the original ones.
fn pairs(plan: &DatasetPlan, directory: &Path, changed: &Path, dataset: &Dataset) -> (Vec<[PathBuf; 2]>, Vec<String>) {
    let DatasetSource::Directory { files, .. } = DatasetSource::local(plan).unwrap() else { panic!("another source") };
    assert_eq!(files.len(), dataset.instances.len());
    let (mut pairs, mut own) = (Vec::new(), Vec::new());
    for (file, instance) in files.iter().zip(&dataset.instances) {
        pairs.push([directory.join(&file.path), changed.join(&instance.file)]);
        let original = dicom_object::OpenFileOptions::new()
            .read_until(dicom_dictionary_std::tags::PIXEL_DATA)
            .open_file(directory.join(&file.path));
        for name in ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"] {
            let uid = original.as_ref().ok().and_then(|object| object.element_by_name(name).ok()?.to_str().ok());
            own.extend(uid.map(|uid| uid.trim_end_matches(['\0', ' ']).to_owned()));
        }
    }
    (pairs, own)
}

#[test]
fn twenty_renewals_of_many_vendors_files_change_uids_and_the_patient_only() {
    let Some(directory) = directory_of_many() else {
        return not_tested(Cause::Missing("no pydicom: make install"));
    };
    let before: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    let (request, plan) = plan(directory.path(), json!({ "skipRefused": true })).unwrap();
    assert!(plan.instances > 50 && !plan.refused.is_empty(), "{:?}", plan.refused);
    let run = Run::new();
    let report = configure(&run, ClientConfiguration { renew_uids: true, ..configuration(&request, &plan) });
    let patient_ids = prepared(&report).patient_ids.clone();
    assert!(patient_ids.len() > 5 && patient_ids[0] == "DICOMPERF-0001", "{patient_ids:?}");

    let (home, dataset) = index(&run, TransferSyntax::Original);
    let sizes_before = sizes(&home, &dataset);
    let mut all = uids_of(&dataset);
    let each = all.len();
    for renewal in 1..=20 {
        let renewed = renewal::renew_uids(&dataset, &home).unwrap();
        all.extend(uids_of(&renewed));
        assert_eq!(all.len(), each * (renewal + 1), "no UID twice");
    }
    assert_eq!(sizes(&home, &dataset), sizes_before);
    let (pairs, own) = pairs(&plan, directory.path(), &home, &dataset);
    let task = json!({ "pairs": pairs, "own": own, "patients": patient_ids });
    assert_eq!(compare(&task).unwrap(), format!("{} files\n", plan.instances));
    for instance in &dataset.instances {
        let dump = Command::new("dcmdump").args(["-q", "+E"]).arg(home.join(&instance.file)).output().unwrap();
        let is_known = instance.transfer_syntax_uid != "1.2.840.10008.1.2.4.201";
        assert!(dump.status.success() || !is_known, "{}: {}", instance.file, String::from_utf8_lossy(&dump.stderr));
    }
    let after: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(before == after, "the user's files stay as they are");
}

#[test]
fn a_converted_dataset_is_renewed_in_every_syntax() {
    let run = Run::new();
    let syntaxes = vec![
        TransferSyntax::Original,
        TransferSyntax::ImplicitVRLittleEndian,
        TransferSyntax::DeflatedExplicitVRLittleEndian,
        TransferSyntax::RLELossless,
    ];
    let source = DatasetSource::Synthetic(Synthetic { modality: Modality::Nm, instances: 2, seed: 1 });
    let configuration = ClientConfiguration::new(source, syntaxes.clone(), false);
    let report = configure(&run, ClientConfiguration { renew_uids: true, ..configuration });
    assert_eq!(prepared(&report).patient_ids, ["DICOMPERF"]);
    for syntax in syntaxes {
        let (home, dataset) = index(&run, syntax);
        let sizes_before = sizes(&home, &dataset);
        let mut seen = uids_of(&dataset);
        for _ in 0..2 {
            let renewed = renewal::renew_uids(&dataset, &home).unwrap();
            assert!(seen.is_disjoint(&uids_of(&renewed)));
            seen.extend(uids_of(&renewed));
            for instance in &renewed.instances {
                let path = home.join(&instance.file);
                let dump = Command::new("dcmdump").args(["+E", "-q"]).arg(&path).output().unwrap();
                assert!(dump.status.success(), "{syntax:?}: {}", String::from_utf8_lossy(&dump.stderr));
                let text = String::from_utf8_lossy(&dump.stdout).into_owned();
                for (tag, uid) in [
                    ("(0002,0003)", &instance.sop_instance_uid),
                    ("(0008,0018)", &instance.sop_instance_uid),
                    ("(0020,000d)", &instance.study_instance_uid),
                    ("(0020,000e)", &instance.series_instance_uid),
                ] {
                    assert!(text.contains(&format!("{tag} UI [{uid}]")), "{syntax:?}: {tag} is not {uid}\n{text}");
                }
                assert!(text.contains("(0010,0020) LO [DICOMPERF]"), "{syntax:?}");
            }
        }
        assert_eq!(sizes(&home, &dataset), sizes_before, "{syntax:?}");
        assert!(dataset.instances.iter().all(|one| one.bytes.is_multiple_of(2) && one.sent_file.is_none()));
    }
}

#[test]
fn de_identified_files_of_many_vendors_have_no_value_of_the_table() {
    let Some(directory) = directory_of_many() else {
        return not_tested(Cause::Missing("no pydicom: make install"));
    };
    let options = json!({ "skipRefused": true, "allowIdentified": false, "deidentify": true });
    let (request, plan) = plan(directory.path(), options).unwrap();
    assert!(plan.instances > 50, "identified files are accepted: {:?}", plan.refused);
    let run = Run::new();
    let report = configure(&run, configuration(&request, &plan));
    let (home, dataset) = index(&run, TransferSyntax::Original);
    assert_eq!(prepared(&report).instances, plan.instances);
    let (pairs, _) = pairs(&plan, directory.path(), &home, &dataset);
    let patients: Vec<_> = (1..=plan.instances).map(|number| format!("DICOMPERF-{number:04}")).collect();
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    let task = json!({ "pairs": pairs, "own": [], "patients": patients, "table": table });
    assert_eq!(compare(&task).unwrap(), format!("{} files\n", plan.instances));
}

#[test]
fn an_identity_in_the_pixels_is_refused_where_identities_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let mut burned_in = object(CT, EXPLICIT, 1);
    // (0028,0301) Burned In Annotation.
    burned_in.extend(*b"\x28\x00\x01\x03CS\x04\x00YES ");
    fs::write(directory.path().join("1.dcm"), burned_in).unwrap();
    assert_eq!(plan(directory.path(), json!({})).unwrap().1.instances, 1);
    let error = plan(directory.path(), json!({ "deidentify": true })).unwrap_err().to_string();
    assert!(error.contains("1.dcm: identified: Burned In Annotation is YES"), "{error}");
}

#[test]
fn an_instance_without_identity_is_still_valid() {
    for modality in [Modality::Ct, Modality::Mr, Modality::Cr, Modality::Dx, Modality::Mg, Modality::Pt, Modality::Nm] {
        let run = Run::new();
        let source = DatasetSource::Synthetic(Synthetic { modality, instances: 1, seed: 1 });
        let configuration = ClientConfiguration::new(source, vec![TransferSyntax::Original], false);
        let report = configure(&run, ClientConfiguration { deidentify: true, multiply: 2, ..configuration });
        assert_eq!(prepared(&report).instances, 2, "{report:?}");
        let (home, dataset) = index(&run, TransferSyntax::Original);
        for instance in &dataset.instances {
            let output = Command::new("dciodvfy").arg(home.join(&instance.file)).output().unwrap();
            let lines = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(lines.contains("IOD") || lines.contains("Image"), "dciodvfy names the IOD: {lines}");
            let errors: Vec<_> = lines.lines().filter(|line| line.starts_with("Error")).collect();
            assert!(errors.is_empty(), "{modality:?}: {errors:?}");
        }
    }
}

#[test]
fn copies_have_uids_of_their_own_and_are_the_same_in_every_run() {
    let directory = tempfile::tempdir().unwrap();
    for number in 1..=3 {
        fs::write(directory.path().join(format!("{number}.dcm")), object(CT, EXPLICIT, number)).unwrap();
    }
    let (_, single) = plan(directory.path(), json!({})).unwrap();
    let (request, plan) = plan(directory.path(), json!({ "multiply": 4 })).unwrap();
    assert_eq!((plan.instances, plan.bytes), (12, 4 * single.bytes));
    assert_ne!(plan.hash, single.hash);
    let make = || {
        let run = Run::new();
        let report = configure(&run, configuration(&request, &plan));
        let (home, dataset) = index(&run, TransferSyntax::Original);
        assert!(prepared(&report).patient_ids.is_empty() && dataset.renewable.is_none());
        let bytes: Vec<_> = dataset.instances.iter().map(|one| fs::read(home.join(&one.file)).unwrap()).collect();
        assert!(renewal::renew_uids(&dataset, &home).is_err(), "it was not prepared for it");
        (dataset, bytes)
    };
    let (dataset, bytes) = make();
    assert_eq!((dataset.clone(), bytes.clone()), make());
    let names: Vec<_> = dataset.instances.iter().map(|one| one.file.clone()).collect();
    assert_eq!(names, (1..=12).map(|number| format!("{number:06}.dcm")).collect::<Vec<_>>());
    // The first copy is the original.
    assert_eq!(bytes[1], object(CT, EXPLICIT, 2));
    for (number, copy) in dataset.instances.chunks(3).enumerate() {
        let studies: HashSet<_> = copy.iter().map(|one| &one.study_instance_uid).collect();
        assert_eq!(studies.len(), 1, "copy {number} is one study");
    }
    assert_eq!(uids_of(&dataset).len(), 4 + 4 + 12);
}

#[test]
fn a_directory_is_read_with_its_subdirectories_and_refused_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir_all(path("b/.hidden")).unwrap();
    fs::write(path("b/2.dcm"), object(CT, EXPLICIT, 2)).unwrap();
    fs::write(path("a.dcm"), object(CT, EXPLICIT, 1)).unwrap();
    for skipped in ["DICOMDIR", ".DS_Store", "b/.hidden/3.dcm"] {
        fs::write(path(skipped), "anything").unwrap();
    }
    // A circle of directories.
    std::os::unix::fs::symlink(directory.path(), path("b/up")).unwrap();
    let (_, whole) = plan(directory.path(), json!({})).unwrap();
    let DatasetSource::Directory { files, .. } = DatasetSource::local(&whole).unwrap() else { panic!("another") };
    assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a.dcm", "b/2.dcm"]);

    fs::write(path("b/notes.txt"), "no DICOM at all").unwrap();
    fs::write(path("c.dcm"), object(CT, EXPLICIT, 1)).unwrap();
    let error = plan(directory.path(), json!({})).unwrap_err().to_string();
    assert!(error.contains("2 of 4 files cannot be sent: b/notes.txt: not DICOM: "), "{error}");
    assert!(error.contains("c.dcm: SOP Instance UID 2.25.4000001 already in a.dcm"), "{error}");
    let (request, rest) = plan(directory.path(), json!({ "skipRefused": true })).unwrap();
    assert_eq!((rest.instances, rest.refused.len()), (2, 2));
    assert_eq!(rest.hash, whole.hash, "the same files are sent");
    let identified = plan(directory.path(), json!({ "skipRefused": true, "allowIdentified": false }));
    assert!(identified.unwrap_err().to_string().contains("identified: Patient ID present"));

    // A file that grew since the plan.
    fs::write(path("a.dcm"), object(CT, EXPLICIT, 77_777_777)).unwrap();
    let run = Run::new();
    let report = configure(&run, configuration(&request, &rest));
    let message = report.error.unwrap().message;
    assert!(message.contains("a.dcm has ") && message.contains("but the plan has"), "{message}");
}

#[test]
fn a_dataset_that_the_volume_cannot_take_fails_before_it_is_written() {
    let run = Run::new();
    let source = DatasetSource::Synthetic(Synthetic { modality: Modality::Dbt, instances: 100_000, seed: 1 });
    let report = configure(&run, ClientConfiguration::new(source, vec![TransferSyntax::Original], false));
    let error = report.error.unwrap();
    assert_eq!(error.name, "DatasetFailed");
    assert!(error.message.contains("it needs 398"), "{}", error.message);
    assert_eq!(fs::read_dir(run.home("dataset")).unwrap().count(), 0);
}
