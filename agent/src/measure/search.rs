//! The search for the most that the server sustains, from each scenario of a block, after the block's iterations.

use std::time::Instant;

use dicomperf::measurement::BlockMeasurement;
use dicomperf::plan::Scenario;
use dicomperf::request::Search;
use dicomperf::search::{Next, SearchIteration, SearchMeasurement};

use super::BlockRunner;
use crate::failure::Failure;
use crate::reporter::{Reporter, WorkEnd};

impl BlockRunner<'_> {
    /// The scenarios from which is searched.
    pub(super) fn searched(&self) -> &[Scenario] {
        if self.block.search.is_some() { &self.block.scenarios } else { &[] }
    }

    /// Every iteration of a search that was not made before. `fresh`: nothing else was made in this part of the step, so
    /// that one iteration is made however late it is. Progress begins at `done` of `total`.
    pub(super) fn search(
        &self,
        measurement: &mut BlockMeasurement,
        mut fresh: bool,
        (done, total): (u32, u32),
        reporter: &mut Reporter,
    ) -> Result<WorkEnd, Failure> {
        let Some(search) = &self.block.search else { return Ok(WorkEnd::Done) };
        for (scenario, done) in self.searched().iter().zip(done..) {
            let Some(place) = self.begin_search(search, scenario, measurement) else {
                tracing::warn!(scenario = scenario.scenario, "no search: none of its iterations is valid");
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
                tracing::info!(scenario = scenario.scenario, "{doing}");
                reporter.stage(done, total, doing);
                let settings = begun.settings(&scenario.settings, level);
                // No other iteration has this index: its C-STOREs are told apart from theirs.
                let made = u32::try_from(begun.iterations.len()).unwrap_or(u32::MAX);
                let index = self.block.warmup + self.block.iterations + made;
                let scenario = Scenario { scenario: scenario.scenario, settings };
                let (iteration, failure) = self.iteration(index, &scenario, measurement, reporter.limit())?;
                measurement.searches[place].iterations.push(SearchIteration { level, iteration });
                self.save(measurement, reporter)?;
                match failure {
                    // A level at which no association opens is a level that fails. A server that does not answer ends it.
                    None | Some(Failure::AssociationFailed { .. }) => {}
                    Some(failure) => return Err(failure),
                }
            }
        }
        Ok(WorkEnd::Done)
    }

    /// The place of the scenario's search, begun here or in an earlier part of the step.
    fn begin_search(&self, search: &Search, scenario: &Scenario, measurement: &mut BlockMeasurement) -> Option<usize> {
        let begun = measurement.searches.iter().position(|one| one.scenario == scenario.scenario);
        begun.or_else(|| {
            let (_, dataset) = self.datasets.get(&scenario.settings.transfer_syntax)?;
            let instances = u32::try_from(dataset.instances.len()).unwrap_or(u32::MAX);
            let begun = SearchMeasurement::begin(search, scenario, &measurement.iterations, instances)?;
            measurement.searches.push(begun);
            Some(measurement.searches.len() - 1)
        })
    }
}
