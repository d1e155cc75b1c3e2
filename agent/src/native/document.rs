//! The settings of native.

use std::num::NonZeroU32;
use std::path::PathBuf;

use dicomperf_model::request::Arrival;
use serde::{Deserialize, Serialize};

use super::peer::{Peer, SILENCE_TIMEOUT};
use crate::client::dataset::Instance;

/// The instances, the SCP and the settings of a transfer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendDocument {
    /// The SCP's address: an IP address or a name.
    pub address: String,
    /// The SCP's TCP port for DICOM.
    pub port: u16,
    /// The SCP's AE title.
    pub called_ae_title: String,
    /// Our AE title.
    pub calling_ae_title: String,
    /// Maximum length of a P-DATA-TF (PS3.8 D.1). It is announced to the SCP, and it limits the PDUs that are sent even
    /// if the SCP announces more. 0: no limit on our side.
    pub max_pdu: u32,
    /// Sets TCP_NODELAY on our side.
    pub tcp_no_delay: bool,
    /// Uses DICOM over TLS. The SCP's certificate is not verified, and we present none.
    pub tls: bool,
    /// The arrival: the times at which the instances are sent.
    pub arrival: Arrival,
    /// The number of C-STOREs after which the association is released and another one requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances_per_association: Option<NonZeroU32>,
    /// The directory of the files.
    pub directory: PathBuf,
    /// The instances of each concurrent association, in order.
    pub lanes: Vec<Vec<Instance>>,
}

impl SendDocument {
    /// The SCP of this transfer.
    #[must_use]
    pub fn peer(&self) -> Peer<'_> {
        Peer {
            address: &self.address,
            port: self.port,
            called_ae_title: &self.called_ae_title,
            calling_ae_title: &self.calling_ae_title,
            max_pdu: self.max_pdu,
            tcp_no_delay: self.tcp_no_delay,
            silence: SILENCE_TIMEOUT,
        }
    }
}
