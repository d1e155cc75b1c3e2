//! The available servers, and the one that was configured on this host.

use dicomperf_model::request::Target;
use dicomperf_model::step::ServerAddress;

use super::orthanc::Orthanc;
use super::sink::Sink;
use super::under_test::ServerUnderTest;
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;

/// The target of the last block, in the run's directory.
const CONFIGURED_FILE: &str = "server.json";

/// The server for a block's target, at this address. No other code depends on the target.
#[must_use]
pub fn server_under_test(target: Target, address: &ServerAddress) -> Box<dyn ServerUnderTest> {
    match target {
        Target::Orthanc => Box::new(Orthanc::installed(address)),
        Target::Sink => Box::new(Sink::new(address)),
    }
}

/// Every server that may be on a host.
pub(super) fn every_server(address: &ServerAddress) -> impl Iterator<Item = Box<dyn ServerUnderTest>> {
    Target::ALL.into_iter().map(|target| server_under_test(target, address))
}

/// Saves the target that this host serves from now on.
pub(super) fn save_configured_target(target: Target, home: &RunHome) -> Result<(), Failure> {
    home.write(CONFIGURED_FILE, &target).while_path("write", &home.path(CONFIGURED_FILE))
}

/// The server that was configured last on this host.
pub(super) fn configured_server(address: &ServerAddress, home: &RunHome) -> Result<Box<dyn ServerUnderTest>, Failure> {
    match home.read(CONFIGURED_FILE).while_path("read", &home.path(CONFIGURED_FILE))? {
        Some(target) => Ok(server_under_test(target, address)),
        None => Err(Failure::ServerNotStarted {
            server: "the server".to_owned(),
            reason: "no server was configured on this host".to_owned(),
        }),
    }
}
