//! A server under test. Its methods have all the differences between one SCP and another.
//!
//! Every server is a [`ServerUnderTest`], which is the client's view of it. A server that a run starts on a host of its
//! own is a [`StartedServer`] too. A further server is one file beside [`orthanc`](super::orthanc), `sink` and `existing`,
//! and one line in [`server_under_test`](super::server_under_test).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dicomperf_model::measurement::{CleanupOutcome, HostVersions, ServerMetrics};
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::{BuildSource, Collected, ServerConfiguration};

use super::certificate::CertificatePaths;
use super::processes::ServerProcess;
use crate::client::dataset::Dataset;
use crate::failure::Failure;
use crate::home::RunHome;

/// An SCP, as the client sees it.
pub trait ServerUnderTest {
    /// The name in messages.
    fn name(&self) -> &'static str;

    /// True if the server belongs to somebody else. It cannot be emptied, so each iteration sends new instances.
    fn is_existing(&self) -> bool {
        false
    }

    /// Fails if the server's control interface does not answer.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn check_control_interface(&self) -> Result<(), Failure>;

    /// Deletes every instance on the server. Does nothing to an existing server.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn empty(&self) -> Result<(), Failure>;

    /// Asks the server for its contents after an iteration that sent this dataset. An existing server is asked for the
    /// dataset's studies only, and again until it has every acknowledged instance, by its SOP Instance UID. `None` if
    /// the server is not asked.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn contents(&self, sent: &Dataset, acknowledged: &BTreeSet<&str>) -> Result<Option<Contents>, Failure>;

    /// Deletes these studies, by their Study Instance UIDs. `None` if the run leaves the server's contents alone, or if
    /// the server is emptied anyway.
    fn delete_studies(&self, _study_instance_uids: &BTreeSet<String>) -> Option<CleanupOutcome> {
        None
    }

    /// The server's own metrics of an iteration that began at a time in ms since 1970-01-01 UTC; `None` if it has no
    /// metrics.
    fn metrics(&self, started_at_ms: u64) -> Option<ServerMetrics>;

    /// Fetches an instance back; `None` from a server that stores no instances or does not deliver them.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn fetch(&self, instance: &StoredInstance) -> Result<Option<Vec<u8>>, Failure>;

    /// True if the server may change pixel data with these settings.
    fn transcodes(&self, settings: &ServerSettings) -> bool;
}

/// A server that a run starts. Its own host installs, starts and checks it.
pub trait StartedServer: ServerUnderTest {
    /// Installs the server unless it is installed already.
    ///
    /// # Errors
    /// `InstallFailed`, `DeadlinePassed`, `HostFailed`.
    fn install(&self, home: &RunHome, deadline: Instant) -> Result<(), Failure>;

    /// Number of instances on the server.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn count(&self) -> Result<u64, Failure>;

    /// Downloads the block's build of the server, if it is not the installed one, and checks it.
    ///
    /// # Errors
    /// `BuildUnusable`, `HostFailed`.
    fn install_build(&self, _source: Option<&BuildSource>) -> Result<(), Failure> {
        Ok(())
    }

    /// Prepares the server's storage, while no server runs.
    ///
    /// # Errors
    /// `HostFailed`
    fn prepare_start(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Adds the server's version to those of the host, if the server is installed.
    fn add_version(&self, versions: &mut HostVersions, scratch: &Path);

    /// Every file with which the server is started for a block. This includes its unit, but not its certificate.
    ///
    /// # Errors
    /// `OrthancTooOld`, `HostFailed`.
    fn files(&self, block: &ServerConfiguration, versions: &HostVersions) -> Result<Vec<ServerFile>, Failure>;

    /// The certificate and key that the server uses for DICOM over TLS.
    fn certificate(&self) -> &CertificatePaths;

    /// The group through which the server's process reads secrets; `None` if the process is root's.
    fn group(&self) -> Option<&'static str>;

    /// The unit that starts the server.
    fn unit(&self) -> &'static str;

    /// A unit of the server's package, which may use the same ports.
    fn packaged_unit(&self) -> Option<&'static str> {
        None
    }

    /// The server's live processes: those of our unit and those of its package.
    ///
    /// # Errors
    /// `HostFailed`
    fn processes(&self) -> Result<Vec<ServerProcess>, Failure>;

    /// True if the server runs with the settings of a block.
    ///
    /// # Errors
    /// `HostFailed`
    fn runs_as(&self, settings: &ServerSettings) -> Result<bool, Failure>;

    /// The server's log, if it writes one.
    fn log(&self) -> Option<&Path>;

    /// The directory with the server's storage, if it stores anything.
    fn storage(&self) -> Option<&Path>;

    /// The record of the server's supervisor: the ends of its process.
    fn record(&self) -> &Path;

    /// Adds the server's live configuration, without secrets, and its environment, as far as they are available.
    ///
    /// # Errors
    /// `ServerUnreachable`, `HostFailed`.
    fn collect(&self, collected: &mut Collected) -> Result<(), Failure>;
}

/// A file with which a server is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFile {
    /// The file's path.
    pub path: PathBuf,
    /// The whole content.
    pub content: Vec<u8>,
    /// True if only root and the server's group may read it.
    pub is_secret: bool,
}

/// The contents of a server, or of the studies that it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The instances. The sink stores none, so it reports their SOP Instance UIDs only.
    pub instances: Vec<StoredInstance>,
    /// Number of received instances. An instance that was received twice counts twice.
    pub count: u64,
    /// Bytes: Orthanc's TotalUncompressedSize, or the bytes of the data sets that the sink discarded; `None` if the server
    /// does not tell.
    pub bytes: Option<u64>,
}

/// An instance on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInstance {
    /// The server's own id.
    pub id: String,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
}
