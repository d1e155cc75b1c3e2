//! A plan that is made for its errors and its estimate alone, without a call to AWS.

use jiff::Timestamp;

use super::{Circumstances, DatasetPlan, Plan, plan};
use crate::request::Request;
use crate::validation::{FieldError, InvalidRequest};

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

/// Returns the error of a run in AWS whose dataset is on this machine.
pub(super) fn directory_error(request: &Request, circumstances: &Circumstances) -> Option<FieldError> {
    if circumstances.sends_from_here || request.dataset.directory.is_none() {
        return None;
    }
    let problem = "only dicomperf measure reads a directory: no host in AWS can";
    Some(FieldError::new("dataset.directory", problem, "dataset.synthetic or dataset.s3"))
}
