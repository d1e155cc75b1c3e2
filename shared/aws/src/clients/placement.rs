//! Placement of the hosts: subnets and security groups.

use aws_sdk_ec2::Client;

use super::aws_failure;
use super::hosts::filter;
use crate::failure::Failure;
use dicomperf_model::step::HostRole;

/// The template's settings for the hosts' network.
#[derive(Debug, Clone)]
pub struct Placement {
    /// Id of the subnet. If absent, the subnets of the VPC.
    pub subnet_id: Option<String>,
    /// Id of the VPC. If absent, the default VPC.
    pub vpc_id: Option<String>,
    /// Security group of the server.
    pub server_security_group: String,
    /// Security group of the client.
    pub client_security_group: String,
}

/// A subnet for the hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Id of the subnet.
    pub id: String,
    /// Availability Zone of the subnet.
    pub zone: String,
}

impl Placement {
    /// Returns the security group of a host.
    #[must_use]
    pub fn security_group(&self, role: HostRole) -> &str {
        match role {
            HostRole::Server => &self.server_security_group,
            HostRole::Client => &self.client_security_group,
        }
    }

    /// Returns the subnets to try, in order: the configured one, or one for each zone of the VPC. Subnets with public
    /// addresses come first, because a host needs a way out.
    ///
    /// # Errors
    /// There is no subnet.
    pub async fn subnets(&self, client: &Client) -> Result<Vec<Subnet>, Failure> {
        let mut request = client.describe_subnets();
        request = match (&self.subnet_id, &self.vpc_id) {
            (Some(subnet_id), _) => request.subnet_ids(subnet_id),
            (None, Some(vpc_id)) => request.filters(filter("vpc-id", vpc_id)),
            (None, None) => request.filters(filter("default-for-az", "true")),
        };
        let answer = request.send().await.map_err(aws_failure("looking for subnets"))?;
        let mut found: Vec<_> = answer
            .subnets()
            .iter()
            .map(|subnet| {
                let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
                let public = subnet.map_public_ip_on_launch() == Some(true);
                (!public, Subnet { zone: text(subnet.availability_zone()), id: text(subnet.subnet_id()) })
            })
            .collect();
        found.sort_by(|(a_private, a), (b_private, b)| (a_private, &a.zone, &a.id).cmp(&(b_private, &b.zone, &b.id)));
        let mut subnets: Vec<Subnet> = Vec::new();
        for (_, subnet) in found {
            if subnets.iter().all(|other| other.zone != subnet.zone) {
                subnets.push(subnet);
            }
        }
        if subnets.is_empty() {
            let problem = match (&self.subnet_id, &self.vpc_id) {
                (Some(subnet_id), _) => format!("there is no subnet {subnet_id}"),
                (None, Some(vpc_id)) => format!("VPC {vpc_id} has no subnet"),
                (None, None) => "the region has no default VPC with subnets".to_owned(),
            };
            let reason = format!("{problem}; set the stack's parameters VpcId and SubnetId");
            return Err(Failure::LaunchRefused { host: HostRole::Server, reason });
        }
        Ok(subnets)
    }
}
