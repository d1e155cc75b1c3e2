//! Writes the document of a step from the plan.

use jiff::Timestamp;

use crate::clients::signatures::Signer;
use crate::failure::Failure;
use crate::workflow::LaunchedHosts;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{DatasetOrigin, Plan, Secrets};
use dicomperf_model::request::S3Build;
use dicomperf_model::step::{
    BuildFile, BuildSource, Clear, ClientConfiguration, Collect, Credentials, DICOM_PORT, DatasetSource, HostRole,
    MeasureBlock, ObjectSource, REST_PORT, ServerAddress, ServerConfiguration, StepDocument, StepId, Work,
};
use dicomperf_model::time_limits::{GRACE_SECONDS, MAX_STEP_SECONDS, UPLOAD_SECONDS};

/// Sources of a step's document.
#[derive(Clone, Copy)]
pub struct Ingredients<'a> {
    /// Plan of the run.
    pub plan: &'a Plan,
    /// Secrets of the run.
    pub secrets: &'a Secrets,
    /// Credentials of an existing server's REST interface.
    pub credentials: Option<&'a Credentials>,
    /// Hosts of the run.
    pub hosts: &'a LaunchedHosts,
    /// Signer of the URLs.
    pub signer: &'a Signer,
    /// The time that the agent has.
    pub time: StepTime,
}

/// The time that the agent has for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTime {
    /// Seconds after which it begins no more work.
    pub deadline_seconds: u64,
    /// Seconds after the deadline in which the work that runs then may end.
    pub grace_seconds: u64,
}

impl StepTime {
    /// Returns the time of a step that starts now. It ends before the hosts expire, uploads included. `None` if there is
    /// no time left.
    #[must_use]
    pub fn until(expires_at: Timestamp, now: Timestamp) -> Option<Self> {
        let left = u64::try_from(expires_at.duration_since(now).as_secs()).unwrap_or(0).saturating_sub(UPLOAD_SECONDS);
        let deadline_seconds = left.min(MAX_STEP_SECONDS);
        let grace_seconds = (left - deadline_seconds).min(GRACE_SECONDS);
        (left > 0).then_some(Self { deadline_seconds, grace_seconds })
    }
}

/// Writes the document of a step.
///
/// # Errors
/// The plan has no such block, the server has no address, or a URL cannot be signed.
pub async fn document(step: &StepId, from: &Ingredients<'_>) -> Result<StepDocument, Failure> {
    let keys = RunKeys(&from.plan.run_id);
    Ok(StepDocument {
        run_id: from.plan.run_id.clone(),
        step: step.clone(),
        deadline_seconds: from.time.deadline_seconds,
        grace_seconds: from.time.grace_seconds,
        report_url: from.signer.put(&keys.step_report(step)).await?,
        log_url: from.signer.put(&keys.log(step)).await?,
        heartbeat_url: from.signer.put(&keys.step_heartbeat(step)).await?,
        work: work(step, from).await?,
    })
}

async fn work(step: &StepId, from: &Ingredients<'_>) -> Result<Work, Failure> {
    let plan = from.plan;
    let samples_url = from.signer.put(&RunKeys(&plan.run_id).samples(step.host())).await?;
    Ok(match step {
        StepId::ConfigureClient => {
            let source = dataset(from).await?;
            let replaces_others = plan.hosts_of.is_some();
            Work::ConfigureClient(ClientConfiguration {
                replaces_others,
                ..ClientConfiguration::of_request(&plan.request, source)
            })
        }
        StepId::ConfigureServer { ordinal } => {
            let (_, block) = plan.block_of(*ordinal).ok_or_else(|| missing_source(step))?;
            let (server, settings) = (server(step, from)?, block.server.clone());
            let build = build(step, from).await?;
            Work::ConfigureServer(ServerConfiguration { server, settings, build, samples_url })
        }
        StepId::Measure { ordinal, .. } => {
            let block = MeasureBlock::of_plan(plan, *ordinal, server(step, from)?, samples_url);
            Work::Measure(block.ok_or_else(|| missing_source(step))?)
        }
        StepId::Collect => {
            let log = RunKeys(&plan.run_id).host_log(step.host(), "orthanc");
            let orthanc_log_url = from.signer.put(&log).await?;
            Work::Collect(Collect { server: server(step, from)?, orthanc_log_url, samples_url })
        }
        StepId::Clear { host: HostRole::Server } => Work::Clear(Clear { server: Some(server(step, from)?) }),
        StepId::Clear { host: HostRole::Client } => Work::Clear(Clear { server: None }),
    })
}

/// Returns the build of Orthanc that a step installs, if it installs one from S3.
pub(super) fn build_of<'a>(step: &StepId, plan: &'a Plan) -> Option<&'a S3Build> {
    let StepId::ConfigureServer { ordinal } = step else { return None };
    plan.block_of(*ordinal).and_then(|(_, block)| block.server.orthanc_build.s3())
}

async fn build(step: &StepId, from: &Ingredients<'_>) -> Result<Option<BuildSource>, Failure> {
    let Some(build) = build_of(step, from.plan) else { return Ok(None) };
    let mut files = Vec::new();
    for (_, key, sha256) in build.objects() {
        let url = from.signer.get_from(&build.bucket, key).await?;
        files.push(BuildFile { url, key: key.to_owned(), sha256: sha256.to_owned() });
    }
    let program = files.remove(0);
    Ok(Some(BuildSource { program, plugins: files }))
}

async fn dataset(from: &Ingredients<'_>) -> Result<DatasetSource, Failure> {
    if let Some(source) = DatasetSource::local(&from.plan.dataset) {
        return Ok(source);
    }
    let DatasetOrigin::S3 { bucket, objects } = &from.plan.dataset.source else {
        return Err(missing_source(&StepId::ConfigureClient));
    };
    let mut sources = Vec::with_capacity(objects.len());
    for object in objects {
        let url = from.signer.get_from(bucket, &object.key).await?;
        sources.push(ObjectSource { url, key: object.key.clone(), bytes: object.bytes });
    }
    Ok(DatasetSource::Objects(sources))
}

fn server(step: &StepId, from: &Ingredients<'_>) -> Result<ServerAddress, Failure> {
    if let Some(existing) = &from.plan.request.server.existing {
        return Ok(ServerAddress::of_existing(existing, from.credentials.cloned()));
    }
    let host = from.hosts.server.as_ref().ok_or_else(|| missing_source(step))?;
    Ok(ServerAddress {
        address: host.address.clone(),
        dicom_port: DICOM_PORT,
        rest_port: REST_PORT,
        ae_title: from.plan.request.server.ae_title.clone(),
        rest_user: from.secrets.rest_user.clone(),
        rest_password: from.secrets.rest_password.clone(),
        existing: None,
    })
}

/// Returns the failure for a step whose block or host is missing.
fn missing_source(step: &StepId) -> Failure {
    let reason = "the plan or the hosts do not have what it needs".to_owned();
    Failure::Aws { doing: format!("preparing step {step}"), reason }
}
