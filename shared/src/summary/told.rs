//! What the steps tell beside their iterations.

use std::collections::BTreeMap;

use super::{FailedStep, NetworkSummary, SampleSummary, ServerConfigurationSummary, Versions};
use crate::measurement::Clock;
use crate::step::{PreparedDataset, StepOutput, StepReport, StepState};

/// What the steps tell beside measurements.
#[derive(Default)]
pub(super) struct Told {
    pub(super) versions: Versions,
    pub(super) dataset: Option<PreparedDataset>,
    pub(super) server_configuration: Option<ServerConfigurationSummary>,
    pub(super) samples: BTreeMap<u32, SampleSummary>,
    pub(super) network: BTreeMap<u32, NetworkSummary>,
    pub(super) clocks: Vec<Clock>,
    pub(super) failed_steps: Vec<FailedStep>,
}

impl Told {
    pub(super) fn by(steps: &[StepReport]) -> Self {
        let mut told = Self::default();
        for report in steps {
            if let (StepState::Failed, Some(error)) = (report.state, &report.error) {
                told.failed_steps.push(FailedStep {
                    host: report.step.host(),
                    step: report.step.to_string(),
                    error: error.clone(),
                });
            }
            match &report.output {
                None => {}
                // What was collected at the end is the server's last word, whatever the order of the reports.
                Some(StepOutput::ServerConfigured(versions)) => {
                    told.versions.server.get_or_insert_with(|| versions.clone());
                }
                Some(StepOutput::Collected(collected)) => {
                    told.versions.server = Some(collected.versions.clone());
                    told.server_configuration = Some(ServerConfigurationSummary {
                        orthanc: collected.orthanc.clone(),
                        environment: collected.environment.clone(),
                    });
                }
                Some(StepOutput::ClientConfigured(prepared)) => {
                    told.versions.client = Some(prepared.versions.clone());
                    told.dataset = Some(prepared.clone());
                }
                Some(StepOutput::Measured(measured)) => {
                    told.versions.client.get_or_insert_with(|| measured.versions.clone());
                    if !told.clocks.contains(&measured.clock) {
                        told.clocks.push(measured.clock.clone());
                    }
                    let (ordinal, block, round) = (measured.ordinal, measured.block, measured.round);
                    let (baseline, error) = (measured.network.clone(), measured.network_error.clone());
                    told.network.insert(ordinal, NetworkSummary { ordinal, block, round, baseline, error });
                    if let Some(check) = &measured.read_back {
                        let sample = SampleSummary { ordinal, block, round, check: check.clone() };
                        told.samples.insert(ordinal, sample);
                    }
                }
            }
        }
        told
    }
}
