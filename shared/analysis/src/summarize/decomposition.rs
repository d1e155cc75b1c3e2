//! The parts of a scenario's time: start, association, C-STORE, release, network.

use dicomperf_model::measurement::{Iteration, LatencyHistogram};
use dicomperf_model::network::NetworkBaseline;
use dicomperf_model::results::{BySize, Decomposition, LatencySummary};
use dicomperf_model::statistics::{LeastSquares, median};

/// Instances count as of one size if the standard deviation of their sizes is below this share of the mean.
const MAX_RELATIVE_DEVIATION_OF_ONE_SIZE: f64 = 0.05;

/// Accumulates the times of a scenario's iterations.
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
    /// Adds an iteration and the network baseline of its block run.
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

    /// Returns the decomposition, or `None` if no iteration was added.
    pub(super) fn decomposition(self) -> Option<Decomposition> {
        if self.size_fit.n == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let deviation = (self.size_fit.m2_x / self.size_fit.n as f64).sqrt();
        let sizes_differ = deviation >= MAX_RELATIVE_DEVIATION_OF_ONE_SIZE * self.size_fit.mean_x;
        let by_size = self.size_fit.line().filter(|_| sizes_differ).map(|line| BySize {
            per_instance_ms: line.intercept / 1000.0,
            per_megabyte_ms: line.slope * 1e6 / 1000.0,
        });
        Some(Decomposition {
            startup_ms: LatencySummary::from_histogram(&self.startup),
            association_ms: LatencySummary::from_histogram(&self.association),
            release_ms: LatencySummary::from_histogram(&self.release),
            first_store_ms: LatencySummary::from_histogram(&self.first_store),
            between_stores_ms: median(&self.between_us).map(|between_us| between_us / 1000.0),
            by_size,
            server_store_ms_at_most: self.slowest_store_ms,
            server_write_ms_at_most: self.slowest_write_ms,
            network_floor_ms: median(&self.floors_ms),
        })
    }
}
