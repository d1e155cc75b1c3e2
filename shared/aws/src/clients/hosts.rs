//! The hosts of a project in EC2, found by their tags.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName};
use jiff::Timestamp;

use super::{aws_failure, reason};
use crate::check_list::WithoutHost;
use crate::failure::Failure;
use crate::workflow::LaunchedHost;
use dicomperf_model::host_type::HostType;
use dicomperf_model::step::HostRole;

/// Tag of everything that belongs to a stack. Its value is the stack's name.
pub const PROJECT_TAG: &str = "dicomperf:project";
/// Tag with the run's id.
pub const RUN_TAG: &str = "dicomperf:run";
/// Tag with `server` or `client`.
pub const ROLE_TAG: &str = "dicomperf:role";
/// Tag with the time (RFC 3339) at which the host expires.
pub const EXPIRES_TAG: &str = "dicomperf:expires";

/// The hosts of a project.
#[derive(Debug, Clone)]
pub struct Hosts {
    pub(crate) client: Client,
    pub(crate) project: String,
}

/// A host, as EC2 reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// EC2 instance id.
    pub id: String,
    /// Id of the run that the host belongs to.
    pub run_id: Option<String>,
    /// Role of the host in its run.
    pub role: Option<HostRole>,
    /// Time at which the host expires.
    pub expires_at: Option<Timestamp>,
    /// Launch time, in seconds since 1970.
    pub launched_at: i64,
    /// State of the instance.
    pub state: InstanceStateName,
    /// EC2's reason for the state, if any.
    pub reason: Option<String>,
    /// Private IPv4 address.
    pub address: Option<String>,
    /// Availability Zone.
    pub zone: String,
    /// Id of the subnet.
    pub subnet_id: Option<String>,
    /// Instance type.
    pub instance_type: String,
}

impl Hosts {
    /// Returns the hosts of a stack.
    #[must_use]
    pub fn new(client: Client, project: String) -> Self {
        Self { client, project }
    }

    /// Returns the hosts of a run in any state, in order of their launch.
    ///
    /// # Errors
    /// EC2 does not answer.
    pub async fn find_by_run(&self, run_id: &str) -> Result<Vec<Host>, Failure> {
        self.find(vec![filter(&format!("tag:{RUN_TAG}"), run_id)]).await
    }

    /// Returns these hosts in any state. A run may use hosts with the tag of another run.
    ///
    /// # Errors
    /// EC2 does not answer.
    pub async fn find_by_ids(&self, ids: &[&str]) -> Result<Vec<Host>, Failure> {
        let ids = ids.iter().map(ToString::to_string).collect();
        self.find(vec![Filter::builder().name("instance-id").set_values(Some(ids)).build()]).await
    }

    /// Returns every host of the project that is not terminated.
    ///
    /// # Errors
    /// EC2 does not answer.
    pub async fn find_all(&self) -> Result<Vec<Host>, Failure> {
        let mut hosts = self.find(Vec::new()).await?;
        hosts.retain(|host| !host.is_gone());
        Ok(hosts)
    }

    /// Terminates hosts. A host that no longer exists is not an error.
    ///
    /// # Errors
    /// EC2 refuses it.
    pub async fn terminate(&self, ids: Vec<String>) -> Result<(), Failure> {
        let doing = format!("terminating {}", ids.join(", "));
        match self.client.terminate_instances().set_instance_ids(Some(ids)).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("InvalidInstanceID.NotFound") => Ok(()),
            Err(error) => Err(aws_failure(doing)(error)),
        }
    }

    /// Asks as a dry run to terminate a host that does not exist.
    pub(crate) async fn try_terminate(&self, id: &str) -> WithoutHost {
        match self.client.terminate_instances().dry_run(true).instance_ids(id).send().await {
            Ok(_) => WithoutHost::Permitted,
            Err(error) => WithoutHost::from_error(error.code(), reason(&error)),
        }
    }

    /// Returns the vCPUs that count for the quota of standard on-demand instances: those of every such instance of the
    /// account that runs or starts.
    ///
    /// # Errors
    /// EC2 does not answer.
    pub async fn vcpus_in_use(&self) -> Result<u32, Failure> {
        let alive = Filter::builder().name("instance-state-name").values("pending").values("running").build();
        let mut pages = self.client.describe_instances().filters(alive).into_paginator().send();
        let mut vcpus = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(aws_failure("counting the vCPUs in use"))?;
            let instances = page.reservations().iter().flat_map(|reservation| reservation.instances());
            vcpus += instances.map(standard_vcpus).sum::<u32>();
        }
        Ok(vcpus)
    }

    async fn find(&self, mut filters: Vec<Filter>) -> Result<Vec<Host>, Failure> {
        filters.push(filter(&format!("tag:{PROJECT_TAG}"), &self.project));
        let mut pages = self.client.describe_instances().set_filters(Some(filters)).into_paginator().send();
        let mut hosts = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(aws_failure("looking for hosts"))?;
            hosts.extend(page.reservations().iter().flat_map(|reservation| reservation.instances()).map(Host::from));
        }
        hosts.sort_by(|a, b| (a.launched_at, &a.id).cmp(&(b.launched_at, &b.id)));
        Ok(hosts)
    }
}

impl Host {
    /// Returns true if the host runs or is starting.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.state, InstanceStateName::Pending | InstanceStateName::Running)
    }

    /// Returns true if the host is terminated.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.state == InstanceStateName::Terminated
    }

    /// Returns EC2's reason why the host is not alive.
    #[must_use]
    pub fn ending(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("EC2 gives no reason");
        format!("it is {}: {reason}", self.state)
    }

    /// Returns the host as later functions need it, once it has an address.
    #[must_use]
    pub fn to_launched(&self) -> Option<LaunchedHost> {
        let address = self.address.clone()?;
        Some(LaunchedHost { id: self.id.clone(), address, zone: self.zone.clone() })
    }
}

impl From<&Instance> for Host {
    fn from(instance: &Instance) -> Self {
        let tag = |key: &str| {
            let tag = instance.tags().iter().find(|tag| tag.key() == Some(key));
            tag.and_then(|tag| tag.value()).map(str::to_owned)
        };
        let state = instance.state().and_then(|state| state.name()).cloned();
        let reason = instance.state_reason().and_then(|reason| reason.message());
        Self {
            id: instance.instance_id().unwrap_or_default().to_owned(),
            run_id: tag(RUN_TAG),
            role: match tag(ROLE_TAG).as_deref() {
                Some("server") => Some(HostRole::Server),
                Some("client") => Some(HostRole::Client),
                _ => None,
            },
            expires_at: tag(EXPIRES_TAG).and_then(|time| time.parse().ok()),
            launched_at: instance.launch_time().map_or(0, |time| time.secs()),
            // EC2 gives no state for a host that was just requested.
            state: state.unwrap_or(InstanceStateName::Pending),
            reason: reason
                .or(instance.state_transition_reason())
                .filter(|reason| !reason.is_empty())
                .map(str::to_owned),
            address: instance.private_ip_address().filter(|address| !address.is_empty()).map(str::to_owned),
            zone: instance
                .placement()
                .and_then(|placement| placement.availability_zone())
                .unwrap_or_default()
                .to_owned(),
            subnet_id: instance.subnet_id().map(str::to_owned),
            instance_type: instance.instance_type().map_or_else(String::new, |one| one.as_str().to_owned()),
        }
    }
}

/// Returns the vCPUs of an instance that count for the quota of standard on-demand instances. Spot instances and the
/// families of other quotas do not (EC2 User Guide, On-Demand Instance quotas).
fn standard_vcpus(instance: &Instance) -> u32 {
    let family: String = instance
        .instance_type()
        .map(|one| one.as_str().chars().take_while(char::is_ascii_alphabetic).collect())
        .unwrap_or_default();
    let is_standard = family.starts_with(['a', 'c', 'd', 'h', 'i', 'm', 'r', 't', 'z'])
        && !["dl", "hpc", "inf", "mac", "trn"].contains(&family.as_str());
    if !is_standard || instance.instance_lifecycle().is_some() {
        return 0;
    }
    let threads = instance.cpu_options().and_then(|cpu| Some(cpu.core_count()? * cpu.threads_per_core()?));
    let known = || instance.instance_type().and_then(|one| HostType::find(one.as_str())).map(|found| found.vcpus);
    threads.and_then(|threads| u32::try_from(threads).ok()).or_else(known).unwrap_or_default()
}

pub(crate) fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}
