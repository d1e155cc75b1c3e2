//! What was found where the request asks for the most that the server sustains.

use std::collections::BTreeMap;

use super::{LatencySummary, part_of};
use crate::plan::Plan;
use crate::search::{Judged, Judgement, Next, SearchLevel, SearchMeasurement, SearchSummary};
use crate::step::{StepOutput, StepReport};

/// The searches of a run.
pub(super) struct Searches {
    /// What was found, by scenario; of one that was not finished, what is known.
    pub found: Vec<SearchSummary>,
    /// For each scenario without a result, why, for a person. A run that was to search and did not is not complete.
    pub without_result: Vec<String>,
}

/// What the plan asks for, from the reports of the steps.
pub(super) fn summarize(plan: &Plan, steps: &[StepReport]) -> Searches {
    let mut searches = Searches { found: Vec::new(), without_result: Vec::new() };
    if plan.request.search.is_none() {
        return searches;
    }
    let made = made(steps);
    for scenario in plan.blocks.iter().flat_map(|block| &block.scenarios).map(|one| one.scenario) {
        let reason = match made.get(&scenario) {
            None => Some("no valid iteration of the scenario to begin from".to_owned()),
            Some(search) => {
                searches.found.push(summary(search));
                without_result(search)
            }
        };
        searches
            .without_result
            .extend(reason.map(|reason| format!("Scenario {scenario}: no limit was found: {reason}.")));
    }
    searches
}

/// By scenario; the parts of a step repeat what was measured before.
fn made(steps: &[StepReport]) -> BTreeMap<u32, &SearchMeasurement> {
    let mut by_part: Vec<_> = steps
        .iter()
        .filter_map(|report| match &report.output {
            Some(StepOutput::Measured(measured)) => Some((part_of(&report.step), measured.as_ref())),
            _ => None,
        })
        .collect();
    by_part.sort_by_key(|(part, _)| *part);
    let searches = by_part.into_iter().flat_map(|(_, measured)| &measured.searches);
    searches.map(|search| (search.scenario, search)).collect()
}

/// A level that breaks the objective is what is looked for. A search that did not end, or of which nothing is valid, has
/// found nothing.
fn without_result(search: &SearchMeasurement) -> Option<String> {
    if let Next::Measure(level) = search.next() {
        return Some(unfinished(search, level));
    }
    let valid = search.judged().iter().any(|level| level.valid().next().is_some());
    (!valid).then(|| "no iteration of the search is valid".to_owned())
}

fn summary(search: &SearchMeasurement) -> SearchSummary {
    let levels = search.judged();
    let found = search.found(&levels);
    SearchSummary {
        scenario: search.scenario,
        axis: search.axis,
        slo: search.slo.clone(),
        sustainable: found.sustainable.map(|level| level.level),
        broken: found.broken,
        sustainable_instances_per_second: found.sustainable.and_then(Judged::instances_per_second),
        knee: found.knee,
        ended: match search.next() {
            Next::Measure(level) => unfinished(search, level),
            Next::Ended(why) => why,
        },
        levels: levels.iter().map(summary_of).collect(),
    }
}

fn summary_of(level: &Judged<'_>) -> SearchLevel {
    SearchLevel {
        level: level.level,
        iterations: u32::try_from(level.valid().count()).unwrap_or(u32::MAX),
        instances_per_second: level.instances_per_second(),
        latency_ms: LatencySummary::of(&level.latency()),
        keeps: level.judgement == Judgement::Keeps,
        reason: match &level.judgement {
            Judgement::Keeps => None,
            Judgement::Breaks(reason) => Some(reason.clone()),
            Judgement::Undecided => Some("measured too few times to tell".to_owned()),
        },
    }
}

fn unfinished(search: &SearchMeasurement, level: f64) -> String {
    format!("the search was not finished: {} was to be measured next", search.axis.words(level))
}
