//! The checks of `teardown` in a dry run.

use super::Teardown;
use crate::check_list::{CheckList, NO_HOST};
use crate::workflow::CheckEvent;
use dicomperf_model::results::Check;

impl Teardown {
    /// Makes every check that `teardown` can make without a host.
    pub async fn dry_run(&self, event: &CheckEvent) -> Vec<Check> {
        let run_id = &event.dry_run.plan.run_id;
        let mut list = CheckList::new("teardown");
        list.add("hosts", "ec2:DescribeInstances", self.hosts.find_by_run(run_id).await.map(|_| "can be listed"));
        list.add_without_host("hosts", "ec2:TerminateInstances", self.hosts.try_terminate(NO_HOST).await);
        let recorded = self.records.record_hosts_left(run_id, 0).await;
        list.add("table", "dynamodb:UpdateItem", recorded.map(|()| "the number of hosts can be recorded"));
        list.add("table", "dynamodb:GetItem", self.records.run(run_id).await.map(|_| "the record can be read"));
        // No schedule has this name, so that no lock is released.
        let unlocked = self.records.unlock(&format!("dry run {run_id}"), run_id).await;
        list.add("table", "dynamodb:DeleteItem", unlocked.map(|()| "a schedule's lock can be released"));
        list.finish()
    }
}
