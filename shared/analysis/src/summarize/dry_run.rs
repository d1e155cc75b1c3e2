//! The summary of a dry run: its checks, and no scenario.

use dicomperf_model::plan::Plan;
use dicomperf_model::results::{Check, RunStatus, Summary, Verdict};

use super::{Outcome, summarize};

/// Summarizes a dry run. It succeeds if its checks were made, whatever they found.
#[must_use]
pub fn summarize_checks(plan: &Plan, checks: Vec<Check>, outcome: Outcome) -> Summary {
    let summary = summarize(plan, &[], outcome);
    Summary {
        status: if summary.error.is_none() { RunStatus::Succeeded } else { RunStatus::Failed },
        verdict: if checks.iter().all(|check| check.ok) { Verdict::Passed } else { Verdict::CheckFailed },
        checks,
        scenarios: Vec::new(),
        comparisons: Vec::new(),
        diagnosis: Vec::new(),
        configuration_advice: Vec::new(),
        searches: Vec::new(),
        thresholds: Vec::new(),
        baseline: Vec::new(),
        not_measured: Vec::new(),
        notes: Vec::new(),
        // No host existed.
        cost_usd_at_most: 0.0,
        ..summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summarize::fixture::{classic_plan, went_well};

    #[test]
    fn a_dry_run_has_checks_and_no_scenario_and_passes_if_every_check_does() {
        let checks = vec![Check::passed("a", "fine"), Check::not_made("b", "no host")];
        let summary = summarize_checks(&classic_plan(), checks.clone(), went_well());
        assert_eq!((summary.status, summary.verdict), (RunStatus::Succeeded, Verdict::Passed));
        assert_eq!((summary.checks.len(), summary.scenarios.len(), summary.not_measured.len()), (2, 0, 0));
        let failed = [checks, vec![Check::failed("c", "may not")]].concat();
        let summary = summarize_checks(&classic_plan(), failed, went_well());
        assert_eq!((summary.status, summary.verdict), (RunStatus::Succeeded, Verdict::CheckFailed));
    }
}
