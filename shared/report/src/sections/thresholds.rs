//! The section on the thresholds of the request.

use super::table_section;
use crate::document::{Section, Table, Text, Tone};
use crate::figures::{limits, or_dash};
use crate::names::Names;
use dicomperf_model::results::Summary;
use dicomperf_model::results::ThresholdState;

pub(super) fn thresholds(summary: &Summary, names: &Names) -> Option<Section> {
    let (broken, kept): (Vec<_>, Vec<_>) =
        summary.thresholds.iter().partition(|outcome| outcome.state == ThresholdState::Broken);
    let rows = broken.iter().chain(&kept).map(|outcome| {
        let state = match outcome.state {
            ThresholdState::Kept => (Tone::Good, "kept"),
            ThresholdState::Broken => (Tone::Bad, "broken"),
            ThresholdState::NotMeasured => (Tone::Caution, "not measured"),
        };
        vec![
            Text::from(outcome.metric.to_string()),
            limits(outcome.min, outcome.max).into(),
            names.scenario_name(outcome.scenario).into(),
            Text::new().badge(state.0, state.1),
            or_dash(outcome.value).into(),
        ]
    });
    let columns = ["metric", "asked for", "scenario", "state", "value"];
    let table = Table::new("Each threshold in each scenario", columns, 4).with_rows(rows);
    table_section("thresholds", "Thresholds", table)
}
