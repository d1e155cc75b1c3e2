//! The sink as the server under test: the agent's own SCP, run as a service.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dicomperf_model::measurement::HostVersions;
use dicomperf_model::measurement::ServerMetrics;
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::{Collected, ServerAddress, ServerConfiguration};

use super::certificate::CertificatePaths;
use super::processes::{self, ServerProcess};
use super::supervisor::Supervised;
use super::systemd::{supervised_unit_text, unit_path};
use super::under_test::{Contents, ServerFile, ServerUnderTest, StartedServer, StoredInstance};
use super::unprivileged;
use crate::client::dataset::Dataset;
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::rest::Rest;
use crate::sink::{Counted, INSTANCES_PATH, SinkDocument};

/// The name of the sink's unit.
const UNIT_NAME: &str = "dicomperf-sink.service";
/// The document with which the sink is started.
const DOCUMENT_PATH: &str = "/etc/dicomperf/sink.json";
/// The record of the sink's supervisor.
const RECORD_PATH: &str = "/run/dicomperf/sink-ends.jsonl";
/// The longest wait for an answer. Counting itself is instant.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The sink. Its own host uses its files and processes; any host can use its control interface.
pub(super) struct Sink {
    certificate: CertificatePaths,
    control: Rest,
}

impl Sink {
    /// The sink at this address.
    pub fn new(address: &ServerAddress) -> Self {
        let control = Rest::new("the sink's control interface", address, ANSWER_TIMEOUT);
        Self { certificate: CertificatePaths::installed(), control }
    }

    fn counted(&self) -> Result<Counted, Failure> {
        self.control.json(INSTANCES_PATH)
    }

    fn document(&self, block: &ServerConfiguration) -> SinkDocument {
        let ServerConfiguration { server, settings, .. } = block;
        SinkDocument {
            address: "0.0.0.0".to_owned(),
            dicom_port: server.dicom_port,
            control_port: server.rest_port,
            ae_title: server.ae_title.clone(),
            max_pdu: settings.max_pdu,
            tcp_no_delay: settings.tcp_no_delay,
            tls: settings.tls,
            certificate: settings.tls.then(|| self.certificate.certificate.clone()),
            private_key: settings.tls.then(|| self.certificate.private_key.clone()),
            rest_user: server.rest_user.clone(),
            rest_password: server.rest_password.clone(),
            delay_us: 0,
            one_at_a_time: false,
            delay_growth_us: 0,
        }
    }
}

impl ServerUnderTest for Sink {
    fn name(&self) -> &'static str {
        "the sink"
    }

    fn check_control_interface(&self) -> Result<(), Failure> {
        self.counted().map(|_| ())
    }

    fn empty(&self) -> Result<(), Failure> {
        self.control.delete(INSTANCES_PATH)
    }

    fn contents(&self, _sent: &Dataset, _acknowledged: &BTreeSet<&str>) -> Result<Option<Contents>, Failure> {
        let counted = self.counted()?;
        let named = |sop_instance_uid| StoredInstance { id: String::new(), sop_instance_uid };
        Ok(Some(Contents {
            instances: counted.sop_instance_uids.into_iter().map(named).collect(),
            count: counted.count,
            bytes: Some(counted.dataset_bytes),
        }))
    }

    fn metrics(&self, _started_at_ms: u64) -> Option<ServerMetrics> {
        None
    }

    fn fetch(&self, _instance: &StoredInstance) -> Result<Option<Vec<u8>>, Failure> {
        Ok(None)
    }

    fn transcodes(&self, _settings: &ServerSettings) -> bool {
        false
    }
}

impl StartedServer for Sink {
    /// Makes the sink's user. The agent itself is already installed.
    fn install(&self, home: &RunHome, deadline: Instant) -> Result<(), Failure> {
        unprivileged::ensure_user(home, deadline)
    }

    fn count(&self) -> Result<u64, Failure> {
        self.counted().map(|counted| counted.count)
    }

    /// Does nothing: the sink's version is that of the agent.
    fn add_version(&self, _versions: &mut HostVersions, _scratch: &Path) {}

    fn files(&self, block: &ServerConfiguration, _versions: &HostVersions) -> Result<Vec<ServerFile>, Failure> {
        let agent = std::env::current_exe().while_doing(|| "find the agent's own binary".to_owned())?;
        let supervised = Supervised {
            name: "sink".to_owned(),
            record: RECORD_PATH.into(),
            user: Some(unprivileged::USER.to_owned()),
            command: vec![agent.display().to_string(), "sink".to_owned(), DOCUMENT_PATH.to_owned()],
        };
        let unit = supervised_unit_text(
            "The sink, which receives in place of a server, for dicomperf",
            &supervised,
            &agent,
            unprivileged::SUPERVISED_LINES,
        );
        let path = PathBuf::from(DOCUMENT_PATH);
        let content = serde_json::to_vec_pretty(&self.document(block)).while_path("write", &path)?;
        Ok(vec![
            ServerFile { path, content, is_secret: true },
            ServerFile { path: unit_path(UNIT_NAME), content: unit.into_bytes(), is_secret: false },
        ])
    }

    fn certificate(&self) -> &CertificatePaths {
        &self.certificate
    }

    fn group(&self) -> Option<&'static str> {
        Some(unprivileged::USER)
    }

    fn unit(&self) -> &'static str {
        UNIT_NAME
    }

    fn processes(&self) -> Result<Vec<ServerProcess>, Failure> {
        let mut processes = processes::find_by_argument(DOCUMENT_PATH)?;
        processes.retain(|process| !process.is_supervisor());
        Ok(processes)
    }

    /// True if the sink runs: its file has all of its settings.
    fn runs_as(&self, _settings: &ServerSettings) -> Result<bool, Failure> {
        Ok(!self.processes()?.is_empty())
    }

    fn log(&self) -> Option<&Path> {
        None
    }

    fn storage(&self) -> Option<&Path> {
        None
    }

    fn record(&self) -> &Path {
        Path::new(RECORD_PATH)
    }

    fn collect(&self, _collected: &mut Collected) -> Result<(), Failure> {
        Ok(())
    }
}
