//! Proxies and certificates that the environment sets. curl, apt and the agent's libraries look them up there by themselves.

use std::env;

/// Variables through which the environment sets proxies and certificates.
const NETWORK_VARIABLES: [&str; 10] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    CERTIFICATE_FILE,
    CERTIFICATE_DIRECTORY,
];
const CERTIFICATE_FILE: &str = "SSL_CERT_FILE";
const CERTIFICATE_DIRECTORY: &str = "SSL_CERT_DIR";

/// The variables of the environment that set proxies and certificates, for a unit of the agent's own.
#[must_use]
pub fn network_variables() -> Vec<(&'static str, String)> {
    let value = |name| env::var(name).ok().filter(|value| !value.is_empty());
    NETWORK_VARIABLES.into_iter().filter_map(|name| Some((name, value(name)?))).collect()
}

/// The place of the certificates that this host trusts.
#[must_use]
pub fn certificate_store() -> String {
    let set: Vec<_> = network_variables()
        .into_iter()
        .filter(|(name, _)| [CERTIFICATE_FILE, CERTIFICATE_DIRECTORY].contains(name))
        .map(|(name, value)| format!("{value} ({name})"))
        .collect();
    if set.is_empty() { "/etc/ssl/certs".to_owned() } else { set.join(" and ") }
}
