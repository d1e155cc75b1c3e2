//! The settings of the sink.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The addresses that the sink listens on, and the way it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SinkDocument {
    /// The address that it listens on.
    pub address: String,
    /// The TCP port for DICOM.
    pub dicom_port: u16,
    /// The TCP port of the control interface, HTTP.
    pub control_port: u16,
    /// Its AE title. Who calls another is served too, as Orthanc does unless told otherwise.
    pub ae_title: String,
    /// The maximum length that it announces (PS3.8 D.1), and holds its peers to; 0: no limit.
    pub max_pdu: u32,
    /// Sets TCP_NODELAY on its side.
    pub tcp_no_delay: bool,
    /// DICOM goes over TLS. It asks for no client certificate.
    pub tls: bool,
    /// Its certificate, PEM; needed with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The private key, PEM, which may stand in the same file; needed with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<PathBuf>,
    /// User of the control interface.
    pub rest_user: String,
    /// Password of the control interface.
    pub rest_password: String,
    /// The wait before a C-STORE is answered, in us: a server of known speed.
    #[serde(default)]
    pub delay_us: u64,
    /// The C-STOREs of all associations wait for each other, in the order in which they came. It answers one every
    /// `delay_us`, however many associations there are.
    #[serde(default)]
    pub one_at_a_time: bool,
    /// The growth of that wait with each instance that it holds, in us: a server that gets slower as it fills.
    #[serde(default)]
    pub delay_growth_us: u64,
}
