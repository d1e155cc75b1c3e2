//! Orthanc as the server under test: Debian's package, with our own configuration, environment and unit.

pub mod build;
pub mod configuration;
pub mod rest;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use dicomperf_model::measurement::HostVersions;
use dicomperf_model::measurement::ServerMetrics;
use dicomperf_model::request::OrthancBuild;
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::{BuildSource, Collected, ServerAddress, ServerConfiguration};
use serde_json::{Map, Value, json};

use super::certificate::CertificatePaths;
use super::processes::{self, ServerProcess};
use super::systemd;
use super::under_test::{Contents, ServerFile, ServerUnderTest, StartedServer, StoredInstance};
use crate::client::dataset::Dataset;
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::{packages, versions};
use build::InstalledBuild;
use configuration::Paths;
use rest::OrthancRest;

/// Orthanc's name in the kernel (proc_pid_comm(5)).
const PROCESS_NAME: &str = "Orthanc";
/// The unit of Debian's package. It names a PID file that Orthanc never writes.
const PACKAGED_UNIT: &str = "orthanc.service";
/// The configuration with which Debian's unit starts Orthanc.
const PACKAGED_CONFIGURATION: &str = "/etc/orthanc";
/// Orthanc reports a maximum for this long.
pub(super) const METRICS_WINDOW_MS: u64 = 10_000;
/// Prefixes of the environment variables that affect DICOM: DCMTK's network variables, the allocator, preloaded
/// libraries.
const DICOM_VARIABLES: &[&str] = &["TCP_NODELAY", "TCP_BUFFER_LENGTH", "MALLOC_", "LD_PRELOAD", "GLIBC_TUNABLES"];

/// Orthanc. Its own host uses its files and processes; any host can use its REST interface.
pub struct Orthanc {
    paths: Paths,
    build: OrthancBuild,
    rest: OrthancRest,
}

impl Orthanc {
    /// The Orthanc of an installed server, at this address.
    #[must_use]
    pub fn installed(address: &ServerAddress) -> Self {
        Self::new(Paths::installed(), address)
    }

    /// An Orthanc with its files anywhere.
    #[must_use]
    pub fn new(paths: Paths, address: &ServerAddress) -> Self {
        Self { paths, build: OrthancBuild::Distribution, rest: OrthancRest::new(address) }
    }

    /// The same Orthanc, run from a build.
    #[must_use]
    pub fn with_build(self, build: OrthancBuild) -> Self {
        Self { build, ..self }
    }

    /// The process of Orthanc with our configuration; `None` if it does not run.
    fn running_process(&self) -> Result<Option<ServerProcess>, Failure> {
        let configuration = self.paths.configuration.display().to_string();
        let processes = processes::find_by_name(PROCESS_NAME)?;
        Ok(processes.into_iter().find(|process| process.was_started_with(&configuration)))
    }
}

impl ServerUnderTest for Orthanc {
    fn name(&self) -> &'static str {
        "Orthanc"
    }

    fn check_control_interface(&self) -> Result<(), Failure> {
        self.rest.system().map(|_| ())
    }

    fn empty(&self) -> Result<(), Failure> {
        self.rest.empty()
    }

    fn contents(&self, _sent: &Dataset, _acknowledged: &BTreeSet<&str>) -> Result<Option<Contents>, Failure> {
        let statistics = self.rest.statistics()?;
        let instances = self.rest.instances()?;
        let count = instances.len() as u64;
        Ok(Some(Contents { instances, count, bytes: Some(statistics.total_uncompressed_size) }))
    }

    fn metrics(&self, started_at_ms: u64) -> Option<ServerMetrics> {
        // A maximum has the time at which it was set, and Orthanc replaces it only by a greater one.
        self.rest.metrics(started_at_ms.saturating_sub(METRICS_WINDOW_MS)).ok()
    }

    fn fetch(&self, instance: &StoredInstance) -> Result<Option<Vec<u8>>, Failure> {
        self.rest.file(&instance.id).map(Some)
    }

    fn transcodes(&self, settings: &ServerSettings) -> bool {
        settings.orthanc.contains_key("IngestTranscoding")
    }
}

impl StartedServer for Orthanc {
    fn install(&self, home: &RunHome, deadline: Instant) -> Result<(), Failure> {
        systemd::mask(PACKAGED_UNIT)?;
        // A build needs the package too: for the user, the directories, and for a build that is a wrapper.
        packages::install("orthanc", home, deadline)
    }

    fn count(&self) -> Result<u64, Failure> {
        self.rest.statistics().map(|statistics| statistics.count_instances)
    }

    fn install_build(&self, source: Option<&BuildSource>) -> Result<(), Failure> {
        match (InstalledBuild::of(&self.build, &self.paths.builds), source) {
            (Some(build), Some(source)) => build.download(source),
            (Some(build), None) => Err(Failure::BuildUnusable {
                key: build.program.display().to_string(),
                reason: "the step's document has no URL for it".to_owned(),
            }),
            (None, _) => Ok(()),
        }
    }

    /// Deletes the contents that another build has left: a newer build's database may not be an older one's.
    fn prepare_start(&self) -> Result<(), Failure> {
        storage::claim(&self.paths.storage, &self.build)
    }

    fn add_version(&self, versions: &mut HostVersions, scratch: &Path) {
        versions.orthanc = match &self.build {
            OrthancBuild::Distribution => versions::orthanc(scratch),
            build @ OrthancBuild::S3(_) => {
                let program = configuration::program(build, &self.paths);
                let version = versions::orthanc_of(&program, Some(configuration::GROUP_NAME), scratch);
                version.inspect_err(|reason| tracing::warn!("{reason}")).ok()
            }
        };
    }

    fn files(&self, block: &ServerConfiguration, versions: &HostVersions) -> Result<Vec<ServerFile>, Failure> {
        let version = versions.orthanc.as_deref().ok_or_else(|| Failure::ServerNotStarted {
            server: self.name().to_owned(),
            reason: format!(
                "{} does not run, or reports no version",
                configuration::program(&self.build, &self.paths).display()
            ),
        })?;
        let keys = configuration::file(block, version, &self.paths)?;
        let path = self.paths.configuration.clone();
        let content = serde_json::to_vec_pretty(&keys).while_path("write", &path)?;
        let agent = std::env::current_exe().while_doing(|| "find the agent's own binary".to_owned())?;
        let unit = configuration::unit(&block.settings, &self.paths, &agent).into_bytes();
        Ok(vec![
            ServerFile { path, content, is_secret: true },
            ServerFile { path: self.paths.unit.clone(), content: unit, is_secret: false },
        ])
    }

    fn certificate(&self) -> &CertificatePaths {
        &self.paths.certificate
    }

    fn group(&self) -> Option<&'static str> {
        Some(configuration::GROUP_NAME)
    }

    fn unit(&self) -> &'static str {
        configuration::UNIT_NAME
    }

    fn packaged_unit(&self) -> Option<&'static str> {
        Some(PACKAGED_UNIT)
    }

    fn processes(&self) -> Result<Vec<ServerProcess>, Failure> {
        let ours = self.paths.configuration.display().to_string();
        let mut processes = processes::find_by_name(PROCESS_NAME)?;
        processes.retain(|process| {
            [PACKAGED_CONFIGURATION, &ours].iter().any(|&argument| process.was_started_with(argument))
        });
        Ok(processes)
    }

    fn runs_as(&self, settings: &ServerSettings) -> Result<bool, Failure> {
        let Some(process) = self.running_process()? else { return Ok(false) };
        // A process that has ended meanwhile does not run.
        let environment = process.environment().unwrap_or_default();
        let wanted = configuration::environment(settings);
        let has_environment = wanted.iter().all(|(name, value)| environment.contains(&format!("{name}={value}")));
        // A build may be a wrapper that becomes another program. Its supervisor names the build.
        let program = configuration::program(&settings.orthanc_build, &self.paths).display().to_string();
        let supervisors = processes::find_supervisors(&self.paths.record)?;
        Ok(has_environment && supervisors.iter().any(|supervisor| supervisor.was_started_with(&program)))
    }

    fn log(&self) -> Option<&Path> {
        Some(&self.paths.log)
    }

    fn storage(&self) -> Option<&Path> {
        Some(&self.paths.storage)
    }

    fn record(&self) -> &Path {
        &self.paths.record
    }

    fn collect(&self, collected: &mut Collected) -> Result<(), Failure> {
        collected.environment = self.running_process()?.as_ref().map(dicom_variables).unwrap_or_default();
        let path = &self.paths.configuration;
        let file = fs::read(path).while_path("read", path)?;
        let keys: Map<String, Value> = serde_json::from_slice(&file).while_path("read", path)?;
        collected.orthanc.insert("configuration".to_owned(), json!(configuration::redact(keys)));
        collected.orthanc.insert("system".to_owned(), self.rest.system()?);
        Ok(())
    }
}

fn dicom_variables(process: &ServerProcess) -> BTreeMap<String, Value> {
    // A process that has ended has no environment. Its REST interface does not answer then.
    let environment = process.environment().unwrap_or_default();
    let variables = environment.iter().filter_map(|variable| variable.split_once('='));
    variables
        .filter(|(name, _)| DICOM_VARIABLES.iter().any(|prefix| name.starts_with(prefix)))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}
