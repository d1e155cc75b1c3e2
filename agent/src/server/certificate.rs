//! The certificate of a run for DICOM over TLS, in files that every server reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dicomperf_model::step::ServerAddress;

use super::files::{hand_over, replace_if_changed};
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::tls::Certificate;

/// The files of a certificate.
#[derive(Debug, Clone)]
pub struct CertificatePaths {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub private_key: PathBuf,
}

impl CertificatePaths {
    /// The files in this directory.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self { certificate: directory.join("certificate.pem"), private_key: directory.join("private-key.pem") }
    }

    /// The files of an installed server.
    #[must_use]
    pub fn installed() -> Self {
        Self::in_directory(Path::new("/etc/dicomperf"))
    }

    /// Writes a certificate once per run, because a new one would force a restart of the server. Returns true if it
    /// wrote.
    pub(super) fn write_once(
        &self,
        address: &ServerAddress,
        group: Option<&str>,
        home: &RunHome,
    ) -> Result<bool, Failure> {
        let mark = home.path("certificate-made");
        if mark.exists() && self.certificate.exists() && self.private_key.exists() {
            // The previous server may have had another group.
            hand_over(&self.private_key, group)?;
            return Ok(false);
        }
        let Certificate { certificate, private_key } =
            Certificate::generate(address).map_err(io::Error::other).while_doing(|| "make a certificate".to_owned())?;
        replace_if_changed(&self.private_key, private_key.as_bytes(), true, group)?;
        replace_if_changed(&self.certificate, certificate.as_bytes(), false, group)?;
        fs::write(&mark, "").while_path("write", &mark)?;
        Ok(true)
    }
}
