//! C-ECHO (PS3.7 9.1.5): the proof that a server answers on DICOM, with TLS if the block uses it.

use std::time::Duration;

use dicomperf_model::step::ServerAddress;
use rustls::ClientConfig;

use crate::native::{self, Lost, Peer};

/// The calling AE title of a run's own hosts.
pub const CALLING_AE_TITLE: &str = "DICOMPERF";
/// The longest wait for an answer. A server that serves answers a C-ECHO at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum length of a PDU, which a C-ECHO never reaches.
const MAX_PDU: u32 = 16_384;

/// Sends a C-ECHO, and waits for Success.
///
/// # Errors
/// The cause and the details.
pub fn echo(server: &ServerAddress, calling_ae_title: &str, tls: Option<ClientConfig>) -> Result<(), Lost> {
    native::echo(&peer(server, calling_ae_title), tls)
}

/// The server as the peer of a question that it should answer soon.
fn peer<'a>(server: &'a ServerAddress, calling_ae_title: &'a str) -> Peer<'a> {
    Peer {
        address: &server.address,
        port: server.dicom_port,
        called_ae_title: &server.ae_title,
        calling_ae_title,
        max_pdu: MAX_PDU,
        tcp_no_delay: true,
        silence: ANSWER_TIMEOUT,
    }
}
