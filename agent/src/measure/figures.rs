//! The figures of an iteration that come from its sender.

use std::collections::BTreeMap;

use dicomperf_model::measurement::{Iteration, LatencyHistogram};
use dicomperf_model::plan::Scenario;
use dicomperf_model::samples::{Sample, StoreSample};
use dicomperf_model::statistics::LeastSquares;

use super::transfer::{Transfer, latency_us};
use crate::clock;
use crate::timeline::Association;

/// Size of each file, by its name.
pub(super) type Sizes<'a> = BTreeMap<&'a str, u64>;

/// The part of an iteration that only the sender can report. It is not valid yet.
pub(super) fn sender_side(
    index: u32,
    warmup: bool,
    scenario: &Scenario,
    transfer: &Transfer,
    sizes: &Sizes<'_>,
) -> Iteration {
    let (instances_sent, bytes_sent) = transfer.count_succeeded(sizes);
    let mut iteration = Iteration {
        scenario: scenario.number,
        index,
        warmup,
        started_at_ms: transfer.started.wall_ms(),
        duration_ms: clock::milliseconds(transfer.duration),
        transfer_ms: transfer.transfer_ms(),
        instances_sent,
        instances_refused: 0,
        instances_failed: 0,
        instances_not_tried: 0,
        failures: Vec::new(),
        instances_stored: None,
        bytes_sent,
        stored_bytes: None,
        study_instance_uids: Vec::new(),
        valid: false,
        reason: None,
        latency_us: LatencyHistogram::new(),
        first_latency_us: LatencyHistogram::new(),
        association_us: LatencyHistogram::new(),
        release_us: LatencyHistogram::new(),
        startup_us: LatencyHistogram::new(),
        between_us: transfer.between_us(),
        size_fit: LeastSquares::default(),
        server: None,
        sender_cpu_ms: transfer.sender_cpu_ms,
    };
    transfer.startup_us.iter().for_each(|&startup| iteration.startup_us.record(startup));
    for association in &transfer.associations {
        record(association, sizes, &mut iteration);
    }
    iteration
}

/// Every C-STORE of an iteration, for the host's samples.
pub(super) fn store_samples(
    ordinal: u32,
    iteration: &Iteration,
    transfer: &Transfer,
    sizes: &Sizes<'_>,
) -> impl Iterator<Item = Sample> {
    let (scenario, index) = (iteration.scenario, iteration.index);
    (0..).zip(&transfer.associations).flat_map(move |(association, one)| {
        one.stores.iter().map(move |store| {
            Sample::Store(StoreSample {
                ordinal,
                scenario,
                index,
                association,
                file: store.file.clone(),
                bytes: sizes.get(store.file.as_str()).copied().unwrap_or_default(),
                scheduled_us: store.scheduled_us,
                requested_us: store.requested_us,
                latency_us: latency_us(store),
                status: store.response.as_ref().map(|response| response.1.clone()),
            })
        })
    })
}

/// Adds the times of one association to the iteration.
#[expect(clippy::cast_precision_loss, reason = "sizes and times far below 2^52")]
fn record(association: &Association, sizes: &Sizes<'_>, iteration: &mut Iteration) {
    if let (Some(requested), Some(accepted)) = (association.requested_us, association.accepted_us) {
        iteration.association_us.record(accepted.saturating_sub(requested));
    }
    if let (Some(requested), Some(released)) = (association.release_requested_us, association.released_us) {
        iteration.release_us.record(released.saturating_sub(requested));
    }
    for (position, store) in association.stores.iter().enumerate() {
        let Some(latency) = latency_us(store) else { continue };
        iteration.latency_us.record(latency);
        if position == 0 {
            iteration.first_latency_us.record(latency);
        }
        if let Some(&bytes) = sizes.get(store.file.as_str()) {
            iteration.size_fit.add(bytes as f64, latency as f64);
        }
    }
}
