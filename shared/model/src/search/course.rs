//! The course of a search: from the measured levels to the next one, or to the end.

use super::judgement::{Judged, Judgement, instances_per_second, is_usable};
use super::knee::knee;
use crate::measurement::{Iteration, SearchMeasurement};
use crate::plan::Scenario;
use crate::request::{Arrival, MAX_ARRIVAL_PER_SECOND, MIN_ARRIVAL_PER_SECOND, Search, SearchAxis};
use crate::settings::Settings;
use crate::statistics::median;

/// Levels of a search at most.
const MAX_LEVELS: usize = 12;
/// Associations at most, the same limit as in a matrix.
const MAX_ASSOCIATIONS: u32 = 64;
/// The search for associations ends when the lowest failing level is at most this factor above the highest passing one.
const MAX_ASSOCIATIONS_GAP: f64 = 1.10;
/// The same factor for a search for a rate.
const MAX_RATE_GAP: f64 = 1.05;
/// Share of a closed transfer's rate at which the search starts. A closed transfer reaches about the capacity. At half
/// of it, C-STOREs seldom wait, so their own time is visible.
const START_RATE_SHARE: f64 = 0.5;
/// Lowest share of a closed transfer's rate. Below it, each iteration takes more than eight times as long as the closed
/// transfer.
const MIN_RATE_SHARE: f64 = 0.125;
/// Highest multiple of a closed transfer's rate. No server sustains more; only associations that wait for the network
/// could.
const MAX_RATE_SHARE: f64 = 4.0;

/// The next action of a search.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Measure one more iteration at this level.
    Measure(f64),
    /// The search has ended, for this reason, for a person.
    Ended(String),
}

impl SearchMeasurement {
    /// Starts a search from a scenario that was measured with a dataset of `instances` instances. Returns `None` if no
    /// iteration of the scenario is valid: a failing scenario needs no limit.
    #[must_use]
    pub fn start(search: &Search, scenario: &Scenario, iterations: &[Iteration], instances: u32) -> Option<Self> {
        let of_scenario = iterations.iter().filter(|one| one.scenario == scenario.number && is_usable(one));
        let (warmups, counted): (Vec<_>, Vec<_>) = of_scenario.partition(|one| one.warmup);
        let usable = if counted.is_empty() { warmups } else { counted };
        let closed = median(&usable.into_iter().map(instances_per_second).collect::<Vec<_>>())?;
        let (start, lowest, highest) = match search.axis {
            SearchAxis::Associations => {
                let highest = f64::from(MAX_ASSOCIATIONS.min(instances));
                (f64::from(scenario.settings.associations).min(highest), 1.0, highest)
            }
            SearchAxis::Rate => {
                let rate =
                    |share: f64| round_rate(closed * share).clamp(MIN_ARRIVAL_PER_SECOND, MAX_ARRIVAL_PER_SECOND);
                (rate(START_RATE_SHARE), rate(MIN_RATE_SHARE), rate(MAX_RATE_SHARE))
            }
        };
        Some(Self {
            scenario: scenario.number,
            axis: search.axis,
            slo: search.slo.objectives(),
            start,
            lowest,
            highest,
            iterations: Vec::new(),
        })
    }

    /// Returns a scenario's settings with the level in place of the raised setting.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 64")]
    pub fn settings(&self, base: &Settings, level: f64) -> Settings {
        let mut settings = base.clone();
        match self.axis {
            SearchAxis::Associations => settings.associations = level as u32,
            SearchAxis::Rate => settings.arrival = Arrival::Open(level),
        }
        settings
    }

    /// Returns the next action.
    #[must_use]
    pub fn next(&self) -> Next {
        let levels = self.judge_levels();
        if let Some(open) = levels.iter().find(|level| level.judgement == Judgement::Undecided) {
            return Next::Measure(open.level);
        }
        let (kept, broken) = limit_levels(&levels);
        let next = match (kept, broken) {
            (None, None) => Some(self.start),
            (Some(kept), None) => {
                (kept.level < self.highest).then(|| self.round_level(kept.level * self.step_factor()).min(self.highest))
            }
            (None, Some(broken)) => {
                (broken.level > self.lowest).then(|| self.round_level(broken.level / 2.0).max(self.lowest))
            }
            (Some(kept), Some(broken)) => self.level_between(kept.level, broken.level),
        };
        match next {
            Some(level) if levels.len() < MAX_LEVELS => Next::Measure(level),
            _ => Next::Ended(self.end_reason(kept, broken)),
        }
    }

    /// Returns the results: the highest passing level below any failing one, the lowest failing level, and the knee.
    pub fn conclude<'a>(&self, levels: &'a [Judged<'a>]) -> Found<'a> {
        let (sustainable, broken) = limit_levels(levels);
        Found { sustainable, broken: broken.map(|level| level.level), knee: knee(self.axis, levels) }
    }

    /// Factor to the next higher level while all levels pass. For a rate it is smaller, because the failing level is
    /// near the rate of a closed transfer.
    const fn step_factor(&self) -> f64 {
        match self.axis {
            SearchAxis::Associations => 2.0,
            SearchAxis::Rate => std::f64::consts::SQRT_2,
        }
    }

    /// Returns the geometric middle between two levels if they are too far apart.
    fn level_between(&self, kept: f64, broken: f64) -> Option<f64> {
        let within = match self.axis {
            SearchAxis::Associations => MAX_ASSOCIATIONS_GAP,
            SearchAxis::Rate => MAX_RATE_GAP,
        };
        let middle = self.round_level((kept * broken).sqrt());
        (broken > kept * within && kept < middle && middle < broken).then_some(middle)
    }

    fn round_level(&self, level: f64) -> f64 {
        match self.axis {
            SearchAxis::Associations => level.ceil(),
            SearchAxis::Rate => round_rate(level),
        }
    }

    fn end_reason(&self, kept: Option<&Judged<'_>>, broken: Option<&Judged<'_>>) -> String {
        let words = |level: &Judged<'_>| self.axis.words(level.level);
        let mut ended = match (kept, broken) {
            (Some(kept), Some(broken)) => {
                let apart = (broken.level / kept.level - 1.0) * 100.0;
                format!("{} keep the objective, {} do not, which are {apart:.0}% more", words(kept), broken.level)
            }
            (Some(kept), None) => format!("{}, the most that are tried, keep the objective", words(kept)),
            (None, Some(broken)) => format!("not even {}, the least that are tried, keep the objective", words(broken)),
            (None, None) => "nothing was measured".to_owned(),
        };
        if let (SearchAxis::Rate, Some(kept)) = (self.axis, kept)
            && kept.is_short()
        {
            ended.push_str(
                "; a transfer takes less than a second at that level, so a slowly growing backlog may not be visible: use \
                 more instances",
            );
        }
        ended
    }
}

/// The results of a search.
pub struct Found<'a> {
    /// The highest passing level below any failing one.
    pub sustainable: Option<&'a Judged<'a>>,
    /// The lowest failing level.
    pub broken: Option<f64>,
    /// The knee.
    pub knee: Option<f64>,
}

/// Returns the highest passing level below any failing one, and the lowest failing level.
fn limit_levels<'a>(levels: &'a [Judged<'a>]) -> (Option<&'a Judged<'a>>, Option<&'a Judged<'a>>) {
    let broken = levels.iter().find(|level| level.breaks());
    let below = |level: &&Judged<'_>| broken.is_none_or(|broken| level.level < broken.level);
    (levels.iter().filter(below).rfind(|level| level.keeps()), broken)
}

/// Rounds to three significant digits, because a rate is found to 5%.
fn round_rate(rate: f64) -> f64 {
    if rate <= 0.0 || !rate.is_finite() {
        return rate;
    }
    let digits = 2.0 - rate.log10().floor();
    // Divides, because a power of ten below 1 has no exact form.
    if digits > 0.0 { (rate * 10_f64.powf(digits)).round() / 10_f64.powf(digits) } else { rate.round() }
}
