//! Orthanc's REST interface, as far as a measurement needs it.

use std::thread::sleep;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf::measurement::ServerMetrics;
use dicomperf::step::ServerAddress;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::http;

use crate::failure::Failure;

/// Instances in one page of an answer.
const PAGE: usize = 1000;
/// Deleting a large dataset takes its time.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Orthanc's REST interface.
#[derive(Debug)]
pub struct Orthanc {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

/// What `/statistics` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statistics {
    /// Instances held.
    pub count_instances: u64,
    /// Bytes of all attachments, before Orthanc compresses them.
    #[serde(deserialize_with = "number_in_text")]
    pub total_uncompressed_size: u64,
}

/// An instance that Orthanc holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Orthanc's own id.
    pub id: String,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExpandedInstance {
    #[serde(rename = "ID")]
    id: String,
    main_dicom_tags: MainDicomTags,
}

#[derive(Debug, Deserialize)]
struct MainDicomTags {
    #[serde(rename = "SOPInstanceUID", default)]
    sop_instance_uid: String,
}

type Answer = http::Response<ureq::Body>;

impl Orthanc {
    /// At this address.
    #[must_use]
    pub fn new(server: &ServerAddress) -> Self {
        let agent = ureq::Agent::config_builder()
            // The private network is not behind a proxy, whatever the environment says.
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(TIMEOUT))
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

    /// What `/system` tells: version, ports, AE title.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn system(&self) -> Result<Value, Failure> {
        self.get("/system")
    }

    /// What it holds, in numbers.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn statistics(&self) -> Result<Statistics, Failure> {
        self.get("/statistics")
    }

    /// Every instance that it holds, page by page.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn held(&self) -> Result<Vec<Held>, Failure> {
        let mut held = Vec::new();
        loop {
            let page: Vec<ExpandedInstance> =
                self.get(&format!("/instances?expand&since={}&limit={PAGE}", held.len()))?;
            let last = page.len() < PAGE;
            held.extend(
                page.into_iter().map(|instance| Held {
                    id: instance.id,
                    sop_instance_uid: instance.main_dicom_tags.sop_instance_uid,
                }),
            );
            if last {
                return Ok(held);
            }
        }
    }

    /// What its Prometheus metrics say of its work, none of it older than a time in ms since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn metrics(&self, since_ms: u64) -> Result<ServerMetrics, Failure> {
        let path = "/tools/metrics-prometheus";
        let call = self.agent.get(self.at(path)).header("Authorization", &self.authorization).call();
        let text = self.ok(path, call)?.body_mut().read_to_string().map_err(|error| self.unreachable(path, &error))?;
        Ok(ServerMetrics {
            slowest_store_ms: metric(&text, "orthanc_store_dicom_duration_ms", since_ms),
            slowest_write_ms: metric(&text, "orthanc_storage_create_duration_ms", since_ms),
        })
    }

    /// The file of an instance, as Orthanc hands it out.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn file(&self, id: &str) -> Result<Vec<u8>, Failure> {
        let path = format!("/instances/{id}/file");
        let mut answer =
            self.ok(&path, self.agent.get(self.at(&path)).header("Authorization", &self.authorization).call())?;
        answer.body_mut().with_config().limit(u64::MAX).read_to_vec().map_err(|error| self.unreachable(&path, &error))
    }

    /// Deletes everything, and looks that it is gone.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn empty(&self) -> Result<(), Failure> {
        for _ in 0..3 {
            if self.statistics()?.count_instances == 0 {
                return Ok(());
            }
            let patients: Vec<String> = self.get("/patients")?;
            if !self.delete_at_once(&patients)? {
                for patient in patients {
                    let path = format!("/patients/{patient}");
                    let call = self.agent.delete(self.at(&path)).header("Authorization", &self.authorization).call();
                    self.ok(&path, call)?;
                }
            }
        }
        match self.statistics()?.count_instances {
            0 => Ok(()),
            left => Err(self.unreachable("/tools/bulk-delete", &format!("{left} instances are left"))),
        }
    }

    /// Since Orthanc 1.9.4; says whether it could.
    fn delete_at_once(&self, resources: &[String]) -> Result<bool, Failure> {
        let path = "/tools/bulk-delete";
        let call = self
            .agent
            .post(self.at(path))
            .header("Authorization", &self.authorization)
            .send_json(json!({ "Resources": resources }));
        match call {
            Ok(answer) if answer.status() == http::StatusCode::NOT_FOUND => Ok(false),
            call => self.ok(path, call).map(|_| true),
        }
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let call = || self.agent.get(self.at(path)).header("Authorization", &self.authorization).call();
        let mut answer = match call() {
            // A connection that was kept may have been closed in between; a read may be repeated.
            Err(_) => {
                sleep(Duration::from_millis(200));
                self.ok(path, call())?
            }
            answer => self.ok(path, answer)?,
        };
        answer.body_mut().with_config().limit(u64::MAX).read_json().map_err(|error| self.unreachable(path, &error))
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

    fn unreachable(&self, path: &str, reason: &dyn std::fmt::Display) -> Failure {
        Failure::ServerUnreachable { url: self.at(path), reason: reason.to_string() }
    }
}

/// A metric in Prometheus' text format, `NAME VALUE TIMESTAMP`, unless it is older than `since_ms`.
fn metric(text: &str, name: &str, since_ms: u64) -> Option<f64> {
    let mut words =
        text.lines().map(str::split_whitespace).find_map(|mut words| (words.next() == Some(name)).then_some(words))?;
    let value = words.next()?.parse().ok()?;
    let at_ms: u64 = words.next()?.parse().ok()?;
    (at_ms >= since_ms).then_some(value)
}

/// Orthanc writes numbers that may have 64 bits as text.
fn number_in_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    // As Orthanc 1.10.1 wrote it.
    const METRICS: &str = "\
orthanc_storage_create_duration_ms 0 1795470113570
orthanc_store_dicom_duration_ms 15 1795470118767
orthanc_uncompressed_size_mb 0.0372581482 1795470113581
";

    #[test]
    fn a_metric_from_before_the_iteration_is_none_of_it() {
        let store = |since_ms| metric(METRICS, "orthanc_store_dicom_duration_ms", since_ms);
        assert_eq!(store(1_795_470_118_000), Some(15.0));
        assert_eq!(store(1_795_470_118_768), None);
        assert_eq!(metric(METRICS, "orthanc_store_dicom", 0), None);
    }
}
