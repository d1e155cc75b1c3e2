//! The certificate of a run's DICOM over TLS, in the files that every server reads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dicomperf::step::ServerAddress;

use super::files::{hand_over, replace_if_changed};
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::tls::Certificate;

/// The files of a certificate.
#[derive(Debug, Clone)]
pub struct CertificatePaths {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub private_key: PathBuf,
}

impl CertificatePaths {
    /// In a directory.
    #[must_use]
    pub fn under(directory: &Path) -> Self {
        Self { certificate: directory.join("certificate.pem"), private_key: directory.join("private-key.pem") }
    }

    /// On a host that is a server for good.
    #[must_use]
    pub fn installed() -> Self {
        Self::under(Path::new("/etc/dicomperf"))
    }

    /// Writes a certificate once a run, since another one would be another reason to restart. Returns whether it wrote.
    pub(super) fn write_once(
        &self,
        address: &ServerAddress,
        group: Option<&str>,
        home: &RunHome,
    ) -> Result<bool, Failure> {
        let mark = home.path("certificate-made");
        if mark.exists() && self.certificate.exists() && self.private_key.exists() {
            // The server before it may have been another one.
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
