//! Facts from the step reports, other than the iterations.

use std::collections::BTreeMap;

use dicomperf_model::measurement::Clock;
use dicomperf_model::results::{FailedStep, NetworkSummary, ReadBackSummary, ServerConfigurationSummary, Versions};
use dicomperf_model::step::{PreparedDataset, StepOutput, StepReport, StepState};

/// Facts from the step reports, other than the measurements.
#[derive(Default)]
pub(super) struct StepFacts {
    pub(super) versions: Versions,
    pub(super) dataset: Option<PreparedDataset>,
    pub(super) server_configuration: Option<ServerConfigurationSummary>,
    pub(super) read_backs: BTreeMap<u32, ReadBackSummary>,
    pub(super) network: BTreeMap<u32, NetworkSummary>,
    pub(super) clocks: Vec<Clock>,
    pub(super) failed_steps: Vec<FailedStep>,
}

impl StepFacts {
    pub(super) fn collect(steps: &[StepReport]) -> Self {
        let mut facts = Self::default();
        for report in steps {
            if let (StepState::Failed, Some(error)) = (report.state, &report.error) {
                facts.failed_steps.push(FailedStep {
                    host: report.step.host(),
                    step: report.step.to_string(),
                    error: error.clone(),
                });
            }
            match &report.output {
                None | Some(StepOutput::Cleared { .. }) => {}
                // The facts collected at the end take precedence, whatever the order of the reports.
                Some(StepOutput::ServerConfigured(versions)) => {
                    facts.versions.server.get_or_insert_with(|| versions.clone());
                }
                Some(StepOutput::Collected(collected)) => {
                    facts.versions.server = Some(collected.versions.clone());
                    facts.server_configuration = Some(ServerConfigurationSummary {
                        orthanc: collected.orthanc.clone(),
                        environment: collected.environment.clone(),
                    });
                }
                Some(StepOutput::ClientConfigured(prepared)) => {
                    facts.versions.client = Some(prepared.versions.clone());
                    facts.dataset = Some(prepared.clone());
                }
                Some(StepOutput::Measured(measured)) => {
                    facts.versions.client.get_or_insert_with(|| measured.versions.clone());
                    if !facts.clocks.contains(&measured.clock) {
                        facts.clocks.push(measured.clock.clone());
                    }
                    let (ordinal, block, round) = (measured.ordinal, measured.block, measured.round);
                    let (baseline, error) = (measured.network.clone(), measured.network_error.clone());
                    facts.network.insert(ordinal, NetworkSummary { ordinal, block, round, baseline, error });
                    if let Some(check) = &measured.read_back {
                        let summary = ReadBackSummary { ordinal, block, round, check: check.clone() };
                        facts.read_backs.insert(ordinal, summary);
                    }
                }
            }
        }
        facts
    }
}
