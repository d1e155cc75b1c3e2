//! HTTP on the private network, with the user and password of a run. Orthanc's REST interface and the sink's control
//! interface use the same port.

use std::fmt::Display;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf_model::step::ServerAddress;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Response, StatusCode};

use crate::failure::Failure;
use crate::resources::known_message;
use crate::retry::{Backoff, retrying};

/// The most bytes of an error's body.
const MAX_ERROR_BYTES: u64 = 65_536;
/// The length of Orthanc's ids: five groups of eight hexadecimal digits. They are hashes of a patient's id and of UIDs.
const ID_CHARACTERS: usize = 44;
/// A read is tried twice.
const RETRIES: Backoff = Backoff { first_delay: Duration::from_millis(200), max_tries: 2 };

/// An SCP's interface on its REST port.
#[derive(Debug)]
pub(crate) struct Rest {
    name: &'static str,
    agent: ureq::Agent,
    base_url: String,
    authorization: String,
}

type Answer = Response<ureq::Body>;

impl Rest {
    /// A client for this address. `name` appears in errors, and `timeout` limits each answer.
    pub fn new(name: &'static str, server: &ServerAddress, timeout: Duration) -> Self {
        let agent = ureq::Agent::config_builder()
            // The private network has no proxy, whatever the environment sets.
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .build()
            .new_agent();
        let credentials = format!("{}:{}", server.rest_user, server.rest_password);
        Self {
            name,
            agent,
            base_url: format!("http://{}:{}", server.address, server.rest_port),
            authorization: format!("Basic {}", BASE64_STANDARD.encode(credentials)),
        }
    }

    /// Gets a JSON document.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let mut answer = self.get(path)?;
        answer.body_mut().with_config().limit(u64::MAX).read_json().map_err(|error| self.unreachable(path, &error))
    }

    /// Gets bytes of any kind.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let mut answer = self.get(path)?;
        answer.body_mut().with_config().limit(u64::MAX).read_to_vec().map_err(|error| self.unreachable(path, &error))
    }

    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        let call = self.agent.delete(self.url(path)).header("Authorization", &self.authorization).call();
        self.check(path, call).map(|_| ())
    }

    /// Posts a JSON document. Returns false if the interface has no such path.
    pub fn post(&self, path: &str, document: &Value) -> Result<bool, Failure> {
        let call = self.agent.post(self.url(path)).header("Authorization", &self.authorization).send_json(document);
        match call {
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => Ok(false),
            call => self.check(path, call).map(|_| true),
        }
    }

    /// The failure of an interface that does not answer.
    pub fn unreachable(&self, path: &str, reason: &dyn Display) -> Failure {
        self.failure(path, format!("does not answer: {reason}"))
    }

    /// A failure of the interface. `trouble` begins with its verb.
    pub fn failure(&self, path: &str, trouble: String) -> Failure {
        let url = self.url(&without_ids(path));
        Failure::ServerUnreachable { interface: self.name, url, trouble }
    }

    fn get(&self, path: &str) -> Result<Answer, Failure> {
        let call = |_| self.agent.get(self.url(path)).header("Authorization", &self.authorization).call();
        // The server may have closed a connection in the pool. A read is safe to repeat. A server that let the whole time
        // pass would do so again.
        let answer = retrying(RETRIES, |error| !matches!(error, ureq::Error::Timeout(_)), call);
        self.check(path, answer.map_err(|failed| failed.error))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn check(&self, path: &str, call: Result<Answer, ureq::Error>) -> Result<Answer, Failure> {
        match call {
            Ok(answer) if answer.status().is_success() => Ok(answer),
            Ok(mut answer) => {
                let body = answer.body_mut().with_config().limit(MAX_ERROR_BYTES).read_to_vec().unwrap_or_default();
                let words = error_words(&body).map_or_else(String::new, |words| format!(": {words}"));
                Err(self.failure(path, format!("answers {}{words}", answer.status())))
            }
            Err(error) => Err(self.unreachable(path, &error)),
        }
    }
}

/// A path with `ID` in place of Orthanc's ids.
fn without_ids(path: &str) -> String {
    let is_id =
        |part: &str| part.len() == ID_CHARACTERS && part.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    path.split('/').map(|part| if is_id(part) { "ID" } else { part }).collect::<Vec<_>>().join("/")
}

/// The words of Orthanc's own error in the body of an answer, without identifiers. `OrthancError` is one of Orthanc's
/// fixed texts; `Details` may quote anything, so only a known message in it is shown.
fn error_words(body: &[u8]) -> Option<String> {
    let error: Value = serde_json::from_slice(body).ok()?;
    let text = |field: &str| error.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let fixed = text("OrthancError").or_else(|| known_message(text("Message")?).map(|(known, _)| known))?;
    let details = text("Details").and_then(known_message).map(|(known, _)| known).filter(|&known| known != fixed);
    Some(details.map_or_else(|| fixed.to_owned(), |details| format!("{fixed} ({details})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthancs_own_error_is_shown_without_what_it_quotes() {
        // Written by Orthanc 1.10.1, and its Details made up.
        let body =
            br#"{"Details":"Cannot write to file: /var/lib/orthanc/DOE^JANE","HttpError":"Internal Server Error",
            "HttpStatus":500,"Message":"Error with the database engine","Method":"POST",
            "OrthancError":"Error with the database engine","OrthancStatus":11,"Uri":"/patients/DOE^JANE"}"#;
        assert_eq!(error_words(body).as_deref(), Some("Error with the database engine (Cannot write to file)"));
        assert_eq!(error_words(br#"{"Message":"Patient DOE^JANE"}"#), None);
        assert_eq!(error_words(b"<html>"), None);
    }

    #[test]
    fn an_id_of_orthanc_is_not_in_a_message() {
        let path = "/patients/b6589fc6-ab0dc82c-f12099d1-c2d40ab9-94e8410c/studies";
        assert_eq!(without_ids(path), "/patients/ID/studies");
        assert_eq!(without_ids("/tools/bulk-delete"), "/tools/bulk-delete");
    }
}
