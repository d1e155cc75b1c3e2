use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::operation::describe_images::DescribeImagesOutput;
use aws_sdk_ec2::operation::describe_instance_type_offerings::{
    DescribeInstanceTypeOfferingsError, DescribeInstanceTypeOfferingsOutput,
};
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::operation::describe_route_tables::DescribeRouteTablesOutput;
use aws_sdk_ec2::operation::describe_subnets::DescribeSubnetsOutput;
use aws_sdk_ec2::operation::describe_vpc_endpoints::DescribeVpcEndpointsOutput;
use aws_sdk_ec2::operation::run_instances::{RunInstancesError, RunInstancesOutput};
use aws_sdk_ec2::operation::terminate_instances::TerminateInstancesError;
use aws_sdk_ec2::types::{
    CpuOptions, Image, Instance, InstanceType, InstanceTypeOffering, Reservation, Route, RouteTable, Subnet,
    VpcEndpoint,
};
use aws_sdk_ssm::operation::describe_instance_information::DescribeInstanceInformationOutput;
use aws_smithy_mocks::{MockResponse, Rule, mock};
use serde_json::{Value, json};

use super::super::tests::{launch, quotas};
use super::*;
use crate::mocked::{error, test_plan};
use crate::workflow::DryRun;

/// An account whose answers a test may change.
struct Account {
    /// Code of EC2's answer to a dry run of a launch.
    launch: &'static str,
    is_public: bool,
    /// Target of the default route.
    gateway: Option<&'static str>,
    endpoints: &'static [&'static str],
    offered: bool,
    quota: f64,
}

impl Default for Account {
    fn default() -> Self {
        let (launch, gateway) = ("DryRunOperation", Some("igw-1"));
        Self { launch, is_public: true, gateway, endpoints: &[], offered: true, quota: 8.0 }
    }
}

fn ec2(account: &Account) -> Vec<Rule> {
    let (launch, is_public, gateway, endpoints, offered) =
        (account.launch, account.is_public, account.gateway, account.endpoints, account.offered);
    vec![
        mock!(Ec2::describe_instances).then_output(|| {
            let other = Instance::builder().instance_type(InstanceType::M5Large);
            let cpus = CpuOptions::builder().core_count(1).threads_per_core(2).build();
            let accelerated = Instance::builder().instance_type(InstanceType::P316xlarge).build();
            let hosts = vec![other.cpu_options(cpus).build(), accelerated];
            DescribeInstancesOutput::builder()
                .reservations(Reservation::builder().set_instances(Some(hosts)).build())
                .build()
        }),
        mock!(Ec2::describe_images).then_output(|| {
            let image = Image::builder().name("ubuntu").root_device_name("/dev/sda1").build();
            DescribeImagesOutput::builder().images(image).build()
        }),
        mock!(Ec2::describe_subnets).then_output(move || {
            let subnet = Subnet::builder().subnet_id("subnet-a").vpc_id("vpc-1").availability_zone("eu-central-1a");
            DescribeSubnetsOutput::builder().subnets(subnet.map_public_ip_on_launch(is_public).build()).build()
        }),
        mock!(Ec2::describe_route_tables).then_output(move || {
            let route = Route::builder().destination_cidr_block("0.0.0.0/0").set_gateway_id(gateway.map(str::to_owned));
            let routes = gateway.map(|_| vec![route.build()]);
            DescribeRouteTablesOutput::builder().route_tables(RouteTable::builder().set_routes(routes).build()).build()
        }),
        mock!(Ec2::describe_vpc_endpoints).then_output(move || {
            let endpoint = |name: &&str| VpcEndpoint::builder().service_name(format!("com.amazonaws.x.{name}")).build();
            DescribeVpcEndpointsOutput::builder()
                .set_vpc_endpoints(Some(endpoints.iter().map(endpoint).collect()))
                .build()
        }),
        mock!(Ec2::describe_instance_type_offerings).then_output(move || {
            let offer = InstanceTypeOffering::builder().instance_type(InstanceType::T3Micro).location("eu-central-1a");
            let offers = if offered { vec![offer.build()] } else { Vec::new() };
            DescribeInstanceTypeOfferingsOutput::builder().set_instance_type_offerings(Some(offers)).build()
        }),
        mock!(Ec2::run_instances).then_compute_response(move |request| {
            assert_eq!(request.dry_run(), Some(true), "nothing is launched");
            if launch.is_empty() {
                let host = Instance::builder().instance_id("i-surprise").build();
                return MockResponse::Output(RunInstancesOutput::builder().instances(host).build());
            }
            MockResponse::Error(RunInstancesError::generic(error(launch)))
        }),
        mock!(Ec2::terminate_instances)
            .then_error(|| TerminateInstancesError::generic(error("InvalidInstanceID.NotFound"))),
    ]
}

async fn checks(account: Account, more: Option<Rule>) -> Vec<Check> {
    checks_of(json!({ "dryRun": true }), account, more).await
}

async fn checks_of(request: Value, account: Account, more: Option<Rule>) -> Vec<Check> {
    let ssm = mock!(aws_sdk_ssm::Client::describe_instance_information)
        .then_output(|| DescribeInstanceInformationOutput::builder().build());
    let rules: Vec<_> = more.into_iter().chain(ec2(&account)).collect();
    let launch = Launch { quotas: quotas(account.quota), ..launch(rules, ssm) };
    let plan = Box::new(test_plan(request));
    launch.dry_run(&CheckEvent { dry_run: DryRun { plan, checks: Vec::new() } }).await
}

/// Returns the names and the words of the failed checks.
fn failed(checks: &[Check]) -> Vec<(&str, &str)> {
    checks.iter().filter(|check| !check.ok).map(|check| (check.name.as_str(), check.says.as_str())).collect()
}

#[tokio::test]
async fn an_account_that_has_everything_passes_every_check() {
    let checks = checks(Account::default(), None).await;
    assert_eq!(failed(&checks), []);
    let quota = checks.iter().find(|check| check.name == "launch: vCPU quota").expect("checked");
    assert!(quota.says.ends_with("8, 2 in use, and a run needs 4"), "{}", quota.says);
    assert!(!checks.iter().any(|check| check.says.starts_with("Not checked")), "{checks:?}");
}

#[tokio::test]
async fn every_fault_is_in_one_answer() {
    let account =
        Account { launch: "UnauthorizedOperation", gateway: None, offered: true, quota: 5.0, ..Account::default() };
    let checks = checks(account, None).await;
    let names: Vec<_> = failed(&checks).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "launch: way out of subnet-a",
        "launch: server t3.micro in eu-central-1a",
        "launch: client t3.micro in eu-central-1a",
        "launch: vCPU quota",
    ];
    assert_eq!(names, expected, "{checks:?}");
    let said = failed(&checks);
    assert!(said[0].1.contains("no default route, and VPC vpc-1 has no endpoint of ssm, ssmmessages, s3"), "{said:?}");
    assert!(said[1].1.contains("service control policies"), "{said:?}");
    assert!(said[3].1.contains("ask for a higher quota"), "{said:?}");
}

#[tokio::test]
async fn a_private_subnet_with_endpoints_or_a_nat_gateway_has_a_way_out() {
    let endpoints =
        Account { is_public: false, gateway: None, endpoints: &["ssm", "ssmmessages", "s3"], ..Account::default() };
    let nat = Account { is_public: false, gateway: Some("tgw-1"), ..Account::default() };
    for account in [endpoints, nat] {
        let checks = checks(account, None).await;
        assert_eq!(failed(&checks), []);
    }
    let stranded = checks(Account { is_public: false, ..Account::default() }, None).await;
    assert!(failed(&stranded)[0].1.starts_with("an internet gateway, but hosts get no public address"), "{stranded:?}");
}

#[tokio::test]
async fn a_type_that_no_zone_offers_fails_and_offers_that_ec2_hides_do_not() {
    let missing = checks(Account { offered: false, ..Account::default() }, None).await;
    let names: Vec<_> = failed(&missing).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["launch: server type t3.micro", "launch: client type t3.micro", "launch: a place for every host"]
    );
    let denied = mock!(Ec2::describe_instance_type_offerings)
        .then_error(|| DescribeInstanceTypeOfferingsError::generic(error("UnauthorizedOperation")));
    let hidden = checks(Account::default(), Some(denied)).await;
    assert_eq!(failed(&hidden), []);
    let words: Vec<_> = hidden.iter().filter(|check| check.says.starts_with("Not checked")).collect();
    assert!(words.iter().any(|check| check.says.contains("ec2:DescribeInstanceTypeOfferings")), "{words:?}");
}

#[tokio::test]
async fn an_endpoint_that_ignores_the_dry_run_is_a_fault() {
    let checks = checks(Account { launch: "", ..Account::default() }, None).await;
    let said = failed(&checks);
    assert!(said[0].1.contains("launched i-surprise: terminated at once"), "{said:?}");
}

#[tokio::test]
async fn a_dry_run_against_an_existing_server_checks_one_host_and_not_the_way_to_the_server() {
    let existing = json!({ "address": "pacs.example.org", "port": 104, "aeTitle": "PACS" });
    let request = json!({ "dryRun": true, "server": { "existing": existing } });
    let checks = checks_of(request, Account { quota: 4.0, ..Account::default() }, None).await;
    assert_eq!(failed(&checks), []);
    let named = |part: &str| checks.iter().filter(|check| check.name.contains(part)).count();
    assert_eq!((named("AMI of the client"), named("AMI of the server"), named("launch: server")), (1, 0, 0));
    let quota = checks.iter().find(|check| check.name == "launch: vCPU quota").expect("checked");
    assert!(quota.says.ends_with("a run needs 2"), "{}", quota.says);
    let way = checks.iter().find(|check| check.name == "launch: way to the existing server").expect("listed");
    assert!(way.says.starts_with("Not checked") && way.says.contains("pacs.example.org:104"), "{}", way.says);
}
