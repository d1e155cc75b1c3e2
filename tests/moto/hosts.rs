use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, Instance, InstanceAttributeName, Volume};
use aws_sdk_ssm::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ssm::operation::describe_instance_information::DescribeInstanceInformationOutput;
use aws_sdk_ssm::types::{InstanceInformation, PingStatus};
use aws_smithy_mocks::{MockResponseInterceptor, mock};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicomperf_aws::clients::clock::Clock;
use dicomperf_aws::clients::commands::Commands;
use dicomperf_aws::clients::hosts::{Hosts, PROJECT_TAG, ROLE_TAG, RUN_TAG};
use dicomperf_aws::clients::placement::Placement;
use dicomperf_aws::clients::quotas::Quotas;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::launch::Launch;
use dicomperf_aws::use_cases::plan::{Planner, StackLimits};
use dicomperf_aws::use_cases::teardown::{Polling, Teardown};
use dicomperf_aws::workflow::{CheckEvent, LaunchAnswer, LaunchEvent, PlanAnswer, PlanEvent};
use dicomperf_model::first_boot::FirstBoot;
use dicomperf_model::results::Check;
use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::account::{AMI_PARAMETER, Account};

#[tokio::test]
async fn hosts_are_launched_found_and_terminated_as_ec2_does_it() {
    let Some(account) = Account::start() else { return };
    account.put_ami().await;
    account.put_way_out().await;
    a_run_is_planned_launched_found_and_torn_down_and_each_call_may_come_twice(&account).await;
    two_looks_at_the_same_time_leave_one_host_of_each_role(&account).await;
    what_ec2_refuses_is_named_and_leaves_no_host(&account).await;
    a_dry_run_checks_a_launch_and_launches_nothing(&account).await;
}

/// Returns SSM as it is when it manages every host. moto has no such list.
fn managed() -> Commands {
    let rule = mock!(aws_sdk_ssm::Client::describe_instance_information).then_compute_output(|request| {
        let asked = request.filters().iter().flat_map(|filter| filter.values());
        let host = |id: &String| InstanceInformation::builder().instance_id(id).ping_status(PingStatus::Online).build();
        let list = asked.map(host).collect();
        DescribeInstanceInformationOutput::builder().set_instance_information_list(Some(list)).build()
    });
    let configuration = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_mocks::create_mock_http_client())
        .interceptor(MockResponseInterceptor::new().with_rule(&rule));
    Commands::new(aws_sdk_ssm::Client::from_conf(configuration.build()))
}

async fn security_group(account: &Account, name: &str) -> String {
    let vpcs = account.ec2.describe_vpcs().send().await.unwrap();
    let request = account.ec2.create_security_group().group_name(name).description(name);
    request.vpc_id(vpcs.vpcs()[0].vpc_id().unwrap()).send().await.unwrap().group_id.unwrap()
}

/// The use cases of one stack.
struct Stack {
    planner: Planner,
    launch: Launch,
    teardown: Teardown,
}

/// Makes a stack of this name, with security groups and an instance profile.
async fn stack(account: &Account, name: &str) -> Stack {
    account.moto.call_iam("CreateInstanceProfile", &[("InstanceProfileName", name)]);
    let (artifacts, records) = (account.artifacts(name).await, account.records(name).await);
    let hosts = Hosts::new(account.ec2.clone(), name.to_owned());
    let launch = Launch {
        hosts: hosts.clone(),
        commands: managed(),
        artifacts: artifacts.clone(),
        placement: Placement {
            subnet_id: None,
            vpc_id: None,
            server_security_group: security_group(account, &format!("{name}-server")).await,
            client_security_group: security_group(account, &format!("{name}-client")).await,
        },
        instance_profile: name.to_owned(),
        tags: vec![("team".to_owned(), "pacs".to_owned())],
        volume_key: None,
        first_boot: FirstBoot::default(),
        ready_timeout: SignedDuration::from_mins(10),
        quotas: Quotas::new(account.quotas.clone()),
        clock: Clock::System,
    };
    let planner = Planner {
        artifacts,
        records: records.clone(),
        s3: account.s3.clone(),
        ssm: account.ssm.clone(),
        ami: AMI_PARAMETER.to_owned(),
        limits: StackLimits::default(),
    };
    // moto terminates at once.
    let polling = Polling { interval: Duration::from_millis(10), ..Polling::SHORT };
    Stack { planner, launch, teardown: Teardown { hosts, records, polling } }
}

async fn plan(planner: &Planner, run_id: &str, request: Value) -> Result<PlanAnswer, Failure> {
    let event = PlanEvent {
        input: request,
        run_id: run_id.to_owned(),
        execution_arn: "arn".to_owned(),
        started_at: Timestamp::now(),
    };
    planner.plan(event, Timestamp::now(), &mut StdRng::seed_from_u64(1)).await
}

async fn look(launch: &Launch, run_id: &str) -> Result<LaunchAnswer, Failure> {
    launch.look(&LaunchEvent { run_id: run_id.to_owned(), look: 0 }).await
}

async fn instances(account: &Account, run_id: &str) -> Vec<Instance> {
    let filter = Filter::builder().name(format!("tag:{RUN_TAG}")).values(run_id).build();
    let answer = account.ec2.describe_instances().filters(filter).send().await.unwrap();
    answer.reservations().iter().flat_map(|reservation| reservation.instances()).cloned().collect()
}

async fn volumes(account: &Account, run_id: &str) -> Vec<Volume> {
    let filter = Filter::builder().name(format!("tag:{RUN_TAG}")).values(run_id).build();
    account.ec2.describe_volumes().filters(filter).send().await.unwrap().volumes.unwrap_or_default()
}

fn tag<'a>(instance: &'a Instance, key: &str) -> Option<&'a str> {
    instance.tags().iter().find(|tag| tag.key() == Some(key))?.value()
}

async fn a_run_is_planned_launched_found_and_torn_down_and_each_call_may_come_twice(account: &Account) {
    let Stack { planner, launch, teardown } = stack(account, "stack").await;
    let first = plan(&planner, "run-1", json!({})).await.unwrap();
    let again = plan(&planner, "run-1", json!({ "name": "other" })).await.unwrap();
    assert_eq!(first, again, "the first plan stays");

    let answer = look(&launch, "run-1").await.unwrap();
    assert!(answer.ready);
    assert_eq!(look(&launch, "run-1").await.unwrap(), answer, "a second look launches nothing");
    let hosts = instances(account, "run-1").await;
    assert_eq!(hosts.len(), 2);
    let places: BTreeSet<_> = hosts.iter().map(|host| host.subnet_id().unwrap()).collect();
    assert_eq!(places.len(), 1, "both hosts are in one subnet");
    for host in &hosts {
        let role = tag(host, ROLE_TAG).unwrap();
        let launched = if role == "server" { &answer.hosts.server } else { &answer.hosts.client };
        assert_eq!(launched.as_ref().unwrap().address, host.private_ip_address().unwrap());
        assert_eq!((tag(host, PROJECT_TAG), tag(host, "team")), (Some("stack"), Some("pacs")));
        assert_eq!(host.security_groups()[0].group_name(), Some(format!("stack-{role}").as_str()));
        assert_eq!(host.metadata_options().unwrap().http_tokens().unwrap().as_str(), "required");
        assert!(host.iam_instance_profile().unwrap().arn().unwrap().ends_with("instance-profile/stack"));
        assert_eq!(host.client_token().map(str::len), Some(64));
    }
    let attribute = account.ec2.describe_instance_attribute().instance_id(hosts[0].instance_id().unwrap());
    let attribute = attribute.attribute(InstanceAttributeName::UserData).send().await.unwrap();
    let user_data = BASE64_STANDARD.decode(attribute.user_data().unwrap().value().unwrap()).unwrap();
    assert!(String::from_utf8(user_data).unwrap().starts_with("#cloud-config\n"));
    let volumes = volumes(account, "run-1").await;
    assert_eq!(volumes.len(), 2, "the volumes have the run's tag");
    for volume in &volumes {
        assert_eq!((volume.encrypted(), volume.size()), (Some(true), Some(20)));
        assert_eq!(volume.volume_type().unwrap().as_str(), "gp3");
    }

    for _ in 0..2 {
        assert_eq!(teardown.run("run-1").await.unwrap().hosts_left, 0);
        assert!(launch.hosts.find_all().await.unwrap().is_empty());
    }
    // The lab's emulator forgets a terminated host after a minute; EC2 and moto list it.
    assert!(launch.hosts.find_by_run("run-1").await.unwrap().iter().all(|host| host.is_gone()));
    assert_eq!(teardown.records.run("run-1").await.unwrap().unwrap().hosts_left, Some(0));
    launch.hosts.terminate(vec!["i-0123456789abcdef0".to_owned()]).await.unwrap();
}

/// EC2 would answer the second call with the first one's host, because both have the same token. Neither emulator does.
async fn two_looks_at_the_same_time_leave_one_host_of_each_role(account: &Account) {
    let Stack { planner, launch, .. } = stack(account, "hurried").await;
    plan(&planner, "run-2", json!({})).await.unwrap();
    let (one, other) = tokio::join!(look(&launch, "run-2"), look(&launch, "run-2"));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    let answer = look(&launch, "run-2").await.unwrap();
    let all = launch.hosts.find_all().await.unwrap();
    let left: BTreeSet<_> = all.iter().map(|host| host.id.as_str()).collect();
    let told = [&answer.hosts.server, &answer.hosts.client].map(|host| host.as_ref().unwrap().id.as_str());
    assert_eq!(left, BTreeSet::from(told));
    let tokens: BTreeSet<_> =
        instances(account, "run-2").await.iter().map(|host| host.client_token().unwrap().to_owned()).collect();
    assert_eq!(tokens.len(), 2, "one token for each role");
}

async fn what_ec2_refuses_is_named_and_leaves_no_host(account: &Account) {
    let Stack { planner, launch, .. } = stack(account, "refused").await;
    let unknown_ami = json!({ "server": { "ami": "ami-0123456789abcdef0" } });
    let with = |change: fn(&mut Launch)| {
        let mut launch = launch.clone();
        change(&mut launch);
        launch
    };
    for (name, launch, request, failure) in [
        ("ami", launch.clone(), unknown_ami, "AmiUnusable"),
        (
            "group",
            with(|launch| launch.placement.server_security_group = "sg-0123456789abcdef0".to_owned()),
            json!({}),
            "LaunchRefused",
        ),
        (
            "vpc",
            with(|launch| launch.placement.vpc_id = Some("vpc-0123456789abcdef0".to_owned())),
            json!({}),
            "LaunchRefused",
        ),
        (
            "subnet",
            with(|launch| launch.placement.subnet_id = Some("subnet-0123456789abcdef0".to_owned())),
            json!({}),
            "LaunchRefused",
        ),
    ] {
        plan(&planner, name, request).await.unwrap();
        let refused = look(&launch, name).await.unwrap_err();
        assert_eq!(refused.name(), failure, "{refused}");
        assert!(launch.hosts.find_all().await.unwrap().is_empty());
    }
    let failure =
        plan(&planner, "no-parameter", json!({ "client": { "ami": "/aws/service/other" } })).await.unwrap_err();
    assert_eq!(failure.name(), "AmiUnusable", "{failure}");
}

async fn a_dry_run_checks_a_launch_and_launches_nothing(account: &Account) {
    let Stack { planner, launch, .. } = stack(account, "checked").await;
    let dry_run = plan(&planner, "run-3", json!({ "dryRun": true })).await.unwrap().dry_run.unwrap();
    assert_eq!(faults(&dry_run.checks), Vec::<String>::new());
    let event = CheckEvent { dry_run };
    assert_eq!(faults(&launch.dry_run(&event).await), Vec::<String>::new());
    let profile = Launch { instance_profile: "absent".to_owned(), ..launch.clone() };
    let mut subnet = launch.clone();
    subnet.placement.subnet_id = Some("subnet-0123456789abcdef0".to_owned());
    for (wrong, told) in [(profile, "Instance profile absent not found"), (subnet, "subnet-0123456789abcdef0")] {
        let faults = faults(&wrong.dry_run(&event).await);
        assert!(faults.iter().any(|fault| fault.contains(told)), "{faults:#?}");
    }
    assert!(launch.hosts.find_all().await.unwrap().is_empty());
}

fn faults(checks: &[Check]) -> Vec<String> {
    checks.iter().filter(|check| !check.ok).map(|check| format!("{}: {}", check.name, check.says)).collect()
}
