//! The policies to paste for people who use the stack, compared with the routes of the API.

use dicomperf_aws::api::{Operation, ROUTES, Route};
use dicomperf_aws::clients::records::BASELINE_KEY;
use regex::Regex;
use serde_json::Value;

/// The policies that have statements for the API.
const POLICIES: [&str; 4] = ["start-runs", "read-only", "schedules", "baselines"];

/// Returns the policies that permit an operation. An operation without a line does not compile.
const fn permitted_by(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::StartRun | Operation::AbortRun => &["start-runs"],
        Operation::RunSchedule => &["start-runs", "schedules"],
        Operation::ListRuns
        | Operation::ShowRun
        | Operation::ShowReport
        | Operation::CompareRuns
        | Operation::ValidateRequest
        | Operation::ShowOpenApi => &["start-runs", "read-only"],
        Operation::ListSchedules | Operation::ShowSchedule => &["start-runs", "read-only", "schedules"],
        Operation::CreateSchedule | Operation::ChangeSchedule | Operation::DeleteSchedule => &["schedules"],
        Operation::ListBaselines | Operation::ShowBaseline => &["start-runs", "read-only", "baselines"],
        Operation::SetBaseline | Operation::RemoveBaseline => &["baselines"],
    }
}

/// Returns the statements of a policy that have this action.
fn statements(policy: &str, action: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(&crate::read(&format!("policies/{policy}.json"))).unwrap();
    let statements = document["Statement"].as_array().unwrap().iter();
    statements.filter(|one| strings(&one["Action"]).contains(&action)).cloned().collect()
}

/// Returns a text, or the texts of a list.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(texts) => texts.iter().map(|text| text.as_str().unwrap()).collect(),
        text => vec![text.as_str().unwrap()],
    }
}

/// Compares as IAM does: `*` stands for any text, with slashes.
fn is_like(resource: &str, pattern: &str) -> bool {
    Regex::new(&format!("^{}$", regex::escape(pattern).replace(r"\*", ".*"))).unwrap().is_match(resource)
}

/// Returns the resource of a request to a route (API Gateway Developer Guide, Control access to HTTP APIs with IAM).
fn resource(route: &Route) -> String {
    let parameter = Regex::new(r"\{\w+\}").unwrap();
    let path = parameter.replace(route.path, "a-name");
    format!("arn:aws:execute-api:REGION:ACCOUNT:API/$default/{}{path}", route.method)
}

#[test]
fn each_route_is_permitted_by_exactly_the_policies_that_need_it() {
    for route in ROUTES {
        let resource = resource(route);
        let is_permitted = |policy: &&str| {
            let statements = statements(policy, "execute-api:Invoke");
            statements.iter().any(|one| strings(&one["Resource"]).iter().any(|pattern| is_like(&resource, pattern)))
        };
        let permitted: Vec<_> = POLICIES.into_iter().filter(is_permitted).collect();
        assert_eq!(permitted, permitted_by(route.operation), "{} {}", route.method, route.path);
    }
}

#[test]
fn who_names_baselines_writes_no_other_item_of_the_table() {
    let writing = statements("baselines", "dynamodb:PutItem");
    assert_eq!(writing.len(), 1);
    assert_eq!(strings(&writing[0]["Action"]), ["dynamodb:DeleteItem", "dynamodb:PutItem"]);
    let keys = &writing[0]["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"];
    assert_eq!(strings(keys), [BASELINE_KEY]);
}

#[test]
fn who_starts_runs_reads_the_page_of_all_runs() {
    let reading = statements("start-runs", "s3:GetObject");
    let page = format!("arn:aws:s3:::BUCKET/{}", dicomperf_model::keys::HISTORY_PAGE);
    assert!(reading.iter().any(|one| strings(&one["Resource"]).contains(&page.as_str())), "{reading:?}");
}
