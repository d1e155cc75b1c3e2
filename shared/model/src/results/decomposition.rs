//! The parts of a scenario's time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scenario::LatencySummary;

/// The parts of the time of a scenario's valid counted iterations, in ms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decomposition {
    /// Time of each process, from its start to its first request for an association.
    pub startup_ms: Option<LatencySummary>,
    /// Time of each association, from its request to its acceptance.
    pub association_ms: Option<LatencySummary>,
    /// Time of each association, from its release request to the answer. For DCMTK's senders it ends at the exit of the
    /// process.
    pub release_ms: Option<LatencySummary>,
    /// Time of the first C-STORE on each association.
    pub first_store_ms: Option<LatencySummary>,
    /// Time between a response and the next request on the same association: the median over iterations of the mean.
    /// The sender works during it, for example reads the next file. With open arrival, it waits. Null for a sender that
    /// reads ahead and so has no such time.
    pub between_stores_ms: Option<f64>,
    /// The time of a C-STORE as a base and an addition for each MB (10^6 bytes): the least squares line through all
    /// C-STOREs. Null if the instances have one size, within a twentieth: a line through sizes that differ by some
    /// header bytes would show noise.
    pub by_size: Option<BySize>,
    /// The slowest store of one instance, from receipt to response, as the server reported it, in whole ms.
    pub server_store_ms_at_most: Option<f64>,
    /// The slowest write of one file, as the server reported it, in whole ms.
    pub server_write_ms_at_most: Option<f64>,
    /// The time of a mean instance if only the network took time. It is one round trip, and the instance's bytes at the
    /// rate that iperf3 reached over one connection. Null without a baseline.
    pub network_floor_ms: Option<f64>,
}

/// A C-STORE's time by the size of its instance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BySize {
    /// Time of an instance without bytes, in ms.
    pub per_instance_ms: f64,
    /// Additional time for each 10^6 bytes, in ms.
    pub per_megabyte_ms: f64,
}
