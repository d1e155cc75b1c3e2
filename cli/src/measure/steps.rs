//! The documents of a measurement's steps. They are carried out in this process.

use dicomperf_model::plan::{BlockRun, Plan};
use dicomperf_model::request::Existing;
use dicomperf_model::step::{
    ClientConfiguration, DatasetSource, MeasureBlock, ServerAddress, StepDocument, StepId, Work,
};
use dicomperf_model::time_limits::GRACE_SECONDS;
use jiff::Timestamp;

use crate::environment::Environment;

/// The addresses of the server.
pub fn address(server: &Existing, environment: &Environment) -> ServerAddress {
    let credentials = environment.credentials.clone().filter(|_| server.url.is_some());
    ServerAddress::of_existing(server, credentials)
}

/// The work that prepares the dataset; `None` for objects in S3, which a measurement does not have.
pub fn prepare(plan: &Plan) -> Option<Work> {
    let source = DatasetSource::local(&plan.dataset)?;
    Some(Work::ConfigureClient(ClientConfiguration::of_request(&plan.request, source)))
}

/// The work of a block run; `None` if the plan has no such block.
pub fn measure(plan: &Plan, run: &BlockRun, server: &ServerAddress) -> Option<Work> {
    MeasureBlock::of_plan(plan, run.ordinal, server.clone(), String::new()).map(Work::Measure)
}

/// The document of a step, which ends before the plan expires.
pub fn document(plan: &Plan, step: StepId, work: Work) -> StepDocument {
    let left = plan.expires_at.duration_since(Timestamp::now()).as_secs();
    StepDocument {
        run_id: plan.run_id.clone(),
        step,
        deadline_seconds: u64::try_from(left).unwrap_or_default(),
        grace_seconds: GRACE_SECONDS,
        report_url: String::new(),
        log_url: String::new(),
        heartbeat_url: String::new(),
        work,
    }
}
