//! Hosts that stay after the summary, and runs that only empty such hosts.

use jiff::Timestamp;

use super::Summarizer;
use crate::clients::records::{RunEnd, RunRecord};
use crate::failure::Failure;
use crate::workflow::{LaunchedHosts, SummarizeAnswer};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::Plan;
use dicomperf_model::results::{KeptHosts, RunError, RunStatus, Summary, Verdict};

impl Summarizer {
    /// Returns the hosts that stay. `None` if the run keeps no host, or if something was not measured. Called again, it
    /// returns the same time.
    pub(super) fn kept(
        &self,
        plan: &Plan,
        summary: &Summary,
        hosts: &LaunchedHosts,
        record: Option<&RunRecord>,
        now: Timestamp,
        keep: bool,
    ) -> Option<KeptHosts> {
        if !keep || summary.status != RunStatus::Succeeded {
            return None;
        }
        let until = record.and_then(|record| record.kept_until).or_else(|| plan.kept_until(now))?;
        let [server, client] = [&hosts.server, &hosts.client].map(|host| host.as_ref().map(|host| host.id.clone()));
        let secrets = self.artifacts.uri(&RunKeys(&plan.run_id).secrets());
        Some(KeptHosts::new(&plan.run_id, until, server, client, &secrets))
    }

    /// Finishes a run that emptied the hosts of another run. It has no report.
    pub(super) async fn finish_clearing(
        &self,
        run_id: String,
        error: Option<RunError>,
        finished_at: Timestamp,
    ) -> Result<SummarizeAnswer, Failure> {
        let (status, verdict) = match &error {
            None => (RunStatus::Succeeded, Verdict::Passed),
            Some(_) => (RunStatus::Failed, Verdict::Invalid),
        };
        let (hosts_left, report, fingerprint, kept_until) = (0, None, None, None);
        self.finish(run_id, RunEnd { status, verdict, error, hosts_left, finished_at, report, fingerprint, kept_until })
            .await
    }
}

/// Returns the number of hosts that stay.
pub(super) fn number_of_hosts(kept: &KeptHosts) -> u32 {
    u32::from(kept.server.is_some()) + u32::from(kept.client.is_some())
}
