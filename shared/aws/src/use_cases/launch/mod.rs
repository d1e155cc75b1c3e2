//! Launches the hosts of a run and watches until all run and SSM manages them.

mod check;
mod places;
mod run_hosts;

use std::time::Duration;

use aws_sdk_ec2::config::interceptors::InterceptorContext;
use aws_sdk_ec2::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_ec2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_ec2::operation::run_instances::RunInstancesError;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, CreditSpecificationRequest, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
    InstanceMetadataOptionsRequest, InstanceStateName, InstanceType, ResourceType, ShutdownBehavior, Tag,
    TagSpecification, VolumeType,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf_model::hash::sha256_hex;
use jiff::SignedDuration;

use crate::clients::artifacts::Artifacts;
use crate::clients::clock::Clock;
use crate::clients::commands::Commands;
use crate::clients::hosts::{EXPIRES_TAG, Host, Hosts, PROJECT_TAG, ROLE_TAG, RUN_TAG};
use crate::clients::placement::Placement;
use crate::clients::quotas::Quotas;
use crate::clients::{aws_failure, beginning, images, reason};
use crate::failure::Failure;
use crate::pace::{LAUNCH_WAIT_SECONDS, MAX_LAUNCH_LOOKS, MAX_WATCH_SECONDS};
use crate::workflow::{LaunchAnswer, LaunchEvent};
use dicomperf_model::first_boot::FirstBoot;
use dicomperf_model::plan::{HostPlan, Plan};
use dicomperf_model::request::CpuCredits;
use dicomperf_model::step::HostRole;

pub use self::places::LaunchRecord;
use self::places::{Candidate, Place, credits_of_host};
use self::run_hosts::RunHosts;

/// Pause between two polls of EC2 and SSM, which limit the rate of calls.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Launches a run's hosts.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The project's hosts.
    pub hosts: Hosts,
    /// SSM, which must manage the hosts.
    pub commands: Commands,
    /// The bucket with the plan.
    pub artifacts: Artifacts,
    /// The hosts' network.
    pub placement: Placement,
    /// Name or ARN of the hosts' instance profile.
    pub instance_profile: String,
    /// More tags for the hosts, their volumes and their network interfaces.
    pub tags: Vec<(String, String)>,
    /// ARN of the KMS key of the hosts' volumes. If absent, the account's default key of EBS.
    pub volume_key: Option<String>,
    /// Settings of the hosts' first boot.
    pub first_boot: FirstBoot,
    /// The longest time from a host's launch until SSM manages it.
    pub ready_timeout: SignedDuration,
    /// Quotas of the account, for a dry run.
    pub quotas: Quotas,
    /// The clock.
    pub clock: Clock,
}

/// EC2's error code of a zone that has no capacity for a host of this type.
struct NoRoom(String);

/// Error codes of RunInstances for a zone without room. `Unsupported`: the zone does not offer the type.
const NO_ROOM: &[&str] = &["InsufficientInstanceCapacity", "InsufficientHostCapacity", "Unsupported"];

impl Launch {
    /// Makes sure that the run's hosts exist. Watches until all are ready or this look has used its time.
    ///
    /// # Errors
    /// A host cannot be launched, is lost, or does not become ready in time.
    pub async fn look(&self, event: &LaunchEvent) -> Result<LaunchAnswer, Failure> {
        let plan = self.artifacts.plan(&event.run_id).await?;
        let started_at = self.clock.now();
        let mut record = self.record(&plan.run_id).await?;
        if let Some(owner) = &plan.hosts_of {
            let hosts = self.find_kept(&plan, owner).await?;
            self.record_types(&plan, &mut record, &hosts).await?;
            return Ok(LaunchAnswer { ready: true, look: 0, wait_seconds: 0, hosts: hosts.to_launched() });
        }
        let mut hosts = RunHosts::default();
        let look = event.look + 1;
        loop {
            if self.clock.now() >= plan.expires_at {
                return Err(Failure::RunExpired { expired_at: plan.expires_at.to_string(), step: "launch".to_owned() });
            }
            let all_exist = self.ensure_hosts(&plan, &mut record, &mut hosts).await?;
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let is_over = self.clock.seconds_since(started_at) >= MAX_WATCH_SECONDS as f64;
            let is_last = is_over && look >= MAX_LAUNCH_LOOKS;
            let waiting = if all_exist { self.first_not_ready(&plan, &hosts).await? } else { None };
            let ready = match waiting {
                Some(failure) if is_last || hosts.iter().any(|(_, host)| self.is_overdue(host)) => return Err(failure),
                None if all_exist => {
                    self.record_types(&plan, &mut record, &hosts).await?;
                    true
                }
                None if is_last => return Err(record.no_capacity()),
                Some(_) | None => false,
            };
            if ready || is_over {
                return Ok(LaunchAnswer {
                    ready,
                    look: if ready { 0 } else { look },
                    wait_seconds: LAUNCH_WAIT_SECONDS,
                    hosts: hosts.to_launched(),
                });
            }
            self.clock.sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns the failure of the first host that is not ready.
    async fn first_not_ready(&self, plan: &Plan, hosts: &RunHosts) -> Result<Option<Failure>, Failure> {
        let ids: Vec<_> = hosts.iter().map(|(_, host)| host.id.clone()).collect();
        let online = self.commands.online_hosts(&ids).await?;
        let mut planned = hosts.iter().filter_map(|(role, host)| Some((role, host, plan.hosts.get(role)?)));
        let waiting = planned.find(|(_, host, _)| !is_ready(host, online.contains(&host.id)));
        Ok(waiting.map(|(role, host, host_plan)| Failure::HostNotReady {
            host: role,
            id: host.id.clone(),
            reason: self.not_ready_reason(host, host_plan),
        }))
    }

    /// Returns true if the host's time to become ready is over.
    fn is_overdue(&self, host: &Host) -> bool {
        // EC2 reports the launch time of a new host with a delay.
        host.launched_at > 0 && self.clock.now().as_second() - host.launched_at >= self.ready_timeout.as_secs()
    }

    /// Returns the missing condition, and advice on what to check.
    fn not_ready_reason(&self, host: &Host, plan: &HostPlan) -> String {
        let seconds = self.ready_timeout.as_secs();
        if host.state != InstanceStateName::Running {
            return format!("not running after {seconds} s (AMI {}): {}", plan.ami, host.ending());
        }
        if host.address.is_none() {
            return format!("running without a private address (AMI {})", plan.ami);
        }
        format!(
            "running, but SSM does not see it after {seconds} s (the stack's parameter LaunchTimeoutSeconds); check that \
             AMI {} starts the SSM agent, that its subnet{} has a way out to SSM (public address, NAT or endpoints), and \
             the instance profile",
            plan.ami,
            host.subnet_id.as_ref().map_or_else(String::new, |id| format!(" {id}")),
        )
    }

    async fn launch(
        &self,
        plan: &Plan,
        candidate: &Candidate<'_>,
        place: &Place<'_>,
    ) -> Result<Result<Host, NoRoom>, Failure> {
        let role = candidate.role;
        match self.request(plan, candidate, place).await?.customize().config_override(no_room_is_final()).send().await {
            Ok(answer) => answer.instances().first().map(|instance| Ok(Host::from(instance))).ok_or_else(|| {
                Failure::Aws { doing: format!("launching the {role}"), reason: "the answer has no host".to_owned() }
            }),
            Err(error) => launch_error(error, role, &candidate.plan.ami).map(Err),
        }
    }

    /// Returns the request that launches a host. A dry run sends the same one.
    async fn request(
        &self,
        plan: &Plan,
        candidate: &Candidate<'_>,
        place: &Place<'_>,
    ) -> Result<RunInstancesFluentBuilder, Failure> {
        let Candidate { role, plan: host, instance_type } = *candidate;
        let root = images::root_volume(&self.hosts.client, &host.ami, role).await?;
        let volume = EbsBlockDevice::builder()
            .encrypted(true)
            .set_kms_key_id(self.volume_key.clone())
            .volume_type(VolumeType::Gp3)
            // A volume is never smaller than its snapshot.
            .volume_size(i32::try_from(host.volume_gib).unwrap_or(i32::MAX).max(root.min_gib))
            .delete_on_termination(true)
            .build();
        let profile = IamInstanceProfileSpecification::builder();
        let profile = if self.instance_profile.starts_with("arn:") {
            profile.arn(&self.instance_profile)
        } else {
            profile.name(&self.instance_profile)
        };
        let tags = self.tags(plan, role);
        let tagged =
            |resource| TagSpecification::builder().resource_type(resource).set_tags(Some(tags.clone())).build();
        Ok(self
            .hosts
            .client
            .run_instances()
            .client_token(client_token(&plan.run_id, role, place))
            .image_id(&host.ami)
            .instance_type(InstanceType::from(instance_type))
            .min_count(1)
            .max_count(1)
            .subnet_id(&place.subnet.id)
            .security_group_ids(self.placement.security_group(role))
            .iam_instance_profile(profile.build())
            .instance_initiated_shutdown_behavior(ShutdownBehavior::Terminate)
            .metadata_options(
                InstanceMetadataOptionsRequest::builder()
                    .http_tokens(HttpTokensState::Required)
                    .http_put_response_hop_limit(1)
                    .build(),
            )
            .block_device_mappings(BlockDeviceMapping::builder().device_name(root.device).ebs(volume).build())
            .set_credit_specification(credits_of_host(plan, role, instance_type).map(credits))
            .user_data(BASE64_STANDARD.encode(self.first_boot.user_data(plan.hosts_expire_at())))
            .tag_specifications(tagged(ResourceType::Instance))
            .tag_specifications(tagged(ResourceType::Volume))
            .tag_specifications(tagged(ResourceType::NetworkInterface)))
    }

    fn tags(&self, plan: &Plan, role: HostRole) -> Vec<Tag> {
        let own = [
            ("Name", format!("{} {role} {}", self.hosts.project, plan.run_id)),
            (PROJECT_TAG, self.hosts.project.clone()),
            (RUN_TAG, plan.run_id.clone()),
            (ROLE_TAG, role.to_string()),
            (EXPIRES_TAG, plan.hosts_expire_at().to_string()),
        ];
        let more = self.tags.iter().map(|(key, value)| (key.as_str(), value.clone()));
        // EC2 refuses two tags with the same key. This project's own tags win, because it finds its hosts by them.
        let more = more.filter(|(key, _)| !own.iter().any(|(name, _)| name == key)).collect::<Vec<_>>();
        own.iter().cloned().chain(more).map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
    }
}

fn is_ready(host: &Host, online: bool) -> bool {
    host.state == InstanceStateName::Running && host.address.is_some() && online
}

/// Interprets an error of RunInstances: either another zone may have capacity, or the run fails.
fn launch_error(error: SdkError<RunInstancesError>, role: HostRole, ami: &str) -> Result<NoRoom, Failure> {
    let code = error.code().unwrap_or_default();
    if NO_ROOM.contains(&code) {
        return Ok(NoRoom(code.to_owned()));
    }
    if code.starts_with("InvalidAMIID") {
        return Err(Failure::AmiUnusable { host: role, ami: ami.to_owned(), reason: reason(&error) });
    }
    let Some(hint) = refusal_hint(code) else { return Err(aws_failure(format!("launching the {role}"))(error)) };
    let reason = beginning(&reason(&error), 400);
    Err(Failure::LaunchRefused { host: role, reason: format!("{reason}; {hint}") })
}

/// Returns advice on an error code with which EC2 refuses a launch; `None` for another error.
fn refusal_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "VcpuLimitExceeded" | "InstanceLimitExceeded" => "ask for a higher quota, or take a smaller type",
        "UnauthorizedOperation" => {
            "check the stack's parameters AllowedInstanceTypes and AmiOwners, permissions boundaries and service control \
             policies"
        }
        "InvalidBlockDeviceMapping" => "check that the volume is as large as the AMI's snapshot",
        "OptInRequired" | "PendingVerification" | "Blocked" => "the account must be cleared for EC2 first",
        "UnsupportedOperation" => "the type does not support a requested option",
        _ if code.starts_with("Invalid") => "check the stack's parameters, and that the resources in them still exist",
        _ => return None,
    })
}

/// Returns a configuration in which the SDK does not repeat a launch that found no room.
fn no_room_is_final() -> aws_sdk_ec2::config::Builder {
    aws_sdk_ec2::config::Builder::new().retry_classifier(NoRoomIsFinal)
}

/// Forbids the SDK to repeat a launch that found no room. EC2 answers it with status 500 (EC2 API Reference, Server
/// error codes), which the SDK's HttpStatusCodeClassifier repeats. Room seldom appears within seconds.
#[derive(Debug)]
struct NoRoomIsFinal;

impl ClassifyRetry for NoRoomIsFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err).and_then(|error| error.as_operation_error());
        let code = error.and_then(|error| error.downcast_ref::<RunInstancesError>()).and_then(|error| error.code());
        if code.is_some_and(|code| NO_ROOM.contains(&code)) {
            return RetryAction::RetryForbidden;
        }
        RetryAction::NoActionIndicated
    }

    fn name(&self) -> &'static str {
        "no room is final"
    }
}

fn credits(credits: CpuCredits) -> CreditSpecificationRequest {
    let credits = match credits {
        CpuCredits::Standard => "standard",
        CpuCredits::Unlimited => "unlimited",
    };
    CreditSpecificationRequest::builder().cpu_credits(credits).build()
}

/// Returns a token that is always the same for a host of a run in a place. It is a hash of 64 characters, which is
/// EC2's limit, because a run's id may have 80.
///
/// It contains the types of all hosts. With the token of an earlier place, EC2 would return that place's terminated
/// host, or refuse another type (EC2 User Guide, Ensuring idempotency).
fn client_token(run_id: &str, role: HostRole, place: &Place<'_>) -> String {
    let types: Vec<_> = place.hosts.iter().map(|host| host.instance_type).collect();
    sha256_hex(format!("{run_id}|{role}|{}|{}", place.subnet.zone, types.join("|")).as_bytes())
}

#[cfg(test)]
mod tests;
