//! The settings of the sink.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The addresses on which the sink listens, and its behaviour.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SinkDocument {
    /// The address on which the sink listens.
    pub address: String,
    /// The TCP port for DICOM.
    pub dicom_port: u16,
    /// The TCP port of the control interface, HTTP.
    pub control_port: u16,
    /// The AE title. The sink also serves peers that call another one, as Orthanc does by default.
    pub ae_title: String,
    /// The maximum length that the sink announces (PS3.8 D.1) and enforces; 0: no limit.
    pub max_pdu: u32,
    /// Sets TCP_NODELAY on the sink's side.
    pub tcp_no_delay: bool,
    /// Uses DICOM over TLS. The sink requests no client certificate.
    pub tls: bool,
    /// The certificate, PEM; required with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The private key, PEM; it may be in the same file; required with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<PathBuf>,
    /// User of the control interface.
    pub rest_user: String,
    /// Password of the control interface.
    pub rest_password: String,
    /// The wait before a C-STORE is answered, in us. It imitates a server of known speed.
    #[serde(default)]
    pub delay_us: u64,
    /// Makes the C-STOREs of all associations wait for each other, in order of arrival. The sink answers one every
    /// `delay_us`, however many associations there are.
    #[serde(default)]
    pub one_at_a_time: bool,
    /// The growth of that wait with each received instance, in us. It imitates a server that gets slower as it fills.
    #[serde(default)]
    pub delay_growth_us: u64,
}
