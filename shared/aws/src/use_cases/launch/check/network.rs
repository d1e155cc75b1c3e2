//! The hosts' way out to SSM, S3 and the package mirror, as far as EC2 tells.

use super::super::Launch;
use crate::check_list::CheckList;
use crate::clients::placement::{Subnet, WayOut};

/// Services whose endpoints a host without a way out needs. The agent of SSM uses `ssm` and `ssmmessages` (AWS Systems
/// Manager User Guide, VPC endpoints), and steps and reports are in S3.
const NEEDED_ENDPOINTS: [&str; 3] = ["ssm", "ssmmessages", "s3"];

impl Launch {
    pub(super) async fn check_ways_out(&self, subnets: &[Subnet], list: &mut CheckList) {
        for subnet in subnets {
            let subject = format!("way out of {}", subnet.id);
            let way_out = match self.placement.way_out(&self.hosts.client, subnet).await {
                Ok(way_out) => way_out,
                Err(words) => {
                    list.add_not_made(&subject, &words);
                    continue;
                }
            };
            match (way_out, subnet.is_public) {
                (WayOut::InternetGateway, true) => {
                    list.add_finding(&subject, Ok("public addresses and an internet gateway".to_owned()));
                }
                (WayOut::Other(target), _) => {
                    list.add_finding(&subject, Ok(format!("a default route to {target}")));
                }
                (WayOut::InternetGateway, false) => {
                    self.check_endpoints(subnet, "an internet gateway, but hosts get no public address", list).await;
                }
                (WayOut::Absent, _) => self.check_endpoints(subnet, "no default route", list).await,
            }
        }
    }

    async fn check_endpoints(&self, subnet: &Subnet, why: &str, list: &mut CheckList) {
        let subject = format!("way out of {}", subnet.id);
        match self.placement.endpoints(&self.hosts.client, &subnet.vpc_id).await {
            Ok(services) => {
                let has = |name: &&str| services.iter().any(|service| service.ends_with(&format!(".{name}")));
                let missing: Vec<_> = NEEDED_ENDPOINTS.into_iter().filter(|name| !has(name)).collect();
                list.add_finding(
                    &subject,
                    match &missing[..] {
                        [] => Ok(format!("{why}; endpoints of SSM and S3 exist, and the AMI must have the packages")),
                        missing => {
                            Err(format!("{why}, and VPC {} has no endpoint of {}", subnet.vpc_id, missing.join(", ")))
                        }
                    },
                );
            }
            Err(words) => list.add_not_made(&subject, &format!("{why}; {words}")),
        }
    }
}
