//! The part of Orthanc's REST interface that a measurement needs.

use std::time::Duration;

use dicomperf_model::measurement::ServerMetrics;
use dicomperf_model::step::{Credentials, ServerAddress};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::under_test::StoredInstance;
use crate::failure::Failure;
use crate::rest::Rest;

/// Instances in one page of an answer.
const PAGE_INSTANCES: usize = 1000;
/// The longest wait for an answer: deleting a large dataset is slow.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Orthanc's REST interface.
#[derive(Debug)]
pub struct OrthancRest {
    rest: Rest,
}

/// The answer of `/statistics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statistics {
    /// Number of instances.
    pub count_instances: u64,
    /// Bytes of all attachments, before Orthanc compresses them.
    #[serde(deserialize_with = "number_in_text")]
    pub total_uncompressed_size: u64,
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

/// One of the resources that `/tools/lookup` finds.
#[derive(Debug, Deserialize)]
struct Resource {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct StudyStatistics {
    #[serde(rename = "DicomUncompressedSize", deserialize_with = "number_in_text")]
    dicom_uncompressed_size: u64,
}

impl ExpandedInstance {
    fn stored(self) -> StoredInstance {
        StoredInstance { id: self.id, sop_instance_uid: self.main_dicom_tags.sop_instance_uid }
    }
}

impl OrthancRest {
    /// The REST interface at this address.
    #[must_use]
    pub fn new(server: &ServerAddress) -> Self {
        Self { rest: Rest::new("Orthanc's REST interface", server, ANSWER_TIMEOUT) }
    }

    /// The REST interface of an existing Orthanc.
    #[must_use]
    pub fn at(url: &str, credentials: Option<&Credentials>) -> Self {
        Self { rest: Rest::at("Orthanc's REST interface", url, credentials, ANSWER_TIMEOUT) }
    }

    /// Returns Orthanc's id of a study; `None` if it has no such study.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn study(&self, study_instance_uid: &str) -> Result<Option<String>, Failure> {
        let found: Vec<Resource> = self.rest.post_text("/tools/lookup", study_instance_uid)?;
        Ok(found.into_iter().find(|one| one.kind == "Study").map(|one| one.id))
    }

    /// Lists the instances of a study by its id; `None` if it was deleted meanwhile.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn instances_of(&self, study: &str) -> Result<Option<Vec<StoredInstance>>, Failure> {
        let found: Option<Vec<ExpandedInstance>> =
            self.rest.json_if_any(&format!("/studies/{study}/instances"), "application/json")?;
        Ok(found.map(|instances| instances.into_iter().map(ExpandedInstance::stored).collect()))
    }

    /// Returns the bytes of a study's DICOM files before compression.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn bytes_of(&self, study: &str) -> Result<u64, Failure> {
        let found: StudyStatistics = self.rest.json(&format!("/studies/{study}/statistics"))?;
        Ok(found.dicom_uncompressed_size)
    }

    /// A failure of the interface. `trouble` begins with its verb.
    pub(crate) fn failure(&self, path: &str, trouble: String) -> Failure {
        self.rest.failure(path, trouble)
    }

    /// Deletes a study by its id, unless it is not there.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn delete_study(&self, study: &str) -> Result<(), Failure> {
        self.rest.delete_if_any(&format!("/studies/{study}"))
    }

    /// Returns the answer of `/system`: version, ports, AE title.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn system(&self) -> Result<Value, Failure> {
        self.rest.json("/system")
    }

    /// Counts the instances and their bytes.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn statistics(&self) -> Result<Statistics, Failure> {
        self.rest.json("/statistics")
    }

    /// Lists all instances, page by page.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn instances(&self) -> Result<Vec<StoredInstance>, Failure> {
        let mut instances = Vec::new();
        loop {
            let page: Vec<ExpandedInstance> =
                self.rest.json(&format!("/instances?expand&since={}&limit={PAGE_INSTANCES}", instances.len()))?;
            let is_last = page.len() < PAGE_INSTANCES;
            instances.extend(page.into_iter().map(ExpandedInstance::stored));
            if is_last {
                return Ok(instances);
            }
        }
    }

    /// Returns Orthanc's Prometheus metrics about its work, without those older than a time in ms since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn metrics(&self, since_ms: u64) -> Result<ServerMetrics, Failure> {
        let text = String::from_utf8_lossy(&self.rest.bytes("/tools/metrics-prometheus")?).into_owned();
        Ok(ServerMetrics {
            slowest_store_ms: metric(&text, "orthanc_store_dicom_duration_ms", since_ms),
            slowest_write_ms: metric(&text, "orthanc_storage_create_duration_ms", since_ms),
        })
    }

    /// Returns the file of an instance as Orthanc delivers it.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn file(&self, id: &str) -> Result<Vec<u8>, Failure> {
        self.rest.bytes(&format!("/instances/{id}/file"))
    }

    /// Deletes all instances, and checks that none is left.
    ///
    /// # Errors
    /// [`Failure::ServerUnreachable`]
    pub fn empty(&self) -> Result<(), Failure> {
        for _ in 0..3 {
            if self.statistics()?.count_instances == 0 {
                return Ok(());
            }
            let patients: Vec<String> = self.rest.json("/patients")?;
            if !self.delete_at_once(&patients)? {
                for patient in patients {
                    self.rest.delete(&format!("/patients/{patient}"))?;
                }
            }
        }
        match self.statistics()?.count_instances {
            0 => Ok(()),
            left => Err(self.rest.failure("/tools/bulk-delete", format!("has {left} instances left"))),
        }
    }

    /// Deletes all resources with one request, which needs Orthanc 1.9.4. Returns false if this Orthanc is older.
    fn delete_at_once(&self, resources: &[String]) -> Result<bool, Failure> {
        self.rest.post("/tools/bulk-delete", &json!({ "Resources": resources }))
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

/// Parses a number that may have 64 bits, which Orthanc writes as text.
fn number_in_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Written by Orthanc 1.10.1.
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
