//! HTTP to a server's control interface: on the private network with the user and password of a run, or to the interface
//! of an existing server.

use std::fmt::Display;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf_model::step::{Credentials, ServerAddress};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::config::ConfigBuilder;
use ureq::http::{Response, StatusCode};
use ureq::typestate::AgentScope;
use ureq::{Body, RequestBuilder};

use crate::failure::Failure;
use crate::presigned;
use crate::resources::known_message;
use crate::retry::{Backoff, retrying};

/// The most bytes of an error's body.
const MAX_ERROR_BYTES: u64 = 65_536;
/// The length of Orthanc's ids: five groups of eight hexadecimal digits. They are hashes of a patient's id and of UIDs.
const ID_CHARACTERS: usize = 44;
/// A read is tried twice.
const RETRIES: Backoff = Backoff { first_delay: Duration::from_millis(200), max_tries: 2 };

/// The most bytes of one answer of a server that is not ours. A page of 1000 instances has some 2 MB.
const MAX_FOREIGN_BYTES: u64 = 256 << 20;

/// An SCP's interface over HTTP.
#[derive(Debug)]
pub(crate) struct Rest {
    name: &'static str,
    agent: ureq::Agent,
    base_url: String,
    authorization: Option<String>,
    /// The most bytes of one answer.
    max_bytes: u64,
}

type Answer = Response<Body>;

impl Rest {
    /// A client for this address. `name` appears in errors, and `timeout` limits each answer.
    pub fn new(name: &'static str, server: &ServerAddress, timeout: Duration) -> Self {
        // The private network has no proxy, whatever the environment sets.
        let config = ureq::Agent::config_builder().proxy(None).timeout_connect(Some(Duration::from_secs(5)));
        Self {
            name,
            agent: agent(config, timeout),
            base_url: format!("http://{}:{}", server.address, server.rest_port),
            authorization: Some(basic(&server.rest_user, &server.rest_password)),
            max_bytes: u64::MAX,
        }
    }

    /// A client for the base URL of an existing server, through the proxy of the environment. Certificates are verified
    /// against the host's own store.
    pub fn at(name: &'static str, url: &str, credentials: Option<&Credentials>, timeout: Duration) -> Self {
        // The stack allows this address, and not the one that a redirect names.
        let config = presigned::client().max_redirects(0).timeout_connect(Some(Duration::from_secs(10)));
        Self {
            name,
            agent: agent(config, timeout),
            base_url: url.trim_end_matches('/').to_owned(),
            authorization: credentials.map(|one| basic(&one.user, &one.password)),
            max_bytes: MAX_FOREIGN_BYTES,
        }
    }

    /// Gets a JSON document.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.check(path, self.get(path, "application/json"))?;
        self.parse(path, answer)
    }

    /// Gets a JSON document of this media type; `None` if the answer is 204 (No Content) or 404 (Not Found).
    pub fn json_if_any<T: DeserializeOwned>(&self, path: &str, accept: &str) -> Result<Option<T>, Failure> {
        match self.get(path, accept) {
            Ok(answer) if matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::NO_CONTENT) => Ok(None),
            call => self.parse(path, self.check(path, call)?).map(Some),
        }
    }

    /// Gets a JSON document of this media type; `None` if the answer is 204 (No Content).
    pub fn json_or_no_content<T: DeserializeOwned>(&self, path: &str, accept: &str) -> Result<Option<T>, Failure> {
        match self.check(path, self.get(path, accept))? {
            answer if answer.status() == StatusCode::NO_CONTENT => Ok(None),
            answer => self.parse(path, answer).map(Some),
        }
    }

    /// Gets bytes of any kind.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let mut answer = self.check(path, self.get(path, "*/*"))?;
        let body = answer.body_mut().with_config().limit(self.max_bytes);
        body.read_to_vec().map_err(|error| self.unreachable(path, &error))
    }

    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        let call = self.authorized(self.agent.delete(self.url(path))).call();
        self.check(path, call).map(|_| ())
    }

    /// Deletes a resource, unless it is not there.
    pub fn delete_if_any(&self, path: &str) -> Result<(), Failure> {
        match self.authorized(self.agent.delete(self.url(path))).call() {
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => Ok(()),
            call => self.check(path, call).map(|_| ()),
        }
    }

    /// Posts a JSON document. Returns false if the interface has no such path.
    pub fn post(&self, path: &str, document: &Value) -> Result<bool, Failure> {
        match self.authorized(self.agent.post(self.url(path))).send_json(document) {
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => Ok(false),
            call => self.check(path, call).map(|_| true),
        }
    }

    /// Posts text. Returns the JSON document of the answer.
    pub fn post_text<T: DeserializeOwned>(&self, path: &str, text: &str) -> Result<T, Failure> {
        let answer = self.check(path, self.authorized(self.agent.post(self.url(path))).send(text))?;
        self.parse(path, answer)
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

    fn get(&self, path: &str, accept: &str) -> Result<Answer, ureq::Error> {
        let call = |_| self.authorized(self.agent.get(self.url(path))).header("Accept", accept).call();
        // The server may have closed a connection in the pool. A read is safe to repeat. A server that let the whole time
        // pass would do so again.
        let answer = retrying(RETRIES, |error| !matches!(error, ureq::Error::Timeout(_)), call);
        answer.map_err(|failed| failed.error)
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header("Authorization", authorization),
            None => request,
        }
    }

    fn parse<T: DeserializeOwned>(&self, path: &str, mut answer: Answer) -> Result<T, Failure> {
        let body = answer.body_mut().with_config().limit(self.max_bytes);
        body.read_json().map_err(|error| self.unreachable(path, &error))
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
            Err(error) => Err(self.unreachable(path, &presigned::reason(&error, &self.base_url))),
        }
    }
}

/// A client that returns an answer with any status.
fn agent(config: ConfigBuilder<AgentScope>, timeout: Duration) -> ureq::Agent {
    config.timeout_global(Some(timeout)).http_status_as_error(false).build().new_agent()
}

/// The header of Basic authentication (RFC 7617).
fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
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
