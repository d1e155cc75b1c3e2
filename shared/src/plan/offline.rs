//! A plan for its errors and its estimate alone, made without asking AWS for anything.

use jiff::Timestamp;

use super::{Circumstances, DatasetPlan, Plan, plan};
use crate::request::Request;
use crate::validation::InvalidRequest;

impl Circumstances {
    /// Leaves open what only the account knows: no limit of a plan depends on it.
    #[must_use]
    pub fn offline(run_id: &str, now: Timestamp) -> Self {
        Self { run_id: run_id.to_owned(), now, server_ami: String::new(), client_ami: String::new() }
    }
}

/// Plans a request whose dataset is synthetic. Of a user's own objects, only the account knows the sizes: no plan.
///
/// # Errors
/// As for [`plan`].
pub fn try_plan(request: &Request, circumstances: Circumstances) -> Result<Option<Plan>, InvalidRequest> {
    if request.dataset.s3.is_some() {
        return Ok(None);
    }
    let synthetic = request.dataset.synthetic.clone().unwrap_or_default();
    plan(request.clone(), DatasetPlan::synthetic(&synthetic), circumstances).map(Some)
}
