//! One synthetic instance of each modality, checked by tools that know DICOM better than we do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dicomperf_model::dataset::generate;
use dicomperf_model::request::{Modality, Synthetic};
use dicomperf_model::step::DatasetSource;
use dicomperf_testkit::{Cause, not_tested};
use tempfile::TempDir;

use crate::harness::orthanc::settings;
use crate::harness::run::{block, measurement_of};
use crate::harness::{OrthancProcess, Run};

const MODALITIES: [Modality; 10] = [
    Modality::Ct,
    Modality::Mr,
    Modality::Cr,
    Modality::Dx,
    Modality::Mg,
    Modality::Dbt,
    Modality::Xa,
    Modality::Us,
    Modality::Pt,
    Modality::Nm,
];

/// A program that reads each file in its arguments. It prints the name and the error of each invalid one.
const READ: &str = include_str!("read.py");

/// One file of each modality. Each file is named after its modality.
fn one_of_each() -> (TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let make = |modality| {
        let spec = Synthetic { modality, instances: 1, seed: 1 };
        let made = generate(&spec, directory.path(), |_| {}).unwrap();
        let path = directory.path().join(format!("{modality:?}.dcm"));
        fs::rename(&made[0].path, &path).unwrap();
        path
    };
    let files = MODALITIES.map(make).to_vec();
    (directory, files)
}

/// The stdout and stderr of a program that reads a file.
fn run_on(program: &str, arguments: &[&str], file: &Path) -> (String, String) {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{program} {}: {stdout}{stderr}", file.display());
    (stdout, stderr)
}

#[test]
fn dcmdump_and_dciodvfy_find_nothing_wrong() {
    let (_directory, files) = one_of_each();
    for file in &files {
        assert_eq!(run_on("dcmdump", &[], file).1, "", "{}", file.display());
        // The output has the name of the IOD, and then one error or warning per line.
        let (stdout, stderr) = run_on("dciodvfy", &[], file);
        let lines: Vec<_> = stdout.lines().chain(stderr.lines()).collect();
        assert_eq!(lines.len(), 1, "{}: {lines:?}", file.display());
    }
}

#[test]
fn orthanc_stores_every_modality() {
    let (_directory, files) = one_of_each();
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let port = orthanc.address.dicom_port.to_string();
    let output = Command::new("storescu")
        .args(["--required", "127.0.0.1", &port])
        .args(&files)
        .env("TCP_NODELAY", "1")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, MODALITIES.len() as u64);
}

#[test]
fn pydicom_reads_every_element_and_pixel() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    let has_pydicom = Command::new(&python).args(["-c", "import numpy, pydicom"]).output();
    if !has_pydicom.is_ok_and(|output| output.status.success()) {
        return not_tested(Cause::Missing("no pydicom and numpy in .venv (make install)"));
    }
    let (_directory, files) = one_of_each();
    let output = Command::new(&python).args(["-W", "error", "-c", READ]).args(&files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn a_mix_is_measured() {
    let run = Run::new();
    let spec = Synthetic { modality: Modality::Mix, instances: 40, seed: 1 };
    run.configure_client(DatasetSource::Synthetic(spec)).succeeds();
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let report = run.measure(0, block(&orthanc, &[2], 0, 1)).succeeds();
    assert!(measurement_of(&report).iterations[0].valid, "{report:?}");
}
