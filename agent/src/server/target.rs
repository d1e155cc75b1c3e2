//! The available servers, and the one that was configured on this host.

use dicomperf_model::request::{OrthancBuild, Target};
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::{MeasureBlock, ServerAddress};

use serde::{Deserialize, Serialize};

use super::existing::Existing;
use super::orthanc::Orthanc;
use super::sink::Sink;
use super::under_test::{ServerUnderTest, StartedServer};
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;

/// The server of the last block, in the run's directory.
const CONFIGURED_FILE: &str = "server.json";

/// The server that a host runs for a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    target: Target,
    build: OrthancBuild,
}

impl Served {
    /// The server of a block's settings.
    #[must_use]
    pub fn of(settings: &ServerSettings) -> Self {
        Self { target: settings.target, build: settings.orthanc_build.clone() }
    }
}

/// The server of a block. No other code depends on the target.
#[must_use]
pub fn server_under_test(block: &MeasureBlock) -> Box<dyn ServerUnderTest> {
    match started_server(&Served::of(&block.settings), &block.server) {
        Some(server) => server,
        None => Box::new(Existing::new(block)),
    }
}

/// The server that a run starts for a block's target; `None` for an existing server.
#[must_use]
pub fn started_server(served: &Served, address: &ServerAddress) -> Option<Box<dyn StartedServer>> {
    match served.target {
        Target::Orthanc => Some(Box::new(Orthanc::installed(address).with_build(served.build.clone()))),
        Target::Sink => Some(Box::new(Sink::new(address))),
        Target::Existing => None,
    }
}

/// Every server that may be on a host.
pub(super) fn every_server(address: &ServerAddress) -> impl Iterator<Item = Box<dyn StartedServer>> {
    let served = |target| Served { target, build: OrthancBuild::Distribution };
    Target::STARTED.into_iter().filter_map(move |target| started_server(&served(target), address))
}

/// Saves the server that this host runs from now on.
pub(super) fn save_served(served: &Served, home: &RunHome) -> Result<(), Failure> {
    home.write(CONFIGURED_FILE, served).while_path("write", &home.path(CONFIGURED_FILE))
}

/// The server that was configured last on this host.
pub(super) fn configured_server(address: &ServerAddress, home: &RunHome) -> Result<Box<dyn StartedServer>, Failure> {
    let served: Option<Served> = home.read(CONFIGURED_FILE).while_path("read", &home.path(CONFIGURED_FILE))?;
    match served.and_then(|served| started_server(&served, address)) {
        Some(server) => Ok(server),
        None => Err(Failure::ServerNotStarted {
            server: "the server".to_owned(),
            reason: "no server was configured on this host".to_owned(),
        }),
    }
}
