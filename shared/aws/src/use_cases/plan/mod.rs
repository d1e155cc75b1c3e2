//! Turns an execution's input into a plan, which is written once.

mod allowed_servers;
mod builds;
mod check;
mod input;
mod on_hosts;
mod stack_limits;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub(super) use self::input::Input;
use crate::clients::artifacts::Artifacts;
use crate::clients::records::{Entry, Lock, Records, RunRecord};
use crate::clients::{images, objects};
use crate::failure::Failure;
use crate::use_cases::baselines;
use crate::workflow::{PlanAnswer, PlanEvent};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{Circumstances, DatasetPlan, Plan, Secrets, plan, try_plan};
use dicomperf_model::request::{Request, Synthetic};
use dicomperf_model::results::RunStatus;
use dicomperf_model::run_id;
use dicomperf_model::step::HostRole;
use dicomperf_model::validation::{FieldError, InvalidRequest};

pub use self::stack_limits::StackLimits;

/// Time after its hosts' expiry for which a run may hold its schedule's lock and count as running, for teardown and
/// reports.
const LOCK_AFTER_EXPIRY: SignedDuration = SignedDuration::from_mins(30);

/// Plans runs.
#[derive(Debug, Clone)]
pub struct Planner {
    /// The bucket, which gets the plan.
    pub artifacts: Artifacts,
    /// The table, which gets the run's record.
    pub records: Records,
    /// Reads a user's own objects.
    pub s3: aws_sdk_s3::Client,
    /// Reads the parameters that hold AMI ids.
    pub ssm: aws_sdk_ssm::Client,
    /// The stack's AMI: an id or the path of an SSM parameter.
    pub ami: String,
    /// Limits of the stack.
    pub limits: StackLimits,
}

impl Planner {
    /// Plans the run of an execution. Called again, it returns the plan that it made first.
    ///
    /// # Errors
    /// The request or its dataset is refused, another run of the schedule is not over, or too many runs are not over.
    /// Nothing was launched.
    pub async fn plan(
        &self,
        mut event: PlanEvent,
        now: Timestamp,
        random: &mut impl rand::Rng,
    ) -> Result<PlanAnswer, Failure> {
        check_run_id(&event.run_id)?;
        let (schedule, document) = match Input::read(std::mem::take(&mut event.input))? {
            Input::Request { schedule, document } => (schedule, document),
            Input::OnHosts(work) => return self.plan_on_hosts(&event, &work, now).await,
        };
        let document = &document;
        if document["dryRun"] == true {
            return self.dry_run(&event, document, now).await;
        }
        let keys = RunKeys(&event.run_id);
        let plan = match self.artifacts.read::<Plan>(&keys.plan()).await? {
            Some(plan) => plan,
            None => {
                let plan = self.make_plan(&event.run_id, document, now).await?;
                self.artifacts.settle(&keys.request(), document.clone()).await?;
                self.artifacts.settle(&keys.secrets(), Secrets::generate(random)).await?;
                // The plan last: if it exists, the other files do too.
                self.artifacts.settle(&keys.plan(), plan).await?
            }
        };
        let record = run_record(&plan, event.execution_arn, schedule.clone());
        self.records.create(&record).await?;
        let until = plan.hosts_expire_at() + LOCK_AFTER_EXPIRY;
        if let Some(schedule) = &schedule {
            self.records.lock(&Lock { schedule, run_id: &plan.run_id, until }, now).await?;
        }
        if let Some(limit) = self.limits.max_concurrent_runs {
            self.records.enter(&Entry { run_id: &plan.run_id, until, limit }, now).await?;
        }
        Ok(answer(plan))
    }

    /// Returns the request, if it keeps to the limits of the stack and of every plan. No object or parameter is read for
    /// that.
    fn allowed_request(&self, run_id: &str, document: &Value, now: Timestamp) -> Result<Request, InvalidRequest> {
        let mut request = Request::from_json(document)?;
        self.limits.lower_defaults(&mut request, document);
        let mut errors = self.limits.errors(&request);
        errors.extend(builds::place_errors(&request, self.artifacts.bucket(), &self.limits));
        if let Err(refusal) = try_plan(&request, Circumstances::offline(run_id, now)) {
            errors.extend(refusal.errors);
        }
        if errors.is_empty() { Ok(request) } else { Err(InvalidRequest { errors }) }
    }

    /// Returns the allowed request, and the run that has the name of its baseline.
    async fn checked_request(
        &self,
        run_id: &str,
        document: &Value,
        now: Timestamp,
    ) -> Result<(Request, Option<String>), Failure> {
        let allowed = self.allowed_request(run_id, document, now);
        // A name is looked up for a refused request too, so that every wrong field is named.
        let Ok(request) = Request::from_json(document) else { return Ok((allowed?, None)) };
        match (allowed, baselines::resolve(&self.records, &request).await) {
            (Ok(request), named) => Ok((request, named?)),
            (Err(mut refused), Err(Failure::InvalidRequest(unknown))) => {
                refused.errors.extend(unknown.errors);
                Err(refused.into())
            }
            (Err(refused), _) => Err(refused.into()),
        }
    }

    async fn make_plan(&self, run_id: &str, document: &Value, now: Timestamp) -> Result<Plan, Failure> {
        let (request, named_baseline) = self.checked_request(run_id, document, now).await?;
        let ami = async |own: &Option<String>, role: HostRole| {
            images::resolve(&self.ssm, own.as_ref().unwrap_or(&self.ami), role).await
        };
        let mut circumstances = Circumstances::offline(run_id, now);
        if request.server.existing.is_none() {
            circumstances.server_ami = ami(&request.server.ami, HostRole::Server).await?;
        }
        circumstances.client_ami = ami(&request.client.ami, HostRole::Client).await?;
        builds::check(&self.s3, &request).await?;
        let dataset = self.dataset(&request).await?;
        Ok(Plan { named_baseline, ..plan(request, dataset, circumstances)? })
    }

    async fn dataset(&self, request: &Request) -> Result<DatasetPlan, Failure> {
        Ok(match (&request.dataset.s3, &request.dataset.synthetic) {
            (Some(objects), _) => objects::dataset(&self.s3, objects, request).await?,
            (None, Some(synthetic)) => DatasetPlan::synthetic(synthetic),
            (None, None) => DatasetPlan::synthetic(&Synthetic::default()),
        })
    }
}

/// Returns the part of a plan that the state machine needs.
fn answer(plan: Plan) -> PlanAnswer {
    let clears = if plan.clears { plan.hosts.iter().map(|(role, _)| role).collect() } else { Vec::new() };
    PlanAnswer {
        starts_server: plan.hosts.server.is_some(),
        keeps_hosts: plan.request.keep_hosts.is_some(),
        clears,
        run_id: plan.run_id,
        sequence: plan.sequence,
        expires_at: plan.expires_at,
        dry_run: None,
    }
}

fn check_run_id(id: &str) -> Result<(), InvalidRequest> {
    if run_id::is_valid(id) {
        return Ok(());
    }
    Err(InvalidRequest { errors: vec![FieldError::new("name of the execution", format!("is {id:?}"), run_id::RULE)] })
}

fn run_record(plan: &Plan, execution_arn: String, schedule: Option<String>) -> RunRecord {
    RunRecord {
        run_id: plan.run_id.clone(),
        status: RunStatus::Running,
        created_at: plan.created_at,
        name: Some(plan.request.name.clone()),
        execution_arn: Some(execution_arn),
        expires_at: Some(plan.expires_at),
        fingerprint: Some(plan.fingerprint.clone()),
        schedule,
        progress: None,
        verdict: None,
        error: None,
        hosts_left: None,
        finished_at: None,
        report: None,
        published_at: None,
        kept_until: None,
        hosts_of: plan.hosts_of.clone(),
        clears: plan.clears,
    }
}

#[cfg(test)]
mod tests;
