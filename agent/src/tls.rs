//! TLS on both sides. It encrypts but does not identify: the certificate of a run is self-signed.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use dicomperf_model::step::ServerAddress;
use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme};

/// A certificate and its private key, PEM.
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub private_key: String,
}

impl Certificate {
    /// Makes a certificate for a server's address.
    ///
    /// # Errors
    /// An address that is not valid.
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

/// Configures a client that trusts only this certificate.
///
/// # Errors
/// A certificate that cannot be read.
pub fn trusting_client(certificate_pem: &[u8]) -> Result<ClientConfig, String> {
    let certificate = CertificateDer::from_pem_slice(certificate_pem).map_err(|error| error.to_string())?;
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate).map_err(|error| error.to_string())?;
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(client.with_root_certificates(trusted).with_no_client_auth())
}

/// Configures a client that accepts any certificate and presents none.
///
/// # Errors
/// A provider without the required protocol versions.
pub fn anonymous_client() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    Ok(client.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider))).with_no_client_auth())
}

/// Configures a server that requests no client certificate.
///
/// # Errors
/// A certificate or a key that is missing or cannot be read.
pub(crate) fn server(certificate: &Path, private_key: &Path) -> anyhow::Result<ServerConfig> {
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("read {}", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(private_key).with_context(|| format!("read {}", private_key.display()))?;
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(server.with_no_client_auth().with_single_cert(certificates, key)?)
}

/// Accepts any certificate. The server must still prove that it has the certificate's key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
