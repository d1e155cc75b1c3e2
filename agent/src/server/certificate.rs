//! A certificate for DICOM over TLS, signed by itself: the sender asks for encryption, not for identity.

use std::net::IpAddr;
use std::sync::Arc;

use dicomperf::step::ServerAddress;
use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Certificate and private key, PEM.
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub private_key: String,
}

impl Certificate {
    /// For this server's address.
    ///
    /// # Errors
    /// An address that is none.
    pub fn generate(server: &ServerAddress) -> Result<Self, rcgen::Error> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.subject_alt_names = match server.address.parse::<IpAddr>() {
            Ok(address) => vec![SanType::IpAddress(address)],
            Err(_) => vec![SanType::DnsName(server.address.as_str().try_into()?)],
        };
        let key = KeyPair::generate()?;
        let certificate = parameters.self_signed(&key)?;
        Ok(Self { certificate: certificate.pem(), private_key: key.serialize_pem() })
    }
}

/// A client that trusts this certificate and no other.
///
/// # Errors
/// A certificate that is none.
pub fn client(certificate_pem: &[u8]) -> Result<ClientConfig, String> {
    let certificate = CertificateDer::from_pem_slice(certificate_pem).map_err(|error| error.to_string())?;
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate).map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(client.with_root_certificates(trusted).with_no_client_auth())
}
