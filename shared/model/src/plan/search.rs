//! The conditions of a search on a plan, and the load of a search.

use crate::request::{Search, SearchAxis};
use crate::validation::FieldError;

/// Scenarios of a plan with a search, at most: each has a search of its own.
const MAX_SEARCH_SCENARIOS: usize = 4;

/// Instances that a search for a rate needs. A server that keeps up may have 3% of them waiting at the end. That is
/// then one and a half.
const MIN_SEARCH_INSTANCES: u32 = 50;

/// Returns the most iterations of a search, and the number of closed transfers of the dataset that take as long as all
/// of its transfers. It is an upper bound under two conditions. More associations must not be slower. The server must
/// take instances at a rate as well as closed ones.
pub const fn max_search_load(axis: SearchAxis) -> (f64, f64) {
    match axis {
        // Seven doublings and three levels between two of them, each three times.
        SearchAxis::Associations => (30.0, 30.0),
        // Downwards 1/2, 1/4 and 1/8 of the rate and four levels between two of them, each three times. These take 2,
        // 4, 8 and at most 8 times as long. Upwards there are more levels, and shorter ones.
        SearchAxis::Rate => (36.0, 138.0),
    }
}

/// Returns the conditions of a search that the plan does not meet.
pub(super) fn errors(search: &Search, scenarios: usize, instances: u32) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if scenarios > MAX_SEARCH_SCENARIOS {
        let problem = format!("makes {scenarios} scenarios, and a search from each");
        errors.push(FieldError::new("matrix", problem, format!("at most {} with search", MAX_SEARCH_SCENARIOS)));
    }
    if search.axis == SearchAxis::Rate && instances < MIN_SEARCH_INSTANCES {
        let problem = format!("is rate, and {instances} instances are too few to show a backlog");
        let allowed = format!("associations, or at least {} instances", MIN_SEARCH_INSTANCES);
        errors.push(FieldError::new("search.axis", problem, allowed));
    }
    errors
}
