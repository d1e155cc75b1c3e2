//! A server that exists already: the run neither starts nor configures nor empties it. It proves storage by a receipt.

mod c_find;
mod dicomweb;
mod found;
mod orthanc;
mod patience;

use std::collections::BTreeSet;

use dicomperf_model::measurement::{CleanupOutcome, ServerMetrics};
use dicomperf_model::request;
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::MeasureBlock;

use super::orthanc::METRICS_WINDOW_MS;
use super::orthanc::rest::OrthancRest;
use super::under_test::{Contents, ServerUnderTest, StoredInstance};
use crate::client::dataset::Dataset;
use crate::failure::Failure;
use c_find::CFind;
use dicomweb::DicomWeb;
use found::Found;
use patience::Patience;

/// Deletions that may fail before the cleanup gives up. Each may take the whole time limit of an answer.
const MAX_FAILED_DELETIONS: u32 = 3;

/// An existing server.
pub(super) struct Existing {
    receipt: Receipt,
    cleanup: Cleanup,
}

/// The interface that proves storage.
enum Receipt {
    CFind(CFind),
    Qido(DicomWeb),
    Orthanc(OrthancRest),
    None,
}

/// The interface that deletes the run's studies.
enum Cleanup {
    Orthanc(OrthancRest),
    DicomWeb(DicomWeb),
    None,
}

/// A Study Instance UID and a Series Instance UID.
type Series<'a> = (&'a str, &'a str);

impl Existing {
    /// The existing server of a block.
    pub fn new(block: &MeasureBlock) -> Self {
        let interfaces = block.server.existing.as_ref();
        let url = || interfaces.and_then(|one| one.url.as_deref()).unwrap_or_default();
        let credentials = || interfaces.and_then(|one| one.credentials.as_ref());
        let receipt = match interfaces.map_or(request::Receipt::CFind, |one| one.receipt) {
            request::Receipt::CFind => Receipt::CFind(CFind::new(block)),
            request::Receipt::Qido => Receipt::Qido(DicomWeb::new(url(), credentials())),
            request::Receipt::Orthanc => Receipt::Orthanc(OrthancRest::at(url(), credentials())),
            request::Receipt::None => Receipt::None,
        };
        let cleanup = match interfaces.map_or(request::Cleanup::None, |one| one.cleanup) {
            request::Cleanup::None => Cleanup::None,
            request::Cleanup::Orthanc => Cleanup::Orthanc(OrthancRest::at(url(), credentials())),
            request::Cleanup::Dicomweb => Cleanup::DicomWeb(DicomWeb::new(url(), credentials())),
        };
        Self { receipt, cleanup }
    }
}

impl Receipt {
    /// Asks once for the instances of these series.
    fn ask(&self, series: &BTreeSet<Series<'_>>, found: &mut Found<'_>) -> Result<(), Failure> {
        match self {
            Self::CFind(find) => find.ask(series, found),
            Self::Qido(web) => web.ask(series, found),
            Self::Orthanc(rest) => orthanc::ask(rest, series, found),
            Self::None => Ok(()),
        }
    }
}

impl Cleanup {
    fn delete(&self, study_instance_uid: &str) -> Result<(), Failure> {
        match self {
            Self::Orthanc(rest) => orthanc::delete(rest, study_instance_uid),
            Self::DicomWeb(web) => web.delete(study_instance_uid),
            Self::None => Ok(()),
        }
    }
}

impl ServerUnderTest for Existing {
    fn name(&self) -> &'static str {
        "the server"
    }

    fn is_existing(&self) -> bool {
        true
    }

    /// Fails if the receipt or the cleanup is not offered. Nothing was sent yet then.
    fn check_control_interface(&self) -> Result<(), Failure> {
        match &self.receipt {
            Receipt::CFind(find) => find.check()?,
            Receipt::Qido(web) => web.check()?,
            Receipt::Orthanc(rest) => rest.system().map(|_| ())?,
            Receipt::None => {}
        }
        match (&self.receipt, &self.cleanup) {
            (Receipt::Orthanc(_), Cleanup::Orthanc(_)) | (_, Cleanup::None) => Ok(()),
            (_, Cleanup::Orthanc(rest)) => rest.system().map(|_| ()),
            // No request that deletes nothing tells if a server deletes.
            (_, Cleanup::DicomWeb(_)) => Ok(()),
        }
    }

    /// Does nothing. Each iteration sends new instances.
    fn empty(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn contents(&self, sent: &Dataset, acknowledged: &BTreeSet<&str>) -> Result<Option<Contents>, Failure> {
        if matches!(self.receipt, Receipt::None) {
            return Ok(None);
        }
        let series: BTreeSet<Series<'_>> = sent
            .instances
            .iter()
            .map(|one| (one.study_instance_uid.as_str(), one.series_instance_uid.as_str()))
            .collect();
        let found = Patience::usual().ask(acknowledged, || {
            let mut found = Found::new(&sent.instances);
            self.receipt.ask(&series, &mut found).map(|()| found)
        })?;
        Ok(Some(found.contents()))
    }

    fn delete_studies(&self, study_instance_uids: &BTreeSet<String>) -> Option<CleanupOutcome> {
        if matches!(self.cleanup, Cleanup::None) {
            return None;
        }
        let studies = u32::try_from(study_instance_uids.len()).unwrap_or(u32::MAX);
        let mut outcome = CleanupOutcome { studies, deleted: 0, error: None };
        let mut failed = 0;
        for study in study_instance_uids {
            match self.cleanup.delete(study) {
                Ok(()) => outcome.deleted += 1,
                Err(failure) => {
                    tracing::warn!("cleanup: {failure}");
                    outcome.error.get_or_insert_with(|| failure.to_string());
                    failed += 1;
                }
            }
            if failed == MAX_FAILED_DELETIONS {
                break;
            }
        }
        Some(outcome)
    }

    fn metrics(&self, started_at_ms: u64) -> Option<ServerMetrics> {
        match &self.receipt {
            Receipt::Orthanc(rest) => rest.metrics(started_at_ms.saturating_sub(METRICS_WINDOW_MS)).ok(),
            _ => None,
        }
    }

    fn fetch(&self, instance: &StoredInstance) -> Result<Option<Vec<u8>>, Failure> {
        match &self.receipt {
            Receipt::Orthanc(rest) => rest.file(&instance.id).map(Some),
            _ => Ok(None),
        }
    }

    /// True: a server may change pixel data by a setting that the run does not see.
    fn transcodes(&self, _settings: &ServerSettings) -> bool {
        true
    }
}
