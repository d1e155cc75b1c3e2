//! The noise between runs: the difference of two runs with nothing changed.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use crate::verdict::MIN_RUNS;
use dicomperf_model::results::BaselineComparison;
use dicomperf_model::results::{RunNoise, Summary};
use dicomperf_model::statistics::{CONFIDENCE, Interval};

/// Standard deviation of the logarithm between runs if no measured one is available: the spread between hosts of one
/// type that docs/results.md simulates with.
const ASSUMED_STANDARD_DEVIATION: f64 = 0.05;

/// The spread between runs with nothing changed. A run's speed is log-normal, because hosts differ by a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Standard deviation of the logarithm of a run's median.
    pub standard_deviation: f64,
    /// Number of runs that it was measured with; `None` if it is assumed.
    pub runs: Option<usize>,
}

impl Spread {
    /// Returns the spread that is assumed without a history.
    #[must_use]
    pub const fn assumed() -> Self {
        Self { standard_deviation: ASSUMED_STANDARD_DEVIATION, runs: None }
    }

    /// Returns the spread of a scenario's history, if it has [`MIN_RUNS`] runs. It is the standard deviation from which
    /// the noise of the history was computed ([`dicomperf_model::statistics::prediction_interval`]).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most a few dozen runs")]
    pub fn measured(history: &BaselineComparison) -> Option<Self> {
        let noise = history.noise?;
        let reach = (noise.high.ln() - noise.low.ln()) / 2.0;
        let t = students_t(history.runs, f64::midpoint(1.0, CONFIDENCE))?;
        let standard_deviation = reach / (t * (1.0 + 1.0 / history.runs as f64).sqrt());
        let enough = history.runs >= MIN_RUNS && standard_deviation.is_finite();
        enough.then_some(Self { standard_deviation, runs: Some(history.runs) })
    }

    /// Returns the spread of the longer of two runs' histories, if it has [`MIN_RUNS`] runs; otherwise the assumed
    /// spread.
    ///
    /// A history has a spread for each scenario. All scenarios of a run share its hosts, so together they sample no
    /// more hosts than a single one. Therefore their variances are averaged, and the degrees of freedom are those of
    /// the shortest history.
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

    /// Adds the noise between runs to the interval of a ratio of two runs' medians. `ratio` has the noise between
    /// iterations.
    ///
    /// Two errors affect the logarithm of the ratio. The noise between iterations has the reach of `ratio` to either
    /// side. The difference of two runs' own deviations has √2 times the standard deviation of one run. Both are
    /// independent, so their reaches add in quadrature, like standard deviations. Each side is computed by itself,
    /// because the bootstrap interval need not be symmetric (Zou and Donner, Construction of confidence limits about
    /// effect measures, Statistics in Medicine 27, 2008).
    ///
    /// A standard deviation estimated from n runs uses Student's t with n - 1 degrees of freedom in place of the normal
    /// distribution's 1.96. The medians of runs already contain the noise between their iterations, so it then counts
    /// twice. That errs towards no verdict.
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

    /// Returns the number of standard deviations that cover 95% of all differences.
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
                 \"history\" and {MIN_RUNS} earlier runs measures it"
            ),
        };
        Self { standard_deviation: spread.standard_deviation, source }
    }
}

/// Returns the quantile of Student's t for a standard deviation that was estimated from `values` values.
#[expect(clippy::cast_precision_loss, reason = "at most a few dozen runs")]
fn students_t(values: usize, share: f64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, values as f64 - 1.0).ok().map(|t| t.inverse_cdf(share))
}
