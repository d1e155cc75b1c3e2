//! Placement of the hosts: subnets and security groups.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{Filter, LocationType, Route};

use super::hosts::filter;
use super::{aws_failure, reason};
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
    /// Id of the VPC.
    pub vpc_id: String,
    /// True if a host gets a public address.
    pub is_public: bool,
}

/// The target of a subnet's default route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WayOut {
    /// An internet gateway, which serves hosts with a public address only.
    InternetGateway,
    /// A NAT gateway, a transit gateway or another target, by its id.
    Other(String),
    /// There is no default route.
    Absent,
}

#[cfg(test)]
impl Subnet {
    pub(crate) fn new(id: String, zone: String) -> Self {
        Self { id, zone, vpc_id: String::new(), is_public: true }
    }
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
        let answer = match request.send().await {
            Ok(answer) => answer,
            // InvalidSubnetID.NotFound, InvalidSubnetID.Malformed, InvalidVpcID.NotFound (EC2, error codes).
            Err(error) if error.code().is_some_and(|code| code.starts_with("Invalid")) => {
                let reason = format!("{}; set the stack's parameters VpcId and SubnetId", reason(&error));
                return Err(Failure::LaunchRefused { host: HostRole::Server, reason });
            }
            Err(error) => return Err(aws_failure("looking for subnets")(error)),
        };
        let mut found: Vec<_> = answer
            .subnets()
            .iter()
            .map(|subnet| {
                let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
                Subnet {
                    zone: text(subnet.availability_zone()),
                    id: text(subnet.subnet_id()),
                    vpc_id: text(subnet.vpc_id()),
                    is_public: subnet.map_public_ip_on_launch() == Some(true),
                }
            })
            .collect();
        found.sort_by(|a, b| (!a.is_public, &a.zone, &a.id).cmp(&(!b.is_public, &b.zone, &b.id)));
        let mut subnets: Vec<Subnet> = Vec::new();
        for subnet in found {
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

    /// Returns the zones that offer instance types: each zone with each of the types that it offers.
    pub(crate) async fn offers(&self, client: &Client, types: &[&str]) -> Result<BTreeSet<(String, String)>, String> {
        let of_types = Filter::builder().name("instance-type").set_values(Some(
            types.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>().into_iter().collect(),
        ));
        let request = client.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
        let mut pages = request.filters(of_types.build()).into_paginator().items().send();
        let mut offers = BTreeSet::new();
        while let Some(offer) = pages.next().await {
            let offer = offer.map_err(|error| missing_fact(&error, "ec2:DescribeInstanceTypeOfferings"))?;
            let (Some(zone), Some(name)) = (offer.location(), offer.instance_type()) else { continue };
            offers.insert((zone.to_owned(), name.as_str().to_owned()));
        }
        Ok(offers)
    }

    /// Returns the default route of a subnet: that of its own route table, or of the VPC's main one.
    pub(crate) async fn way_out(&self, client: &Client, subnet: &Subnet) -> Result<WayOut, String> {
        let own = vec![filter("association.subnet-id", &subnet.id)];
        let main = vec![filter("association.main", "true"), filter("vpc-id", &subnet.vpc_id)];
        for filters in [own, main] {
            let answer = client.describe_route_tables().set_filters(Some(filters)).send().await;
            let answer = answer.map_err(|error| missing_fact(&error, "ec2:DescribeRouteTables"))?;
            let Some(table) = answer.route_tables().first() else { continue };
            let is_default = |route: &&Route| route.destination_cidr_block() == Some("0.0.0.0/0");
            return Ok(table.routes().iter().find(is_default).map_or(WayOut::Absent, way_out));
        }
        Err("EC2 shows no route table of the subnet".to_owned())
    }

    /// Returns the service names of a VPC's endpoints.
    pub(crate) async fn endpoints(&self, client: &Client, vpc_id: &str) -> Result<Vec<String>, String> {
        let mut pages =
            client.describe_vpc_endpoints().filters(filter("vpc-id", vpc_id)).into_paginator().items().send();
        let mut services = Vec::new();
        while let Some(endpoint) = pages.next().await {
            let endpoint = endpoint.map_err(|error| missing_fact(&error, "ec2:DescribeVpcEndpoints"))?;
            services.extend(endpoint.service_name().map(str::to_owned));
        }
        Ok(services)
    }
}

/// Returns the words for a fact that only a dry run asks for, and that EC2 did not return.
fn missing_fact<E>(error: &SdkError<E>, action: &str) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    format!("{}; it needs {action}", reason(error))
}

fn way_out(route: &Route) -> WayOut {
    let targets = [
        route.nat_gateway_id(),
        route.transit_gateway_id(),
        route.network_interface_id(),
        route.vpc_peering_connection_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
        route.core_network_arn(),
    ];
    match (targets.into_iter().flatten().next(), route.gateway_id()) {
        (Some(target), _) => WayOut::Other(target.to_owned()),
        (None, Some(gateway)) if gateway.starts_with("igw-") => WayOut::InternetGateway,
        (None, Some(gateway)) => WayOut::Other(gateway.to_owned()),
        (None, None) => WayOut::Absent,
    }
}
