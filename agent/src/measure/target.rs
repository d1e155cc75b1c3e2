//! What receives: asked before and after each iteration what it holds.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf::measurement::ServerMetrics;
use dicomperf::plan::ServerSettings;
use dicomperf::request::Target;
use dicomperf::step::ServerAddress;
use serde::Deserialize;

use crate::failure::Failure;
use crate::orthanc::{Held, Orthanc};

/// Counting takes the sink no time.
const TIMEOUT: Duration = Duration::from_secs(30);

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
pub(super) struct Sink {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

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
            Target::Sink => Self::Sink(Sink::new(server)),
        }
    }

    /// Makes it forget everything.
    pub fn empty(&self) -> Result<(), Failure> {
        match self {
            Self::Orthanc(orthanc) => orthanc.empty(),
            Self::Sink(sink) => sink.empty(),
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
    fn new(server: &ServerAddress) -> Self {
        let agent = ureq::Agent::config_builder()
            // The private network is not behind a proxy, whatever the environment says.
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(TIMEOUT))
            .build()
            .new_agent();
        let credentials = format!("{}:{}", server.rest_user, server.rest_password);
        Self {
            agent,
            url: format!("http://{}:{}/instances", server.address, server.rest_port),
            authorization: format!("Basic {}", BASE64_STANDARD.encode(credentials)),
        }
    }

    fn empty(&self) -> Result<(), Failure> {
        let call = self.agent.delete(&self.url).header("Authorization", &self.authorization).call();
        call.map(|_| ()).map_err(|error| self.unreachable(&error))
    }

    fn contents(&self) -> Result<Contents, Failure> {
        let call = self.agent.get(&self.url).header("Authorization", &self.authorization).call();
        let counted: Counted = call
            .and_then(|mut answer| answer.body_mut().with_config().limit(u64::MAX).read_json())
            .map_err(|error| self.unreachable(&error))?;
        let held = |sop_instance_uid| Held { id: String::new(), sop_instance_uid };
        Ok(Contents {
            instances: counted.sop_instance_uids.into_iter().map(held).collect(),
            count: counted.count,
            bytes: counted.dataset_bytes,
        })
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::ServerUnreachable { url: self.url.clone(), reason: error.to_string() }
    }
}
