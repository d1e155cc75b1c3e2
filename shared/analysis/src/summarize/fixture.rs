//! Summaries of the fixtures' runs.

pub(crate) use dicomperf_fixtures::*;
use dicomperf_model::results::Summary;

use super::{Outcome, summarize};

/// The outcome of a successful run that ended half an hour after midnight.
pub(crate) fn went_well() -> Outcome {
    Outcome::new("2026-01-01T00:30:00Z".parse().expect("a time"))
}

/// The summary of a complete run of [`classic_plan`].
pub(crate) fn classic() -> Summary {
    let plan = classic_plan();
    summarize(&plan, &all_steps(&plan, classic_transfer_ms), went_well())
}
