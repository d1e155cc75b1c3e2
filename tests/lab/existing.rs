//! A run against a server that exists already: an Orthanc that the test starts on this machine.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use dicomperf_model::keys::RunKeys;
use dicomperf_testkit::{Cause, free_port, not_tested};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Lab, command, printed, setting};

const USER: &str = "perf";
const PASSWORD: &str = "hush-hush-0123456789";

/// Docker's bridge: the hosts reach this machine at it. The lab's stack allows every port of it (lab/deploy).
fn address() -> String {
    setting("DICOMPERF_LAB_ADDRESS")
}

/// An Orthanc that no run has started.
struct Pacs {
    process: Child,
    dicom_port: u16,
    rest_port: u16,
    _directory: TempDir,
}

impl Pacs {
    /// Starts Orthanc; `None` if it is not installed.
    fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (dicom_port, rest_port) = (free_port(), free_port());
        let configuration = json!({
            "Name": "PACS", "DicomAet": "PACS", "DicomPort": dicom_port, "DicomCheckCalledAet": true,
            "StorageDirectory": directory.path().join("storage"), "IndexDirectory": directory.path().join("storage"),
            "DicomAlwaysAllowFind": true, "HttpPort": rest_port, "RemoteAccessAllowed": true,
            "AuthenticationEnabled": true, "RegisteredUsers": { USER: PASSWORD }, "Plugins": [],
        });
        let file = directory.path().join("orthanc.json");
        std::fs::write(&file, configuration.to_string()).unwrap();
        let mut orthanc = Command::new("/usr/sbin/Orthanc");
        let started = orthanc.arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(process) = started else {
            not_tested(Cause::Missing("no Orthanc: make install"));
            return None;
        };
        let mut pacs = Self { process, dicom_port, rest_port, _directory: directory };
        for _ in 0..300 {
            if pacs.get("/system").is_some() {
                return Some(pacs);
            }
            assert_eq!(pacs.process.try_wait().unwrap(), None, "Orthanc ended");
            sleep(Duration::from_millis(100));
        }
        panic!("Orthanc does not serve");
    }

    /// Returns an answer of its REST interface.
    fn get(&self, path: &str) -> Option<Value> {
        let (user, url) = (format!("{USER}:{PASSWORD}"), format!("{}{path}", self.url()));
        let answer = command("curl", &["-sf", "--user", &user, &url]);
        answer.status.success().then(|| serde_json::from_slice(&answer.stdout).unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}:{}", address(), self.rest_port)
    }

    /// Returns the number of instances that it holds.
    fn instances(&self) -> u64 {
        self.get("/statistics").unwrap()["CountInstances"].as_u64().unwrap()
    }

    /// Returns events/existing-server.json for this server, with fewer instances and iterations.
    fn request(&self) -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/existing-server.json");
        let mut request: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        request["dataset"] = json!({ "synthetic": { "instances": 6 } });
        request["client"] = json!({ "ami": setting("DICOMPERF_LAB_AMI_WITH_PACKAGES") });
        let existing = request["server"]["existing"].as_object_mut().unwrap();
        existing.extend([("address".to_owned(), json!(address())), ("port".to_owned(), json!(self.dicom_port))]);
        for (field, value) in [("iterations", 2), ("warmup", 0), ("rounds", 2)] {
            request[field] = json!(value);
        }
        request
    }
}

impl Drop for Pacs {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_run_against_an_existing_server_launches_one_host_and_leaves_none() {
    let Some(pacs) = Pacs::start() else { return };
    let lab = Lab::new().await;
    let parameter = format!("/dicomperf/{}", lab.new_id("pacs"));
    let content = json!({ "user": USER, "password": PASSWORD }).to_string();
    printed("aws", &["ssm", "put-parameter", "--name", &parameter, "--type", "SecureString", "--value", &content]);
    let mut request = pacs.request();
    let existing = request["server"]["existing"].as_object_mut().unwrap();
    existing.extend([
        ("url".to_owned(), json!(pacs.url())),
        ("credentials".to_owned(), json!(parameter)),
        ("cleanup".to_owned(), json!("orthanc")),
    ]);
    let run = lab.start("existing", request).await;
    run.measured(0, 1).await;
    assert_eq!(lab.hosts_of(&run.id).await.len(), 1);
    let finished = run.finish().await;
    let report = finished.succeeded();
    assert_eq!(report["verdict"], "passed", "{report}");
    assert!(lab.hosts_of(&finished.id).await.is_empty());
    let course: Value = lab.json(&RunKeys(&finished.id).launch()).await.unwrap();
    assert_eq!(course["launched"], json!({ "client": "t3.micro" }));

    let of = &report["fingerprintOf"];
    assert_eq!((&of["serverType"], &of["clientType"]), (&Value::Null, &json!("t3.micro")));
    assert_eq!((&of["existing"]["address"], &of["existing"]["aeTitle"]), (&json!(address()), &json!("PACS")));
    let version = of["existing"]["implementationVersionName"].as_str().unwrap();
    assert!(version.contains("DCMTK"), "Orthanc announces DCMTK's name: {version}");
    let scenarios = report["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 2);
    for iteration in scenarios.iter().flat_map(|one| one["iterations"].as_array().unwrap()) {
        assert_eq!((&iteration["valid"], &iteration["instancesStored"]), (&json!(true), &json!(6)), "{iteration}");
    }
    assert_eq!(pacs.instances(), 0, "cleanup deletes the run's studies");
    // The password is in the step documents, which expire. No file that stays has it.
    for key in lab.keys(&finished.id).await {
        let file = lab.file(&format!("{}{key}", RunKeys(&finished.id).prefix())).await.unwrap();
        assert!(!String::from_utf8_lossy(&file).contains(PASSWORD), "{key} has the password");
    }
}

#[tokio::test]
async fn a_server_that_is_not_allowed_is_refused_and_nothing_is_launched() {
    let lab = Lab::new().await;
    let existing = json!({ "address": "192.0.2.7", "port": 104, "aeTitle": "PACS" });
    let finished = lab.start("not-allowed", json!({ "server": { "existing": existing } })).await.finish().await;
    let cause = &finished.failed_with("InvalidRequest").cause;
    let allowed = address();
    let expected = format!(
        "server.existing.address: is 192.0.2.7:104; allowed: {allowed}:*, the stack's parameter AllowedServers"
    );
    assert!(cause.contains(&expected), "{cause}");
    assert!(lab.hosts_of(&finished.id).await.is_empty());
    assert!(lab.keys(&finished.id).await.iter().all(|key| key != "plan.json"));
}
