//! Two stacks in one account and region, the second with every parameter of the template. And the limit of runs at the
//! same time, which the second stack has.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use dicomperf_aws::clients::records::{Entry, Records};
use dicomperf_aws::failure::Failure;
use dicomperf_model::keys::RunKeys;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Lab, printed, root, setting, with_packages};

fn script(name: &str) -> String {
    root().join("lab").join(name).to_str().unwrap().to_owned()
}

/// Returns a value for every parameter that changes what is created. `null` stands for a value of the account.
fn parameters() -> Value {
    json!({
        "Ami": setting("DICOMPERF_LAB_AMI_WITH_PACKAGES"),
        "VpcId": null, "SubnetId": null, "FunctionSubnetIds": null, "FunctionSecurityGroupIds": null,
        "DataKmsKeyArn": null, "DatasetKmsKeyArn": null, "VolumeKmsKeyArn": null, "AmiKmsKeyArn": null,
        "RolePath": "/perf/", "PermissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess",
        "DatasetBucket": "dicomperf-own-files", "DatasetPrefix": "scanner/", "RetentionDays": "30",
        "MaxCostUsd": "0.5", "MaxConcurrentRuns": "1", "AllowedInstanceTypes": "t3.*,m6i.large", "AmiOwners": "amazon",
        "AllowedServers": "pacs.example.org:104,10.1.0.0/16:4000-4999",
        "PackageMirror": "http://mirror.example.com/debian", "HttpProxy": "http://proxy.example.com:3128",
        "NoProxy": ".amazonaws.com", "HostTags": r#"{"team":"pacs"}"#, "EnableApi": "false", "LaunchTimeoutSeconds": "90",
    })
}

/// Returns the runs that count against the limit of a stack, with their times.
async fn running(lab: &Lab) -> HashMap<String, AttributeValue> {
    let key = AttributeValue::S("RUNNING".to_owned());
    let item = lab.table.get_item().table_name(&lab.table_name).key("PK", key.clone()).key("SK", key);
    item.consistent_read(true).send().await.unwrap().item.unwrap()["runs"].as_m().unwrap().clone()
}

fn short_run() -> Value {
    json!({ "dataset": { "synthetic": { "instances": 5 } }, "iterations": 1, "warmup": 0, "rounds": 1 })
}

#[tokio::test]
async fn two_stacks_run_side_by_side_and_a_deleted_one_leaves_its_results_only() {
    let first = Lab::new().await;
    let name = first.new_id("second");
    let outputs = printed(&script("second-stack"), &["create", &name, &parameters().to_string()]);
    let outputs: Value = serde_json::from_str(&outputs).unwrap();
    let output = |name: &str| outputs[name].as_str().unwrap_or_else(|| panic!("no {name}: {outputs}")).to_owned();
    assert!(outputs["ApiUrl"].is_null() && output("UrlRoleArn").contains(&format!(":role/perf/{name}-")), "{outputs}");
    let second = Lab {
        state_machine: output("StateMachineArn"),
        bucket: output("BucketName"),
        table_name: output("TableName"),
        ..Lab::new().await
    };

    let (in_first, in_second) =
        (first.start("side", with_packages(short_run())).await, second.start("side", short_run()).await);
    in_second.hosts().await;
    // The second stack has room for one run.
    let refused = second.start("one-too-many", short_run()).await.finish().await;
    let error = refused.failed_with("TooManyRuns");
    assert!(error.cause.contains(&in_second.id) && error.cause.contains("MaxConcurrentRuns"), "{}", error.cause);
    assert!(second.hosts_of(&refused.id).await.is_empty());
    let finished = in_second.finish().await;
    assert_eq!(finished.succeeded()["verdict"], "passed");
    in_first.finish().await.succeeded();
    assert!(first.file(&RunKeys(&finished.id).plan()).await.is_none(), "the first stack has the second's run");
    let plan: Value = second.json(&RunKeys(&finished.id).plan()).await.unwrap();
    assert_eq!(plan["request"]["limits"]["maxCostUsd"], 0.5);

    assert!(running(&second).await.is_empty(), "the run has not left its place");

    let too_much = json!({ "server": { "instanceType": "c5.large" }, "limits": { "maxCostUsd": 2 } });
    let refused = second.start("too-much", too_much).await.finish().await;
    let cause = &refused.failed_with("InvalidRequest").cause;
    for parameter in ["MaxCostUsd", "AllowedInstanceTypes"] {
        assert!(cause.contains(parameter), "{cause}");
    }
    let elsewhere = json!({ "server": { "existing": { "address": "10.1.2.3", "port": 104, "aeTitle": "PACS" } } });
    let refused = second.start("elsewhere", elsewhere).await.finish().await;
    let cause = &refused.failed_with("InvalidRequest").cause;
    assert!(cause.contains("allowed: pacs.example.org:104,10.1.0.0/16:4000-4999, the stack's"), "{cause}");

    let resources = || {
        let all = printed(&script("resources"), &[]);
        all.lines().filter(|line| line.contains(&name)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(resources().len() > 25, "the resources are not listed");
    printed(&script("second-stack"), &["delete", &name]);
    assert_eq!(
        resources(),
        [
            format!("dynamodb list_tables {}", second.table_name),
            format!("s3 list_buckets {}", second.bucket),
            format!("s3 get_bucket_policy {}", second.bucket),
        ]
    );
    assert!(second.file(&RunKeys(&finished.id).report("html")).await.is_some(), "the results are gone");
}

#[test]
fn parameters_that_do_not_belong_together_create_nothing() {
    let cases = [
        (json!({ "SubnetId": null }), "SubnetId needs VpcId"),
        (json!({ "VpcId": null }), "VpcId needs SubnetId"),
        (json!({ "DatasetPrefix": "scanner/" }), "DatasetPrefix needs DatasetBucket"),
        (json!({ "FunctionSubnetIds": null }), "FunctionSubnetIds needs FunctionSecurityGroupIds"),
        (json!({ "FunctionSecurityGroupIds": null }), "FunctionSecurityGroupIds needs FunctionSubnetIds"),
        (json!({ "HostTags": "team=pacs" }), "HostTags"),
    ];
    let parameters: Value = cases.iter().map(|(parameters, _)| parameters.clone()).collect();
    let errors = printed(&script("second-stack"), &["refuse", "refused", &parameters.to_string()]);
    assert_eq!(errors.lines().count(), cases.len(), "{errors}");
    for (error, (parameters, expected)) in errors.lines().zip(cases) {
        assert!(error.contains(expected), "{parameters}: {error}");
    }
}

/// In the table of the lab's stack, which has no limit of its own.
#[tokio::test]
async fn the_last_place_among_the_runs_is_taken_once() {
    let lab = Lab::new().await;
    let records = Records::new(lab.table.clone(), lab.table_name.clone());
    let now = Timestamp::now();
    let enter = |run_id: String, minutes: i64| {
        let (records, until) = (records.clone(), now + SignedDuration::from_mins(minutes));
        async move { records.enter(&Entry { run_id: &run_id, until, limit: 3 }, now).await.map(|()| run_id) }
    };
    // A run that nobody tore down.
    enter("forgotten.run".to_owned(), -1).await.unwrap();
    let mut plans = JoinSet::new();
    for number in 0..8 {
        // Each plan is called twice.
        plans.spawn(enter(format!("run.{number}"), 30));
        plans.spawn(enter(format!("run.{number}"), 30));
    }
    let (entered, refused): (Vec<_>, Vec<_>) = plans.join_all().await.into_iter().partition(Result::is_ok);
    let entered: BTreeSet<_> = entered.into_iter().map(Result::unwrap).collect();
    assert_eq!(entered.len(), 3, "{entered:?}");
    for failure in refused.into_iter().map(Result::unwrap_err) {
        let Failure::TooManyRuns { running, limit } = failure else { panic!("{failure}") };
        assert_eq!((running.split(", ").count(), limit), (3, 3), "{running}");
    }
    for run_id in &entered {
        records.leave(run_id).await.unwrap();
        // Teardown runs twice.
        records.leave(run_id).await.unwrap();
    }
    let left = running(&lab).await;
    assert!(left.is_empty(), "{left:?}");
}
