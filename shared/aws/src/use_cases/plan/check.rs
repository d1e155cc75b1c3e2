//! The checks of `plan` in a dry run. A bad request ends a dry run as it ends a run. Everything else becomes a check, so
//! that one answer has every fault.

use jiff::Timestamp;
use serde_json::Value;

use super::{Planner, builds, run_record};
use crate::check_list::CheckList;
use crate::clients::{images, objects};
use crate::failure::Failure;
use crate::workflow::{DryRun, PlanAnswer, PlanEvent};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{Circumstances, DatasetOrigin, DatasetPlan, Plan, plan};
use dicomperf_model::request::Request;
use dicomperf_model::step::HostRole;
use dicomperf_model::words::plural;

impl Planner {
    /// Plans a dry run and makes every check that `plan` can make.
    ///
    /// # Errors
    /// The request, or the plan made from it, is not allowed.
    pub(super) async fn dry_run(
        &self,
        event: &PlanEvent,
        document: &Value,
        now: Timestamp,
    ) -> Result<PlanAnswer, Failure> {
        let (request, named_baseline) = self.checked_request(&event.run_id, document, now).await?;
        let mut list = CheckList::new("plan");
        let mut circumstances = Circumstances::offline(&event.run_id, now);
        match &request.server.existing {
            None => {
                let own = request.server.ami.as_deref();
                circumstances.server_ami = self.check_ami(own, HostRole::Server, &mut list).await;
            }
            // Another server was refused with the request.
            Some(existing) => {
                let server = format!("{}:{}", existing.address, existing.port);
                list.add_finding(
                    "existing server",
                    Ok(format!("the stack's parameter AllowedServers allows {server}")),
                );
            }
        }
        circumstances.client_ami = self.check_ami(request.client.ami.as_deref(), HostRole::Client, &mut list).await;
        let dataset = self.check_dataset(&request, &mut list).await;
        if request.matrix.orthanc_build.iter().any(|build| !build.is_distribution()) {
            let found = builds::check(&self.s3, &request).await;
            list.add("builds of Orthanc", "s3:GetObject", found.map(|()| "every object is there"));
        }
        let plan = Plan { named_baseline, ..plan(request, dataset, circumstances)? };
        list.add_finding("request", Ok(self.request_words(&plan)));
        self.check_bucket(&plan, document, &mut list).await;
        let created = self.records.create(&run_record(&plan, event.execution_arn.clone(), None)).await;
        list.add("table", "dynamodb:PutItem", created.map(|()| "the run is recorded"));
        list.add("table", "dynamodb:GetItem", self.records.run(&plan.run_id).await.map(|_| "the record is read"));
        let baselines = self.records.baselines().await;
        list.add(
            "table",
            "dynamodb:Query",
            baselines.map(|baselines| plural(baselines.len() as u64, "named baseline")),
        );
        self.check_running(now, &mut list).await;
        Ok(PlanAnswer {
            run_id: plan.run_id.clone(),
            // No block runs.
            sequence: Vec::new(),
            expires_at: plan.expires_at,
            starts_server: plan.hosts.server.is_some(),
            keeps_hosts: false,
            clears: Vec::new(),
            dry_run: Some(DryRun { plan: Box::new(for_checks(plan)), checks: list.finish() }),
        })
    }

    /// Returns the id of an AMI; empty if it is not known.
    async fn check_ami(&self, own: Option<&str>, role: HostRole, list: &mut CheckList) -> String {
        let ami = own.unwrap_or(&self.ami);
        let found = images::resolve(&self.ssm, ami, role).await;
        let says = found.as_ref().map(|id| if id == ami { id.clone() } else { format!("{ami} is {id}") });
        list.add(&format!("AMI of the {role}"), "ssm:GetParameter", says);
        found.unwrap_or_default()
    }

    /// Returns the dataset; an empty one if it cannot be read.
    async fn check_dataset(&self, request: &Request, list: &mut CheckList) -> DatasetPlan {
        let Some(spec) = &request.dataset.s3 else {
            return DatasetPlan::synthetic(&request.dataset.synthetic.clone().unwrap_or_default());
        };
        let found = objects::dataset(&self.s3, spec, request).await;
        let says = found
            .as_ref()
            .map(|dataset| format!("{} of {} MB", plural(dataset.instances, "object"), dataset.bytes / 1_000_000));
        list.add("dataset bucket", "s3:ListBucket and s3:GetObject", says);
        found.unwrap_or_else(|_| DatasetPlan::objects(spec.bucket.clone(), Vec::new(), Vec::new()))
    }

    async fn check_bucket(&self, plan: &Plan, document: &Value, list: &mut CheckList) {
        let keys = RunKeys(&plan.run_id);
        let written = match self.artifacts.settle(&keys.request(), document.clone()).await {
            Ok(_) => self.artifacts.settle(&keys.plan(), plan.clone()).await.map(|_| ()),
            Err(failure) => Err(failure),
        };
        list.add(
            "bucket",
            "s3:PutObject",
            written.map(|()| format!("{} is written", self.artifacts.uri(&keys.plan()))),
        );
        let read = self.artifacts.plan(&plan.run_id).await;
        list.add("bucket", "s3:GetObject", read.map(|_| "the plan is read"));
    }

    /// Checks that one more run may start.
    async fn check_running(&self, now: Timestamp, list: &mut CheckList) {
        let running = match self.records.counted(now).await {
            Ok(running) => u32::try_from(running.len()).unwrap_or(u32::MAX),
            Err(failure) => return list.add("runs at the same time", "dynamodb:UpdateItem", Err::<String, _>(failure)),
        };
        let finding = match self.limits.max_concurrent_runs {
            None => Ok("the stack has no limit (MaxConcurrentRuns)".to_owned()),
            Some(limit) if running >= limit => {
                let runs = plural(running, "run");
                Err(format!("{runs} not over, as many as the stack's parameter MaxConcurrentRuns allows"))
            }
            Some(limit) => Ok(format!("{running} of {limit} that the stack's parameter MaxConcurrentRuns allows")),
        };
        list.add_finding("runs at the same time", finding);
    }

    fn request_words(&self, plan: &Plan) -> String {
        let scenarios: usize = plan.blocks.iter().map(|block| block.scenarios.len()).sum();
        let region = self.ssm.config().region().map_or("", |region| region.as_ref());
        let other = if images::is_in_other_partition(region) {
            " AWS has other prices in this partition: limits.maxCostUsd is compared with the prices of us-east-1."
        } else {
            ""
        };
        format!(
            "{} in {}, about {:.0} minutes and {:.3} US dollars at the prices of us-east-1, within the limits.{other}",
            plural(scenarios as u64, "scenario"),
            plural(plan.sequence.len() as u64, "block run"),
            plan.estimate.minutes.ceil(),
            plan.estimate.cost_usd,
        )
    }
}

/// Returns the part of a plan that the checks need. It passes through the state machine, whose limit is 256 KiB.
fn for_checks(mut plan: Plan) -> Plan {
    plan.blocks.clear();
    plan.sequence.clear();
    plan.notes.clear();
    if let DatasetOrigin::S3 { objects, .. } = &mut plan.dataset.source {
        // One shows if the hosts may read it.
        objects.truncate(1);
    }
    plan.dataset.refused.clear();
    plan
}
