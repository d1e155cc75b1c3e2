//! An Orthanc that a test starts without a service manager, from the files that the agent would write.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use dicomperf_agent::resources::Watched;
use dicomperf_agent::server::orthanc::Orthanc;
use dicomperf_agent::server::orthanc::build::InstalledBuild;
use dicomperf_agent::server::orthanc::configuration::{self, Paths};
use dicomperf_agent::server::orthanc::rest::OrthancRest;
use dicomperf_agent::server::{StartedServer as _, Supervised};
use dicomperf_agent::tls::Certificate;
use dicomperf_agent::versions;
use dicomperf_model::request::{OrthancBuild, Target};
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::{BuildSource, Collected, ServerAddress, ServerConfiguration};
use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::free_port;
use super::run::agent;

pub const PASSWORD: &str = "hush-hush-0123456789";

pub struct OrthancProcess {
    process: Child,
    pub address: ServerAddress,
    pub settings: ServerSettings,
    paths: Paths,
    _directory: TempDir,
}

/// A block's settings with the values that tests vary.
pub fn settings(tcp_no_delay: bool, tls: bool, orthanc: &[(&str, Value)]) -> ServerSettings {
    let orthanc = orthanc.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let orthanc_build = OrthancBuild::Distribution;
    ServerSettings { target: Target::Orthanc, tcp_no_delay, tls, max_pdu: 16_384, orthanc, orthanc_build }
}

impl OrthancProcess {
    pub fn start(settings: ServerSettings) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), settings)
    }

    /// Starts an Orthanc from a build, which is downloaded first.
    pub fn start_build(build: OrthancBuild, source: &BuildSource, settings: ServerSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let builds = Paths::in_directory(directory.path()).builds;
        InstalledBuild::of(&build, &builds).unwrap().download(source).unwrap();
        Self::start_in(directory, ServerSettings { orthanc_build: build, ..settings })
    }

    /// Starts Orthanc with its storage in this directory, and so on a file system of the test's choice.
    pub fn start_in(directory: TempDir, settings: ServerSettings) -> Self {
        let paths = Paths::in_directory(directory.path());
        let address = ServerAddress {
            address: "127.0.0.1".to_owned(),
            dicom_port: free_port(),
            rest_port: free_port(),
            ae_title: "ORTHANC".to_owned(),
            rest_user: "dicomperf".to_owned(),
            rest_password: PASSWORD.to_owned(),
            existing: None,
        };
        let wanted = ServerConfiguration {
            server: address.clone(),
            settings: settings.clone(),
            build: None,
            samples_url: String::new(),
        };
        let version = versions::orthanc(&directory.path().join("version")).expect("Orthanc");
        let mut keys = configuration::file(&wanted, &version, &paths).unwrap();
        // Jobs and retries would add seconds to each start, and no test needs them.
        keys.insert("SaveJobs".to_owned(), json!(false));
        fs::write(&paths.configuration, serde_json::to_vec(&keys).unwrap()).unwrap();
        fs::create_dir_all(&paths.storage).unwrap();
        if settings.tls {
            let made = Certificate::generate(&address).unwrap();
            fs::write(&paths.certificate.certificate, made.certificate).unwrap();
            fs::write(&paths.certificate.private_key, made.private_key).unwrap();
        }
        let supervised = configuration::supervised(&settings.orthanc_build, &paths, None);
        let process = supervisor(&supervised)
            .envs(configuration::environment(&settings))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let orthanc = Self { process, address, settings, paths, _directory: directory };
        orthanc.wait();
        orthanc
    }

    fn wait(&self) {
        for _ in 0..300 {
            if self.rest().system().is_ok() {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("Orthanc does not serve: {}", fs::read_to_string(&self.paths.log).unwrap_or_default());
    }

    /// Collects the configuration and environment as `server collect` does.
    pub fn collect(&self) -> Collected {
        let mut collected =
            Collected { versions: versions::host(), orthanc: BTreeMap::new(), environment: BTreeMap::new() };
        Orthanc::new(self.paths.clone(), &self.address).collect(&mut collected).unwrap();
        collected
    }

    pub fn rest(&self) -> OrthancRest {
        OrthancRest::new(&self.address)
    }

    /// Sends one file to this Orthanc, even while another program sends too.
    pub fn store(&self, file: &Path) {
        let mut command = Command::new("storescu");
        command.arg("127.0.0.1").arg(self.address.dicom_port.to_string()).arg(file);
        assert!(command.status().unwrap().success());
    }

    /// The server's certificate, PEM.
    pub fn certificate(&self) -> Vec<u8> {
        fs::read(&self.paths.certificate.certificate).unwrap()
    }

    /// Orthanc's own process, below its supervisor; `None` if it has ended.
    pub fn process(&self) -> Option<Pid> {
        let supervisor = self.process.id();
        let children = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    }

    /// The parts that a sampler watches.
    pub fn watched(&self) -> Watched {
        Watched {
            storage: Some(self.paths.storage.clone()),
            log: Some(self.paths.log.clone()),
            records: vec![self.paths.record.clone()],
            upload_url: None,
        }
    }

    /// Kills the supervisor, and Orthanc with it.
    pub fn stop(&mut self) {
        let orthanc = self.process();
        // The test may have stopped it.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let ends = || orthanc.is_none_or(|orthanc| test_kill_process(orthanc).is_err());
        // A zombie counts as ended for its ports, but only its new parent can remove it.
        for _ in 0..100 {
            if ends() || orthanc.is_some_and(is_zombie) {
                return;
            }
            sleep(Duration::from_millis(10));
        }
    }
}

/// True if a process has ended but was not waited for.
fn is_zombie(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|fields| fields.starts_with('Z'))
}

/// The agent's command that supervises a server.
pub fn supervisor(supervised: &Supervised) -> Command {
    let mut command = Command::new(agent());
    command.args(["supervise", "--name", &supervised.name, "--record"]).arg(&supervised.record);
    command.args(supervised.user.iter().flat_map(|user| ["--user", user]));
    command.arg("--").args(&supervised.command);
    command
}

impl Drop for OrthancProcess {
    fn drop(&mut self) {
        self.stop();
    }
}
