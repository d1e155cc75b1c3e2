//! HTTP on the private network, with the user and password of a run: Orthanc's REST interface, and the sink's control
//! interface, which stands on the same port.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf::step::ServerAddress;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Response, StatusCode};

use crate::failure::Failure;
use crate::retry::{Backoff, retrying};

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
    /// At this address, with a name for errors and a limit to how long an answer may take.
    pub fn new(name: &'static str, server: &ServerAddress, timeout: Duration) -> Self {
        let agent = ureq::Agent::config_builder()
            // The private network is not behind a proxy, whatever the environment says.
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

    /// A JSON document.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let mut answer = self.get(path)?;
        answer.body_mut().with_config().limit(u64::MAX).read_json().map_err(|error| self.unreachable(path, &error))
    }

    /// Bytes of any kind.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let mut answer = self.get(path)?;
        answer.body_mut().with_config().limit(u64::MAX).read_to_vec().map_err(|error| self.unreachable(path, &error))
    }

    /// Deletes what is there.
    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        let call = self.agent.delete(self.url(path)).header("Authorization", &self.authorization).call();
        self.check(path, call).map(|_| ())
    }

    /// Posts a JSON document. Returns the status, whatever it is.
    pub fn post(&self, path: &str, document: &Value) -> Result<StatusCode, Failure> {
        let call = self.agent.post(self.url(path)).header("Authorization", &self.authorization).send_json(document);
        call.map(|answer| answer.status()).map_err(|error| self.unreachable(path, &error))
    }

    /// The failure of an interface that does not answer as it should.
    pub fn unreachable(&self, path: &str, reason: &dyn std::fmt::Display) -> Failure {
        Failure::ServerUnreachable { interface: self.name, url: self.url(path), reason: reason.to_string() }
    }

    fn get(&self, path: &str) -> Result<Answer, Failure> {
        let call = |_| self.agent.get(self.url(path)).header("Authorization", &self.authorization).call();
        // A connection that was kept may have been closed in between; a read may be repeated.
        let answer = retrying(RETRIES, |_| true, call);
        self.check(path, answer.map_err(|failed| failed.error))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn check(&self, path: &str, call: Result<Answer, ureq::Error>) -> Result<Answer, Failure> {
        match call {
            Ok(answer) if answer.status().is_success() => Ok(answer),
            Ok(answer) => Err(self.unreachable(path, &answer.status())),
            Err(error) => Err(self.unreachable(path, &error)),
        }
    }
}
