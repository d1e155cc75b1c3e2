//! `client measure`: the iterations of one block's scenarios, interleaved.

mod evidence;
mod sample;
mod storescu;
mod timeline;

use std::collections::BTreeSet;
use std::time::Instant;

use dicomperf::measurement::{BlockMeasurement, Iteration, LatencyHistogram};
use dicomperf::plan::{self, Scenario};
use dicomperf::step::{MeasureBlock, StepOutput};

use crate::client::dataset::Dataset;
use crate::failure::{Failure, While as _};
use crate::home::RunHome;
use crate::orthanc::Orthanc;
use crate::reporter::{Reporter, WorkEnd};
use crate::{client, clock, versions};
use evidence::Evidence;
use storescu::{Storescu, Transfer};

/// A block being measured.
struct Bench<'a> {
    block: &'a MeasureBlock,
    dataset: &'a Dataset,
    home: &'a RunHome,
    orthanc: Orthanc,
}

/// `client measure`: makes every iteration of the block that was not made before, by this part of the step or another.
///
/// # Errors
/// `AssociationFailed`, `ServerUnreachable`, `DatasetFailed`, `HostFailed`; what was measured until then is reported.
pub fn measure(block: &MeasureBlock, home: &RunHome, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
    let dataset = client::configured(home)?;
    let bench = Bench { block, dataset: &dataset, home, orthanc: Orthanc::new(&block.server) };
    // What an earlier part of the step measured, or a process that was killed: kept on the host after each iteration.
    let kept = format!("block-{}.json", block.ordinal);
    let mut measurement = match home.read(&kept).at("read", &home.path(&kept))? {
        Some(measurement) => measurement,
        None => bench.begun(),
    };
    let turns = turns(block);
    let made: BTreeSet<_> = measurement.iterations.iter().map(|one| (one.index, one.scenario)).collect();
    let left: Vec<_> = turns.iter().filter(|(index, scenario)| !made.contains(&(*index, scenario.scenario))).collect();
    let total = u32::try_from(turns.len()).unwrap_or(u32::MAX);

    reporter.set_output(StepOutput::Measured(measurement.clone()));
    for (position, &&(index, scenario)) in left.iter().enumerate() {
        let done = total - u32::try_from(left.len() - position).unwrap_or_default();
        if position > 0 && Instant::now() >= reporter.deadline() {
            reporter.stage(done, total, "to be continued");
            return Ok(WorkEnd::Incomplete);
        }
        reporter.stage(done, total, bench.doing(index, scenario));
        let (iteration, failure) = bench.iteration(index, scenario, &mut measurement, reporter.limit())?;
        tracing::info!(
            scenario = iteration.scenario,
            index,
            duration_ms = iteration.duration_ms,
            valid = iteration.valid,
            reason = iteration.reason,
            "iteration"
        );
        measurement.iterations.push(iteration);
        home.write(&kept, &measurement).at("write", &home.path(&kept))?;
        reporter.set_output(StepOutput::Measured(measurement.clone()));
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    Ok(WorkEnd::Done)
}

/// Every iteration in its order: scenarios forth and back, warm-ups first.
fn turns(block: &MeasureBlock) -> Vec<(u32, &Scenario)> {
    (0..block.warmup + block.iterations)
        .flat_map(|index| {
            plan::turn(block.scenarios.len(), index).map(move |position| (index, &block.scenarios[position]))
        })
        .collect()
}

impl Bench<'_> {
    fn begun(&self) -> BlockMeasurement {
        let mut versions = versions::host();
        versions.dcmtk = versions::dcmtk(&self.home.path("version.out"));
        BlockMeasurement {
            ordinal: self.block.ordinal,
            block: self.block.block,
            round: self.block.round,
            clock: clock::description(),
            versions,
            iterations: Vec::new(),
            sample: None,
        }
    }

    fn doing(&self, index: u32, scenario: &Scenario) -> String {
        let associations = scenario.settings.associations;
        let plural = if associations == 1 { "" } else { "s" };
        let which = if index < self.block.warmup {
            format!("warm-up {} of {}", index + 1, self.block.warmup)
        } else {
            format!("iteration {} of {}", index - self.block.warmup + 1, self.block.iterations)
        };
        format!("{which}, {associations} association{plural}")
    }

    /// One iteration. A failure beside it ends the step, once the iteration is recorded.
    fn iteration(
        &self,
        index: u32,
        scenario: &Scenario,
        measurement: &mut BlockMeasurement,
        limit: Instant,
    ) -> Result<(Iteration, Option<Failure>), Failure> {
        self.orthanc.empty()?;
        let sender =
            Storescu { block: self.block, settings: &scenario.settings, dataset: self.dataset, home: self.home };
        let transfer = sender.send(limit)?;
        let mut iteration = self.begun_iteration(index, scenario, &transfer);
        let mut evidence = Evidence { dataset: self.dataset, transfer: &transfer, held: None, expected_bytes: None };
        if transfer.opened_no_association() {
            let reason = evidence.reason();
            iteration.reason.clone_from(&reason);
            return Ok((iteration, Some(self.association_failed(&transfer))));
        }
        let held = match self.orthanc.statistics().and_then(|statistics| Ok((statistics, self.orthanc.held()?))) {
            Ok(held) => held,
            Err(failure) => {
                iteration.reason = Some(failure.to_string());
                return Ok((iteration, Some(failure)));
            }
        };
        iteration.instances_stored = u32::try_from(held.1.len()).unwrap_or(u32::MAX);
        iteration.stored_bytes = held.0.total_uncompressed_size;
        evidence.held = Some(&held);
        evidence.expected_bytes =
            measurement.iterations.iter().find(|iteration| iteration.valid).map(|first| first.stored_bytes);
        iteration.reason = evidence.reason();
        let sampled = measurement.sample.as_ref().is_some_and(|sample| sample.differences.is_empty());
        if iteration.reason.is_none() && !sampled {
            match sample::check(self.dataset, self.home, &self.orthanc, &held.1, &self.block.settings) {
                Ok(check) => {
                    iteration.reason = check.as_ref().and_then(sample::reason);
                    measurement.sample = check;
                }
                Err(failure) => {
                    iteration.reason = Some(failure.to_string());
                    return Ok((iteration, Some(failure)));
                }
            }
        }
        iteration.valid = iteration.reason.is_none();
        Ok((iteration, None))
    }

    /// What the sender's side alone tells.
    fn begun_iteration(&self, index: u32, scenario: &Scenario, transfer: &Transfer) -> Iteration {
        let mut latency_us = LatencyHistogram::new();
        for microseconds in transfer.latencies_us() {
            latency_us.record(microseconds);
        }
        let (instances_sent, bytes_sent) = transfer.sent(self.dataset);
        Iteration {
            scenario: scenario.scenario,
            index,
            warmup: index < self.block.warmup,
            started_at_ms: transfer.started.wall_ms(),
            duration_ms: clock::milliseconds(transfer.duration),
            transfer_ms: transfer.transfer_ms(),
            instances_sent,
            instances_stored: 0,
            bytes_sent,
            stored_bytes: 0,
            valid: false,
            reason: None,
            latency_us,
        }
    }

    fn association_failed(&self, transfer: &Transfer) -> Failure {
        Failure::AssociationFailed {
            address: format!("{}:{}", self.block.server.address, self.block.server.dicom_port),
            calling: self.block.calling_ae_title.clone(),
            called: self.block.server.ae_title.clone(),
            reason: transfer.complaint().unwrap_or_else(|| "storescu gave no reason".to_owned()),
        }
    }
}
