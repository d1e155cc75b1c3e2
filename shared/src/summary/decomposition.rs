//! Where the time of a scenario goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LatencySummary;
use crate::measurement::{Iteration, LatencyHistogram};
use crate::network::NetworkBaseline;
use crate::statistics::{LeastSquares, median};

/// Where the time of a scenario's valid counted iterations goes, in ms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decomposition {
    /// Of each process, from its start to its first request for an association.
    pub startup_ms: Option<LatencySummary>,
    /// Of each association, from its request to its acceptance.
    pub association_ms: Option<LatencySummary>,
    /// Of each association, from the request of its release to the answer; of DCMTK's senders to the process's exit.
    pub release_ms: Option<LatencySummary>,
    /// The first C-STORE on each association.
    pub first_store_ms: Option<LatencySummary>,
    /// Between a response and the next request on the same association, the median over iterations of the mean: what the
    /// sender does for itself, as
    /// reading the next file; or where the arrival is open, waiting. Null for a sender that reads ahead meanwhile and
    /// shows none.
    pub between_stores_ms: Option<f64>,
    /// What a C-STORE takes whatever its size, and what each MB (10^6 bytes) adds: the least squares line through all
    /// C-STOREs. Null where the instances have one size, give or take a twentieth: a line through what differs by some
    /// bytes of header would tell of noise.
    pub by_size: Option<BySize>,
    /// The slowest store of one instance that the server itself reported, in whole ms, from receipt to response.
    pub server_store_ms_at_most: Option<f64>,
    /// The slowest write of one file that the server itself reported, in whole ms.
    pub server_write_ms_at_most: Option<f64>,
    /// What a mean instance would take if there were nothing but the network: one round trip, and its bytes at the rate
    /// that iperf3 reached over one connection. Null without a baseline.
    pub network_floor_ms: Option<f64>,
}

/// A C-STORE's time by the size of its instance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BySize {
    /// Of an instance without bytes.
    pub per_instance_ms: f64,
    /// For each 10^6 bytes more.
    pub per_megabyte_ms: f64,
}

/// Instances whose sizes have a standard deviation below this part of their mean have one size.
const ONE_SIZE: f64 = 0.05;

/// Collects what a scenario's iterations tell.
#[derive(Debug, Default)]
pub(super) struct Parts {
    startup: LatencyHistogram,
    association: LatencyHistogram,
    release: LatencyHistogram,
    first_store: LatencyHistogram,
    size_fit: LeastSquares,
    between_us: Vec<f64>,
    slowest_store_ms: Option<f64>,
    slowest_write_ms: Option<f64>,
    floors_ms: Vec<f64>,
}

impl Parts {
    /// Adds an iteration, and the baseline of its block run.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(super) fn add(&mut self, iteration: &Iteration, network: Option<&NetworkBaseline>) {
        self.startup.add(&iteration.startup_us);
        self.association.add(&iteration.association_us);
        self.release.add(&iteration.release_us);
        self.first_store.add(&iteration.first_latency_us);
        self.size_fit.merge(&iteration.size_fit);
        if let Some(between_us) = iteration.between_us {
            self.between_us.push(between_us);
        }
        let greater = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        self.slowest_store_ms = greater(self.slowest_store_ms, iteration.server.and_then(|told| told.slowest_store_ms));
        self.slowest_write_ms = greater(self.slowest_write_ms, iteration.server.and_then(|told| told.slowest_write_ms));
        if let Some(network) = network.filter(|_| iteration.instances_sent > 0) {
            let bytes = iteration.bytes_sent as f64 / f64::from(iteration.instances_sent);
            let sending_ms = bytes / network.to_server_bytes_per_second * 1000.0;
            self.floors_ms.push(network.round_trip.median_ms + sending_ms);
        }
    }

    /// What they come to; `None` of no iteration.
    pub(super) fn decomposition(self) -> Option<Decomposition> {
        if self.size_fit.n == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let deviation = (self.size_fit.m2_x / self.size_fit.n as f64).sqrt();
        let sizes_differ = deviation >= ONE_SIZE * self.size_fit.mean_x;
        let by_size = self.size_fit.line().filter(|_| sizes_differ).map(|line| BySize {
            per_instance_ms: line.intercept / 1000.0,
            per_megabyte_ms: line.slope * 1e6 / 1000.0,
        });
        Some(Decomposition {
            startup_ms: LatencySummary::of(&self.startup),
            association_ms: LatencySummary::of(&self.association),
            release_ms: LatencySummary::of(&self.release),
            first_store_ms: LatencySummary::of(&self.first_store),
            between_stores_ms: median(&self.between_us).map(|between_us| between_us / 1000.0),
            by_size,
            server_store_ms_at_most: self.slowest_store_ms,
            server_write_ms_at_most: self.slowest_write_ms,
            network_floor_ms: median(&self.floors_ms),
        })
    }
}
