//! The straight line through many points, in constant space. It can be merged from parts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A straight line: y = intercept + slope x.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// y where x is 0, in y's unit.
    pub intercept: f64,
    /// Change of y for a change of x by one, in y's unit per x's.
    pub slope: f64,
}

/// The sums over the points (x, y) so far that a least squares line needs.
///
/// They are means and moments about the means (Welford, Technometrics 4, 1962), not sums of squares. For object sizes
/// around 500,000 bytes, Σx² - (Σx)²/n would cancel most of its digits. Two of them merge without loss, so each
/// association or iteration may have its own. (Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for
/// Computing Sample Variances, 1979.) A point that is added k times has weight k.
///
/// A NaN or an infinity that was added remains. Then there is no line.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeastSquares {
    /// Number of points.
    pub n: u64,
    /// Mean of x, in x's unit; 0 without a point.
    pub mean_x: f64,
    /// Mean of y, in y's unit; 0 without a point.
    pub mean_y: f64,
    /// Σ(x - mean of x)², in x's unit squared.
    pub m2_x: f64,
    /// Σ(x - mean of x)(y - mean of y), in x's unit times y's.
    pub c_xy: f64,
}

impl LeastSquares {
    /// Adds a point.
    pub fn add(&mut self, x: f64, y: f64) {
        self.merge(&Self { n: 1, mean_x: x, mean_y: y, m2_x: 0.0, c_xy: 0.0 });
    }

    /// Adds all points of another.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        let (ours, theirs) = (count(self.n), count(other.n));
        let share = theirs / (ours + theirs);
        let (apart_x, apart_y) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        self.n += other.n;
        self.mean_x += apart_x * share;
        self.mean_y += apart_y * share;
        self.m2_x += other.m2_x + apart_x * apart_x * ours * share;
        self.c_xy += other.c_xy + apart_x * apart_y * ours * share;
    }

    /// Returns the line with the least sum of squared distances in y. Returns `None` if all x are equal, as for no
    /// point or one.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        let slope = self.c_xy / self.m2_x;
        let intercept = self.mean_y - slope * self.mean_x;
        (self.m2_x > 0.0 && slope.is_finite() && intercept.is_finite()).then_some(Line { intercept, slope })
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 points")]
fn count(points: u64) -> f64 {
    points as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(points: &[(f64, f64)]) -> LeastSquares {
        let mut fit = LeastSquares::default();
        for &(x, y) in points {
            fit.add(x, y);
        }
        fit
    }

    #[test]
    fn two_points_give_the_line_through_them() {
        let fit = fit(&[(1.0, 5.0), (3.0, 9.0)]);
        assert_eq!(fit, LeastSquares { n: 2, mean_x: 2.0, mean_y: 7.0, m2_x: 2.0, c_xy: 4.0 });
        assert_eq!(fit.line(), Some(Line { intercept: 3.0, slope: 2.0 }));
    }

    #[test]
    fn there_is_no_line_through_less_than_two_different_x() {
        assert_eq!(LeastSquares::default().line(), None);
        assert_eq!(fit(&[(2.0, 3.0)]).line(), None);
        let mut alike = fit(&[(0.1, 3.0), (0.1, 4.0), (0.1, 7.0)]);
        alike.merge(&fit(&[(0.1, 1.0), (0.1, 2.0)]));
        assert_eq!(alike.line(), None);
        assert_eq!(fit(&[(1.0, 1.0), (f64::NAN, 2.0), (3.0, 3.0)]).line(), None);
        assert_eq!(fit(&[(1.0, 1.0), (2.0, f64::INFINITY)]).line(), None);
    }

    #[test]
    fn a_fit_survives_its_json_in_camel_case() {
        let fit = fit(&[(1.0, 5.0), (3.0, 9.0)]);
        let json = serde_json::to_value(fit).expect("JSON");
        assert_eq!(json, serde_json::json!({ "n": 2, "meanX": 2.0, "meanY": 7.0, "m2X": 2.0, "cXy": 4.0 }));
        assert_eq!(serde_json::from_value::<LeastSquares>(json).expect("a fit"), fit);
    }
}
