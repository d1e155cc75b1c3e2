//! The sink as a service: what stands in for Orthanc where a block's target is the sink.

use std::path::Path;

use dicomperf::step::ServerConfiguration;

use super::configuration::Paths;
use super::processes::{self, ServerProcess};
use crate::failure::{Failure, While as _};
use crate::sink::SinkDocument;

/// The name of its unit.
pub(super) const UNIT: &str = "dicomperf-sink.service";
/// What it is told.
pub(super) const DOCUMENT: &str = "/etc/dicomperf/sink.json";

/// What it is told for a block.
pub(super) fn document(configuration: &ServerConfiguration, paths: &Paths) -> SinkDocument {
    let ServerConfiguration { server, settings, .. } = configuration;
    SinkDocument {
        address: "0.0.0.0".to_owned(),
        dicom_port: server.dicom_port,
        control_port: server.rest_port,
        ae_title: server.ae_title.clone(),
        max_pdu: settings.max_pdu,
        tcp_no_delay: settings.tcp_no_delay,
        tls: settings.tls,
        certificate: settings.tls.then(|| paths.certificate.clone()),
        private_key: settings.tls.then(|| paths.private_key.clone()),
        rest_user: server.rest_user.clone(),
        rest_password: server.rest_password.clone(),
        delay_us: 0,
        one_at_a_time: false,
        delay_growth_us: 0,
    }
}

/// Its unit: the agent's own binary.
pub(super) fn unit(agent: &Path) -> String {
    super::unit::text(
        "What receives in place of Orthanc, for dicomperf",
        &format!("{} sink {DOCUMENT}", agent.display()),
    )
}

/// Those that are alive.
pub(super) fn processes() -> Result<Vec<ServerProcess>, Failure> {
    processes::with_argument(DOCUMENT).doing(|| "read /proc".to_owned())
}
