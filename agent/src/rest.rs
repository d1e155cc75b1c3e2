//! HTTP on the private network, with the user and password of a run: Orthanc's REST interface, and the sink's control
//! interface, which stands on the same port.

use std::thread::sleep;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf::step::ServerAddress;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Response, StatusCode};

use crate::failure::Failure;

/// What answers on an SCP's REST port.
#[derive(Debug)]
pub(crate) struct Rest {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

type Answer = Response<ureq::Body>;

impl Rest {
    /// At this address; an answer may take so long.
    pub fn new(server: &ServerAddress, timeout: Duration) -> Self {
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
            agent,
            url: format!("http://{}:{}", server.address, server.rest_port),
            authorization: format!("Basic {}", BASE64_STANDARD.encode(credentials)),
        }
    }

    /// A JSON document.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let mut answer = self.get(path)?;
        answer.body_mut().with_config().limit(u64::MAX).read_json().map_err(|error| self.unreachable(path, &error))
    }

    /// Whatever is there.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let mut answer = self.get(path)?;
        answer.body_mut().with_config().limit(u64::MAX).read_to_vec().map_err(|error| self.unreachable(path, &error))
    }

    /// Deletes what is there.
    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        let call = self.agent.delete(self.at(path)).header("Authorization", &self.authorization).call();
        self.ok(path, call).map(|_| ())
    }

    /// Posts a JSON document, and answers with the status, whatever it is.
    pub fn post(&self, path: &str, document: &Value) -> Result<StatusCode, Failure> {
        let call = self.agent.post(self.at(path)).header("Authorization", &self.authorization).send_json(document);
        call.map(|answer| answer.status()).map_err(|error| self.unreachable(path, &error))
    }

    /// That it does not answer as it should.
    pub fn unreachable(&self, path: &str, reason: &dyn std::fmt::Display) -> Failure {
        Failure::ServerUnreachable { url: self.at(path), reason: reason.to_string() }
    }

    fn get(&self, path: &str) -> Result<Answer, Failure> {
        let call = || self.agent.get(self.at(path)).header("Authorization", &self.authorization).call();
        match call() {
            // A connection that was kept may have been closed in between; a read may be repeated.
            Err(_) => {
                sleep(Duration::from_millis(200));
                self.ok(path, call())
            }
            answer => self.ok(path, answer),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn ok(&self, path: &str, call: Result<Answer, ureq::Error>) -> Result<Answer, Failure> {
        match call {
            Ok(answer) if answer.status().is_success() => Ok(answer),
            Ok(answer) => Err(self.unreachable(path, &answer.status())),
            Err(error) => Err(self.unreachable(path, &error)),
        }
    }
}
