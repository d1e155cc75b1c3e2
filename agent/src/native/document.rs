//! The settings of native.

use std::num::NonZeroU32;
use std::path::PathBuf;

use dicomperf::request::Arrival;
use serde::{Deserialize, Serialize};

use crate::client::dataset::Instance;

/// The instances, the SCP and the way to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendDocument {
    /// Address of the SCP: an IP address or a name.
    pub address: String,
    /// Its TCP port for DICOM.
    pub port: u16,
    /// Its AE title.
    pub called_ae_title: String,
    /// Our AE title.
    pub calling_ae_title: String,
    /// Maximum length of a P-DATA-TF (PS3.8 D.1): what is announced to the SCP, and what is sent at most even if the
    /// SCP announces more; 0: no limit of our own.
    pub max_pdu: u32,
    /// Sets TCP_NODELAY on our side.
    pub tcp_no_delay: bool,
    /// DICOM goes over TLS. The SCP's certificate is not verified, and none is shown.
    pub tls: bool,
    /// When an instance is sent.
    pub arrival: Arrival,
    /// After so many C-STOREs the association is released, and another one requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances_per_association: Option<NonZeroU32>,
    /// The directory of the files.
    pub directory: PathBuf,
    /// The instances of each of the concurrently open associations, in order.
    pub lanes: Vec<Vec<Instance>>,
}
