//! How much two runs differ that are alike.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use super::RunNoise;
use crate::statistics::{CONFIDENCE, Interval};
use crate::summary::Summary;
use crate::verdict::{BaselineComparison, LEAST_RUNS};

/// Standard deviation between runs where none was measured, of the logarithm: the spread between hosts of one type that
/// docs/results.md simulates with.
const ASSUMED: f64 = 0.05;

/// How much runs differ by themselves: a run's own speed is log-normal, because hosts differ by a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Standard deviation of the logarithm of a run's median.
    pub standard_deviation: f64,
    /// Runs that it was measured with; `None` where it is assumed.
    pub runs: Option<usize>,
}

impl Spread {
    /// As it is assumed where no history tells.
    #[must_use]
    pub const fn assumed() -> Self {
        Self { standard_deviation: ASSUMED, runs: None }
    }

    /// From a scenario's history, if it has [`LEAST_RUNS`] runs: the standard deviation that its noise was made from
    /// ([`crate::statistics::prediction_interval`]).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most a few dozen runs")]
    pub fn measured(history: &BaselineComparison) -> Option<Self> {
        let noise = history.noise?;
        let reach = (noise.high.ln() - noise.low.ln()) / 2.0;
        let t = students_t(history.runs, f64::midpoint(1.0, CONFIDENCE))?;
        let standard_deviation = reach / (t * (1.0 + 1.0 / history.runs as f64).sqrt());
        let enough = history.runs >= LEAST_RUNS && standard_deviation.is_finite();
        enough.then_some(Self { standard_deviation, runs: Some(history.runs) })
    }

    /// From the history of the run that has the longer one, if it has [`LEAST_RUNS`] runs; otherwise as assumed.
    ///
    /// A history tells of each scenario. All of them ran on the same hosts, so that together they are no more samples of
    /// hosts than one: their variances are averaged, and the degrees of freedom are those of the shortest.
    #[must_use]
    pub fn between_runs(a: &Summary, b: &Summary) -> Self {
        let of = |summary: &Summary| {
            let measured: Vec<_> = summary.baseline.iter().filter_map(Self::measured).collect();
            let runs = measured.iter().map(|spread| spread.runs).min()?;
            #[expect(clippy::cast_precision_loss, reason = "a few hundred scenarios")]
            let variance =
                measured.iter().map(|spread| spread.standard_deviation.powi(2)).sum::<f64>() / measured.len() as f64;
            Some(Self { standard_deviation: variance.sqrt(), runs })
        };
        of(a).into_iter().chain(of(b)).max_by_key(|spread| spread.runs).unwrap_or_else(Self::assumed)
    }

    /// The ratio of two runs' medians with the noise between runs in its interval; `ratio` has that between iterations.
    ///
    /// The logarithm of the ratio is off by the noise between iterations, of which `ratio` knows the reach to either
    /// side, and by the difference of two runs' own deviations, whose standard deviation is √2 times that of one. Both
    /// are independent, so that reaches add like standard deviations, in quadrature, each side by itself: the bootstrap
    /// interval need not be symmetric (Zou and Donner, Construction of confidence limits about effect measures,
    /// Statistics in Medicine 27, 2008). A standard deviation that was estimated from n runs has Student's t with n - 1
    /// degrees of freedom in place of the normal distribution's 1.96; and medians of runs hold the noise between their
    /// iterations already, so that it counts twice then. That errs towards no verdict.
    #[must_use]
    pub fn between(self, ratio: &Interval) -> Interval {
        let runs = std::f64::consts::SQRT_2 * self.standard_deviation * self.quantile();
        let middle = ratio.median.ln();
        let (below, above) = (middle - ratio.low.ln(), ratio.high.ln() - middle);
        Interval {
            median: ratio.median,
            low: (middle - below.hypot(runs)).exp(),
            high: (middle + above.hypot(runs)).exp(),
        }
    }

    /// How many standard deviations hold 95% of all differences.
    fn quantile(self) -> f64 {
        let share = f64::midpoint(1.0, CONFIDENCE);
        match self.runs {
            Some(runs) => students_t(runs, share).unwrap_or(f64::INFINITY),
            None => Normal::standard().inverse_cdf(share),
        }
    }
}

impl From<Spread> for RunNoise {
    fn from(spread: Spread) -> Self {
        let percent = spread.standard_deviation * 100.0;
        let source = match spread.runs {
            Some(runs) => format!("measured: the medians of {runs} earlier runs differ by {percent:.1}%"),
            None => format!(
                "assumed: {percent:.0}% between hosts of one type, as docs/results.md simulates; a run with \"baseline\": \
                 \"history\" and {LEAST_RUNS} earlier runs has it measured"
            ),
        };
        Self { standard_deviation: spread.standard_deviation, source }
    }
}

/// Student's t of a standard deviation from so many values.
#[expect(clippy::cast_precision_loss, reason = "at most a few dozen runs")]
fn students_t(values: usize, share: f64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, values as f64 - 1.0).ok().map(|t| t.inverse_cdf(share))
}
