//! `server collect`: what the server was, for whoever reads the results.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use dicomperf::step::{Collect, Collected, StepOutput};
use serde_json::{Map, Value, json};

use super::configuration::{self, Paths};
use super::{processes::ServerProcess, service, sink, unit};
use crate::failure::{Failure, While as _};
use crate::home::RunHome;
use crate::orthanc::Orthanc;
use crate::reporter::{Reporter, WorkEnd};
use crate::upload::{Patience, Uploader};
use crate::{resources, versions};

/// The most of Orthanc's log that is kept, from its end.
const LOG_BYTES: u64 = 16_000_000;
/// What in a process's environment bears on DICOM: DCMTK's network variables, the allocator, preloaded libraries.
const ENVIRONMENT: &[&str] = &["TCP_NODELAY", "TCP_BUFFER_LENGTH", "MALLOC_", "LD_PRELOAD", "GLIBC_TUNABLES"];

/// `server collect`: versions, live configuration, environment and log.
///
/// # Errors
/// `ServerUnreachable`, `HostFailed`.
pub fn collect(collect: &Collect, home: &RunHome, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
    reporter.stage(0, 2, "collecting Orthanc's configuration");
    let paths = Paths::installed();
    let mut versions = versions::host();
    versions.orthanc = versions::orthanc(&home.path("version.out"));
    let environment = service::running(&paths)?.as_ref().map(bearing_on_dicom).unwrap_or_default();
    // The log comes first: it is wanted most where Orthanc does not answer.
    reporter.stage(1, 2, "collecting Orthanc's log");
    match end_of(&paths.log) {
        Ok(log) => {
            let uploaded =
                Uploader::new().put(&collect.orthanc_log_url, &log, "text/plain; charset=utf-8", Patience::Much);
            if let Err(error) = uploaded {
                tracing::warn!("Orthanc's log: {error}");
            }
        }
        Err(error) => tracing::warn!("{}: {error}", paths.log.display()),
    }
    unit::stop_sampler(home, reporter.deadline())?;
    resources::upload(home, &collect.samples_url);
    if !sink::processes()?.is_empty() {
        // The last block was the sink's: there is no Orthanc to ask.
        let (orthanc, environment) = (BTreeMap::new(), BTreeMap::new());
        reporter.set_output(StepOutput::Collected(Collected { versions, orthanc, environment }));
        return Ok(WorkEnd::Done);
    }
    let file = fs::read(&paths.configuration).at("read", &paths.configuration)?;
    let keys: Map<String, Value> = serde_json::from_slice(&file).at("read", &paths.configuration)?;
    let mut orthanc = BTreeMap::from([("configuration".to_owned(), json!(configuration::redacted(keys)))]);
    let system = Orthanc::new(&collect.server).system();
    if let Ok(system) = &system {
        orthanc.insert("system".to_owned(), system.clone());
    }
    reporter.set_output(StepOutput::Collected(Collected { versions, orthanc, environment }));
    system.map(|_| WorkEnd::Done)
}

fn bearing_on_dicom(process: &ServerProcess) -> BTreeMap<String, Value> {
    // Gone in between: then there is none, and the REST interface tells.
    let environment = process.environment().unwrap_or_default();
    let variables = environment.iter().filter_map(|variable| variable.split_once('='));
    variables
        .filter(|(name, _)| ENVIRONMENT.iter().any(|prefix| name.starts_with(prefix)))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

fn end_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
