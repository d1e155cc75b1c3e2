use std::sync::{Arc, Mutex};

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::operation::run_instances::{RunInstancesError, RunInstancesOutput};
use aws_sdk_ec2::operation::terminate_instances::TerminateInstancesOutput;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{
    ArchitectureValues, Instance, InstanceState, InstanceType, Placement, Reservation, StateReason, Tag,
};
use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::operation::describe_instance_information::DescribeInstanceInformationOutput;
use aws_sdk_ssm::types::{InstanceInformation, PingStatus};
use aws_smithy_mocks::{MockResponse, Rule, mock};
use serde_json::json;

use super::super::tests::{images, launch, look, subnets};
use super::*;
use crate::clients::hosts::ROLE_TAG;
use crate::mocked::{Bucket, error, noon};

/// A region in memory: zones without room for a type, and the hosts that exist.
#[derive(Clone, Default)]
struct Region {
    hosts: Arc<Mutex<Vec<Instance>>>,
    full: Arc<Mutex<Vec<(&'static str, &'static str)>>>,
    launched: Arc<Mutex<Vec<String>>>,
}

impl Region {
    fn without_room(full: &[(&'static str, &'static str)]) -> Self {
        Self { full: Arc::new(Mutex::new(full.to_vec())), ..Self::default() }
    }

    fn rules(&self) -> Vec<Rule> {
        let (listing, launching, ending) = (self.clone(), self.clone(), self.clone());
        let list = mock!(Ec2::describe_instances).then_output(move || {
            let hosts = listing.hosts.lock().expect("not poisoned").clone();
            DescribeInstancesOutput::builder()
                .reservations(Reservation::builder().set_instances(Some(hosts)).build())
                .build()
        });
        let run = mock!(Ec2::run_instances).then_compute_response(move |request| {
            let (zone, name) = (
                request.subnet_id().unwrap_or_default().replace("subnet-", ""),
                request.instance_type().expect("a type").as_str().to_owned(),
            );
            let role = request.tag_specifications()[0].tags().iter().find(|tag| tag.key() == Some(ROLE_TAG));
            let role = role.and_then(Tag::value).expect("a role").to_owned();
            launching.launched.lock().expect("not poisoned").push(format!("{role} {name} {zone}"));
            let is_full = |(full_zone, full_type): &(&str, &str)| *full_zone == zone && *full_type == name;
            if launching.full.lock().expect("not poisoned").iter().any(is_full) {
                return MockResponse::Error(RunInstancesError::generic(error("InsufficientInstanceCapacity")));
            }
            let mut hosts = launching.hosts.lock().expect("not poisoned");
            // EC2 returns the same host for the same token.
            let id = format!("i-{}", &request.client_token().expect("a token")[..8]);
            let known = hosts.iter().find(|host| host.instance_id() == Some(id.as_str())).cloned();
            let launched = known.unwrap_or_else(|| {
                let launched = Instance::builder()
                    .instance_id(&id)
                    .state(InstanceState::builder().name(InstanceStateName::Running).build())
                    .private_ip_address("10.0.0.4")
                    .subnet_id(request.subnet_id().unwrap_or_default())
                    .instance_type(InstanceType::from(name.as_str()))
                    .placement(Placement::builder().availability_zone(format!("eu-central-1{zone}")).build())
                    .launch_time(DateTime::from_secs(noon().as_second() + i64::try_from(hosts.len()).expect("few")))
                    .set_tags(Some(request.tag_specifications()[0].tags().to_vec()))
                    .build();
                hosts.push(launched.clone());
                launched
            });
            MockResponse::Output(RunInstancesOutput::builder().instances(launched).build())
        });
        let terminate = mock!(Ec2::terminate_instances).then_compute_output(move |request| {
            for host in ending.hosts.lock().expect("not poisoned").iter_mut() {
                if request.instance_ids().iter().any(|id| Some(id.as_str()) == host.instance_id()) {
                    host.state = Some(InstanceState::builder().name(InstanceStateName::ShuttingDown).build());
                }
            }
            TerminateInstancesOutput::builder().build()
        });
        vec![list, run, terminate, subnets(), images(ArchitectureValues::X8664)]
    }

    /// Returns a launch in this region whose hosts SSM sees as soon as they run.
    fn launch(&self, bucket: &Bucket) -> Launch {
        let region = self.clone();
        let managed = mock!(Ssm::describe_instance_information).then_output(move || {
            let hosts = region.hosts.lock().expect("not poisoned");
            let online = |host: &Instance| {
                let id = host.instance_id().unwrap_or_default();
                InstanceInformation::builder().instance_id(id).ping_status(PingStatus::Online).build()
            };
            let list = hosts.iter().map(online).collect();
            DescribeInstanceInformationOutput::builder().set_instance_information_list(Some(list)).build()
        });
        Launch { artifacts: bucket.artifacts(), ..launch(self.rules(), managed) }
    }

    fn launched(&self) -> Vec<String> {
        self.launched.lock().expect("not poisoned").clone()
    }

    /// Returns the hosts that are not terminated, as role, type and zone.
    fn alive(&self) -> Vec<String> {
        let hosts = self.hosts.lock().expect("not poisoned");
        let alive = hosts.iter().map(Host::from).filter(Host::is_alive);
        alive.map(|host| format!("{} {} {}", host.role.expect("a role"), host.instance_type, host.zone)).collect()
    }
}

fn two_types() -> Bucket {
    Bucket::with_plan(json!({
        "server": { "instanceType": ["m5.large", "t3.small"] }, "client": { "instanceType": ["c5.large", "t3.micro"] },
    }))
}

#[tokio::test]
async fn no_room_for_the_client_moves_the_pair_to_the_next_zone() {
    let (region, bucket) = (Region::without_room(&[("a", "c5.large")]), two_types());
    let answer = look(&region.launch(&bucket), 0).await.expect("ready");
    assert!(answer.ready);
    let tried = ["server m5.large a", "client c5.large a", "server m5.large b", "client c5.large b"];
    assert_eq!(region.launched(), tried);
    assert_eq!(region.alive(), ["server m5.large eu-central-1b", "client c5.large eu-central-1b"]);
    assert_eq!(answer.hosts.server.expect("a server").zone, "eu-central-1b");
    let record: LaunchRecord = bucket.get("runs/run-1/launch.json").expect("a record");
    let launched = [(HostRole::Server, "m5.large".to_owned()), (HostRole::Client, "c5.large".to_owned())];
    assert_eq!(record.launched, launched.into());
}

#[tokio::test]
async fn the_next_type_follows_when_no_zone_has_room() {
    let full = [("a", "c5.large"), ("b", "c5.large"), ("b", "m5.large")];
    let (region, bucket) = (Region::without_room(&full), two_types());
    assert!(look(&region.launch(&bucket), 0).await.expect("ready").ready);
    assert_eq!(region.alive(), ["server m5.large eu-central-1a", "client t3.micro eu-central-1a"]);
    // The server's next type would come after the client's.
    let tried =
        ["server m5.large a", "client c5.large a", "server m5.large b", "server m5.large a", "client t3.micro a"];
    assert_eq!(region.launched(), tried);
}

#[tokio::test]
async fn no_room_anywhere_ends_with_every_zone_and_type_and_no_host() {
    let full = ["a", "b"].map(|zone| [(zone, "c5.large"), (zone, "t3.micro")]).concat();
    let (region, bucket) = (Region::without_room(&full), two_types());
    let failure = look(&region.launch(&bucket), 0).await.expect_err("no room");
    assert_eq!(failure.name(), "NoCapacity");
    let text = failure.to_string();
    for place in ["client c5.large in eu-central-1a (", "client t3.micro in eu-central-1a ("] {
        assert!(text.contains(place) && text.contains("eu-central-1b (InsufficientInstanceCapacity)"), "{text}");
    }
    assert_eq!(region.alive(), Vec::<String>::new());
}

#[tokio::test]
async fn a_second_invocation_resumes_a_launch_and_makes_no_second_pair() {
    let (region, bucket) = (Region::without_room(&[("a", "c5.large")]), two_types());
    let (first, second) = (region.launch(&bucket), region.launch(&bucket));
    let (first, second) = tokio::join!(look(&first, 0), look(&second, 0));
    let (first, second) = (first.expect("ready"), second.expect("ready"));
    assert!(first.ready && second.ready);
    assert_eq!(region.alive(), ["server m5.large eu-central-1b", "client c5.large eu-central-1b"]);
    assert_eq!(first.hosts, second.hosts);
    let before = region.launched().len();
    let third = look(&region.launch(&bucket), 1).await.expect("ready");
    assert_eq!((third.hosts, region.launched().len()), (first.hosts, before));
}

#[tokio::test]
async fn a_host_that_ec2_ends_for_want_of_room_moves_the_pair_too() {
    let (region, bucket) = (Region::default(), two_types());
    let launch = region.launch(&bucket);
    assert!(look(&launch, 0).await.expect("ready").ready);
    {
        let mut hosts = region.hosts.lock().expect("not poisoned");
        hosts[1].state = Some(InstanceState::builder().name(InstanceStateName::Terminated).build());
        let reason = "Server.InsufficientInstanceCapacity: There was insufficient capacity available";
        hosts[1].state_reason = Some(StateReason::builder().message(reason).build());
    }
    assert!(look(&launch, 1).await.expect("ready").ready);
    assert_eq!(region.alive(), ["server m5.large eu-central-1b", "client c5.large eu-central-1b"]);
}

fn existing_server() -> Bucket {
    Bucket::with_plan(json!({
        "server": { "existing": { "address": "pacs.example.org", "port": 104, "aeTitle": "PACS" } },
        "client": { "instanceType": ["c5.large", "t3.micro"] },
    }))
}

#[tokio::test]
async fn a_run_against_an_existing_server_launches_its_client_alone() {
    let full = [("a", "c5.large"), ("b", "c5.large"), ("a", "t3.micro")];
    let (region, bucket) = (Region::without_room(&full), existing_server());
    let answer = look(&region.launch(&bucket), 0).await.expect("ready");
    assert!(answer.ready);
    let tried = ["client c5.large a", "client c5.large b", "client t3.micro a", "client t3.micro b"];
    assert_eq!(region.launched(), tried);
    assert_eq!(region.alive(), ["client t3.micro eu-central-1b"]);
    assert_eq!(answer.hosts.server, None);
    assert_eq!(answer.hosts.client.expect("a client").zone, "eu-central-1b");
    let record: LaunchRecord = bucket.get("runs/run-1/launch.json").expect("a record");
    assert_eq!(record.launched, [(HostRole::Client, "t3.micro".to_owned())].into());
    // Called again, it finds its host.
    let again = look(&region.launch(&bucket), 1).await.expect("ready");
    assert!(again.ready && region.launched().len() == tried.len());
}

#[tokio::test]
async fn no_room_for_a_client_alone_names_it_alone() {
    let full = ["a", "b"].map(|zone| [(zone, "c5.large"), (zone, "t3.micro")]).concat();
    let region = Region::without_room(&full);
    let failure = look(&region.launch(&existing_server()), 0).await.expect_err("no room");
    assert_eq!(failure.name(), "NoCapacity");
    assert!(!failure.to_string().contains("server"), "{failure}");
}
