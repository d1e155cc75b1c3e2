//! `client measure`: the iterations of one block's scenarios, interleaved.

#[cfg(test)]
mod applied;
mod cleanup;
mod dcmtk;
mod evidence;
mod figures;
pub mod greeting;
mod lanes;
mod log;
mod native;
mod outcome;
mod read_back;
mod rejections;
mod search;
mod sending;
mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use dicom_dictionary_std::uids;
use dicomperf_model::measurement::{BlockMeasurement, Iteration};
use dicomperf_model::network::NetworkBaseline;
use dicomperf_model::plan;
use dicomperf_model::plan::Scenario;
use dicomperf_model::request::{Sender, TransferSyntax};
use dicomperf_model::settings::Settings;
use dicomperf_model::step::{IPERF3_PORT, MeasureBlock, StepOutput};

use crate::client::converted::Converted;
use crate::client::dataset::{Dataset, Instance};
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::resources::{self, SAMPLES_FILE, SampleFile, Sampler};
use crate::server::{Contents, ServerUnderTest, server_under_test};
use crate::{client, clock, network, versions};
use cleanup::Renewed;
use evidence::Evidence;
use figures::Sizes;
use outcome::Outcome;
use sending::Sending;
use transfer::Transfer;

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
/// `AssociationFailed`, `ServerUnreachable`, `DatasetFailed`, `HostFailed`. The report has everything that was measured
/// before the failure.
pub fn measure(block: &MeasureBlock, home: &RunHome, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
    let runner = BlockRunner::new(block, home)?;
    let samples = home.path(SAMPLES_FILE);
    let sampler = Sampler::start(&samples).while_path("sample into", &samples)?;
    let result = runner.measure(reporter);
    if let Err(error) = sampler.stop() {
        tracing::warn!("samples: {error}");
    }
    resources::upload(home, &block.samples_url, reporter.uploader());
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
        Ok(Self { block, datasets, home, server: server_under_test(block) })
    }

    fn measure(&self, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
        let (block, home) = (self.block, self.home);
        // An earlier part of the step, or a process that was killed, has saved its measurement after each iteration.
        let saved = state_file(block);
        let mut measurement = match home.read(&saved).while_path("read", &home.path(&saved))? {
            Some(measurement) => measurement,
            None => {
                reporter.stage(0, 1, self.words_for_begin());
                self.begin()?
            }
        };
        let end = self.measure_all(&mut measurement, reporter);
        // The next part of the step measures on, and deletes everything at its end.
        if matches!(end, Ok(WorkEnd::Incomplete)) && reporter.may_be_continued() {
            return end;
        }
        let cleaned = self.clean_up(&mut measurement, reporter);
        end.and_then(|end| cleaned.map(|()| end))
    }

    /// Measures every iteration and every search that was not measured before.
    fn measure_all(&self, measurement: &mut BlockMeasurement, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
        let block = self.block;
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
            let (iteration, failure) = self.iteration(index, scenario, measurement, reporter.limit())?;
            measurement.iterations.push(iteration);
            self.save(measurement, reporter)?;
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        self.search(measurement, left.is_empty(), (until_searches, total), reporter)
    }

    /// Saves the measurement on the host and in the step's report.
    fn save(&self, measurement: &BlockMeasurement, reporter: &mut Reporter) -> Result<(), Failure> {
        let file = state_file(self.block);
        self.home.write(&file, measurement).while_path("write", &self.home.path(&file))?;
        reporter.set_output(StepOutput::Measured(Box::new(measurement.clone())));
        Ok(())
    }

    fn words_for_begin(&self) -> &'static str {
        if self.server.is_existing() { "asking the server" } else { "measuring the network" }
    }

    fn begin(&self) -> Result<BlockMeasurement, Failure> {
        if self.server.is_existing() {
            self.greet()?;
        }
        let negotiated = self.negotiate()?;
        let mut versions = versions::host();
        versions.dcmtk = versions::dcmtk(&self.home.path("version.out"));
        let (network, network_error) = match self.network() {
            Ok(baseline) => (Some(baseline), None),
            Err(reason) => (None, Some(reason)),
        };
        let senders: BTreeSet<_> = self.block.scenarios.iter().map(|one| one.settings.sender.name()).collect();
        let native = senders.contains(Sender::Native.name());
        Ok(BlockMeasurement {
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
            negotiated,
            cleanup: None,
        })
    }

    /// Measures the network to a server of the run. A missing baseline does not make the measurements wrong.
    fn network(&self) -> Result<NetworkBaseline, String> {
        if self.server.is_existing() {
            return Err("an existing server's host runs no iperf3 for the run".to_owned());
        }
        let scratch = self.home.path("network.out");
        let limit = Instant::now() + BASELINE_TIMEOUT;
        network::measure(&self.block.server.address, IPERF3_PORT, &scratch, limit).map_err(|error| {
            tracing::warn!("network: {error}");
            error.to_string()
        })
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
        let settings = &scenario.settings;
        let syntax = settings.transfer_syntax;
        let Some((files, configured)) = self.datasets.get(&syntax) else {
            return Err(Failure::DatasetFailed(format!("this host has none in {syntax:?}")));
        };
        let renewed = self.server.is_existing().then(|| self.renew(files, configured)).transpose()?;
        let dataset = renewed.as_ref().map_or(configured, |renewed| &renewed.dataset);
        let sending = Sending { block: self.block, settings, dataset, files, home: self.home };
        let mut transfer = sending.send(limit)?;
        rejections::explain(&mut transfer, &sending);
        let outcome = Outcome::new(&transfer, dataset);
        let mut iteration = self.sender_side(index, scenario, &transfer, dataset);
        iteration.study_instance_uids = renewed.as_ref().map(Renewed::studies).unwrap_or_default();
        let are_sent_before = renewed.as_ref().is_some_and(|renewed| renewed.are_sent_before);
        let mut evidence = Evidence::of_sender(dataset, &transfer, &outcome, are_sent_before);
        iteration.reason = evidence.reason();
        // An invalid iteration does not end the run while the server still serves others.
        let is_in_doubt = transfer.has_no_response() || outcome.lacks_an_answer();
        let proved = if is_in_doubt { self.prove_server(settings, &outcome) } else { Ok(()) };
        let contents = match proved.and_then(|()| self.server.contents(dataset, &evidence.acknowledged())) {
            Ok(contents) => contents,
            Err(failure) => {
                iteration.reason = Some(with_failure(iteration.reason, &failure));
                outcome.record(&mut iteration);
                return Ok((iteration, Some(failure)));
            }
        };
        iteration.server = self.server.metrics(iteration.started_at_ms);
        if let Some(contents) = &contents {
            iteration.instances_stored = Some(u32::try_from(contents.instances.len()).unwrap_or(u32::MAX));
            iteration.stored_bytes = contents.bytes;
        }
        evidence.contents = contents.as_ref();
        evidence.expected_bytes = self.expected_bytes(measurement, settings).filter(|_| !is_deflated_anew(&renewed));
        iteration.reason = evidence.reason();
        outcome.record(&mut iteration);
        let failure = match &contents {
            Some(contents) => self.read_back(files, dataset, contents, &mut iteration, measurement).err(),
            None => None,
        };
        iteration.valid = iteration.reason.is_none();
        Ok((iteration, failure))
    }

    /// The part of an iteration that its sender reports. Adds every C-STORE to the host's samples.
    fn sender_side(&self, index: u32, scenario: &Scenario, transfer: &Transfer, dataset: &Dataset) -> Iteration {
        let sizes: Sizes<'_> = dataset.instances.iter().map(|one| (one.file.as_str(), one.bytes)).collect();
        let iteration = figures::sender_side(index, index < self.block.warmup, scenario, transfer, &sizes);
        let stores = figures::store_samples(self.block.ordinal, &iteration, transfer, &sizes);
        if let Err(error) = SampleFile::append(&self.home.path(SAMPLES_FILE), stores) {
            tracing::warn!("samples: {error}");
        }
        iteration
    }

    /// Fetches an instance back and compares it with its file, if the iteration is valid so far and no instance came
    /// back unchanged before.
    fn read_back(
        &self,
        files: &Converted,
        dataset: &Dataset,
        contents: &Contents,
        iteration: &mut Iteration,
        measurement: &mut BlockMeasurement,
    ) -> Result<(), Failure> {
        let is_proved = measurement.read_back.as_ref().is_some_and(|read_back| read_back.differences.is_empty());
        if iteration.reason.is_some() || is_proved {
            return Ok(());
        }
        let (directory, server) = (self.home.path(&files.directory), self.server.as_ref());
        let read_back = read_back::read_back(dataset, &directory, server, &contents.instances, &self.block.settings)
            .inspect_err(|failure| iteration.reason = Some(failure.to_string()))?;
        iteration.reason = read_back.as_ref().and_then(read_back::reason);
        measurement.read_back = read_back;
        Ok(())
    }

    /// The server's bytes after the first valid iteration of the same sender in the same transfer syntax. DCMTK's
    /// senders encode sequences anew, so they send other bytes than native.
    fn expected_bytes(&self, measurement: &BlockMeasurement, settings: &Settings) -> Option<u64> {
        let is_same =
            |other: &Settings| (other.transfer_syntax, other.sender) == (settings.transfer_syntax, settings.sender);
        let scenarios = self.block.scenarios.iter().filter(|scenario| is_same(&scenario.settings));
        let same: BTreeSet<_> = scenarios.map(|scenario| scenario.number).collect();
        let first = measurement.iterations.iter().find(|one| one.valid && same.contains(&one.scenario))?;
        first.stored_bytes
    }
}

/// True if the server's bytes change with the UIDs, which are deflated with everything else (PS3.5 A.5).
fn is_deflated_anew(renewed: &Option<Renewed>) -> bool {
    let is_deflated = |one: &Instance| one.transfer_syntax_uid == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
    renewed.as_ref().is_some_and(|renewed| renewed.dataset.instances.iter().any(is_deflated))
}

/// The reason of an iteration after which the server did not answer. The cause of a failed association is in the reason
/// already.
fn with_failure(reason: Option<String>, failure: &Failure) -> String {
    match (reason, failure) {
        (Some(reason), Failure::AssociationFailed { .. }) => reason,
        (Some(reason), failure) => format!("{reason}; {failure}"),
        (None, failure) => failure.to_string(),
    }
}
