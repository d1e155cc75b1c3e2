//! A plan that is made for its errors and its estimate alone, without a call to AWS.

use jiff::Timestamp;

use super::{Circumstances, DatasetPlan, Plan, directory_error, plan};
use crate::request::Request;
use crate::validation::InvalidRequest;

impl Circumstances {
    /// Returns circumstances without the facts that only the account knows. No limit of a plan depends on these.
    #[must_use]
    pub fn offline(run_id: &str, now: Timestamp) -> Self {
        Self {
            run_id: run_id.to_owned(),
            now,
            server_ami: String::new(),
            client_ami: String::new(),
            sends_from_here: false,
        }
    }
}

/// Plans a request whose dataset is synthetic. Returns `None` for a user's own objects: only the account knows their
/// sizes.
///
/// # Errors
/// As for [`plan`].
pub fn try_plan(request: &Request, circumstances: Circumstances) -> Result<Option<Plan>, InvalidRequest> {
    if let Some(error) = directory_error(request, &circumstances) {
        return Err(InvalidRequest { errors: vec![error] });
    }
    if request.dataset.s3.is_some() || request.dataset.directory.is_some() {
        return Ok(None);
    }
    let synthetic = request.dataset.synthetic.clone().unwrap_or_default();
    plan(request.clone(), DatasetPlan::synthetic(&synthetic), circumstances).map(Some)
}
