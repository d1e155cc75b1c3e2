//! HTTP on the private network, with the user and password of a run. Orthanc's REST interface and the sink's control
//! interface use the same port.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf_model::step::ServerAddress;
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

    /// Posts a JSON document. Returns any status.
    pub fn post(&self, path: &str, document: &Value) -> Result<StatusCode, Failure> {
        let call = self.agent.post(self.url(path)).header("Authorization", &self.authorization).send_json(document);
        call.map(|answer| answer.status()).map_err(|error| self.unreachable(path, &error))
    }

    /// The failure of an interface that does not answer as expected.
    pub fn unreachable(&self, path: &str, reason: &dyn std::fmt::Display) -> Failure {
        Failure::ServerUnreachable { interface: self.name, url: self.url(path), reason: reason.to_string() }
    }

    fn get(&self, path: &str) -> Result<Answer, Failure> {
        let call = |_| self.agent.get(self.url(path)).header("Authorization", &self.authorization).call();
        // The server may have closed a connection in the pool. A read is safe to repeat.
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
