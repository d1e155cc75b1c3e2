//! The results of the searches for the highest load that the server sustains.

use std::collections::BTreeMap;

use super::measurements;
use dicomperf_model::measurement::SearchMeasurement;
use dicomperf_model::plan::Plan;
use dicomperf_model::results::{LatencySummary, SearchLevel, SearchSummary};
use dicomperf_model::search::{Judged, Judgement, Next};
use dicomperf_model::step::StepReport;

/// The searches of a run.
pub(super) struct Searches {
    /// The result by scenario. An unfinished search has what is known so far.
    pub found: Vec<SearchSummary>,
    /// The reason for each scenario without a result, in words. A run whose search has no result is not complete.
    pub without_result: Vec<String>,
}

/// Summarizes the searches that the plan asks for, from the reports of the steps.
pub(super) fn summarize(plan: &Plan, steps: &[StepReport]) -> Searches {
    let mut searches = Searches { found: Vec::new(), without_result: Vec::new() };
    if plan.request.search.is_none() {
        return searches;
    }
    let searches_by_scenario = searches_by_scenario(steps);
    for scenario in plan.blocks.iter().flat_map(|block| &block.scenarios).map(|one| one.number) {
        let reason = match searches_by_scenario.get(&scenario) {
            None => Some("no valid iteration of the scenario to begin from".to_owned()),
            Some(search) => {
                searches.found.push(search_summary(search));
                missing_result_reason(search)
            }
        };
        searches
            .without_result
            .extend(reason.map(|reason| format!("Scenario {scenario}: no limit was found: {reason}.")));
    }
    searches
}

/// Returns the searches by scenario. Later parts of a step repeat, and here replace, those of earlier parts.
fn searches_by_scenario(steps: &[StepReport]) -> BTreeMap<u32, &SearchMeasurement> {
    let searches = measurements(steps).into_iter().flat_map(|measured| &measured.searches);
    searches.map(|search| (search.scenario, search)).collect()
}

/// Returns the reason why a search has no result: it did not end, or none of its iterations is valid.
///
/// A level that fails the objective is no such reason, because finding one is the point of a search.
fn missing_result_reason(search: &SearchMeasurement) -> Option<String> {
    if let Next::Measure(level) = search.next() {
        return Some(unfinished_reason(search, level));
    }
    let valid = search.judge_levels().iter().any(|level| level.valid().next().is_some());
    (!valid).then(|| "no iteration of the search is valid".to_owned())
}

fn search_summary(search: &SearchMeasurement) -> SearchSummary {
    let levels = search.judge_levels();
    let found = search.conclude(&levels);
    SearchSummary {
        scenario: search.scenario,
        axis: search.axis,
        slo: search.slo.clone(),
        sustainable: found.sustainable.map(|level| level.level),
        broken: found.broken,
        sustainable_instances_per_second: found.sustainable.and_then(Judged::instances_per_second),
        knee: found.knee,
        ended: match search.next() {
            Next::Measure(level) => unfinished_reason(search, level),
            Next::Ended(why) => why,
        },
        levels: levels.iter().map(level_summary).collect(),
    }
}

fn level_summary(level: &Judged<'_>) -> SearchLevel {
    SearchLevel {
        level: level.level,
        iterations: u32::try_from(level.valid().count()).unwrap_or(u32::MAX),
        instances_per_second: level.instances_per_second(),
        latency_ms: LatencySummary::from_histogram(&level.latency()),
        keeps: level.judgement == Judgement::Keeps,
        reason: match &level.judgement {
            Judgement::Keeps => None,
            Judgement::Breaks(reason) => Some(reason.clone()),
            Judgement::Undecided => Some("measured too few times to tell".to_owned()),
        },
    }
}

fn unfinished_reason(search: &SearchMeasurement, level: f64) -> String {
    format!("the search was not finished; next: {}", search.axis.words(level))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixture::*;
    use super::super::{RunStatus, Summary, Verdict, summarize};
    use dicomperf_model::measurement::{BlockMeasurement, Iteration};
    use dicomperf_model::measurement::{SearchIteration, SearchMeasurement};
    use dicomperf_model::plan::Plan;
    use dicomperf_model::search::Next;
    use dicomperf_model::step::{StepOutput, StepReport};

    fn search_plan() -> Plan {
        planned(json!({
            "iterations": 1, "warmup": 0, "rounds": 1,
            "matrix": { "sender": ["native"] },
            "search": { "axis": "associations", "slo": { "latencyMs.p95": 45 } },
        }))
    }

    fn measured_in(steps: &mut [StepReport]) -> &mut BlockMeasurement {
        let outputs = steps.iter_mut().filter_map(|step| step.output.as_mut());
        let measured = outputs.filter_map(|output| match output {
            StepOutput::Measured(measured) => Some(measured.as_mut()),
            _ => None,
        });
        measured.last().expect("a measurement")
    }

    /// A run whose search stops after `most` iterations. With k associations a C-STORE takes k times 10 ms.
    fn run(most: usize, valid: bool) -> Summary {
        let plan = search_plan();
        let mut steps = all_steps(&plan, |_, _| 2000.0);
        let measured = measured_in(&mut steps);
        let search = plan.request.search.as_ref().expect("a search");
        let scenario = &plan.blocks[0].scenarios[0];
        let mut made = SearchMeasurement::start(search, scenario, &measured.iterations, INSTANCES).expect("a start");
        while let Next::Measure(level) = made.next()
            && made.iterations.len() < most
        {
            let latency_us = iteration(0, 0, level * 10.0 * f64::from(INSTANCES)).latency_us;
            let reason = (!valid).then(|| "lost".to_owned());
            let iteration = Iteration { latency_us, valid, reason, ..iteration(0, 9, 2000.0) };
            made.iterations.push(SearchIteration { level, iteration });
        }
        measured.searches.push(made);
        summarize(&plan, &steps, went_well())
    }

    #[test]
    fn a_level_that_breaks_the_objective_is_no_fault_of_the_run() {
        let summary = run(usize::MAX, true);
        assert_eq!((summary.status, summary.verdict), (RunStatus::Succeeded, Verdict::Passed));
        let [search] = &summary.searches[..] else { panic!("one") };
        assert_eq!((search.sustainable, search.broken, search.knee), (Some(4.0), Some(5.0), Some(1.0)));
        assert_eq!(search.sustainable_instances_per_second, Some(100.0));
        assert_eq!(search.ended, "4 associations keep the objective, 5 do not, which are 25% more");
        let levels: Vec<_> = search.levels.iter().map(|level| (level.level, level.keeps, level.iterations)).collect();
        assert_eq!(
            levels,
            [(1.0, true, 1), (2.0, true, 1), (4.0, true, 2), (5.0, false, 2), (6.0, false, 2), (8.0, false, 2)]
        );
        let reason = search.levels[5].reason.as_deref().expect("a reason");
        assert!(reason.starts_with("latencyMs.p95 is 80.") && reason.ends_with("and 45 is allowed"), "{reason}");
        // The iterations of the search do not count for the scenario.
        assert_eq!((summary.scenarios[0].iterations.len(), summary.scenarios[0].c_stores), (1, 200));
        assert!(!summary.notes.iter().any(|note| note.contains("no limit")), "{:?}", summary.notes);
    }

    #[test]
    fn a_search_that_found_nothing_is_no_result() {
        for (summary, expected) in [
            (run(2, true), "Scenario 0: no limit was found: the search was not finished; next: 4 associations."),
            (run(usize::MAX, false), "Scenario 0: no limit was found: no iteration of the search is valid."),
        ] {
            assert_eq!((summary.status, summary.verdict), (RunStatus::Failed, Verdict::Invalid));
            assert!(summary.notes.iter().any(|note| note.starts_with(expected)), "{:?}", summary.notes);
        }
        let plan = search_plan();
        let without = summarize(&plan, &all_steps(&plan, |_, _| 2000.0), went_well());
        assert_eq!((without.status, without.verdict, without.searches.len()), (RunStatus::Failed, Verdict::Invalid, 0));
        assert!(without.notes.iter().any(|note| note.contains("no valid iteration")), "{:?}", without.notes);
    }
}
