//! From the levels measured so far to the next one, or the end.

use super::judgement::{Judged, Judgement, instances_per_second, is_usable};
use super::knee::knee;
use super::{SearchAxis, SearchMeasurement};
use crate::measurement::Iteration;
use crate::plan::{Scenario, Settings};
use crate::request::{Arrival, FASTEST_ARRIVAL, SLOWEST_ARRIVAL, Search};
use crate::statistics::median;

/// Scenarios that a search may be asked from: each has one of its own.
pub(crate) const MOST_SCENARIOS: usize = 4;
/// Instances that a search for a rate needs: 3% of them, which is what a server that keeps up may have waiting at the
/// end, are then one and a half.
pub(crate) const LEAST_INSTANCES: u32 = 50;

/// Levels of a search at most.
const MOST_LEVELS: usize = 12;
/// What a matrix may ask for too.
const MOST_ASSOCIATIONS: u32 = 64;
/// The limit is known when the lowest level that breaks is at most so much above the highest that keeps.
const ASSOCIATIONS_WITHIN: f64 = 1.10;
/// The same of a rate.
const RATE_WITHIN: f64 = 1.05;
/// What a closed transfer reaches is about the capacity: half of it shows what a C-STORE takes that seldom waits.
const RATE_START: f64 = 0.5;
/// Lower than this share of a closed transfer's rate, each iteration takes eight times as long as that.
const RATE_LOWEST: f64 = 0.125;
/// No server takes four times what it took closed; only associations that wait for the network would.
const RATE_HIGHEST: f64 = 4.0;

/// What a search does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// One more iteration at this level.
    Measure(f64),
    /// Nothing: why, for a person.
    Ended(String),
}

/// Iterations that a search takes at most, and how many closed transfers of the dataset take as long as all of theirs:
/// an upper bound if more associations are not slower, and if what arrives at a rate is taken as well as what is sent
/// closed.
pub(crate) const fn most(axis: SearchAxis) -> (f64, f64) {
    match axis {
        // Seven doublings and three levels between two of them, each three times.
        SearchAxis::Associations => (30.0, 30.0),
        // Downwards 1/2, 1/4, 1/8 of the rate and four levels between two of them, which take 2, 4, 8 and at most 8
        // times as long, each three times. Upwards are more levels, and shorter ones.
        SearchAxis::Rate => (36.0, 138.0),
    }
}

impl SearchMeasurement {
    /// A search from a scenario that was measured with a dataset of so many instances; `None` where none of the
    /// scenario's iterations is valid, for what does not work needs no limit.
    #[must_use]
    pub fn begin(search: &Search, scenario: &Scenario, iterations: &[Iteration], instances: u32) -> Option<Self> {
        let of_scenario = iterations.iter().filter(|one| one.scenario == scenario.scenario && is_usable(one));
        let (warmups, counted): (Vec<_>, Vec<_>) = of_scenario.partition(|one| one.warmup);
        let usable = if counted.is_empty() { warmups } else { counted };
        let closed = median(&usable.into_iter().map(instances_per_second).collect::<Vec<_>>())?;
        let (start, lowest, highest) = match search.axis {
            SearchAxis::Associations => {
                let highest = f64::from(MOST_ASSOCIATIONS.min(instances));
                (f64::from(scenario.settings.associations).min(highest), 1.0, highest)
            }
            SearchAxis::Rate => {
                let rate = |share: f64| rounded(closed * share).clamp(SLOWEST_ARRIVAL, FASTEST_ARRIVAL);
                (rate(RATE_START), rate(RATE_LOWEST), rate(RATE_HIGHEST))
            }
        };
        Some(Self {
            scenario: scenario.scenario,
            axis: search.axis,
            slo: search.slo.objectives(),
            start,
            lowest,
            highest,
            iterations: Vec::new(),
        })
    }

    /// A scenario's settings with a level in place of what is raised.
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

    /// What is to be measured next.
    #[must_use]
    pub fn next(&self) -> Next {
        let levels = self.judged();
        if let Some(open) = levels.iter().find(|level| level.judgement == Judgement::Undecided) {
            return Next::Measure(open.level);
        }
        let (kept, broken) = limit(&levels);
        let next = match (kept, broken) {
            (None, None) => Some(self.start),
            (Some(kept), None) => {
                (kept.level < self.highest).then(|| self.rounded(kept.level * self.factor()).min(self.highest))
            }
            (None, Some(broken)) => {
                (broken.level > self.lowest).then(|| self.rounded(broken.level / 2.0).max(self.lowest))
            }
            (Some(kept), Some(broken)) => self.between(kept.level, broken.level),
        };
        match next {
            Some(level) if levels.len() < MOST_LEVELS => Next::Measure(level),
            _ => Next::Ended(self.ended(kept, broken)),
        }
    }

    /// The highest level that keeps the objective below any that breaks it, the lowest that breaks it, and the knee.
    pub(crate) fn found<'a>(&self, levels: &'a [Judged<'a>]) -> Found<'a> {
        let (sustainable, broken) = limit(levels);
        Found { sustainable, broken: broken.map(|level| level.level), knee: knee(self.axis, levels) }
    }

    /// Up, as long as all is well. A rate goes by less, for what breaks is near what a closed transfer reached.
    const fn factor(&self) -> f64 {
        match self.axis {
            SearchAxis::Associations => 2.0,
            SearchAxis::Rate => std::f64::consts::SQRT_2,
        }
    }

    /// The middle of what is left of the ratio, if it is too wide.
    fn between(&self, kept: f64, broken: f64) -> Option<f64> {
        let within = match self.axis {
            SearchAxis::Associations => ASSOCIATIONS_WITHIN,
            SearchAxis::Rate => RATE_WITHIN,
        };
        let middle = self.rounded((kept * broken).sqrt());
        (broken > kept * within && kept < middle && middle < broken).then_some(middle)
    }

    fn rounded(&self, level: f64) -> f64 {
        match self.axis {
            SearchAxis::Associations => level.ceil(),
            SearchAxis::Rate => rounded(level),
        }
    }

    fn ended(&self, kept: Option<&Judged<'_>>, broken: Option<&Judged<'_>>) -> String {
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
                "; a transfer takes less than a second there, in which a backlog that grows slowly may not show: more \
                 instances would tell",
            );
        }
        ended
    }
}

/// What a search found.
pub(crate) struct Found<'a> {
    /// The highest level that keeps the objective, below any that breaks it.
    pub sustainable: Option<&'a Judged<'a>>,
    /// The lowest level that breaks it.
    pub broken: Option<f64>,
    /// The knee.
    pub knee: Option<f64>,
}

/// The highest level that keeps the objective, below any that breaks it; the lowest that breaks it.
fn limit<'a>(levels: &'a [Judged<'a>]) -> (Option<&'a Judged<'a>>, Option<&'a Judged<'a>>) {
    let broken = levels.iter().find(|level| level.breaks());
    let below = |level: &&Judged<'_>| broken.is_none_or(|broken| level.level < broken.level);
    (levels.iter().filter(below).rfind(|level| level.keeps()), broken)
}

/// Three significant digits: a rate is found to 5%.
fn rounded(rate: f64) -> f64 {
    if rate <= 0.0 || !rate.is_finite() {
        return rate;
    }
    let digits = 2.0 - rate.log10().floor();
    // By dividing, for a power of ten below 1 has no exact form.
    if digits > 0.0 { (rate * 10_f64.powf(digits)).round() / 10_f64.powf(digits) } else { rate.round() }
}
