//! Presigned PUT, with bounded retries.

use std::time::{Duration, Instant};

use crate::presigned::{self, Refused};
use crate::retry::{Backoff, retrying};

/// Puts documents to presigned URLs.
#[derive(Debug, Clone)]
pub struct Uploader {
    agent: ureq::Agent,
    /// The end of all tries.
    until: Option<Instant>,
}

/// The longest time of one try.
const MAX_TRY: Duration = Duration::from_secs(60);
/// The most characters of an answer in an error.
const MAX_ANSWER_CHARACTERS: usize = 300;

/// A failed upload. The error omits the URL: its signature is a secret while it is valid.
#[derive(Debug, thiserror::Error)]
#[error("upload: {reason} (try {tries})")]
pub struct UploadFailed {
    /// The error of the last try.
    pub reason: String,
    /// The number of tries.
    pub tries: u32,
}

/// The number of tries of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// Two tries: the next report has the same content and more.
    Few,
    /// Six tries, with delays of about 15 s in all: there is no next report.
    Many,
}

impl Uploader {
    /// An uploader with timeouts that end a stalled upload.
    #[must_use]
    pub fn new() -> Self {
        let agent = presigned::client()
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(MAX_TRY))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Self { agent, until: None }
    }

    /// An uploader that gives up at a time, even in the middle of a try.
    #[must_use]
    pub fn until(until: Instant) -> Self {
        Self { until: Some(until), ..Self::new() }
    }

    /// Puts `body` to `url`.
    ///
    /// # Errors
    /// The error of the last try. A refusal (4xx) is not tried again, because the signature stays the same.
    pub fn put(&self, url: &str, body: &[u8], content_type: &str, retries: Retries) -> Result<(), UploadFailed> {
        let max_tries = match retries {
            Retries::Few => 2,
            Retries::Many => 6,
        };
        let backoff = Backoff { first_delay: Duration::from_millis(500), max_tries };
        let may_retry = |refused: &Refused| !refused.for_good && !self.left().is_zero();
        let result = retrying(backoff, may_retry, |_| self.put_once(url, body, content_type));
        result.map_err(|failed| UploadFailed { reason: failed.error.reason, tries: failed.tries })
    }

    /// The time that the next try may take.
    fn left(&self) -> Duration {
        self.until.map_or(MAX_TRY, |until| until.saturating_duration_since(Instant::now()).min(MAX_TRY))
    }

    fn put_once(&self, url: &str, body: &[u8], content_type: &str) -> Result<(), Refused> {
        let request = self.agent.put(url).config().timeout_global(Some(self.left())).build();
        match request.content_type(content_type).send(body) {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(mut response) => {
                let status = response.status();
                let words = response.body_mut().read_to_string().unwrap_or_default();
                let words: String =
                    words.chars().filter(|letter| !letter.is_control()).take(MAX_ANSWER_CHARACTERS).collect();
                let for_good = status.is_client_error() && !matches!(status.as_u16(), 408 | 429);
                Err(Refused { reason: format!("{status} {words}"), for_good })
            }
            Err(error) => Err(Refused::unanswered(&error, url)),
        }
    }
}

impl Default for Uploader {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The kernel completes the connections, and nobody answers.
    #[test]
    fn no_try_goes_on_after_the_end_of_the_steps_time() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/report", silent.local_addr().expect("an address"));
        let started = Instant::now();
        let uploader = Uploader::until(started + Duration::from_millis(300));
        let failed = uploader.put(&url, b"{}", "application/json", Retries::Many).expect_err("nobody answers");
        assert_eq!(failed.tries, 1);
        assert!((300..5000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    }
}
