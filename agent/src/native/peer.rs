//! The SCP of an association, and our side of it.

use std::time::Duration;

use dicomperf_model::sending::ANSWER_TIMEOUT_S;

/// The longest time without sending or receiving a byte, for every sender.
pub const SILENCE_TIMEOUT: Duration = Duration::from_secs(ANSWER_TIMEOUT_S as u64);

/// An SCP, and the names and limits with which an association to it is requested.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// The SCP's address: an IP address or a name.
    pub address: &'a str,
    /// The SCP's TCP port for DICOM.
    pub port: u16,
    /// The SCP's AE title.
    pub called_ae_title: &'a str,
    /// Our AE title.
    pub calling_ae_title: &'a str,
    /// The maximum length of a P-DATA-TF that we announce and send. 0: no limit on our side.
    pub max_pdu: u32,
    /// Sets TCP_NODELAY on our side.
    pub tcp_no_delay: bool,
    /// The longest time without sending or receiving a byte.
    pub silence: Duration,
}
