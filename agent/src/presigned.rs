//! HTTP to presigned URLs, through the proxy of the environment. Only certificates that the host itself trusts are
//! accepted, because a company's proxy may intercept TLS with a certificate of its own.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{CertificateError, Error as TlsError};
use ureq::config::ConfigBuilder;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

use crate::environment;

/// The beginning of a client for presigned URLs. The caller sets its timeouts.
#[must_use]
pub fn client() -> ConfigBuilder<AgentScope> {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::warn!("certificates of this host: {error}");
    }
    let trusted: Vec<_> = loaded.certs.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&trusted))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    ureq::Agent::config_builder().tls_config(tls)
}

/// A try that failed.
pub(crate) struct Refused {
    /// The reason, without the URL.
    pub reason: String,
    /// True if another try would fail as well.
    pub for_good: bool,
}

impl Refused {
    /// A request without an answer.
    pub fn unanswered(error: &ureq::Error, url: &str) -> Self {
        // The certificates of the server and of this host stay the same.
        Self { reason: reason(error, url), for_good: certificate_error(error).is_some() }
    }

    /// A failure that another try may mend.
    pub fn for_now(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), for_good: false }
    }
}

/// The text of an error, without the URL in case the library quotes it. Its signature is a secret.
pub(crate) fn reason(error: &ureq::Error, url: &str) -> String {
    match certificate_error(error) {
        Some(CertificateError::UnknownIssuer) => format!(
            "this host does not trust the issuer of the certificate of {}; it trusts the certificates in {}. If a proxy \
             intercepts TLS, the AMI needs its CA there (update-ca-certificates)",
            host(url),
            environment::certificate_store(),
        ),
        Some(other) => format!("the certificate of {} is not valid: {other}", host(url)),
        None => error.to_string().replace(url, "URL"),
    }
}

/// The reason why a certificate was refused, if that is the error.
fn certificate_error(error: &ureq::Error) -> Option<&CertificateError> {
    let error = match error {
        ureq::Error::Rustls(error) => error,
        // The handshake passes through the traits of std::io.
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<TlsError>()?,
        _ => return None,
    };
    match error {
        TlsError::InvalidCertificate(reason) => Some(reason),
        _ => None,
    }
}

/// The host in a URL.
fn host(url: &str) -> String {
    let uri = url.parse::<Uri>().ok();
    uri.as_ref().and_then(Uri::host).unwrap_or("the server").to_owned()
}
