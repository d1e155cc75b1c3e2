//! `client measure`: the iterations of one block's scenarios, interleaved.

mod dcmtk;
mod evidence;
mod lanes;
mod log;
mod native;
mod read_back;
mod search;
mod sending;
mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use dicomperf_model::measurement::{BlockMeasurement, Iteration, LatencyHistogram};
use dicomperf_model::plan;
use dicomperf_model::plan::Scenario;
use dicomperf_model::request::{Sender, TransferSyntax};
use dicomperf_model::samples::{Sample, StoreSample};
use dicomperf_model::statistics::LeastSquares;
use dicomperf_model::step::{IPERF3_PORT, MeasureBlock, StepOutput};

use crate::client::converted::Converted;
use crate::client::dataset::Dataset;
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::resources::{self, SAMPLES_FILE, SampleFile, Sampler};
use crate::server::{ServerUnderTest, server_under_test};
use crate::timeline::Association;
use crate::{client, clock, network, versions};
use evidence::Evidence;
use sending::Sending;
use transfer::{Transfer, latency_us};

/// The time limit of the network baseline, which takes about 3 s.
const BASELINE_TIMEOUT: Duration = Duration::from_secs(15);

/// Measures a block.
struct BlockRunner<'a> {
    block: &'a MeasureBlock,
    /// The dataset in each transfer syntax that the block needs.
    datasets: BTreeMap<TransferSyntax, (Converted, Dataset)>,
    home: &'a RunHome,
    server: Box<dyn ServerUnderTest>,
}

/// Runs `client measure`: measures the network baseline, and then every iteration of the block that no earlier part of
/// the step has measured.
///
/// # Errors
/// `AssociationFailed`, `ServerUnreachable`, `DatasetFailed`, `HostFailed`; the report has everything that was measured
/// before the failure.
pub fn measure(block: &MeasureBlock, home: &RunHome, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
    let runner = BlockRunner::new(block, home)?;
    let samples = home.path(SAMPLES_FILE);
    let sampler = Sampler::start(&samples).while_path("sample into", &samples)?;
    let result = runner.measure(reporter);
    if let Err(error) = sampler.stop() {
        tracing::warn!("samples: {error}");
    }
    resources::upload(home, &block.samples_url);
    result
}

/// The file on the host with the measurement of a block run.
fn state_file(block: &MeasureBlock) -> String {
    format!("block-{}.json", block.ordinal)
}

/// Every iteration in order: warm-ups first, and the scenarios alternately forwards and backwards.
fn iteration_order(block: &MeasureBlock) -> Vec<(u32, &Scenario)> {
    (0..block.warmup + block.iterations)
        .flat_map(|index| {
            plan::scenario_order(block.scenarios.len(), index).map(move |position| (index, &block.scenarios[position]))
        })
        .collect()
}

impl<'a> BlockRunner<'a> {
    fn new(block: &'a MeasureBlock, home: &'a RunHome) -> Result<Self, Failure> {
        let syntaxes: BTreeSet<_> = block.scenarios.iter().map(|scenario| scenario.settings.transfer_syntax).collect();
        let mut datasets = BTreeMap::new();
        for syntax in syntaxes {
            let files = Converted::in_syntax(syntax);
            let dataset = client::configured_dataset(home, &files)?;
            datasets.insert(syntax, (files, dataset));
        }
        Ok(Self { block, datasets, home, server: server_under_test(block.settings.target, &block.server) })
    }

    fn measure(&self, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
        let (block, home) = (self.block, self.home);
        // An earlier part of the step, or a process that was killed, has saved its measurement after each iteration.
        let saved = state_file(block);
        let mut measurement = match home.read(&saved).while_path("read", &home.path(&saved))? {
            Some(measurement) => measurement,
            None => {
                reporter.stage(0, 1, "measuring the network");
                self.begin()
            }
        };
        let order = iteration_order(block);
        let done_before: BTreeSet<_> = measurement.iterations.iter().map(|one| (one.index, one.scenario)).collect();
        let left: Vec<_> =
            order.iter().filter(|(index, scenario)| !done_before.contains(&(*index, scenario.number))).collect();
        // The number of a search's iterations is not known beforehand, so a search counts as one.
        let total = u32::try_from(order.len() + self.searched_scenarios().len()).unwrap_or(u32::MAX);
        let until_searches = u32::try_from(order.len()).unwrap_or(u32::MAX);

        reporter.set_output(StepOutput::Measured(Box::new(measurement.clone())));
        for (position, &&(index, scenario)) in left.iter().enumerate() {
            let done = until_searches - u32::try_from(left.len() - position).unwrap_or_default();
            if position > 0 && Instant::now() >= reporter.deadline() {
                reporter.stage(done, total, "to be continued");
                return Ok(WorkEnd::Incomplete);
            }
            reporter.stage(done, total, self.words_for(index, scenario));
            let (iteration, failure) = self.iteration(index, scenario, &mut measurement, reporter.limit())?;
            measurement.iterations.push(iteration);
            self.save(&measurement, reporter)?;
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        self.search(&mut measurement, left.is_empty(), (until_searches, total), reporter)
    }

    /// Saves the measurement on the host and in the step's report.
    fn save(&self, measurement: &BlockMeasurement, reporter: &mut Reporter) -> Result<(), Failure> {
        let file = state_file(self.block);
        self.home.write(&file, measurement).while_path("write", &self.home.path(&file))?;
        reporter.set_output(StepOutput::Measured(Box::new(measurement.clone())));
        Ok(())
    }

    fn begin(&self) -> BlockMeasurement {
        let mut versions = versions::host();
        versions.dcmtk = versions::dcmtk(&self.home.path("version.out"));
        let scratch = self.home.path("network.out");
        // A missing baseline does not make the measurements wrong.
        let limit = Instant::now() + BASELINE_TIMEOUT;
        let (network, network_error) = match network::measure(&self.block.server.address, IPERF3_PORT, &scratch, limit)
        {
            Ok(baseline) => (Some(baseline), None),
            Err(error) => {
                tracing::warn!("network: {error}");
                (None, Some(error.to_string()))
            }
        };
        let senders: BTreeSet<_> = self.block.scenarios.iter().map(|one| one.settings.sender.name()).collect();
        let native = senders.contains(Sender::Native.name());
        BlockMeasurement {
            ordinal: self.block.ordinal,
            block: self.block.block,
            round: self.block.round,
            clock: clock::description(native, senders.len() > usize::from(native)),
            versions,
            iterations: Vec::new(),
            searches: Vec::new(),
            network,
            network_error,
            read_back: None,
        }
    }

    fn words_for(&self, index: u32, scenario: &Scenario) -> String {
        let associations = scenario.settings.associations;
        let plural = if associations == 1 { "" } else { "s" };
        let which = if index < self.block.warmup {
            format!("warm-up {} of {}", index + 1, self.block.warmup)
        } else {
            format!("iteration {} of {}", index - self.block.warmup + 1, self.block.iterations)
        };
        format!("{which}, {}, {associations} association{plural}", scenario.settings.sender.name())
    }

    /// Measures one iteration. A failure beside the iteration ends the step, after the iteration is recorded.
    fn iteration(
        &self,
        index: u32,
        scenario: &Scenario,
        measurement: &mut BlockMeasurement,
        limit: Instant,
    ) -> Result<(Iteration, Option<Failure>), Failure> {
        let (iteration, failure) = self.make_iteration(index, scenario, measurement, limit)?;
        tracing::info!(
            scenario = iteration.scenario,
            index,
            duration_ms = iteration.duration_ms,
            valid = iteration.valid,
            reason = iteration.reason,
            "iteration"
        );
        Ok((iteration, failure))
    }

    fn make_iteration(
        &self,
        index: u32,
        scenario: &Scenario,
        measurement: &mut BlockMeasurement,
        limit: Instant,
    ) -> Result<(Iteration, Option<Failure>), Failure> {
        self.server.empty()?;
        let syntax = scenario.settings.transfer_syntax;
        let Some((files, dataset)) = self.datasets.get(&syntax) else {
            return Err(Failure::DatasetFailed(format!("this host has none in {syntax:?}")));
        };
        let settings = &scenario.settings;
        let transfer = Sending { block: self.block, settings, dataset, files, home: self.home }.send(limit)?;
        let bytes: BTreeMap<_, _> = dataset.instances.iter().map(|one| (one.file.as_str(), one.bytes)).collect();
        let mut iteration = self.sender_side(index, scenario, &transfer, &bytes);
        if let Err(error) = self.save_stores(&iteration, &transfer, &bytes) {
            tracing::warn!("samples: {error}");
        }
        let mut evidence = Evidence { dataset, transfer: &transfer, contents: None, expected_bytes: None };
        if transfer.opened_no_association() {
            let reason = evidence.reason();
            iteration.reason.clone_from(&reason);
            return Ok((iteration, Some(self.association_failed(&transfer))));
        }
        let contents = match self.server.contents() {
            Ok(contents) => contents,
            Err(failure) => {
                iteration.reason = Some(failure.to_string());
                return Ok((iteration, Some(failure)));
            }
        };
        iteration.server = self.server.metrics(iteration.started_at_ms);
        iteration.instances_stored = u32::try_from(contents.instances.len()).unwrap_or(u32::MAX);
        iteration.stored_bytes = contents.bytes;
        evidence.contents = Some(&contents);
        evidence.expected_bytes = self.expected_bytes(measurement, syntax);
        iteration.reason = evidence.reason();
        let is_proved = measurement.read_back.as_ref().is_some_and(|read_back| read_back.differences.is_empty());
        if iteration.reason.is_none() && !is_proved {
            let (directory, server) = (self.home.path(&files.directory), self.server.as_ref());
            match read_back::read_back(dataset, &directory, server, &contents.instances, &self.block.settings) {
                Ok(read_back) => {
                    iteration.reason = read_back.as_ref().and_then(read_back::reason);
                    measurement.read_back = read_back;
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

    /// The server's bytes after the first valid iteration in the same transfer syntax.
    fn expected_bytes(&self, measurement: &BlockMeasurement, syntax: TransferSyntax) -> Option<u64> {
        let same: BTreeSet<_> = self
            .block
            .scenarios
            .iter()
            .filter(|scenario| scenario.settings.transfer_syntax == syntax)
            .map(|scenario| scenario.number)
            .collect();
        let first = measurement.iterations.iter().find(|one| one.valid && same.contains(&one.scenario))?;
        Some(first.stored_bytes)
    }

    /// The part of an iteration that only the sender can report.
    fn sender_side(
        &self,
        index: u32,
        scenario: &Scenario,
        transfer: &Transfer,
        bytes: &BTreeMap<&str, u64>,
    ) -> Iteration {
        let (instances_sent, bytes_sent) = transfer.count_succeeded(bytes);
        let mut iteration = Iteration {
            scenario: scenario.number,
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
            record(association, bytes, &mut iteration);
        }
        iteration
    }

    /// Appends every C-STORE to the host's samples.
    fn save_stores(
        &self,
        iteration: &Iteration,
        transfer: &Transfer,
        bytes: &BTreeMap<&str, u64>,
    ) -> std::io::Result<()> {
        let stores = (0..).zip(&transfer.associations).flat_map(|(association, one)| {
            one.stores.iter().map(move |store| {
                Sample::Store(StoreSample {
                    ordinal: self.block.ordinal,
                    scenario: iteration.scenario,
                    index: iteration.index,
                    association,
                    file: store.file.clone(),
                    bytes: bytes.get(store.file.as_str()).copied().unwrap_or_default(),
                    scheduled_us: store.scheduled_us,
                    requested_us: store.requested_us,
                    latency_us: latency_us(store),
                    status: store.response.as_ref().map(|response| response.1.clone()),
                })
            })
        });
        SampleFile::append(&self.home.path(SAMPLES_FILE), stores)
    }

    fn association_failed(&self, transfer: &Transfer) -> Failure {
        Failure::AssociationFailed {
            address: format!("{}:{}", self.block.server.address, self.block.server.dicom_port),
            calling: self.block.calling_ae_title.clone(),
            called: self.block.server.ae_title.clone(),
            reason: transfer.complaint().unwrap_or_else(|| format!("{} gave no reason", transfer.sender.name())),
        }
    }
}

/// Adds the times of one association to the iteration.
#[expect(clippy::cast_precision_loss, reason = "sizes and times far below 2^52")]
fn record(association: &Association, bytes: &BTreeMap<&str, u64>, iteration: &mut Iteration) {
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
        if let Some(&bytes) = bytes.get(store.file.as_str()) {
            iteration.size_fit.add(bytes as f64, latency as f64);
        }
    }
}
