//! The search for the most that a server sustains: it measures levels of load, one after another, until the limit is
//! known.
//!
//! The agent calls [`SearchMeasurement::next`](crate::measurement::SearchMeasurement::next) for the next level. The
//! summary calls [`SearchMeasurement::conclude`](crate::measurement::SearchMeasurement::conclude) for the results. Both
//! apply the same rules to the same iterations; docs/search.md gives the reasons.

mod course;
mod judgement;
mod knee;
pub use self::course::{Found, Next};
pub use self::judgement::{Judged, Judgement};
