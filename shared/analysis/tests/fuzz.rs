//! Changed step reports of the agent through the summary, as the function reads them from the bucket.

use dicomperf_analysis::summarize::{Outcome, summarize};
use dicomperf_fixtures::{all_steps, classic_plan, classic_transfer_ms, midnight};
use dicomperf_model::step::StepReport;
use dicomperf_testkit::fuzz::fuzz;

/// The most memory of the test's process.
const MAX_PEAK_BYTES: u64 = 400_000_000;

#[test]
fn changed_step_reports_end_in_a_summary_or_an_error() {
    let plan = classic_plan();
    let steps = all_steps(&plan, classic_transfer_ms);
    let seeds: Vec<_> = steps.iter().map(|step| serde_json::to_vec(step).expect("JSON")).collect();
    let fuzzed = fuzz(&seeds, |bytes| {
        let Ok(step) = serde_json::from_slice::<StepReport>(bytes) else { return };
        let summary = summarize(&plan, std::slice::from_ref(&step), Outcome::new(midnight()));
        serde_json::to_vec(&summary).expect("JSON");
    });
    assert!(fuzzed.peak_bytes < MAX_PEAK_BYTES, "{fuzzed:?}");
}
