//! Presigned PUT, with bounded retries.

use std::thread::sleep;
use std::time::Duration;

/// Puts documents to presigned URLs.
#[derive(Debug, Clone)]
pub struct Uploader {
    agent: ureq::Agent,
}

/// An upload that did not arrive. The URL is not in it: its signature is a secret while it lasts.
#[derive(Debug, thiserror::Error)]
#[error("upload: {reason} (try {tries})")]
pub struct UploadFailed {
    /// What the last try met.
    pub reason: String,
    /// How often it was tried.
    pub tries: u32,
}

/// How long one is tried for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Two tries: the next report says more anyway.
    Little,
    /// Six tries over half a minute: there is no next report.
    Much,
}

impl Uploader {
    /// With timeouts that end a stalled upload.
    #[must_use]
    pub fn new() -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(Duration::from_secs(60)))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Self { agent }
    }

    /// Puts `body` to `url`.
    ///
    /// # Errors
    /// What the last try met. A refusal (4xx) is not tried again: the signature will not get better.
    pub fn put(&self, url: &str, body: &[u8], content_type: &str, patience: Patience) -> Result<(), UploadFailed> {
        let tries_allowed = match patience {
            Patience::Little => 2,
            Patience::Much => 6,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let (reason, refused) = match self.agent.put(url).content_type(content_type).send(body) {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(mut response) => {
                    let status = response.status();
                    let words = response.body_mut().read_to_string().unwrap_or_default();
                    let words: String = words.chars().filter(|letter| !letter.is_control()).take(300).collect();
                    (format!("{status} {words}"), status.is_client_error() && !matches!(status.as_u16(), 408 | 429))
                }
                Err(error) => (without_url(&error, url), false),
            };
            if refused || tries >= tries_allowed {
                return Err(UploadFailed { reason, tries });
            }
            sleep(Duration::from_millis(500 << (tries - 1).min(4)));
        }
    }
}

impl Default for Uploader {
    fn default() -> Self {
        Self::new()
    }
}

/// What went wrong, should the library ever quote the URL, without it.
pub(crate) fn without_url(error: &ureq::Error, url: &str) -> String {
    error.to_string().replace(url, "URL")
}
