//! TLS of the null SCP.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::SinkDocument;

/// The server's side, without client certificates.
///
/// # Errors
/// A certificate or a key that is missing or none.
pub(super) fn configuration(document: &SinkDocument) -> anyhow::Result<ServerConfig> {
    let certificate: &Path = document.certificate.as_deref().context("TLS needs a certificate")?;
    let private_key: &Path = document.private_key.as_deref().context("TLS needs a private key")?;
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("read {}", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(private_key).with_context(|| format!("read {}", private_key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(server.with_no_client_auth().with_single_cert(certificates, key)?)
}
