//! `server collect`: the server's versions, configuration and log, which help to explain the results.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use dicomperf_model::step::{Collect, Collected, StepOutput};

use super::target::{configured_server, every_server};
use super::{companions, condition};
use crate::failure::Failure;
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::upload::{Retries, Uploader};
use crate::{resources, versions};

/// The most bytes of a server's log that are uploaded: its end.
const MAX_LOG_BYTES: u64 = 16_000_000;

/// Runs `server collect`: versions, live configuration, environment and log.
///
/// # Errors
/// `ServerNotStarted`, `ServerUnreachable`, `HostFailed`.
pub fn collect(collect: &Collect, home: &RunHome, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
    reporter.stage(0, 2, "collecting the server's configuration");
    let mut versions = versions::host();
    let configured = configured_server(&collect.server, home);
    every_server(&collect.server).for_each(|server| server.add_version(&mut versions, &home.path("version.out")));
    // The build of the last block, if it had one.
    if let Ok(server) = &configured {
        server.add_version(&mut versions, &home.path("version.out"));
    }
    let mut collected = Collected { versions, orthanc: BTreeMap::new(), environment: BTreeMap::new() };
    let result = configured.and_then(|server| {
        server.collect(&mut collected).map_err(|failure| condition::explain(failure, server.as_ref()))
    });
    reporter.set_output(StepOutput::Collected(collected));
    // The log is uploaded in any case. It matters most if the server does not answer.
    reporter.stage(1, 2, "collecting the server's log");
    if let Some(uploader) = reporter.uploader() {
        upload_log(collect, uploader);
    }
    companions::stop_sampler(home, reporter.deadline())?;
    resources::upload(home, &collect.samples_url, reporter.uploader());
    result.map(|()| WorkEnd::Done)
}

/// Uploads the log of every server that writes one, even if it ran in an earlier block. A failed upload does not fail
/// the step.
fn upload_log(collect: &Collect, uploader: &Uploader) {
    for server in every_server(&collect.server) {
        let Some(path) = server.log() else { continue };
        let url = &collect.orthanc_log_url;
        let uploaded = read_end(path).map_err(|error| error.to_string()).and_then(|log| {
            let uploaded = uploader.put(url, &log, "text/plain; charset=utf-8", Retries::Many);
            uploaded.map_err(|error| error.to_string())
        });
        if let Err(error) = uploaded {
            tracing::warn!("{}: {error}", path.display());
        }
    }
}

fn read_end(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_LOG_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
