//! The available servers, and the one that was configured on this host.

use dicomperf_model::request::Target;
use dicomperf_model::step::{MeasureBlock, ServerAddress};

use super::existing::Existing;
use super::orthanc::Orthanc;
use super::sink::Sink;
use super::under_test::{ServerUnderTest, StartedServer};
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;

/// The target of the last block, in the run's directory.
const CONFIGURED_FILE: &str = "server.json";

/// The server of a block. No other code depends on the target.
#[must_use]
pub fn server_under_test(block: &MeasureBlock) -> Box<dyn ServerUnderTest> {
    match started_server(block.settings.target, &block.server) {
        Some(server) => server,
        None => Box::new(Existing::new(block)),
    }
}

/// The server that a run starts for a block's target; `None` for an existing server.
#[must_use]
pub fn started_server(target: Target, address: &ServerAddress) -> Option<Box<dyn StartedServer>> {
    match target {
        Target::Orthanc => Some(Box::new(Orthanc::installed(address))),
        Target::Sink => Some(Box::new(Sink::new(address))),
        Target::Existing => None,
    }
}

/// Every server that may be on a host.
pub(super) fn every_server(address: &ServerAddress) -> impl Iterator<Item = Box<dyn StartedServer>> {
    Target::STARTED.into_iter().filter_map(|target| started_server(target, address))
}

/// Saves the target that this host serves from now on.
pub(super) fn save_configured_target(target: Target, home: &RunHome) -> Result<(), Failure> {
    home.write(CONFIGURED_FILE, &target).while_path("write", &home.path(CONFIGURED_FILE))
}

/// The server that was configured last on this host.
pub(super) fn configured_server(address: &ServerAddress, home: &RunHome) -> Result<Box<dyn StartedServer>, Failure> {
    let target = home.read(CONFIGURED_FILE).while_path("read", &home.path(CONFIGURED_FILE))?;
    match target.and_then(|target| started_server(target, address)) {
        Some(server) => Ok(server),
        None => Err(Failure::ServerNotStarted {
            server: "the server".to_owned(),
            reason: "no server was configured on this host".to_owned(),
        }),
    }
}
