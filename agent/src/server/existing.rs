//! A server that exists already: the run neither starts nor configures nor empties it.

use dicomperf_model::measurement::ServerMetrics;
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::ServerAddress;

use super::under_test::{Contents, ServerUnderTest, StoredInstance};
use crate::client::dataset::Dataset;
use crate::failure::Failure;

/// An existing server.
pub(super) struct Existing;

impl Existing {
    /// The existing server at this address.
    pub fn new(_address: &ServerAddress) -> Self {
        Self
    }
}

impl ServerUnderTest for Existing {
    fn name(&self) -> &'static str {
        "the server"
    }

    fn is_existing(&self) -> bool {
        true
    }

    fn check_control_interface(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn empty(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn contents(&self, _sent: &Dataset) -> Result<Option<Contents>, Failure> {
        Ok(None)
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
