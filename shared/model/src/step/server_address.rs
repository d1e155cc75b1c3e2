//! The address of the server under test, as a client and the server's own host get it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request::{Cleanup, Existing, Receipt};

/// The address of Orthanc in the private network, and its credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerAddress {
    /// Private IPv4 address.
    pub address: String,
    /// Port for DICOM.
    pub dicom_port: u16,
    /// Port of the REST interface.
    pub rest_port: u16,
    /// AE title of the SCP.
    pub ae_title: String,
    /// User of the REST interface, which exists for this run only.
    pub rest_user: String,
    /// Password of the REST interface.
    pub rest_password: String,
    /// The other interfaces of an existing server, whose `restPort`, `restUser` and `restPassword` are empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingInterfaces>,
}

/// The interfaces of an existing server beside DICOM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExistingInterfaces {
    /// The interface that proves storage.
    pub receipt: Receipt,
    /// The interface that deletes the run's studies after a block run.
    pub cleanup: Cleanup,
    /// Base URL for `qido`, `orthanc` and `dicomweb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// User and password for `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
}

/// User and password of an existing server's REST interface: the content of the SSM parameter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// User.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Orthanc's usual DICOM port.
pub const DICOM_PORT: u16 = 4242;
/// Orthanc's usual REST port. The sink answers queries on it too.
pub const REST_PORT: u16 = 8042;
/// iperf3's usual port.
pub const IPERF3_PORT: u16 = 5201;

impl ServerAddress {
    /// Returns the address of an existing server, with the credentials of its REST interface.
    #[must_use]
    pub fn of_existing(server: &Existing, credentials: Option<Credentials>) -> Self {
        Self {
            address: server.address.clone(),
            dicom_port: server.port,
            rest_port: 0,
            ae_title: server.ae_title.clone(),
            rest_user: String::new(),
            rest_password: String::new(),
            existing: Some(ExistingInterfaces {
                receipt: server.receipt,
                cleanup: server.cleanup,
                url: server.url.clone(),
                credentials,
            }),
        }
    }
}
