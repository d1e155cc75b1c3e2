use super::*;
use crate::mocked::test_plan;

/// A bucket with the plan and the secrets of a run that keeps its hosts.
fn bucket_of_owner(document: Value) -> Bucket {
    let bucket = Bucket::default();
    let mut plan = test_plan(document);
    plan.run_id = "owner".to_owned();
    bucket.put(&RunKeys("owner").plan(), &json!(plan));
    let secrets = Secrets { rest_user: "user".to_owned(), rest_password: "password".to_owned() };
    bucket.put(&RunKeys("owner").secrets(), &json!(secrets));
    bucket
}

fn owner_kept_until(until: &'static str) -> Rule {
    mock!(DynamoDb::get_item).then_compute_output(move |request| {
        let key = request.key().expect("a key")["PK"].as_s().expect("text").clone();
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let item = (key == "RUN#owner").then(|| {
            let fields = [
                ("runId", text("owner")),
                ("status", text("SUCCEEDED")),
                ("createdAt", text("2026-01-01T11:00:00.000Z")),
                ("keptUntil", text(until)),
                ("hostsLeft", AttributeValue::N("2".to_owned())),
            ];
            fields.map(|(name, value)| (name.to_owned(), value)).into()
        });
        GetItemOutput::builder().set_item(item).build()
    })
}

fn kept_request() -> Value {
    json!({ "name": "kept", "keepHosts": { "minutes": 30 }, "dataset": { "synthetic": { "instances": 5 } } })
}

#[tokio::test]
async fn a_run_on_kept_hosts_has_their_plan_and_ends_before_them() {
    let bucket = bucket_of_owner(kept_request());
    let rules = vec![owner_kept_until("2026-01-01T12:20:00Z"), recorded()];
    let planner = planner(&bucket, rules, &parameter());
    let answer = plan_once(&planner, json!({ "again": "owner" })).await.expect("a plan");
    assert!(!answer.keeps_hosts && answer.clears.is_empty() && answer.starts_server);
    let plan: Plan = bucket.get(&RunKeys(&answer.run_id).plan()).expect("a plan");
    let owner: Plan = bucket.get(&RunKeys("owner").plan()).expect("a plan");
    assert_eq!(
        (plan.hosts_of.as_deref(), plan.expires_at.to_string().as_str()),
        (Some("owner"), "2026-01-01T12:20:00Z")
    );
    assert_eq!((&plan.fingerprint, &plan.hosts, &plan.blocks), (&owner.fingerprint, &owner.hosts, &owner.blocks));
    let secrets: Secrets = bucket.get(&RunKeys(&answer.run_id).secrets()).expect("secrets");
    assert_eq!(secrets.rest_password, "password", "the report of the owner names its secrets");
}

#[tokio::test]
async fn a_clearing_empties_each_host_and_measures_nothing() {
    let bucket = bucket_of_owner(kept_request());
    let rules = vec![owner_kept_until("2026-01-01T12:20:00Z"), recorded()];
    let planner = planner(&bucket, rules, &parameter());
    let answer = plan_once(&planner, json!({ "clear": "owner" })).await.expect("a plan");
    assert_eq!((answer.clears, answer.sequence.len()), (HostRole::BOTH.to_vec(), 0));
}

#[tokio::test]
async fn work_that_does_not_fit_the_kept_hosts_is_refused_with_its_field() {
    let refused = async |input: Value, until: &'static str| {
        let bucket = bucket_of_owner(kept_request());
        let planner = planner(&bucket, vec![owner_kept_until(until), recorded()], &parameter());
        let failure = plan_once(&planner, input).await.expect_err("refused");
        assert!(bucket.keys().iter().all(|key| key.contains("/owner/")), "{:?}", bucket.keys());
        failure.to_string()
    };
    let soon = "2026-01-01T12:20:00Z";
    let message = refused(json!({ "again": "owner" }), "2026-01-01T12:00:20Z").await;
    assert!(message.starts_with("again: is owner, whose hosts are kept until"), "{message}");
    let message = refused(json!({ "again": "owner" }), "2026-01-01T11:59:00Z").await;
    assert!(message.contains("whose hosts are gone"), "{message}");
    let message = refused(json!({ "again": "nobody" }), soon).await;
    assert!(message.contains("no run has this id"), "{message}");
    let message = refused(json!({ "again": 7 }), soon).await;
    assert!(message.starts_with("again: ") && message.contains("RUN-ID"), "{message}");
    let message = refused(json!({ "clear": "owner", "request": {} }), soon).await;
    assert!(message.starts_with("clear: "), "{message}");
    let request = json!({ "server": { "instanceType": "m5.large" }, "keepHosts": { "minutes": 5 } });
    let message = refused(json!({ "again": "owner", "request": request }), soon).await;
    assert!(message.contains("request.server.instanceType: ") && message.contains("request.keepHosts: "), "{message}");
    let message = refused(json!({ "again": "owner", "request": { "iterations": 0 } }), soon).await;
    assert!(message.starts_with("request.iterations: is 0"), "{message}");
}
