//! A machine with nothing but the binary: no home, no search path, no root, and a network of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use dicomperf_testkit::{Cause, not_tested};
use serde_json::json;

use crate::harness::archives::ArchiveProcess;
use crate::harness::orthanc::{OrthancProcess, settings};
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::storescp::Storescp;

/// A user without rights.
const NOBODY: &str = "65534";
/// Set in the process that has a network namespace of its own.
const IN_NAMESPACE: &str = "DICOMPERF_TEST_IN_NAMESPACE";

#[test]
fn the_binary_alone_measures_every_kind_of_server_as_a_user_without_rights_in_a_network_of_its_own() {
    if std::env::var_os(IN_NAMESPACE).is_some() {
        return measure_every_server();
    }
    // The servers and the measurements share a network namespace that has loopback only.
    let name =
        "nothing::the_binary_alone_measures_every_kind_of_server_as_a_user_without_rights_in_a_network_of_its_own";
    let mut command = Command::new("unshare");
    command.arg("--net").arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]);
    let output = command.env(IN_NAMESPACE, "yes").output();
    let Some(output) = output.ok().filter(|output| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        !stderr.contains("unshare failed") && !stderr.contains("Operation not permitted")
    }) else {
        return not_tested(Cause::Missing("no permission for a network namespace"));
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn measure_every_server() {
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap();
    assert!(status.success());
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_dicomperf"), directory.path().join("dicomperf")).unwrap();
    let measure = |title: &str, port: u16, receipt: &str| measure(directory.path(), title, port, receipt);

    let orthanc = OrthancProcess::start(settings(true, false, &[("DicomAlwaysAllowFind", json!(true))]));
    measure("ORTHANC", orthanc.address.dicom_port, "c-find");
    let sink = SinkProcess::start(plain());
    measure("SINK", sink.document.dicom_port, "none");
    let dcmqrscp = ArchiveProcess::dcmqrscp("ANY");
    measure("PACS", dcmqrscp.port, "c-find");
    let nowhere = tempfile::tempdir().unwrap();
    let storescp = Storescp::start(nowhere.path(), &["--ignore"]);
    measure("STORESCP", storescp.port, "none");
    match ArchiveProcess::qrscp() {
        Some(qrscp) => measure("QRSCP", qrscp.port, "c-find"),
        None => not_tested(Cause::Missing("no pynetdicom with sqlalchemy: make install")),
    }
}

/// Measures a server with the binary in a directory, without any variable but that of the temporary directory.
fn measure(directory: &Path, title: &str, port: u16, receipt: &str) {
    let out = directory.join(title);
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    command.args(["env", "-i", &format!("TMPDIR={}", directory.display()), "./dicomperf", "measure"]);
    command.arg(format!("{title}@127.0.0.1:{port}")).args(["--receipt", receipt, "--associations", "1"]);
    command.args(["--instances", "5", "--iterations", "2", "--out"]).arg(&out);
    let output = command.current_dir(directory).output().unwrap();
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{title}: {words}");
    assert!(words.contains("2 valid of 2 iterations"), "{title}: {words}");
    for name in ["report.html", "report.md", "report.json", "measure.log"] {
        assert!(out.join(name).metadata().is_ok_and(|metadata| metadata.len() > 0), "{title}: {name}");
    }
}
