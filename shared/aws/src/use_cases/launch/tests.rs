use std::sync::{Arc, Mutex};

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::operation::describe_images::{DescribeImagesError, DescribeImagesOutput};
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::operation::describe_subnets::DescribeSubnetsOutput;
use aws_sdk_ec2::operation::run_instances::{RunInstancesError, RunInstancesInput, RunInstancesOutput};
use aws_sdk_ec2::operation::terminate_instances::TerminateInstancesOutput;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{
    ArchitectureValues, Image, Instance, InstanceState, Placement as Placed, Reservation, Subnet,
};
use aws_sdk_servicequotas::Client as ServiceQuotas;
use aws_sdk_servicequotas::operation::get_service_quota::GetServiceQuotaOutput;
use aws_sdk_servicequotas::types::ServiceQuota;
use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::operation::describe_instance_information::DescribeInstanceInformationOutput;
use aws_sdk_ssm::types::{InstanceInformation, PingStatus};
use aws_smithy_mocks::{MockResponse, Rule, mock};
use serde_json::json;

use super::*;
use crate::mocked::{Bucket, MovedClock, client, error, noon};

fn host(id: &str, role: &str, state: InstanceStateName) -> Instance {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    Instance::builder()
        .instance_id(id)
        .state(InstanceState::builder().name(state).build())
        .private_ip_address("10.0.0.4")
        .subnet_id("subnet-a")
        .instance_type(InstanceType::T3Micro)
        .placement(Placed::builder().availability_zone("eu-central-1a").build())
        .launch_time(DateTime::from_secs(noon().as_second() + i64::try_from(id.len()).expect("short")))
        .tags(tag(RUN_TAG, "run-1"))
        .tags(tag(ROLE_TAG, role))
        .build()
}

fn exist(hosts: Vec<Instance>) -> Rule {
    mock!(Ec2::describe_instances).then_output(move || {
        let reservation = Reservation::builder().set_instances(Some(hosts.clone())).build();
        DescribeInstancesOutput::builder().reservations(reservation).build()
    })
}

pub(super) fn subnets() -> Rule {
    mock!(Ec2::describe_subnets).then_output(|| {
        let subnet = |id: &str, zone: &str, public| {
            Subnet::builder().subnet_id(id).availability_zone(zone).map_public_ip_on_launch(public).build()
        };
        DescribeSubnetsOutput::builder()
            .subnets(subnet("subnet-private", "eu-central-1a", false))
            .subnets(subnet("subnet-b", "eu-central-1b", true))
            .subnets(subnet("subnet-a", "eu-central-1a", true))
            .build()
    })
}

pub(super) fn images(architecture: ArchitectureValues) -> Rule {
    mock!(Ec2::describe_images).then_output(move || {
        let image = Image::builder().architecture(architecture.clone()).root_device_name("/dev/xvda");
        DescribeImagesOutput::builder().images(image.build()).build()
    })
}

type Requests = Arc<Mutex<Vec<RunInstancesInput>>>;

/// Returns a rule that answers every launch, with the error `code` in these subnets, and a list of the requests.
fn launches(full: &'static [&'static str], code: &'static str) -> (Rule, Requests) {
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let rule = mock!(Ec2::run_instances).then_compute_response(move |request| {
        seen.lock().expect("not poisoned").push(request.clone());
        if full.contains(&request.subnet_id().unwrap_or_default()) {
            return MockResponse::Error(RunInstancesError::generic(error(code)));
        }
        let subnet = request.subnet_id().unwrap_or_default();
        let host = Instance::builder()
            .instance_id(format!("i-{}", &request.client_token().unwrap_or_default()[..8]))
            .subnet_id(subnet)
            .set_instance_type(request.instance_type().cloned())
            .placement(Placed::builder().availability_zone(subnet.replace("subnet-", "eu-central-1")).build())
            .state(InstanceState::builder().name(InstanceStateName::Pending).build());
        MockResponse::Output(RunInstancesOutput::builder().instances(host.build()).build())
    });
    (rule, requests)
}

fn online(ids: &'static [&'static str]) -> Rule {
    mock!(Ssm::describe_instance_information).then_output(move || {
        let host = |id: &&str| InstanceInformation::builder().instance_id(*id).ping_status(PingStatus::Online).build();
        let list = ids.iter().map(host).collect();
        DescribeInstanceInformationOutput::builder().set_instance_information_list(Some(list)).build()
    })
}

pub(super) fn quotas(vcpus: f64) -> Quotas {
    let quota = mock!(ServiceQuotas::get_service_quota).then_output(move || {
        GetServiceQuotaOutput::builder().quota(ServiceQuota::builder().value(vcpus).build()).build()
    });
    Quotas::new(client!(aws_sdk_servicequotas, [quota]))
}

pub(super) fn launch(ec2: Vec<Rule>, ssm: Rule) -> Launch {
    Launch {
        hosts: Hosts::new(client!(aws_sdk_ec2, rules: ec2), "stack".to_owned()),
        commands: Commands::new(client!(aws_sdk_ssm, [ssm])),
        artifacts: Bucket::with_plan(json!({})).artifacts(),
        quotas: quotas(5.0),
        placement: Placement {
            subnet_id: None,
            vpc_id: None,
            server_security_group: "sg-server".to_owned(),
            client_security_group: "sg-client".to_owned(),
        },
        instance_profile: "profile".to_owned(),
        tags: vec![("team".to_owned(), "pacs".to_owned()), (RUN_TAG.to_owned(), "other".to_owned())],
        volume_key: Some("arn:aws:kms:eu-central-1:123456789012:key/1".to_owned()),
        first_boot: FirstBoot::default(),
        ready_timeout: SignedDuration::from_mins(10),
        clock: Clock::Moved(MovedClock::starting_at(noon())),
    }
}

pub(super) async fn look(launch: &Launch, look: u32) -> Result<LaunchAnswer, Failure> {
    launch.look(&LaunchEvent { run_id: "run-1".to_owned(), look }).await
}

fn running() -> Vec<Instance> {
    vec![host("i-server", "server", InstanceStateName::Running), host("i-client", "client", InstanceStateName::Running)]
}

#[tokio::test]
async fn hosts_with_the_runs_tag_are_taken_before_ec2_is_asked_for_new_ones() {
    let both = vec![
        host("i-server", "server", InstanceStateName::Running),
        host("i-client", "client", InstanceStateName::Running),
    ];
    let answer = look(&launch(vec![exist(both)], online(&["i-server", "i-client"])), 0).await.expect("ready");
    assert!(answer.ready);
    assert_eq!(answer.hosts.server.expect("a server").id, "i-server");
    assert_eq!(answer.hosts.client.expect("a client").address, "10.0.0.4");
}

#[tokio::test]
async fn the_next_zone_is_tried_when_one_has_no_capacity_and_the_client_follows_the_server() {
    let (run, requests) = launches(&["subnet-a"], "InsufficientInstanceCapacity");
    let ec2 = vec![exist(Vec::new()), subnets(), images(ArchitectureValues::X8664), run];
    let answer = look(&launch(ec2, online(&[])), 0).await.expect("an answer");
    assert!(!answer.ready);
    let requests = requests.lock().expect("not poisoned");
    let places: Vec<_> = requests.iter().filter_map(RunInstancesInput::subnet_id).collect();
    assert_eq!(places, ["subnet-a", "subnet-b", "subnet-b"]);
}

#[tokio::test]
async fn a_host_is_launched_closed_encrypted_tagged_and_bound_to_end() {
    let (run, requests) = launches(&[], "");
    let ec2 = vec![exist(Vec::new()), subnets(), images(ArchitectureValues::X8664), run];
    look(&launch(ec2, online(&[])), 0).await.expect("an answer");
    let requests = requests.lock().expect("not poisoned");
    let server = &requests[0];
    assert_eq!(server.security_group_ids(), ["sg-server"]);
    assert_eq!(server.key_name(), None);
    assert_eq!(server.client_token().map(str::len), Some(64));
    assert_ne!(server.client_token(), requests[1].client_token());
    assert_eq!(server.instance_initiated_shutdown_behavior(), Some(&ShutdownBehavior::Terminate));
    let metadata = server.metadata_options().expect("options");
    assert_eq!(metadata.http_tokens(), Some(&HttpTokensState::Required));
    let device = &server.block_device_mappings()[0];
    assert_eq!(device.device_name(), Some("/dev/xvda"));
    let volume = device.ebs().expect("a volume");
    assert_eq!((volume.encrypted(), volume.volume_size()), (Some(true), Some(20)));
    assert_eq!(volume.kms_key_id(), Some("arn:aws:kms:eu-central-1:123456789012:key/1"));
    let user_data = BASE64_STANDARD.decode(server.user_data().expect("user data")).expect("base64");
    assert_eq!(user_data, FirstBoot::default().user_data("2026-01-01T13:00:00Z".parse().expect("a time")).as_bytes());
    assert_eq!(server.credit_specification().expect("credits").cpu_credits(), Some("unlimited"));
    let tagged: Vec<_> = server.tag_specifications().iter().filter_map(|one| one.resource_type().cloned()).collect();
    assert_eq!(tagged, [ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface]);
    for specification in server.tag_specifications() {
        let value = |key: &str| {
            let mut found = specification.tags().iter().filter(|tag| tag.key() == Some(key));
            let value = found.next().and_then(Tag::value).map(str::to_owned);
            assert!(found.next().is_none(), "{key} twice");
            value
        };
        assert_eq!(value(PROJECT_TAG).as_deref(), Some("stack"));
        assert_eq!(value(RUN_TAG).as_deref(), Some("run-1"));
        assert_eq!(value(ROLE_TAG).as_deref(), Some("server"));
        assert_eq!(value(EXPIRES_TAG).as_deref(), Some("2026-01-01T13:00:00Z"));
        assert_eq!(value("team").as_deref(), Some("pacs"));
    }
}

#[tokio::test]
async fn a_volume_is_no_smaller_than_the_snapshot_of_its_ami() {
    let golden = mock!(Ec2::describe_images).then_output(|| {
        let mapping = |name: &str, gib| {
            let ebs = EbsBlockDevice::builder().volume_size(gib).build();
            BlockDeviceMapping::builder().device_name(name).ebs(ebs).build()
        };
        let image = Image::builder().root_device_name("/dev/xvda");
        let image =
            image.block_device_mappings(mapping("/dev/xvdb", 500)).block_device_mappings(mapping("/dev/xvda", 64));
        DescribeImagesOutput::builder().images(image.build()).build()
    });
    let (run, requests) = launches(&[], "");
    look(&launch(vec![exist(Vec::new()), subnets(), golden, run], online(&[])), 0).await.expect("an answer");
    let requests = requests.lock().expect("not poisoned");
    let volume = requests[0].block_device_mappings()[0].ebs().expect("a volume");
    assert_eq!(volume.volume_size(), Some(64));
}

#[tokio::test]
async fn no_zone_with_capacity_is_said_with_the_zones() {
    let (run, _) = launches(&["subnet-a", "subnet-b"], "Unsupported");
    let ec2 = vec![exist(Vec::new()), subnets(), images(ArchitectureValues::X8664), run];
    let failure = look(&launch(ec2, online(&[])), 0).await.expect_err("no capacity");
    assert_eq!(failure.name(), "NoCapacity");
    assert!(failure.to_string().contains("eu-central-1a (Unsupported), eu-central-1b (Unsupported)"), "{failure}");
}

#[tokio::test]
async fn what_ec2_refuses_is_named() {
    for (code, name) in [
        ("InvalidAMIID.NotFound", "AmiUnusable"),
        ("VcpuLimitExceeded", "LaunchRefused"),
        ("UnauthorizedOperation", "LaunchRefused"),
        ("InvalidParameterValue", "LaunchRefused"),
        ("SomethingNew", "AwsError"),
    ] {
        let (run, _) = launches(&["subnet-a"], code);
        let ec2 = vec![exist(Vec::new()), subnets(), images(ArchitectureValues::X8664), run];
        let failure = look(&launch(ec2, online(&[])), 0).await.expect_err("refused");
        assert_eq!(failure.name(), name, "{failure}");
        assert!(failure.to_string().contains("as AWS says"), "{failure}");
    }
}

#[tokio::test]
async fn an_ami_for_arm_is_refused() {
    let ec2 = vec![exist(Vec::new()), subnets(), images(ArchitectureValues::Arm64)];
    let failure = look(&launch(ec2, online(&[])), 0).await.expect_err("refused");
    assert_eq!(failure.name(), "AmiUnusable");
    assert!(failure.to_string().contains("it is for arm64"), "{failure}");
}

#[tokio::test]
async fn an_ami_that_ec2_does_not_know_is_refused_but_one_it_says_nothing_of_is_tried() {
    let unknown =
        mock!(Ec2::describe_images).then_error(|| DescribeImagesError::generic(error("InvalidAMIID.NotFound")));
    let failure =
        look(&launch(vec![exist(Vec::new()), subnets(), unknown], online(&[])), 0).await.expect_err("refused");
    assert_eq!(failure.name(), "AmiUnusable");
    let silent = mock!(Ec2::describe_images).then_output(|| DescribeImagesOutput::builder().build());
    let (run, requests) = launches(&[], "");
    look(&launch(vec![exist(Vec::new()), subnets(), silent, run], online(&[])), 0).await.expect("an answer");
    let requests = requests.lock().expect("not poisoned");
    assert_eq!(requests[0].block_device_mappings()[0].device_name(), Some("/dev/sda1"));
}

#[tokio::test]
async fn a_host_that_ended_while_launching_is_lost() {
    let ended = vec![host("i-server", "server", InstanceStateName::ShuttingDown)];
    let failure = look(&launch(vec![exist(ended)], online(&[])), 0).await.expect_err("lost");
    assert_eq!(failure.name(), "HostLost");
    assert!(failure.to_string().contains("server host i-server, step launch"), "{failure}");
}

#[tokio::test]
async fn of_two_hosts_for_one_role_the_first_stays() {
    let hosts = vec![
        host("i-server-late", "server", InstanceStateName::Running),
        host("i-server", "server", InstanceStateName::Running),
        host("i-client", "client", InstanceStateName::Running),
    ];
    let terminate = mock!(Ec2::terminate_instances)
        .match_requests(|request| request.instance_ids() == ["i-server-late"])
        .then_output(|| TerminateInstancesOutput::builder().build());
    let ec2 = vec![exist(hosts), terminate.clone()];
    let answer = look(&launch(ec2, online(&["i-server", "i-client"])), 0).await.expect("an answer");
    assert_eq!(answer.hosts.server.expect("a server").id, "i-server");
    assert_eq!(terminate.num_calls(), 1);
}

#[tokio::test]
async fn a_host_that_becomes_ready_is_seen_within_a_second() {
    let moved = MovedClock::starting_at(noon());
    let (clock, ready_at) = (moved.clone(), noon() + SignedDuration::from_secs(20));
    let managed = mock!(Ssm::describe_instance_information).then_output(move || {
        let ids: &[&str] = if clock.now() >= ready_at { &["i-server", "i-client"] } else { &["i-server"] };
        let host = |id: &&str| InstanceInformation::builder().instance_id(*id).ping_status(PingStatus::Online).build();
        let list = ids.iter().map(host).collect();
        DescribeInstanceInformationOutput::builder().set_instance_information_list(Some(list)).build()
    });
    let launch = Launch { clock: Clock::Moved(moved.clone()), ..launch(vec![exist(running())], managed) };
    let answer = look(&launch, 3).await.expect("ready");
    assert!(answer.ready);
    assert_eq!(answer.look, 0, "the first step counts from 0");
    assert!(moved.now() <= ready_at + SignedDuration::from_secs(1), "{}", moved.now());
}

#[tokio::test]
async fn a_look_takes_no_longer_than_it_may() {
    let launch = launch(vec![exist(running())], online(&["i-server"]));
    let answer = look(&launch, 3).await.expect("not yet");
    assert_eq!((answer.ready, answer.look, answer.wait_seconds), (false, 4, LAUNCH_WAIT_SECONDS));
    assert_eq!(launch.clock.seconds_since(noon()), MAX_WATCH_SECONDS as f64);
}

#[tokio::test]
async fn patience_with_a_host_begins_at_its_launch() {
    for (ready_timeout, ready) in [(30, false), (90, true)] {
        let ready_timeout = SignedDuration::from_secs(ready_timeout);
        let launch = Launch { ready_timeout, ..launch(vec![exist(running())], online(&["i-server"])) };
        let answered = look(&launch, 0).await;
        if ready {
            assert!(!answered.expect("not yet").ready);
            continue;
        }
        let failure = answered.expect_err("late");
        assert_eq!(failure.name(), "HostNotReady");
        let launched = i64::try_from("i-server".len()).expect("short");
        assert_eq!(launch.clock.now().as_second(), noon().as_second() + launched + ready_timeout.as_secs());
    }
}

#[tokio::test]
async fn the_last_look_says_what_is_missing() {
    let late = launch(vec![exist(running())], online(&["i-server"]));
    let answer = look(&late, MAX_LAUNCH_LOOKS - 2).await.expect("not yet");
    assert!(!answer.ready);
    let late = launch(vec![exist(running())], online(&["i-server"]));
    let failure = look(&late, MAX_LAUNCH_LOOKS - 1).await.expect_err("late");
    assert_eq!(failure.name(), "HostNotReady");
    let text = failure.to_string();
    assert!(text.contains("client host i-client") && text.contains("ami-0123456789abcdef0"), "{text}");
    assert!(text.contains("SSM agent") && text.contains("instance profile"), "{text}");
}

#[tokio::test]
async fn an_expired_run_launches_nothing() {
    let clock = Clock::Moved(MovedClock::starting_at("2026-01-01T13:00:00Z".parse().expect("a time")));
    let launch = Launch { clock, ..launch(Vec::new(), online(&[])) };
    let failure = look(&launch, 0).await.expect_err("expired");
    assert_eq!(failure.name(), "RunExpired");
}

#[tokio::test]
async fn the_sdk_does_not_repeat_a_launch_without_room() {
    let body = |code: &str| format!("<Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>");
    for (code, calls) in [("InsufficientInstanceCapacity", 2), ("InternalError", 3)] {
        let run = mock!(Ec2::run_instances).sequence().http_status(500, Some(body(code))).repeatedly().build();
        let ec2 = vec![exist(Vec::new()), subnets(), images(ArchitectureValues::X8664), run.clone()];
        let launch = Launch { artifacts: Bucket::with_plan(json!({})).artifacts(), ..launch(ec2, online(&[])) };
        look(&launch, 0).await.expect_err("no room");
        // In each of the two zones once, and three times where the SDK repeats.
        assert_eq!(run.num_calls(), calls, "{code}");
    }
}

#[tokio::test]
async fn a_subnet_that_does_not_exist_is_named() {
    let missing = mock!(Ec2::describe_subnets).then_error(|| {
        aws_sdk_ec2::operation::describe_subnets::DescribeSubnetsError::generic(error("InvalidSubnetID.NotFound"))
    });
    let failure = look(&launch(vec![exist(Vec::new()), missing], online(&[])), 0).await.expect_err("refused");
    assert_eq!(failure.name(), "LaunchRefused");
    assert!(failure.to_string().contains("InvalidSubnetID.NotFound"), "{failure}");
    assert!(failure.to_string().contains("parameters VpcId and SubnetId"), "{failure}");
}
