//! The checks of `launch` in a dry run. EC2's own dry run checks the permissions and the parameters of a launch. It
//! checks neither quota nor capacity (RunInstances, DryRun: "whether you have the required permissions"; the same was
//! observed in aws-parallelcluster, pull request 1779).

mod network;

use aws_sdk_ec2::error::ProvideErrorMetadata as _;

use super::places::{Candidate, LaunchRecord, Place, combinations};
use super::{Launch, NO_ROOM, no_room_is_final, refusal_hint};
use crate::check_list::{CheckList, NO_HOST};
use crate::clients::placement::Subnet;
use crate::clients::quotas::QUOTA_NAME;
use crate::clients::{images, reason};
use crate::failure::Failure;
use crate::workflow::CheckEvent;
use dicomperf_model::host_type::HostType;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{HostPlan, Plan};
use dicomperf_model::results::Check;
use dicomperf_model::step::HostRole;

impl Launch {
    /// Makes every check that `launch` can make without launching anything.
    pub async fn dry_run(&self, event: &CheckEvent) -> Vec<Check> {
        let plan = &event.dry_run.plan;
        let mut list = CheckList::new("launch");
        self.check_bucket(plan, &mut list).await;
        for (role, host) in plan.hosts.iter() {
            self.check_image(host, role, &mut list).await;
        }
        let subnets = self.check_subnets(&mut list).await;
        let places = self.check_types(plan, &subnets, &mut list).await;
        for (place, candidate) in places.iter().flat_map(|place| place.hosts.iter().map(move |host| (place, host))) {
            self.check_launch(plan, candidate, place, &mut list).await;
        }
        if let Some(existing) = &plan.request.server.existing {
            let reason = format!("only a host can tell if {}:{} answers", existing.address, existing.port);
            list.add_not_made("way to the existing server", &reason);
        }
        self.check_quota(plan, &mut list).await;
        list.add("hosts", "ec2:DescribeInstances", self.hosts.find_by_run(&plan.run_id).await.map(|_| "can be listed"));
        list.add_without_host("hosts", "ec2:TerminateInstances", self.hosts.try_terminate(NO_HOST).await);
        let online = match self.commands.online_hosts(&[NO_HOST.to_owned()]).await {
            // SSM knows no such host. It was asked, however.
            Err(Failure::Aws { reason, .. }) if reason.starts_with("InvalidInstanceId") => Ok("SSM answers"),
            answer => answer.map(|_| "SSM answers"),
        };
        list.add("SSM", "ssm:DescribeInstanceInformation", online);
        list.finish()
    }

    async fn check_bucket(&self, plan: &Plan, list: &mut CheckList) {
        let key = RunKeys(&plan.run_id).launch();
        let written = self.artifacts.write_json(&key, &LaunchRecord::default()).await;
        list.add("bucket", "s3:PutObject", written.map(|()| format!("{} is written", self.artifacts.uri(&key))));
        let read = self.artifacts.plan(&plan.run_id).await;
        list.add("bucket", "s3:GetObject", read.map(|_| "the plan is read"));
    }

    async fn check_image(&self, host: &HostPlan, role: HostRole, list: &mut CheckList) {
        let subject = format!("AMI of the {role}");
        if host.ami.is_empty() {
            return list.add_not_made(&subject, "plan could not find it");
        }
        match images::describe(&self.hosts.client, &host.ami, role).await {
            Ok(Some(image)) => list.add_finding(&subject, image.fits(host)),
            Ok(None) => list.add_not_made(&subject, &format!("EC2 does not describe {}", host.ami)),
            Err(failure) => list.add(&subject, "ec2:DescribeImages", Err::<String, _>(failure)),
        }
    }

    async fn check_subnets(&self, list: &mut CheckList) -> Vec<Subnet> {
        let found = self.placement.subnets(&self.hosts.client).await;
        let words = |subnets: &Vec<Subnet>| {
            let all = subnets.iter().map(|subnet| format!("{} in {}", subnet.id, subnet.zone));
            all.collect::<Vec<_>>().join(", ")
        };
        list.add("subnets", "ec2:DescribeSubnets", found.as_ref().map(words));
        let subnets = found.unwrap_or_default();
        self.check_ways_out(&subnets, list).await;
        subnets
    }

    /// Checks that zones offer the types. Returns the places to try a launch in: for each type one, and where EC2 does
    /// not tell its offers, the first subnet.
    async fn check_types<'a>(&self, plan: &'a Plan, subnets: &'a [Subnet], list: &mut CheckList) -> Vec<Place<'a>> {
        let hosts = &plan.hosts;
        let types: Vec<_> = hosts.iter().flat_map(|(_, host)| host.types()).collect();
        let mut record = LaunchRecord::default();
        match self.placement.offers(&self.hosts.client, &types).await {
            Ok(offers) => {
                for (role, host) in hosts.iter() {
                    for instance_type in host.types() {
                        let zones = subnets.iter().map(|subnet| subnet.zone.as_str());
                        let (offered, missing): (Vec<_>, Vec<_>) =
                            zones.partition(|zone| offers.contains(&((*zone).to_owned(), instance_type.to_owned())));
                        missing.iter().for_each(|zone| record.note_full(role, instance_type, zone, "not offered"));
                        list.add_finding(&format!("{role} type {instance_type}"), offer_words(&offered, &missing));
                    }
                }
            }
            Err(words) => list.add_not_made("types in the zones", &words),
        }
        let mut places: Vec<Place<'a>> = Vec::new();
        for combination in combinations(hosts) {
            let is_tried = |host: &Candidate<'_>| places.iter().any(|place| place.hosts.contains(host));
            if combination.iter().all(is_tried) {
                continue;
            }
            let in_subnets = subnets.iter().map(|subnet| Place { subnet, hosts: combination.clone() });
            places.extend(in_subnets.into_iter().find(|place| record.has_room(place)));
        }
        if places.is_empty() && !subnets.is_empty() {
            let words = "no zone of the subnets offers a type for each host";
            list.add_finding("a place for every host", Err(words.to_owned()));
        }
        places
    }

    /// Sends the request of a launch as a dry run.
    async fn check_launch(&self, plan: &Plan, host: &Candidate<'_>, place: &Place<'_>, list: &mut CheckList) {
        let subject = format!("{} {} in {}", host.role, host.instance_type, place.subnet.zone);
        let request = match self.request(plan, host, place).await {
            Ok(request) => request.dry_run(true),
            Err(failure) => return list.add_not_made(&subject, &failure.to_string()),
        };
        let error = match request.customize().config_override(no_room_is_final()).send().await {
            Ok(answer) => {
                let ids: Vec<_> =
                    answer.instances().iter().filter_map(|host| host.instance_id().map(str::to_owned)).collect();
                let words = format!("EC2 ignored that it was a dry run, and launched {}", ids.join(", "));
                let terminated = if ids.is_empty() { Ok(()) } else { self.hosts.terminate(ids).await };
                let after = terminated.map_or_else(|failure| failure.to_string(), |()| "terminated at once".to_owned());
                return list.add_finding(&subject, Err(format!("{words}: {after}")));
            }
            Err(error) => error,
        };
        let code = error.code().unwrap_or_default();
        list.add_finding(
            &subject,
            match code {
                "DryRunOperation" => Ok("EC2 would launch it, if it has capacity and the quota suffices".to_owned()),
                _ if NO_ROOM.contains(&code) => Err(format!("no room: {}", reason(&error))),
                _ => Err(match refusal_hint(code) {
                    Some(hint) => format!("{}; {hint}", reason(&error)),
                    None => reason(&error),
                }),
            },
        );
    }

    async fn check_quota(&self, plan: &Plan, list: &mut CheckList) {
        let subject = "vCPU quota";
        let largest = |host: &HostPlan| {
            host.types().filter_map(HostType::find).map(|host_type| host_type.vcpus).max().unwrap_or_default()
        };
        let needed: u32 = plan.hosts.iter().map(|(_, host)| largest(host)).sum();
        let quota = match self.quotas.standard_vcpus().await {
            Ok(quota) => quota,
            Err(failure) => {
                return list.add_not_made(subject, &format!("{failure}; it needs servicequotas:GetServiceQuota"));
            }
        };
        let used = match self.hosts.vcpus_in_use().await {
            Ok(used) => used,
            Err(failure) => return list.add_not_made(subject, &failure.to_string()),
        };
        let words = format!("{QUOTA_NAME}: {quota:.0}, {used} in use, and a run needs {needed}");
        let suffices = f64::from(used + needed) <= quota;
        list.add_finding(subject, if suffices { Ok(words) } else { Err(format!("{words}; ask for a higher quota")) });
    }
}

fn offer_words(offered: &[&str], missing: &[&str]) -> Result<String, String> {
    match (offered, missing) {
        ([], []) => Err("there is no subnet".to_owned()),
        ([], missing) => Err(format!("not offered in {}", missing.join(", "))),
        (offered, []) => Ok(format!("offered in {}", offered.join(", "))),
        (offered, missing) => Ok(format!("offered in {}, and not in {}", offered.join(", "), missing.join(", "))),
    }
}

#[cfg(test)]
mod tests;
