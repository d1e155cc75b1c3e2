//! A whole run on this machine, from its request to its summary. It has the servers of each block, the agent's own
//! `client measure` against them, and the samples of both hosts. Both hosts are this machine.

use std::fs;

use dicomperf_agent::resources::{Sampler, Watched};
use dicomperf_analysis::summarize::{HostSamples, Outcome, Stores, summarize};
use dicomperf_model::plan::{BlockRun, Circumstances, DatasetPlan, Plan, plan};
use dicomperf_model::request::{Request, Target};
use dicomperf_model::results::{Finding, Rule};
use dicomperf_model::results::{ScenarioSummary, Summary};
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::{DatasetSource, HostRole, MeasureBlock, ServerAddress, StepId, StepOutput, StepReport};
use dicomperf_testkit::{Cause, not_tested};
use serde_json::Value;
use tempfile::TempDir;

use super::sink::{SinkProcess, plain};
use super::{OrthancProcess, Run, recorded};

/// The server of a block, until it is dropped.
#[expect(clippy::large_enum_variant, reason = "a test has one of them")]
pub enum Server {
    Orthanc(OrthancProcess),
    Sink(SinkProcess),
}

impl Server {
    /// Starts a server with the settings of a block. Orthanc's storage is in memory, so that no disk limits it.
    pub fn start(settings: &ServerSettings) -> Self {
        Self::start_in(tempfile::tempdir_in("/dev/shm").unwrap(), settings)
    }

    /// Starts a server with the settings of a block. Orthanc's storage is in this directory.
    pub fn start_in(directory: TempDir, settings: &ServerSettings) -> Self {
        match settings.target {
            Target::Orthanc => Self::Orthanc(OrthancProcess::start_in(directory, settings.clone())),
            Target::Sink => {
                let mut document = plain();
                document.max_pdu = settings.max_pdu;
                document.tcp_no_delay = settings.tcp_no_delay;
                document.tls = settings.tls;
                Self::Sink(SinkProcess::start(document))
            }
            Target::Existing => panic!("nobody starts an existing server"),
        }
    }

    /// The parts that a sampler watches.
    fn watched(&self) -> Watched {
        match self {
            Self::Orthanc(orthanc) => orthanc.watched(),
            Self::Sink(_) => Watched::default(),
        }
    }

    fn address(&self) -> ServerAddress {
        match self {
            Self::Orthanc(orthanc) => orthanc.address.clone(),
            Self::Sink(sink) => ServerAddress {
                address: sink.document.address.clone(),
                dicom_port: sink.document.dicom_port,
                rest_port: sink.document.control_port,
                ae_title: sink.document.ae_title.clone(),
                rest_user: sink.document.rest_user.clone(),
                rest_password: sink.document.rest_password.clone(),
                existing: None,
            },
        }
    }
}

/// The summary of a run with one server per block run, started from the block's settings.
pub fn diagnosed(request: Value) -> Summary {
    diagnosed_with(request, |settings, _| Server::start(settings))
}

/// The summary of a run whose servers `start` starts, one for each block run.
pub fn diagnosed_with(request: Value, mut start: impl FnMut(&ServerSettings, BlockRun) -> Server) -> Summary {
    let request = Request::from_json(&request).unwrap();
    let synthetic = request.dataset.synthetic.clone().unwrap();
    let circumstances = Circumstances::offline("run-1", "2026-01-01T00:00:00Z".parse().unwrap());
    let syntaxes = request.matrix.transfer_syntax.clone();
    let plan = plan(request, DatasetPlan::synthetic(&synthetic), circumstances).unwrap();
    let run = Run::new();
    let mut steps = vec![run.configure_client_in(DatasetSource::Synthetic(synthetic), &syntaxes).succeeds()];
    let file = run.state.path().join("server.jsonl.zst");
    for &sequenced in &plan.sequence {
        let (_, block) = plan.block_of(sequenced.ordinal).unwrap();
        let server = start(&block.server, sequenced);
        // The sampler scans for processes called Orthanc when it starts, and then every 2 s.
        let sampler = Sampler::start_watching(&file, &server.watched()).unwrap();
        let measured = run.measure(0, measure_block(&plan, sequenced, server.address())).succeeds();
        sampler.stop().unwrap();
        if let Server::Orthanc(orthanc) = &server {
            let output = Some(StepOutput::Collected(orthanc.collect()));
            steps.push(StepReport { step: StepId::Collect, output, ..measured.clone() });
        }
        steps.push(measured);
    }
    let samples = Samples { server: fs::read(file).unwrap(), client: fs::read(run.home("samples.jsonl.zst")).unwrap() };
    recorded::write_latest(&plan, &steps, &samples);
    let summary = summary_of(&plan, &steps, &samples);
    assert_eq!(summary.server_faults, []);
    for scenario in &summary.scenarios {
        assert_eq!(scenario.valid_iterations, scenario.planned_iterations, "{:?}", scenario.iterations);
    }
    show(&summary);
    summary
}

/// The samples files of both hosts.
pub struct Samples {
    pub server: Vec<u8>,
    pub client: Vec<u8>,
}

/// The summary of a run from its plan, its reports and its samples.
pub fn summary_of(plan: &Plan, steps: &[StepReport], files: &Samples) -> Summary {
    let (mut samples, mut stores) = (HostSamples::default(), Stores::default());
    for (host, file) in [(HostRole::Server, &files.server), (HostRole::Client, &files.client)] {
        samples.add(host, file, &mut stores).unwrap();
    }
    let finished_at = "2026-01-01T00:30:00Z".parse().unwrap();
    let outcome = Outcome { error: None, hosts_left: 0, history: Vec::new(), samples, stores, finished_at };
    summarize(plan, steps, outcome)
}

/// The summary of a run with little other load, for findings that need that. `None` if other programs disturbed three
/// runs; this is noted as not tested. Its recording gets this name.
pub fn undisturbed(name: &str, measure: impl Fn() -> Summary) -> Option<Summary> {
    let undisturbed = (0..3).map(|_| measure()).find(|summary| summary.scenarios.iter().all(has_the_cpus));
    match &undisturbed {
        Some(_) => recorded::keep_latest(name),
        None => not_tested(Cause::Disturbed("other programs used the CPUs, three times")),
    }
    undisturbed
}

/// True if other programs than sender, server and kernel used less than a fifth of the CPUs. The sink's own CPU time is
/// not known. It is taken to be as much as the sender's, which waits for the sink.
fn has_the_cpus(scenario: &ScenarioSummary) -> bool {
    let Some(used) = &scenario.resources.server else { return true };
    let counted = scenario.iterations.iter().filter(|one| one.counts());
    let (sender_ms, all_ms) = counted
        .fold((0.0, 0.0), |(sender, all), one| (sender + one.sender_cpu_ms.unwrap_or_default(), all + one.duration_ms));
    let sender = sender_ms / all_ms;
    let server = used.orthanc.map_or(sender, |orthanc| orthanc.cpu_cores);
    let others = (used.cpu.user + used.cpu.system) * f64::from(used.cpus) - server - sender;
    others < 0.2 * f64::from(used.cpus)
}

pub fn measure_block(plan: &Plan, sequenced: BlockRun, address: ServerAddress) -> MeasureBlock {
    let (_, block) = plan.block_of(sequenced.ordinal).unwrap();
    MeasureBlock {
        ordinal: sequenced.ordinal,
        block: sequenced.block,
        round: sequenced.round,
        server: address,
        settings: block.server.clone(),
        calling_ae_title: "DICOMPERF".to_owned(),
        scenarios: block.scenarios.clone(),
        iterations: block.iterations(&plan.request),
        warmup: plan.request.warmup,
        search: None,
        samples_url: String::new(),
    }
}

/// Prints the values that rules examine, and their findings, for a reader with --no-capture.
pub fn show(summary: &Summary) {
    for scenario in &summary.scenarios {
        let used = scenario.resources.server.as_ref();
        let counted: Vec<_> = scenario.iterations.iter().filter(|one| one.counts()).collect();
        let rates: Vec<_> = counted.iter().filter_map(|one| one.instances_per_second.map(f64::round)).collect();
        let sender: Vec<_> = counted.iter().filter_map(|one| Some(one.sender_cpu_ms? / one.duration_ms)).collect();
        println!(
            "scenario {}: {:?}/s, {:?}, growth {:?}, sender {sender:.2?}, cpu {:.2?}, orthanc {:.2?}, disk {:?}, network {:?}",
            scenario.number,
            rates,
            scenario.latency_ms,
            scenario.growth,
            used.map(|used| used.cpu),
            used.and_then(|used| used.orthanc),
            used.map(|used| used.disk),
            summary.network.first().and_then(|one| one.baseline.as_ref()).map(|one| one.to_server_bytes_per_second),
        );
    }
    for finding in &summary.diagnosis {
        println!("{} ({}) in {:?}", finding.rule, finding.confidence, finding.scenarios);
        for one in &finding.evidence {
            println!("    {:?} {}: {:.3} {} ({})", one.scenario, one.figure, one.value, one.unit, one.limit);
        }
        println!("    gain {:?}", finding.gain);
    }
}

/// All findings of a rule.
pub fn findings(summary: &Summary, rule: Rule) -> Vec<&Finding> {
    summary.diagnosis.iter().filter(|finding| finding.rule == rule).collect()
}

/// The only finding of a rule.
pub fn finding(summary: &Summary, rule: Rule) -> &Finding {
    match findings(summary, rule)[..] {
        [finding] => finding,
        _ => panic!("{rule}: {:?}", summary.diagnosis),
    }
}

/// Fails if any of these rules has a finding.
pub fn assert_silent(summary: &Summary, rules: &[Rule]) {
    for &rule in rules {
        assert!(findings(summary, rule).is_empty(), "{:?}", findings(summary, rule));
    }
}
