//! Launches the two hosts of a run and watches until both run and SSM manages them.

use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_ec2::operation::run_instances::RunInstancesError;
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
use crate::clients::placement::{Placement, Subnet};
use crate::clients::{aws_failure, beginning, images, reason};
use crate::failure::Failure;
use crate::pace::{LAUNCH_WAIT_SECONDS, MAX_LAUNCH_LOOKS, MAX_WATCH_SECONDS};
use crate::workflow::{LaunchAnswer, LaunchEvent, LaunchedHosts};
use dicomperf_model::first_boot::FirstBoot;
use dicomperf_model::plan::{HostPlan, Plan};
use dicomperf_model::request::CpuCredits;
use dicomperf_model::step::HostRole;

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
    /// The clock.
    pub clock: Clock,
}

/// EC2's error code of a zone that has no capacity for a host of this type.
struct NoRoom(String);

impl Launch {
    /// Makes sure that both hosts exist. Watches until both are ready or this look has used its time.
    ///
    /// # Errors
    /// A host cannot be launched, is lost, or does not become ready in time.
    pub async fn look(&self, event: &LaunchEvent) -> Result<LaunchAnswer, Failure> {
        let plan = self.artifacts.plan(&event.run_id).await?;
        let started_at = self.clock.now();
        let mut hosts = None;
        loop {
            if self.clock.now() >= plan.expires_at {
                return Err(Failure::RunExpired { expired_at: plan.expires_at.to_string(), step: "launch".to_owned() });
            }
            let (server, client) = self.ensure_hosts(&plan, hosts).await?;
            let not_ready = self.first_not_ready(&plan, &server, &client).await?;
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let is_over = self.clock.seconds_since(started_at) >= MAX_WATCH_SECONDS as f64;
            let look = event.look + 1;
            let is_late = self.is_overdue(&server) || self.is_overdue(&client) || (is_over && look >= MAX_LAUNCH_LOOKS);
            let ready = not_ready.is_none();
            match not_ready {
                Some(failure) if is_late => return Err(failure),
                Some(_) if !is_over => {}
                _ => {
                    return Ok(LaunchAnswer {
                        ready,
                        look: if ready { 0 } else { look },
                        wait_seconds: LAUNCH_WAIT_SECONDS,
                        hosts: LaunchedHosts { server: server.to_launched(), client: client.to_launched() },
                    });
                }
            }
            hosts = Some((server, client));
            self.clock.sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns the run's two hosts and launches those that do not exist. `before` has the hosts of the last poll, since
    /// EC2 may not list a host yet that it just launched.
    async fn ensure_hosts(&self, plan: &Plan, before: Option<(Host, Host)>) -> Result<(Host, Host), Failure> {
        // By the tag, which also finds a host whose launch was never answered.
        let found = self.hosts.find_by_run(&plan.run_id).await?;
        let (server_before, client_before) = before.unzip();
        let server = match self.existing_host(&found, HostRole::Server).await?.or(server_before) {
            Some(server) => server,
            None => self.launch_server(plan).await?,
        };
        let client = match self.existing_host(&found, HostRole::Client).await?.or(client_before) {
            Some(client) => client,
            None => self.launch_client(plan, &server).await?,
        };
        Ok((server, client))
    }

    /// Returns the failure of the first host that is not ready.
    async fn first_not_ready(&self, plan: &Plan, server: &Host, client: &Host) -> Result<Option<Failure>, Failure> {
        let online = self.commands.online_hosts(&[server.id.clone(), client.id.clone()]).await?;
        let hosts = [(HostRole::Server, server, &plan.hosts.server), (HostRole::Client, client, &plan.hosts.client)];
        let waiting = hosts.into_iter().find(|(_, host, _)| !is_ready(host, online.contains(&host.id)));
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

    /// Returns the host that was launched for a role, if any.
    async fn existing_host(&self, found: &[Host], role: HostRole) -> Result<Option<Host>, Failure> {
        let of_role = || found.iter().filter(|host| host.role == Some(role));
        let mut alive = of_role().filter(|host| host.is_alive());
        if let Some(first) = alive.next() {
            // Two invocations at the same time may have launched hosts in different zones. The first host stays.
            let surplus: Vec<_> = alive.map(|host| host.id.clone()).collect();
            if !surplus.is_empty() {
                self.hosts.terminate(surplus).await?;
            }
            return Ok(Some(first.clone()));
        }
        match of_role().next_back() {
            Some(lost) => Err(Failure::HostLost {
                host: role,
                id: lost.id.clone(),
                step: "launch".to_owned(),
                reason: lost.ending(),
            }),
            None => Ok(None),
        }
    }

    async fn launch_server(&self, plan: &Plan) -> Result<Host, Failure> {
        let subnets = self.placement.subnets(&self.hosts.client).await?;
        let mut zones = Vec::new();
        for subnet in &subnets {
            match self.launch(plan, HostRole::Server, subnet).await? {
                Ok(host) => return Ok(host),
                Err(NoRoom(code)) => zones.push(format!("{} ({code})", subnet.zone)),
            }
        }
        let instance_type = plan.hosts.server.instance_type.clone();
        Err(Failure::NoCapacity { host: HostRole::Server, instance_type, zones: zones.join(", ") })
    }

    /// Launches the client in the server's subnet, because the network between zones differs from that within one.
    async fn launch_client(&self, plan: &Plan, server: &Host) -> Result<Host, Failure> {
        let id = server.subnet_id.clone().unwrap_or_default();
        let subnet = Subnet { id, zone: server.zone.clone() };
        self.launch(plan, HostRole::Client, &subnet).await?.map_err(|NoRoom(code)| Failure::NoCapacity {
            host: HostRole::Client,
            instance_type: plan.hosts.client.instance_type.clone(),
            zones: format!("{}, where the server is ({code})", server.zone),
        })
    }

    async fn launch(&self, plan: &Plan, role: HostRole, subnet: &Subnet) -> Result<Result<Host, NoRoom>, Failure> {
        let host = match role {
            HostRole::Server => &plan.hosts.server,
            HostRole::Client => &plan.hosts.client,
        };
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
        let answer = self
            .hosts
            .client
            .run_instances()
            .client_token(client_token(&plan.run_id, role, &subnet.zone))
            .image_id(&host.ami)
            .instance_type(InstanceType::from(host.instance_type.as_str()))
            .min_count(1)
            .max_count(1)
            .subnet_id(&subnet.id)
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
            .set_credit_specification(host.cpu_credits.map(credits))
            .user_data(BASE64_STANDARD.encode(self.first_boot.user_data(plan.expires_at)))
            .tag_specifications(tagged(ResourceType::Instance))
            .tag_specifications(tagged(ResourceType::Volume))
            .tag_specifications(tagged(ResourceType::NetworkInterface))
            .send()
            .await;
        match answer {
            Ok(answer) => answer.instances().first().map(|instance| Ok(Host::from(instance))).ok_or_else(|| {
                Failure::Aws { doing: format!("launching the {role}"), reason: "the answer has no host".to_owned() }
            }),
            Err(error) => launch_error(error, role, host).map(Err),
        }
    }

    fn tags(&self, plan: &Plan, role: HostRole) -> Vec<Tag> {
        let own = [
            ("Name", format!("{} {role} {}", self.hosts.project, plan.run_id)),
            (PROJECT_TAG, self.hosts.project.clone()),
            (RUN_TAG, plan.run_id.clone()),
            (ROLE_TAG, role.to_string()),
            (EXPIRES_TAG, plan.expires_at.to_string()),
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
fn launch_error(error: SdkError<RunInstancesError>, role: HostRole, host: &HostPlan) -> Result<NoRoom, Failure> {
    let code = error.code().unwrap_or_default();
    let hint = match code {
        // `Unsupported`: the zone does not offer the type.
        "InsufficientInstanceCapacity" | "InsufficientHostCapacity" | "Unsupported" => {
            return Ok(NoRoom(code.to_owned()));
        }
        _ if code.starts_with("InvalidAMIID") => {
            return Err(Failure::AmiUnusable { host: role, ami: host.ami.clone(), reason: reason(&error) });
        }
        "VcpuLimitExceeded" | "InstanceLimitExceeded" => "ask for a higher quota, or take a smaller type",
        "UnauthorizedOperation" => {
            "check the stack's parameters AllowedInstanceTypes and AmiOwners, permissions boundaries and service control \
             policies"
        }
        "InvalidBlockDeviceMapping" => "check that the volume is as large as the AMI's snapshot",
        "OptInRequired" | "PendingVerification" | "Blocked" => "the account must be cleared for EC2 first",
        "UnsupportedOperation" => "the type does not support a requested option",
        _ if code.starts_with("Invalid") => "check the stack's parameters, and that the resources in them still exist",
        _ => return Err(aws_failure(format!("launching the {role}"))(error)),
    };
    let reason = beginning(&reason(&error), 400);
    Err(Failure::LaunchRefused { host: role, reason: format!("{reason}; {hint}") })
}

fn credits(credits: CpuCredits) -> CreditSpecificationRequest {
    let credits = match credits {
        CpuCredits::Standard => "standard",
        CpuCredits::Unlimited => "unlimited",
    };
    CreditSpecificationRequest::builder().cpu_credits(credits).build()
}

/// Returns a token that is always the same for a host of a run. It is a hash of 64 characters, which is EC2's limit,
/// because a run's id may have 80.
fn client_token(run_id: &str, role: HostRole, zone: &str) -> String {
    sha256_hex(format!("{run_id}|{role}|{zone}").as_bytes())
}

#[cfg(test)]
mod tests;
