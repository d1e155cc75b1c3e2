//! The search for the highest level that the server sustains, from each scenario of a block, after the block's
//! iterations.

use std::time::Instant;

use dicomperf_model::measurement::BlockMeasurement;
use dicomperf_model::measurement::{SearchIteration, SearchMeasurement};
use dicomperf_model::plan::Scenario;
use dicomperf_model::request::Search;
use dicomperf_model::search::Next;

use super::BlockRunner;
use crate::failure::Failure;
use crate::reporter::{Reporter, WorkEnd};

impl BlockRunner<'_> {
    /// The scenarios with a search.
    pub(super) fn searched_scenarios(&self) -> &[Scenario] {
        if self.block.search.is_some() { &self.block.scenarios } else { &[] }
    }

    /// Measures every iteration of a search that was not measured before. `fresh`: this part of the step has measured
    /// nothing else, so it measures one iteration however late it is. Progress begins at `done` of `total`.
    pub(super) fn search(
        &self,
        measurement: &mut BlockMeasurement,
        mut fresh: bool,
        (done, total): (u32, u32),
        reporter: &mut Reporter,
    ) -> Result<WorkEnd, Failure> {
        let Some(search) = &self.block.search else { return Ok(WorkEnd::Done) };
        for (scenario, done) in self.searched_scenarios().iter().zip(done..) {
            let Some(place) = self.begin_search(search, scenario, measurement) else {
                tracing::warn!(scenario = scenario.number, "no search: the scenario has no valid iteration");
                continue;
            };
            while let Next::Measure(level) = measurement.searches[place].next() {
                if !fresh && Instant::now() >= reporter.deadline() {
                    reporter.stage(done, total, "to be continued");
                    return Ok(WorkEnd::Incomplete);
                }
                fresh = false;
                let begun = &measurement.searches[place];
                let doing = format!("search: {}", begun.axis.words(level));
                tracing::info!(scenario = scenario.number, "{doing}");
                reporter.stage(done, total, doing);
                let settings = begun.settings(&scenario.settings, level);
                // No other iteration has this index, so its C-STOREs can be distinguished from theirs.
                let made = u32::try_from(begun.iterations.len()).unwrap_or(u32::MAX);
                let index = self.block.warmup + self.block.iterations + made;
                let scenario = Scenario { number: scenario.number, settings };
                let (iteration, failure) = self.iteration(index, &scenario, measurement, reporter.limit())?;
                measurement.searches[place].iterations.push(SearchIteration { level, iteration });
                self.save(measurement, reporter)?;
                match failure {
                    // A level at which no association opens is a level that fails. A server that does not answer ends
                    // the search.
                    None | Some(Failure::AssociationFailed { .. }) => {}
                    Some(failure) => return Err(failure),
                }
            }
        }
        Ok(WorkEnd::Done)
    }

    /// The position of the scenario's search, which began here or in an earlier part of the step.
    fn begin_search(&self, search: &Search, scenario: &Scenario, measurement: &mut BlockMeasurement) -> Option<usize> {
        let begun = measurement.searches.iter().position(|one| one.scenario == scenario.number);
        begun.or_else(|| {
            let (_, dataset) = self.datasets.get(&scenario.settings.transfer_syntax)?;
            let instances = u32::try_from(dataset.instances.len()).unwrap_or(u32::MAX);
            let begun = SearchMeasurement::start(search, scenario, &measurement.iterations, instances)?;
            measurement.searches.push(begun);
            Some(measurement.searches.len() - 1)
        })
    }
}
