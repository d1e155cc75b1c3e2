//! The plan of a measurement, and the space that it needs.

use std::path::Path;

use anyhow::{Context as _, ensure};
use dicomperf_agent::client::directory;
use dicomperf_model::plan::{Circumstances, DatasetPlan, Plan, plan as plan_run};
use dicomperf_model::request::Request;
use dicomperf_model::run_id;
use dicomperf_model::validation::{FieldError, InvalidRequest};
use jiff::Timestamp;
use rand::rngs::StdRng;

/// Plans a request. The files of a directory are read to their ends.
///
/// # Errors
/// The request breaks a limit, or a file is refused.
pub fn plan(request: Request, now: Timestamp) -> Result<Plan, InvalidRequest> {
    let dataset = dataset(&request)?;
    let run_id = run_id::new(now, &request.name, &mut rand::make_rng::<StdRng>());
    let circumstances = Circumstances { sends_from_here: true, ..Circumstances::offline(&run_id, now) };
    plan_run(request, dataset, circumstances)
}

fn dataset(request: &Request) -> Result<DatasetPlan, InvalidRequest> {
    let Some(spec) = &request.dataset.directory else {
        return Ok(DatasetPlan::synthetic(&request.dataset.synthetic.clone().unwrap_or_default()));
    };
    directory::dataset(spec, request, |_| Ok(())).map_err(|failure| InvalidRequest {
        errors: vec![FieldError::new("dataset.directory", failure.to_string(), "a directory of DICOM files")],
    })
}

/// Fails if the temporary directory has no room for the dataset.
pub fn check_space(plan: &Plan, temporary: &Path) -> anyhow::Result<()> {
    let conversions = plan.request.matrix.transfer_syntax.iter().filter(|syntax| syntax.uid().is_some()).count() as u64;
    // A tenth more, for records and logs.
    let bytes = plan.dataset.bytes.saturating_mul(1 + conversions);
    let needed = bytes.saturating_add(bytes / 10);
    let found = rustix::fs::statvfs(temporary).with_context(|| format!("{} cannot be used", temporary.display()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    ensure!(
        free >= needed,
        "{} has {} MB free, and the dataset needs {} MB; another directory can be set by TMPDIR",
        temporary.display(),
        free / 1_000_000,
        needed.div_ceil(1_000_000)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_temporary_directory_without_room_is_named_with_what_is_needed() {
        let request = json!({
            "server": { "existing": { "address": "pacs", "port": 104, "aeTitle": "PACS" } },
            "matrix": { "sender": ["native"] },
        });
        let request = Request::from_json(&request).expect("a request");
        let mut plan = plan(request, Timestamp::UNIX_EPOCH).expect("a plan");
        let temporary = tempfile::tempdir().expect("a directory");
        plan.dataset.bytes = 1;
        check_space(&plan, temporary.path()).expect("room");
        plan.dataset.bytes = u64::MAX;
        let error = check_space(&plan, temporary.path()).expect_err("no room").to_string();
        let path = temporary.path().display().to_string();
        assert!(error.starts_with(&path) && error.contains("MB free, and the dataset needs"), "{error}");
    }
}
