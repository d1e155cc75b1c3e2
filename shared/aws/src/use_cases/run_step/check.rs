//! The checks of `run-step` in a dry run.

use super::StepRunner;
use crate::check_list::{CheckList, NO_HOST};
use crate::clients::records::RunProgress;
use crate::clients::signatures::Scope;
use crate::failure::Failure;
use crate::workflow::CheckEvent;
use dicomperf_model::keys;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{DatasetOrigin, Plan};
use dicomperf_model::request::OrthancBuild;
use dicomperf_model::results::Check;
use dicomperf_model::step::StepState;
use serde_json::{Value, json};

impl StepRunner {
    /// Makes every check that `run-step` can make without a host.
    pub async fn dry_run(&self, event: &CheckEvent) -> Vec<Check> {
        let plan = &event.dry_run.plan;
        let mut list = CheckList::new("run-step");
        let key = RunKeys(&plan.run_id).probe("run-step");
        let written = self.artifacts.write_json(&key, &json!({})).await;
        list.add("bucket", "s3:PutObject", written.map(|()| format!("{} is written", self.artifacts.uri(&key))));
        list.add("bucket", "s3:GetObject", self.artifacts.require::<Value>(&key).await.map(|_| "it is read"));
        let agent = self.agent.publish(&self.artifacts).await.map(keys::agent);
        let says = agent.as_ref().map(|key| format!("{} is there", self.artifacts.uri(key)));
        list.add("agent", "s3:PutObject on the agent's key", says);
        self.check_signing(plan, agent.ok().as_deref(), &mut list).await;
        self.check_credentials(plan, &mut list).await;
        list.add_without_host("SSM", "ssm:SendCommand", self.commands.try_send(NO_HOST).await);
        list.add("SSM", "ssm:GetCommandInvocation", self.commands.try_state(NO_HOST).await.map(|()| "SSM answers"));
        list.add("hosts", "ec2:DescribeInstances", self.hosts.find_by_run(&plan.run_id).await.map(|_| "can be listed"));
        let progress = RunProgress {
            state: StepState::Running,
            step: "dry-run".to_owned(),
            doing: "checking".to_owned(),
            done: 0,
            total: 1,
        };
        let recorded = self.records.record_progress(&plan.run_id, &progress).await;
        list.add("table", "dynamodb:UpdateItem", recorded.map(|()| "progress can be recorded"));
        list.finish()
    }

    /// Checks that the credentials of an existing server can be read.
    async fn check_credentials(&self, plan: &Plan, list: &mut CheckList) {
        let Some(name) = plan.request.server.existing.as_ref().and_then(|existing| existing.credentials.as_ref())
        else {
            return;
        };
        let read = self.parameters.credentials(name).await.map(|_| format!("{name} has a user and a password"));
        list.add("credentials", "ssm:GetParameter, and kms:Decrypt with a key of your own", read);
    }

    /// Checks that the signing role can be assumed, and that its session may do what the hosts do with their URLs.
    async fn check_signing(&self, plan: &Plan, agent: Option<&str>, list: &mut CheckList) {
        let agent_key = agent.map_or_else(|| keys::agent(""), str::to_owned);
        let dataset = plan.request.dataset.s3.as_ref();
        let scope = Scope {
            run_id: &plan.run_id,
            agent: &agent_key,
            dataset: dataset.map(|objects| (objects.bucket.as_str(), objects.prefix.as_str())),
            build: None,
        };
        let signer = match self.signatures.session(&scope).await {
            Ok(signer) => signer,
            Err(failure) => return list.add("signing role", "sts:AssumeRole", Err::<String, _>(failure)),
        };
        list.add("signing role", "sts:AssumeRole", Ok::<_, Failure>("a session for this run is possible"));
        let keys = RunKeys(&plan.run_id);
        let written = signer.try_put(&keys.probe("hosts")).await;
        list.add("hosts' URLs", "s3:PutObject of UrlRole", written.map(|()| "hosts may write results"));
        let bucket = self.artifacts.bucket();
        if let Some(agent) = agent {
            let read = signer.try_get(bucket, agent).await;
            list.add("hosts' URLs", "s3:GetObject of UrlRole on agent/", read.map(|()| "hosts may read the agent"));
        }
        let document = format!("{}probe.json", keys.step_documents());
        let read = match self.artifacts.write_json(&document, &json!({})).await {
            Ok(()) => signer.try_get(bucket, &document).await,
            Err(failure) => Err(failure),
        };
        list.add("hosts' URLs", "s3:GetObject of UrlRole on steps/", read.map(|()| "hosts may read their steps"));
        if let DatasetOrigin::S3 { bucket, objects } = &plan.dataset.source
            && let Some(object) = objects.first()
        {
            let read = signer.try_get(bucket, &object.key).await;
            list.add(
                "hosts' URLs",
                "s3:GetObject of UrlRole on the dataset",
                read.map(|()| "hosts may read the dataset"),
            );
        }
        if let Some(build) = plan.request.matrix.orthanc_build.iter().find_map(OrthancBuild::s3) {
            // In a session of its own, as in a run: a policy has no room for dataset and build.
            let scope = Scope { dataset: None, build: Some(build), ..scope };
            let read = match self.signatures.session(&scope).await {
                Ok(signer) => signer.try_get(&build.bucket, &build.key).await,
                Err(failure) => Err(failure),
            };
            let says = read.map(|()| "the server may read the builds of Orthanc");
            list.add("hosts' URLs", "s3:GetObject of UrlRole on the builds", says);
        }
    }
}
