//! Plans of work on the hosts that another run keeps: one run at a time, and none beyond the hosts' expiry.

use jiff::Timestamp;
use serde_json::json;

use super::input::OnHosts;
use super::{LOCK_AFTER_EXPIRY, Planner, answer, builds, run_record};
use crate::clients::records::{Lock, hosts_lock};
use crate::failure::Failure;
use crate::use_cases::kept::{KeptRun, find, in_use, invalid};
use crate::workflow::{PlanAnswer, PlanEvent};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{Circumstances, Plan, Secrets, plan};
use dicomperf_model::request::Request;
use dicomperf_model::validation::{FieldError, InvalidRequest};

impl Planner {
    /// Plans work on the hosts that another run keeps. Called again, it returns the plan that it made first.
    ///
    /// # Errors
    /// There are no such hosts, another run uses them, or the request does not fit them. Nothing was started.
    pub(super) async fn plan_on_hosts(
        &self,
        event: &PlanEvent,
        work: &OnHosts,
        now: Timestamp,
    ) -> Result<PlanAnswer, Failure> {
        let plan = match self.artifacts.read::<Plan>(&RunKeys(&event.run_id).plan()).await? {
            Some(plan) => plan,
            None => {
                let kept = find(&self.records, work.hosts_of(), work.field(), now).await?;
                let name = hosts_lock(work.hosts_of());
                let lock = Lock { schedule: &name, run_id: &event.run_id, until: kept.until + LOCK_AFTER_EXPIRY };
                match self.records.lock(&lock, now).await {
                    Err(Failure::ScheduleOverlaps { holder, .. }) => {
                        return Err(in_use(work.field(), work.hosts_of(), &holder));
                    }
                    taken => taken?,
                }
                match self.settle_on_hosts(&event.run_id, work, &kept, now).await {
                    Ok(plan) => plan,
                    Err(failure) => {
                        // `plan` may delete no item. A lock whose time is over is as good as none.
                        self.records.lock(&Lock { until: now - LOCK_AFTER_EXPIRY, ..lock }, now).await?;
                        return Err(failure);
                    }
                }
            }
        };
        self.records.create(&run_record(&plan, event.execution_arn.clone(), None)).await?;
        Ok(answer(plan))
    }

    async fn settle_on_hosts(
        &self,
        run_id: &str,
        work: &OnHosts,
        kept: &KeptRun,
        now: Timestamp,
    ) -> Result<Plan, Failure> {
        let owner = self.artifacts.plan(work.hosts_of()).await?;
        let keys = RunKeys(run_id);
        let plan = match work {
            OnHosts::Again { document, .. } => self.again_plan(run_id, document.as_ref(), &owner, kept, now).await?,
            OnHosts::Clear { .. } => clearing_plan(run_id, owner, kept, now),
        };
        self.artifacts.settle(&keys.request(), json!(plan.request)).await?;
        // The same secrets as before: they are those of the server that runs, and of the owner's report.
        let secrets = self.artifacts.require::<Secrets>(&RunKeys(work.hosts_of()).secrets()).await?;
        self.artifacts.settle(&keys.secrets(), secrets).await?;
        self.artifacts.settle(&keys.plan(), plan).await
    }

    async fn again_plan(
        &self,
        run_id: &str,
        document: Option<&serde_json::Value>,
        owner: &Plan,
        kept: &KeptRun,
        now: Timestamp,
    ) -> Result<Plan, Failure> {
        let mut request = match document {
            Some(document) => self.allowed_request(run_id, document, now).map_err(|errors| errors.below("request"))?,
            None => owner.request.clone(),
        };
        let errors = if document.is_some() { host_errors(&request, &owner.request) } else { Vec::new() };
        if !errors.is_empty() {
            return Err(InvalidRequest { errors }.into());
        }
        request.keep_hosts = None;
        builds::check(&self.s3, &request).await?;
        let dataset = if request.dataset == owner.request.dataset {
            owner.dataset.clone()
        } else {
            self.dataset(&request).await?
        };
        let ami =
            |host: Option<&dicomperf_model::plan::HostPlan>| host.map(|host| host.ami.clone()).unwrap_or_default();
        let circumstances = Circumstances {
            server_ami: ami(owner.hosts.server.as_ref()),
            client_ami: ami(owner.hosts.client.as_ref()),
            ..Circumstances::offline(run_id, now)
        };
        let mut plan = plan(request, dataset, circumstances)?;
        plan.hosts_of = Some(kept.record.run_id.clone());
        plan.expires_at = plan.expires_at.min(kept.until);
        plan.estimate = plan.estimate.without_launch();
        let minutes_left = kept.until.duration_since(now).as_secs_f64() / 60.0;
        if plan.estimate.minutes > minutes_left {
            let problem = format!(
                "is {}, whose hosts are kept until {}, for {minutes_left:.0} minutes, and the plan takes about {:.0}",
                kept.record.run_id,
                kept.until,
                plan.estimate.minutes.ceil(),
            );
            return Err(invalid("again", problem, "a smaller plan, or hosts that are kept for longer"));
        }
        Ok(plan)
    }
}

/// Returns the plan of a clearing: no block, on the hosts of the owner.
fn clearing_plan(run_id: &str, owner: Plan, kept: &KeptRun, now: Timestamp) -> Plan {
    let request = Request { keep_hosts: None, ..owner.request };
    Plan {
        run_id: run_id.to_owned(),
        request,
        created_at: now,
        expires_at: kept.until,
        kept_until_at_most: None,
        hosts_of: Some(kept.record.run_id.clone()),
        clears: true,
        blocks: Vec::new(),
        sequence: Vec::new(),
        notes: Vec::new(),
        ..owner
    }
}

/// Returns an error for each field that describes other hosts than those that are kept.
fn host_errors(request: &Request, owner: &Request) -> Vec<FieldError> {
    let (server, client) = (&request.server, &request.client);
    let same = [
        ("server.instanceType", server.instance_type == owner.server.instance_type),
        ("server.volume", server.volume == owner.server.volume),
        ("server.cpuCredits", server.cpu_credits == owner.server.cpu_credits),
        ("server.ami", server.ami == owner.server.ami),
        ("server.existing", server.existing == owner.server.existing),
        ("client.instanceType", client.instance_type == owner.client.instance_type),
        ("client.volume", client.volume == owner.client.volume),
        ("client.cpuCredits", client.cpu_credits == owner.client.cpu_credits),
        ("client.ami", client.ami == owner.client.ami),
        ("keepHosts", request.keep_hosts.is_none()),
        ("dryRun", !request.dry_run),
    ];
    let error = |field| {
        let allowed = "the value of the run that keeps the hosts, or no value for keepHosts and dryRun";
        FieldError::new(format!("request.{field}"), "does not fit the hosts that are kept", allowed)
    };
    same.into_iter().filter(|(_, same)| !same).map(|(field, _)| error(field)).collect()
}
