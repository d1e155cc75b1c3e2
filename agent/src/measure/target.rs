//! What receives: asked before and after each iteration what it holds.

use std::time::Duration;

use dicomperf::measurement::ServerMetrics;
use dicomperf::plan::ServerSettings;
use dicomperf::request::Target;
use dicomperf::step::ServerAddress;
use serde::Deserialize;

use crate::failure::Failure;
use crate::orthanc::{Held, Orthanc};
use crate::rest::Rest;

/// Counting takes the sink no time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where it tells what it counted, and begins anew.
const COUNT: &str = "/instances";
/// For so long Orthanc keeps a greatest value.
const METRICS_WINDOW_MS: u64 = 10_000;

/// The SCP of a block.
pub(super) enum Scp {
    /// Orthanc, by its REST interface.
    Orthanc(Orthanc),
    /// The sink, by its control interface.
    Sink(Sink),
}

/// What an SCP holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    /// Its instances; of the sink, which keeps none, their SOP Instance UIDs.
    pub instances: Vec<Held>,
    /// How many were received, those that came twice counted twice.
    pub count: u64,
    /// Bytes: Orthanc's TotalUncompressedSize, or those of the data sets that the sink discarded.
    pub bytes: u64,
}

/// The sink's control interface.
pub(super) struct Sink(Rest);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    sop_instance_uids: Vec<String>,
    dataset_bytes: u64,
    count: u64,
}

impl Scp {
    /// At this address.
    pub fn new(server: &ServerAddress, settings: &ServerSettings) -> Self {
        match settings.target {
            Target::Orthanc => Self::Orthanc(Orthanc::new(server)),
            Target::Sink => Self::Sink(Sink(Rest::new(server, TIMEOUT))),
        }
    }

    /// Makes it forget everything.
    pub fn empty(&self) -> Result<(), Failure> {
        match self {
            Self::Orthanc(orthanc) => orthanc.empty(),
            Self::Sink(sink) => sink.0.delete(COUNT),
        }
    }

    /// What it holds now.
    pub fn contents(&self) -> Result<Contents, Failure> {
        match self {
            Self::Orthanc(orthanc) => {
                let statistics = orthanc.statistics()?;
                let instances = orthanc.held()?;
                let count = instances.len() as u64;
                Ok(Contents { instances, count, bytes: statistics.total_uncompressed_size })
            }
            Self::Sink(sink) => sink.contents(),
        }
    }

    /// What it says of its own work in an iteration that began at a time in ms since 1970-01-01 UTC; the sink says
    /// nothing.
    pub fn metrics(&self, started_at_ms: u64) -> Option<ServerMetrics> {
        match self {
            // A greatest value keeps the time at which it was set for as long as none is greater.
            Self::Orthanc(orthanc) => orthanc.metrics(started_at_ms.saturating_sub(METRICS_WINDOW_MS)).ok(),
            Self::Sink(_) => None,
        }
    }
}

impl Sink {
    fn contents(&self) -> Result<Contents, Failure> {
        let counted: Counted = self.0.json(COUNT)?;
        let held = |sop_instance_uid| Held { id: String::new(), sop_instance_uid };
        Ok(Contents {
            instances: counted.sop_instance_uids.into_iter().map(held).collect(),
            count: counted.count,
            bytes: counted.dataset_bytes,
        })
    }
}
