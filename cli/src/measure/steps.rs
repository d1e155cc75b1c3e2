//! The documents of a measurement's steps. They are carried out in this process.

use dicomperf_model::plan::{BlockRun, Plan};
use dicomperf_model::request::Existing;
use dicomperf_model::step::{
    ClientConfiguration, DatasetSource, ExistingInterfaces, MeasureBlock, ServerAddress, StepDocument, StepId, Work,
};
use dicomperf_model::time_limits::GRACE_SECONDS;
use jiff::Timestamp;

use crate::environment::Environment;

/// The addresses of the server.
pub fn address(server: &Existing, environment: &Environment) -> ServerAddress {
    ServerAddress {
        address: server.address.clone(),
        dicom_port: server.port,
        rest_port: 0,
        ae_title: server.ae_title.clone(),
        rest_user: String::new(),
        rest_password: String::new(),
        existing: Some(ExistingInterfaces {
            receipt: server.receipt,
            cleanup: server.cleanup,
            url: server.url.clone(),
            credentials: environment.credentials.clone().filter(|_| server.url.is_some()),
        }),
    }
}

/// The work that prepares the dataset; `None` for objects in S3, which a measurement does not have.
pub fn prepare(plan: &Plan) -> Option<Work> {
    let source = DatasetSource::local(&plan.dataset)?;
    Some(Work::ConfigureClient(ClientConfiguration::of_request(&plan.request, source)))
}

/// The work of a block run; `None` if the plan has no such block.
pub fn measure(plan: &Plan, run: &BlockRun, server: &ServerAddress) -> Option<Work> {
    let (_, block) = plan.block_of(run.ordinal)?;
    Some(Work::Measure(MeasureBlock {
        ordinal: run.ordinal,
        block: run.block,
        round: run.round,
        server: server.clone(),
        settings: block.server.clone(),
        calling_ae_title: plan.request.client.ae_title.clone(),
        scenarios: block.scenarios.clone(),
        iterations: block.iterations(&plan.request),
        warmup: plan.request.warmup,
        // In the first round only: a search takes long, and its levels are compared only with each other.
        search: plan.request.search.clone().filter(|_| run.round == 0),
        samples_url: String::new(),
    }))
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
