//! One run on this machine: a state directory, a bucket, and commands of the agent.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use dicomperf_model::measurement::BlockMeasurement;
use dicomperf_model::plan::Scenario;
use dicomperf_model::request::{Arrival, InstancesPerAssociation, Sender, Synthetic, TcpNoDelay, TransferSyntax};
use dicomperf_model::settings::{ServerSettings, Settings};
use dicomperf_model::step::{
    ClientConfiguration, DatasetSource, MeasureBlock, ServerAddress, StepDocument, StepId, StepOutput, StepReport, Work,
};
use tempfile::TempDir;

use super::{Bucket, OrthancProcess};

pub struct Run {
    pub bucket: Bucket,
    pub state: TempDir,
    deadline_seconds: u64,
}

impl Run {
    pub fn new() -> Self {
        Self { bucket: Bucket::start(), state: tempfile::tempdir().unwrap(), deadline_seconds: 600 }
    }

    /// A run whose client has a synthetic dataset.
    pub fn with_instances(instances: u32) -> Self {
        let run = Self::new();
        let spec = Synthetic { instances, ..Synthetic::default() };
        run.configure_client(DatasetSource::Synthetic(spec)).succeeds();
        run
    }

    pub fn deadline_seconds(mut self, seconds: u64) -> Self {
        self.deadline_seconds = seconds;
        self
    }

    /// Configures the client, and leaves out objects that cannot be sent.
    pub fn configure_client_without_refused(&self, dataset: DatasetSource) -> Ended<'_> {
        let transfer_syntaxes = vec![TransferSyntax::Original];
        let configuration = ClientConfiguration::new(dataset, transfer_syntaxes, true);
        self.carry_out(StepId::ConfigureClient, Work::ConfigureClient(configuration))
    }

    pub fn configure_client(&self, dataset: DatasetSource) -> Ended<'_> {
        self.configure_client_in(dataset, &[TransferSyntax::Original])
    }

    /// Configures the client with a dataset in several transfer syntaxes.
    pub fn configure_client_in(&self, dataset: DatasetSource, transfer_syntaxes: &[TransferSyntax]) -> Ended<'_> {
        let transfer_syntaxes = transfer_syntaxes.to_vec();
        let configuration = ClientConfiguration::new(dataset, transfer_syntaxes, false);
        self.carry_out(StepId::ConfigureClient, Work::ConfigureClient(configuration))
    }

    pub fn measure(&self, part: u32, mut block: MeasureBlock) -> Ended<'_> {
        block.samples_url = self.bucket.url("samples");
        self.carry_out(StepId::Measure { ordinal: block.ordinal, part }, Work::Measure(block))
    }

    pub fn carry_out(&self, step: StepId, work: Work) -> Ended<'_> {
        let name = step.to_string();
        let output = self.command(step, work).output().unwrap();
        Ended { run: self, step: name, output }
    }

    /// The agent's command for a step. The caller starts it.
    pub fn command(&self, step: StepId, work: Work) -> Command {
        let name = step.to_string();
        let document = StepDocument {
            run_id: "run-1".to_owned(),
            step,
            deadline_seconds: self.deadline_seconds,
            grace_seconds: 120,
            report_url: self.bucket.url(&format!("{name}.json")),
            log_url: self.bucket.url(&format!("{name}.log")),
            heartbeat_url: self.bucket.url(&format!("{name}.heartbeat")),
            work,
        };
        let path = self.state.path().join(format!("{name}.document.json"));
        fs::write(&path, serde_json::to_vec(&document).unwrap()).unwrap();
        let mut command = Command::new(agent());
        command.arg("step").arg(path).env("DICOMPERF_STATE", self.state.path());
        command
    }

    /// The path of a file in the run's directory on the host.
    pub fn home(&self, name: &str) -> PathBuf {
        self.state.path().join("run-1").join(name)
    }
}

/// The agent that was built with the tests. A benchmark may name another one, which is optimized.
pub fn agent() -> PathBuf {
    std::env::var_os("DICOMPERF_AGENT").map_or_else(|| env!("CARGO_BIN_EXE_dicomperf-agent").into(), PathBuf::from)
}

/// A block of scenarios that differ in their associations.
pub fn block(orthanc: &OrthancProcess, associations: &[u32], warmup: u32, iterations: u32) -> MeasureBlock {
    block_at(&orthanc.address, &orthanc.settings, associations, warmup, iterations)
}

/// The same, for any server.
pub fn block_at(
    address: &ServerAddress,
    settings: &ServerSettings,
    associations: &[u32],
    warmup: u32,
    iterations: u32,
) -> MeasureBlock {
    let scenario = |(number, &associations): (u32, &u32)| Scenario {
        number,
        settings: Settings {
            sender: Sender::Storescu,
            target: settings.target,
            associations,
            instances_per_association: InstancesPerAssociation::All,
            max_pdu: settings.max_pdu,
            tcp_no_delay: if settings.tcp_no_delay { TcpNoDelay::Both } else { TcpNoDelay::Neither },
            tls: settings.tls,
            transfer_syntax: TransferSyntax::Original,
            arrival: Arrival::Closed,
            orthanc: settings.orthanc.clone(),
            orthanc_build: settings.orthanc_build.clone(),
        },
    };
    MeasureBlock {
        ordinal: 0,
        block: 0,
        round: 0,
        server: address.clone(),
        settings: settings.clone(),
        calling_ae_title: "DICOMPERF".to_owned(),
        scenarios: (0..).zip(associations).map(scenario).collect(),
        iterations,
        warmup,
        search: None,
        // `Run::measure` sets the URL, because only it has the bucket.
        samples_url: String::new(),
    }
}

/// A step that the agent has carried out.
pub struct Ended<'a> {
    run: &'a Run,
    pub step: String,
    pub output: Output,
}

impl Ended<'_> {
    pub fn report(&self) -> StepReport {
        self.run.bucket.reports(&self.step).pop().expect("a report")
    }

    pub fn log(&self) -> String {
        self.run.bucket.text(&format!("{}.log", self.step))
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub fn succeeds(&self) -> StepReport {
        assert!(self.output.status.success(), "{}", self.stderr());
        self.report()
    }

    /// Asserts that the step failed with this name, and that stderr begins with it.
    pub fn fails_with(&self, name: &str) -> StepReport {
        assert_eq!(self.output.status.code(), Some(1), "{}", self.stderr());
        let report = self.report();
        let error = report.error.clone().expect("an error");
        assert_eq!(error.name, name, "{}", error.message);
        assert!(self.stderr().starts_with(&format!("{}: {name}: {}", self.step, error.message)), "{}", self.stderr());
        report
    }
}

/// The measurement in the report of a measure step.
pub fn measurement_of(report: &StepReport) -> &BlockMeasurement {
    match &report.output {
        Some(StepOutput::Measured(measurement)) => measurement,
        other => panic!("no measurement: {other:?}"),
    }
}
