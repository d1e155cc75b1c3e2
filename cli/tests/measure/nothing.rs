//! A machine with nothing but the binary: no home, no search path, no root, and a network of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use dicomperf_testkit::{Cause, not_tested};

use crate::harness::run::agent;
use crate::harness::sink::plain;

/// A user without rights.
const NOBODY: &str = "65534";

#[test]
fn the_binary_alone_measures_as_a_user_without_rights_in_a_network_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let binary = directory.path().join("dicomperf");
    fs::copy(env!("CARGO_BIN_EXE_dicomperf"), &binary).unwrap();
    let (sink, out) = (plain(), directory.path().join("out"));
    let document = directory.path().join("sink.json");
    fs::write(&document, serde_json::to_vec(&sink).unwrap()).unwrap();
    // The sink and the measurement share a network namespace that has loopback only.
    let script = format!(
        "ip link set lo up
         {agent} sink {document} >/dev/null 2>&1 & server=$!
         trap 'kill $server' EXIT
         cd {directory}
         for _ in $(seq 100); do (: </dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.05; done
         setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups env -i TMPDIR={directory} \
            ./dicomperf measure SINK@127.0.0.1:{port} --receipt none --instances 5 --iterations 1 --out {out}
         exit $?",
        agent = agent().display(),
        document = document.display(),
        directory = directory.path().display(),
        port = sink.dicom_port,
        out = out.display(),
    );
    let output = Command::new("timeout").args(["120", "unshare", "--net", "bash", "-c", &script]).output();
    let Some(output) = output.ok().filter(|output| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        !stderr.contains("unshare failed") && !stderr.contains("Operation not permitted")
    }) else {
        return not_tested(Cause::Missing("no permission for a network namespace"));
    };
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert!(words.contains("2 valid of 2 iterations"), "{words}");
    for name in ["report.html", "report.md", "report.json", "measure.log"] {
        assert!(out.join(name).metadata().is_ok_and(|metadata| metadata.len() > 0), "{name}");
    }
}
