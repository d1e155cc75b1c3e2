//! A server under test: everything that differs from one SCP to another.
//!
//! A further server is one file beside [`orthanc`](super::orthanc) and `sink`, and one line in
//! [`server_under_test`](super::server_under_test).

use std::path::{Path, PathBuf};
use std::time::Instant;

use dicomperf::measurement::ServerMetrics;
use dicomperf::plan::ServerSettings;
use dicomperf::step::{Collected, HostVersions, ServerConfiguration};

use super::certificate::CertificatePaths;
use super::processes::ServerProcess;
use crate::failure::Failure;
use crate::home::RunHome;

/// An SCP: on its own host it is installed, started and proved; from the client it is emptied and asked what it holds.
pub trait ServerUnderTest {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    /// Installs it unless it is there.
    ///
    /// # Errors
    /// `InstallFailed`, `DeadlinePassed`, `HostFailed`.
    fn install(&self, home: &RunHome, deadline: Instant) -> Result<(), Failure>;

    /// Adds its version to those of the host, if it is installed.
    fn add_version(&self, versions: &mut HostVersions, scratch: &Path);

    /// Everything that it is started with for a block, its unit included, but not its certificate.
    ///
    /// # Errors
    /// `OrthancTooOld`, `HostFailed`.
    fn files(&self, block: &ServerConfiguration, versions: &HostVersions) -> Result<Vec<ServerFile>, Failure>;

    /// The certificate and key that it shows where DICOM goes over TLS.
    fn certificate(&self) -> &CertificatePaths;

    /// The group that its process reads secrets with; `None` if it is root's.
    fn group(&self) -> Option<&'static str>;

    /// The unit that starts it.
    fn unit(&self) -> &'static str;

    /// A unit of its package, which may hold the same ports.
    fn packaged_unit(&self) -> Option<&'static str> {
        None
    }

    /// Its processes that are alive: those of our unit and those of its package.
    ///
    /// # Errors
    /// `HostFailed`
    fn processes(&self) -> Result<Vec<ServerProcess>, Failure>;

    /// True if it runs as a block asks for.
    ///
    /// # Errors
    /// `HostFailed`
    fn runs_as(&self, settings: &ServerSettings) -> Result<bool, Failure>;

    /// Fails if its control interface does not answer.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn answers(&self) -> Result<(), Failure>;

    /// Its log, if it writes one.
    fn log(&self) -> Option<&Path>;

    /// Adds its live configuration, without secrets, and its environment, as far as they can be had.
    ///
    /// # Errors
    /// `ServerUnreachable`, `HostFailed`.
    fn collect(&self, collected: &mut Collected) -> Result<(), Failure>;

    /// Makes it forget every instance.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn empty(&self) -> Result<(), Failure>;

    /// Asks it for everything that it holds.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn contents(&self) -> Result<Contents, Failure>;

    /// Its own figures of an iteration that began at a time in ms since 1970-01-01 UTC, if it has any.
    fn metrics(&self, started_at_ms: u64) -> Option<ServerMetrics>;

    /// Fetches an instance back; `None` from a server that keeps no instances.
    ///
    /// # Errors
    /// `ServerUnreachable`
    fn fetch(&self, instance: &StoredInstance) -> Result<Option<Vec<u8>>, Failure>;

    /// True if it may change pixel data with these settings.
    fn transcodes(&self, settings: &ServerSettings) -> bool;
}

/// A file that a server is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFile {
    /// Its path.
    pub path: PathBuf,
    /// All of it.
    pub content: Vec<u8>,
    /// Only root and the server's group may read it.
    pub is_secret: bool,
}

/// Everything that a server holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Its instances; of the sink, which keeps none, their SOP Instance UIDs.
    pub instances: Vec<StoredInstance>,
    /// Number of instances that it received. One that came twice counts twice.
    pub count: u64,
    /// Bytes: Orthanc's TotalUncompressedSize, or those of the data sets that the sink discarded.
    pub bytes: u64,
}

/// An instance that a server holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInstance {
    /// The server's own id.
    pub id: String,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
}
