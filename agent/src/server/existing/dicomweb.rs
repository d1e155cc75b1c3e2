//! The receipt by QIDO-RS (PS3.18 10.6), and the cleanup by DELETE.

use std::collections::BTreeSet;
use std::time::Duration;

use dicomperf_model::step::Credentials;
use serde::Deserialize;

use super::Series;
use super::found::Found;
use crate::failure::Failure;
use crate::rest::Rest;

/// The longest wait for an answer: deleting a large study is slow.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// The media type of the results: the DICOM JSON model (PS3.18 F).
const DICOM_JSON: &str = "application/dicom+json";
/// Instances in one page. A server may answer with fewer.
const PAGE_INSTANCES: usize = 1000;
/// A study that no server has.
const NO_STUDY: &str = "2.25.1";

/// A DICOMweb interface.
pub(super) struct DicomWeb {
    rest: Rest,
}

/// A match (PS3.18 F.2).
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "00080018")]
    sop_instance_uid: Option<Attribute>,
}

#[derive(Debug, Deserialize)]
struct Attribute {
    #[serde(rename = "Value", default)]
    values: Vec<String>,
}

impl DicomWeb {
    pub fn new(url: &str, credentials: Option<&Credentials>) -> Self {
        Self { rest: Rest::at("DICOMweb", url, credentials, ANSWER_TIMEOUT) }
    }

    /// Fails if there is no QIDO-RS at the URL.
    pub fn check(&self) -> Result<(), Failure> {
        let path = format!("/studies?StudyInstanceUID={NO_STUDY}&limit=1");
        // No match is 204 (PS3.18 8.3.4.4.1), or an empty list. 404 means that the URL is wrong.
        self.rest.json_or_no_content::<Vec<Row>>(&path, DICOM_JSON).map(|_| ())
    }

    pub fn ask(&self, series: &BTreeSet<Series<'_>>, found: &mut Found<'_>) -> Result<(), Failure> {
        series.iter().try_for_each(|series| self.ask_one(*series, found))
    }

    /// Asks page by page. A page may be shorter than asked, because a server may have a limit of its own (`maxResults`,
    /// PS3.18 8.3.4.4.1), so only an empty page is the end. A server that ignores the offset repeats the first page.
    fn ask_one(&self, (study, series): Series<'_>, found: &mut Found<'_>) -> Result<(), Failure> {
        let path = format!("/studies/{study}/series/{series}/instances");
        let (mut offset, mut last) = (0, Vec::new());
        loop {
            let page = format!("{path}?limit={PAGE_INSTANCES}&offset={offset}");
            let rows: Vec<Row> = self.rest.json_if_any(&page, DICOM_JSON)?.unwrap_or_default();
            let uids: Option<Vec<String>> = rows.into_iter().map(Row::uid).collect();
            let uids = uids.ok_or_else(|| self.failure(&path, "answers with a match without SOP Instance UID"))?;
            if uids.is_empty() || uids == last {
                return Ok(());
            }
            for uid in &uids {
                found.add(uid, "").map_err(|trouble| self.failure(&path, &trouble))?;
            }
            offset += uids.len();
            last = uids;
        }
    }

    /// Deletes a study, unless it is not there. PS3.18 defines no deletion, but servers offer it at the study's URL (Google
    /// Cloud Healthcare API: `studies.delete`).
    pub fn delete(&self, study_instance_uid: &str) -> Result<(), Failure> {
        self.rest.delete_if_any(&format!("/studies/{study_instance_uid}"))
    }

    fn failure(&self, path: &str, trouble: &str) -> Failure {
        self.rest.failure(path, trouble.to_owned())
    }
}

impl Row {
    fn uid(self) -> Option<String> {
        self.sop_instance_uid?.values.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_has_its_uid_among_other_attributes() {
        // Written by Orthanc's DICOMweb plugin 1.7.
        let json = r#"[{"00080005":{"Value":["ISO_IR 100"],"vr":"CS"},"00080018":{"Value":["2.25.7"],"vr":"UI"},
            "00081190":{"Value":["http://x"],"vr":"UR"}},{"00080018":{"vr":"UI"}},{}]"#;
        let rows: Vec<Row> = serde_json::from_str(json).expect("rows");
        let uids: Vec<_> = rows.into_iter().map(Row::uid).collect();
        assert_eq!(uids, [Some("2.25.7".to_owned()), None, None]);
    }
}
