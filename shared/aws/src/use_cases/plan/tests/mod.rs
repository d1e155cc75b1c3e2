mod builds;
mod on_hosts;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::operation::get_parameter::{GetParameterError, GetParameterOutput};
use aws_sdk_ssm::types::Parameter;
use aws_smithy_mocks::{MockResponse, Rule, mock};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::*;
use crate::mocked::{Bucket, client, error, noon};

fn parameter() -> Rule {
    mock!(Ssm::get_parameter).then_output(|| {
        let parameter = Parameter::builder().value("ami-00000000000000001").build();
        GetParameterOutput::builder().parameter(parameter).build()
    })
}

/// The table has no named baseline.
fn no_baselines() -> Rule {
    mock!(DynamoDb::query).then_output(|| QueryOutput::builder().build())
}

fn recorded() -> Rule {
    mock!(DynamoDb::put_item).then_output(|| PutItemOutput::builder().build())
}

fn planner(bucket: &Bucket, dynamodb: Vec<Rule>, ssm: &Rule) -> Planner {
    Planner {
        artifacts: bucket.artifacts(),
        records: Records::new(client!(aws_sdk_dynamodb, rules: dynamodb), "table".to_owned()),
        s3: bucket.client(),
        ssm: client!(aws_sdk_ssm, [ssm]),
        ami: "/aws/service/ubuntu".to_owned(),
        limits: StackLimits::default(),
    }
}

async fn plan_at(planner: &Planner, input: Value, now: Timestamp, run_id: &str) -> Result<PlanAnswer, Failure> {
    let event =
        PlanEvent { input, run_id: run_id.to_owned(), execution_arn: "arn:execution".to_owned(), started_at: noon() };
    planner.plan(event, now, &mut ChaCha8Rng::seed_from_u64(now.as_second().unsigned_abs())).await
}

async fn plan_once(planner: &Planner, input: Value) -> Result<PlanAnswer, Failure> {
    plan_at(planner, input, noon(), "run-1").await
}

#[tokio::test]
async fn planning_twice_gives_one_plan() {
    let bucket = Bucket::default();
    let planner = planner(&bucket, vec![recorded()], &parameter());
    let first = plan_once(&planner, json!({})).await.expect("a plan");
    let secrets: Secrets = bucket.get("ephemeral/run-1/secrets.json").expect("secrets");
    let later = noon() + SignedDuration::from_mins(5);
    let second = plan_at(&planner, json!({}), later, "run-1").await.expect("the same plan");
    assert_eq!(first, second);
    assert!(bucket.get::<Secrets>("ephemeral/run-1/secrets.json") == Some(secrets));
    assert_eq!(bucket.keys(), ["ephemeral/run-1/secrets.json", "runs/run-1/plan.json", "runs/run-1/request.json"]);
    let plan: Plan = bucket.get("runs/run-1/plan.json").expect("a plan");
    assert_eq!(plan.hosts.server.as_ref().expect("a server").ami, "ami-00000000000000001");
}

#[tokio::test]
async fn a_bad_request_names_every_field_and_leaves_nothing() {
    let bucket = Bucket::default();
    let planner = planner(&bucket, Vec::new(), &parameter());
    let failure = plan_once(&planner, json!({ "iterations": -1, "colour": "red" })).await.expect_err("bad");
    let Failure::InvalidRequest(refusal) = failure else { panic!("{failure}") };
    let mut paths: Vec<_> = refusal.errors.iter().map(|error| error.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["colour", "iterations"]);
    assert!(bucket.keys().is_empty());
}

#[tokio::test]
async fn a_plan_over_its_limits_is_refused_before_anything_is_asked_of_aws() {
    let bucket = Bucket::default();
    let ssm = parameter();
    let planner = planner(&bucket, Vec::new(), &ssm);
    let failure = plan_once(&planner, json!({ "limits": { "maxCostUsd": 0.01 }, "iterations": 100 })).await;
    assert_eq!(failure.expect_err("too dear").name(), "InvalidRequest");
    assert_eq!(ssm.num_calls(), 0);
}

#[tokio::test]
async fn a_name_that_cannot_be_a_key_or_a_path_is_refused() {
    let bucket = Bucket::default();
    let planner = planner(&bucket, Vec::new(), &parameter());
    for name in ["a b", "..a", ".x"] {
        let failure = plan_at(&planner, json!({}), noon(), name).await.expect_err("bad name").to_string();
        assert!(failure.starts_with(&format!("name of the execution: is {name:?}; allowed: 1 to 80")), "{failure}");
    }
}

fn existing(address: &str, more: Value) -> Value {
    let mut request = json!({ "server": { "existing": { "address": address, "port": 104, "aeTitle": "PACS" } } });
    request.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    request
}

#[tokio::test]
async fn an_existing_server_needs_no_ami_and_a_stack_that_allows_it() {
    let (bucket, ssm) = (Bucket::default(), parameter());
    let limits = StackLimits { allowed_servers: "pacs.example.org:104".to_owned(), ..StackLimits::default() };
    let allowing = Planner { limits, ..planner(&bucket, vec![recorded()], &ssm) };
    let answer = plan_once(&allowing, existing("pacs.example.org", json!({}))).await.expect("a plan");
    assert!(!answer.starts_server);
    assert_eq!(ssm.num_calls(), 1, "the AMI of the client");
    let plan: Plan = bucket.get("runs/run-1/plan.json").expect("a plan");
    assert!(plan.hosts.server.is_none() && plan.hosts.client.is_some());

    for planner in [&allowing, &planner(&Bucket::default(), Vec::new(), &ssm)] {
        let refused = plan_at(planner, existing("other.example.org", json!({})), noon(), "run-2").await;
        let failure = refused.expect_err("not allowed");
        assert_eq!(failure.name(), "InvalidRequest");
        let text = failure.to_string();
        assert!(text.contains("server.existing.address: is other.example.org:104") && text.contains("AllowedServers"));
    }
    assert!(bucket.keys().iter().all(|key| !key.contains("run-2")));
    assert_eq!(ssm.num_calls(), 1, "nothing is asked of AWS");
}

#[tokio::test]
async fn a_dry_run_with_an_existing_server_checks_one_ami_and_the_stacks_parameter() {
    let (bucket, ssm) = (Bucket::default(), parameter());
    let limits = StackLimits { allowed_servers: "pacs.example.org:*".to_owned(), ..StackLimits::default() };
    let read = mock!(DynamoDb::get_item).then_output(|| GetItemOutput::builder().build());
    let counted = running(&[], false).swap_remove(1);
    let planner = Planner { limits, ..planner(&bucket, vec![recorded(), read, no_baselines(), counted], &ssm) };
    let answer = plan_once(&planner, existing("pacs.example.org", json!({ "dryRun": true }))).await.expect("a plan");
    let checks = answer.dry_run.expect("a dry run").checks;
    assert!(checks.iter().all(|check| check.ok), "{checks:?}");
    let names: Vec<_> = checks.iter().map(|check| &*check.name).collect();
    assert!(names.contains(&"plan: existing server") && names.contains(&"plan: AMI of the client"), "{names:?}");
    assert!(!names.contains(&"plan: AMI of the server"), "{names:?}");
}

#[tokio::test]
async fn a_directory_is_refused() {
    let planner = planner(&Bucket::default(), Vec::new(), &parameter());
    let request = json!({ "dataset": { "directory": { "path": "/data" } } });
    let failure = plan_once(&planner, request).await.expect_err("refused").to_string();
    assert!(failure.starts_with("dataset.directory: only dicomperf measure reads a directory"), "{failure}");
}

#[tokio::test]
async fn an_ami_parameter_that_is_not_there_makes_the_ami_unusable() {
    let missing = mock!(Ssm::get_parameter).then_error(|| GetParameterError::generic(error("ParameterNotFound")));
    let bucket = Bucket::default();
    let failure = plan_once(&planner(&bucket, Vec::new(), &missing), json!({})).await.expect_err("no AMI");
    assert_eq!(failure.name(), "AmiUnusable");
    assert!(failure.to_string().contains("/aws/service/ubuntu"), "{failure}");
    assert!(bucket.keys().is_empty());
}

#[tokio::test]
async fn a_schedule_whose_lock_is_held_is_said_to_overlap() {
    let put = mock!(DynamoDb::put_item).then_compute_response(|request| {
        let is_lock = request.item().is_some_and(|item| item["PK"] == AttributeValue::S("LOCK#nightly".to_owned()));
        if is_lock {
            let condition = request.condition_expression().unwrap_or_default();
            assert_eq!(condition, "attribute_not_exists(PK) OR runId = :run OR #until < :now");
            return MockResponse::Error(PutItemError::generic(error("ConditionalCheckFailedException")));
        }
        MockResponse::Output(PutItemOutput::builder().build())
    });
    let get = mock!(DynamoDb::get_item)
        .then_output(|| GetItemOutput::builder().item("runId", AttributeValue::S("run-0".to_owned())).build());
    let bucket = Bucket::default();
    let scheduled = json!({ "schedule": "nightly", "request": { "name": "nightly-ct" } });
    let failure = plan_once(&planner(&bucket, vec![put, get], &parameter()), scheduled).await.expect_err("held");
    assert_eq!(failure.to_string(), "run run-0 of schedule nightly is not over");
    assert_eq!(failure.name(), "ScheduleOverlaps");
}

#[tokio::test]
async fn a_schedules_request_is_what_is_planned() {
    let bucket = Bucket::default();
    let planner = planner(&bucket, vec![recorded()], &parameter());
    let scheduled = json!({ "schedule": "nightly", "request": { "name": "nightly-ct" } });
    plan_once(&planner, scheduled).await.expect("a plan");
    let plan: Plan = bucket.get("runs/run-1/plan.json").expect("a plan");
    assert_eq!(plan.request.name, "nightly-ct");
    assert_eq!(bucket.get::<Value>("runs/run-1/request.json"), Some(json!({ "name": "nightly-ct" })));
}

#[tokio::test]
async fn the_name_of_a_schedule_is_checked() {
    for schedule in [json!(""), json!("a b"), json!(1), json!("x".repeat(129))] {
        let bucket = Bucket::default();
        let input = json!({ "schedule": schedule, "request": {} });
        let failure = plan_once(&planner(&bucket, Vec::new(), &parameter()), input).await.expect_err("bad");
        assert!(failure.to_string().starts_with("schedule: "), "{failure}");
    }
}

/// Returns rules for a table in which these runs count until these times, and one that refuses a further run.
fn running(runs: &'static [(&'static str, Timestamp)], is_full: bool) -> Vec<Rule> {
    let read = mock!(DynamoDb::update_item)
        .match_requests(|request| request.update_expression().is_some_and(|text| text.contains("if_not_exists")))
        .then_output(|| {
            let until = |time: &Timestamp| AttributeValue::N(time.as_second().to_string());
            let runs = runs.iter().map(|(run_id, time)| ((*run_id).to_owned(), until(time))).collect();
            UpdateItemOutput::builder().attributes("runs", AttributeValue::M(runs)).build()
        });
    let remove = mock!(DynamoDb::update_item)
        .match_requests(|request| request.update_expression() == Some("REMOVE runs.#run"))
        .then_output(|| UpdateItemOutput::builder().build());
    let enter = mock!(DynamoDb::update_item)
        .match_requests(|request| request.update_expression() == Some("SET runs.#run = :until"))
        .then_compute_response(move |_| match is_full {
            true => MockResponse::Error(UpdateItemError::generic(error("ConditionalCheckFailedException"))),
            false => MockResponse::Output(UpdateItemOutput::builder().build()),
        });
    vec![recorded(), read, remove, enter]
}

fn with_limit(bucket: &Bucket, dynamodb: &[Rule], limit: u32) -> Planner {
    let limits = StackLimits { max_concurrent_runs: Some(limit), ..StackLimits::default() };
    Planner { limits, ..planner(bucket, dynamodb.to_vec(), &parameter()) }
}

#[tokio::test]
async fn a_run_beyond_the_stacks_limit_is_refused_with_the_runs_that_are_not_over() {
    let rules = running(&[("run-8", Timestamp::MAX), ("run-9", Timestamp::MAX)], true);
    let failure = plan_once(&with_limit(&Bucket::default(), &rules, 2), json!({})).await.expect_err("full");
    assert_eq!(failure.name(), "TooManyRuns");
    let text = failure.to_string();
    assert!(
        text.contains("MaxConcurrentRuns") && text.contains("run-8, run-9") && text.starts_with("2 runs"),
        "{text}"
    );
    assert_eq!(rules[2].num_calls(), 0, "no run is expired");
}

#[tokio::test]
async fn a_run_that_nobody_tore_down_stops_counting_at_its_time() {
    let rules = running(&[("run-8", Timestamp::UNIX_EPOCH)], false);
    plan_once(&with_limit(&Bucket::default(), &rules, 1), json!({})).await.expect("a plan");
    assert_eq!((rules[2].num_calls(), rules[3].num_calls()), (1, 1));
}

#[tokio::test]
async fn planning_twice_counts_once() {
    let rules = running(&[("run-1", Timestamp::MAX)], true);
    plan_once(&with_limit(&Bucket::default(), &rules, 1), json!({})).await.expect("it counts already");
    assert_eq!(rules[3].num_calls(), 0);
}

#[tokio::test]
async fn limits_of_the_stack_and_of_the_plan_are_named_together_and_nothing_is_asked_of_aws() {
    let (bucket, ssm) = (Bucket::default(), parameter());
    let limits = StackLimits { instance_types: vec!["t3.*".to_owned()], ..StackLimits::default() };
    let planner = Planner { limits, ..planner(&bucket, Vec::new(), &ssm) };
    let request =
        json!({ "server": { "instanceType": "m5.large" }, "limits": { "maxCostUsd": 0.01 }, "iterations": 100 });
    let failure = plan_once(&planner, request).await.expect_err("refused");
    let Failure::InvalidRequest(refusal) = failure else { panic!("{failure}") };
    let paths: Vec<_> = refusal.errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths[0], "server.instanceType");
    assert!(paths.contains(&"limits.maxCostUsd"), "{paths:?}");
    assert_eq!(ssm.num_calls(), 0);
}

#[tokio::test]
async fn a_dry_run_has_every_fault_and_the_plan_in_one_answer() {
    let denied = mock!(Ssm::get_parameter).then_error(|| GetParameterError::generic(error("AccessDeniedException")));
    let refused = mock!(DynamoDb::put_item).then_error(|| PutItemError::generic(error("AccessDeniedException")));
    let read = mock!(DynamoDb::get_item).then_output(|| GetItemOutput::builder().build());
    let bucket = Bucket::default();
    let rules = running(&[("run-8", Timestamp::MAX), ("run-9", Timestamp::UNIX_EPOCH)], true);
    let planner = Planner {
        limits: StackLimits { max_concurrent_runs: Some(1), ..StackLimits::default() },
        ..planner(&bucket, vec![refused, read, no_baselines(), rules[1].clone()], &denied)
    };
    let answer = plan_once(&planner, json!({ "dryRun": true, "name": "doctor" })).await.expect("a plan");
    let dry_run = answer.dry_run.expect("a dry run");
    let failed: Vec<_> = dry_run.checks.iter().filter(|check| !check.ok).map(|check| &*check.name).collect();
    assert_eq!(
        failed,
        ["plan: AMI of the server", "plan: AMI of the client", "plan: table", "plan: runs at the same time"]
    );
    let says = |name: &str| &dry_run.checks.iter().find(|check| check.name == name).expect("checked").says;
    assert!(says("plan: AMI of the server").contains("no such parameter in eu-central-1"));
    assert!(says("plan: table").ends_with("it needs dynamodb:PutItem"));
    assert!(says("plan: runs at the same time").starts_with("1 run not over"));
    assert!(says("plan: request").starts_with("1 scenario in 2 block runs, about"), "{}", says("plan: request"));
    assert!(answer.sequence.is_empty() && dry_run.plan.hosts.server.as_ref().expect("a server").ami.is_empty());
    assert_eq!(bucket.keys(), ["runs/run-1/plan.json", "runs/run-1/request.json"]);
}

#[tokio::test]
async fn a_dry_run_of_a_bad_request_is_refused_as_ever_and_takes_no_lock() {
    let bucket = Bucket::default();
    let refused = plan_once(&planner(&bucket, Vec::new(), &parameter()), json!({ "dryRun": true, "rounds": 0 })).await;
    assert_eq!(refused.expect_err("bad").name(), "InvalidRequest");
    let read = mock!(DynamoDb::get_item).then_output(|| GetItemOutput::builder().build());
    let counted = running(&[], false).swap_remove(1);
    let planner = planner(&bucket, vec![recorded(), read, no_baselines(), counted], &parameter());
    let scheduled = json!({ "schedule": "nightly", "request": { "dryRun": true } });
    assert!(plan_once(&planner, scheduled).await.expect("a plan").dry_run.is_some());
}

#[tokio::test]
async fn a_named_baseline_is_settled_when_the_run_is_planned() {
    let item = |run_id: &str| {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        std::collections::HashMap::from([
            ("name".to_owned(), text("release")),
            ("runId".to_owned(), text(run_id)),
            ("setAt".to_owned(), text("2026-01-01T12:00:00Z")),
        ])
    };
    let found = item("run-0");
    let get = mock!(DynamoDb::get_item).then_compute_output(move |request| {
        let key = format!("{:?}", request.key());
        let known = key.contains("BASELINE") && key.contains("release");
        GetItemOutput::builder().set_item(known.then(|| found.clone())).build()
    });
    let known = item("run-0");
    let query = mock!(DynamoDb::query).then_output(move || QueryOutput::builder().items(known.clone()).build());
    let bucket = Bucket::default();
    let planner = planner(&bucket, vec![recorded(), get, query], &parameter());

    let refused =
        plan_at(&planner, json!({ "baseline": { "named": "other" } }), noon(), "run-2").await.expect_err("refused");
    assert_eq!(refused.name(), "InvalidRequest");
    assert_eq!(refused.to_string(), "baseline.named: is other, which no run has; allowed: release");
    assert!(bucket.keys().is_empty());

    plan_once(&planner, json!({ "baseline": { "named": "release" } })).await.expect("a plan");
    let plan: Plan = bucket.get("runs/run-1/plan.json").expect("a plan");
    assert_eq!(plan.baseline_run(), Some("run-0"));
}
