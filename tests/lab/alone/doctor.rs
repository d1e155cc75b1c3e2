//! `dicomperf doctor` where IAM policies are enforced. Alone, because it takes permissions away from functions that every
//! run uses.

use std::collections::BTreeSet;

use dicomperf_model::keys::RunKeys;
use serde_json::{Value, json};

use crate::harness::{Lab, command, printed, root, setting};

/// Actions that no dry run could miss here. The emulator does not check the first two and does not have the service of the
/// third (docs/lab.md). The fourth is for subnets without a way out. The fifth is for an AMI by its parameter, where the lab
/// has ids, and for the credentials of an existing server. The last decrypts these with a key of one's own.
const NOT_HERE: [&str; 6] = [
    "ec2:CreateTags",
    "iam:PassRole",
    "servicequotas:GetServiceQuota",
    "ec2:DescribeVpcEndpoints",
    "ssm:GetParameter",
    "kms:Decrypt",
];

/// The functions, their inputs in a dry run, and the roles whose permissions they check.
fn functions(run_id: &str, dry_run: &Value) -> [(&'static str, Value, Vec<&'static str>); 5] {
    let request = json!({ "dryRun": true, "dataset": { "s3": { "bucket": OWN_BUCKET } } });
    let plan = json!({
        "input": request, "runId": format!("{run_id}-plan"), "executionArn": "arn:aws:states:us-east-1:1:execution:x:y",
        "startedAt": "2026-01-01T00:00:00Z",
    });
    let check = json!({ "dryRun": dry_run });
    let summarize = json!({ "runId": run_id, "error": null, "hostsLeft": 0, "checks": [] });
    [
        ("PlanFunction", plan, vec!["PlanFunctionRole"]),
        ("LaunchFunction", check.clone(), vec!["LaunchFunctionRole"]),
        ("RunStepFunction", check.clone(), vec!["RunStepFunctionRole", "UrlRole"]),
        ("TeardownFunction", check, vec!["TeardownFunctionRole"]),
        ("SummarizeFunction", summarize, vec!["SummarizeFunctionRole"]),
    ]
}

/// The bucket of the stack's parameter DatasetBucket (lab/deploy).
const OWN_BUCKET: &str = "dicomperf-own-files";
/// An inline policy of a role.
struct Policy {
    role: String,
    name: String,
    document: Value,
}

impl Policy {
    /// Returns the inline policies of every role of the stack.
    fn all() -> Vec<Self> {
        let arguments = ["iam", "get-account-authorization-details", "--filter", "Role", "--output", "json"];
        let details: Value = serde_json::from_str(&printed("aws", &arguments)).unwrap();
        let roles = details["RoleDetailList"].as_array().unwrap().iter();
        let policies =
            roles.flat_map(|role| role["RolePolicyList"].as_array().unwrap().iter().map(move |one| (role, one)));
        policies
            .map(|(role, policy)| Self {
                role: role["RoleName"].as_str().unwrap().to_owned(),
                name: policy["PolicyName"].as_str().unwrap().to_owned(),
                document: policy["PolicyDocument"].clone(),
            })
            .collect()
    }

    fn actions(&self) -> BTreeSet<String> {
        self.statements().iter().flat_map(|one| actions_of(&one["Action"])).collect()
    }

    fn statements(&self) -> Vec<Value> {
        match &self.document["Statement"] {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        }
    }

    /// Writes the policy without an action, or as it was.
    fn write_without(&self, action: Option<&str>) {
        let mut document = self.document.clone();
        let without = |mut statement: Value| {
            let left: Vec<_> =
                actions_of(&statement["Action"]).into_iter().filter(|one| Some(one.as_str()) != action).collect();
            statement["Action"] = json!(left);
            (!left.is_empty()).then_some(statement)
        };
        document["Statement"] = self.statements().into_iter().filter_map(without).collect();
        if document["Statement"].as_array().unwrap().is_empty() {
            // IAM wants one statement.
            document["Statement"] = json!([{ "Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*" }]);
        }
        let parameters = [
            "Action=PutRolePolicy".to_owned(),
            "Version=2010-05-08".to_owned(),
            format!("RoleName={}", self.role),
            format!("PolicyName={}", self.name),
            format!("PolicyDocument={document}"),
        ];
        let user = format!("{}:{}", setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY"));
        let signature = format!("aws:amz:{}:iam", setting("AWS_REGION"));
        // Ten times as quick as the AWS CLI, whose start takes most of a second.
        let mut arguments = vec!["-sf", "--aws-sigv4", &signature, "--user", &user];
        arguments.extend(parameters.iter().flat_map(|parameter| ["--data-urlencode", parameter.as_str()]));
        let url = setting("AWS_ENDPOINT_URL");
        arguments.push(&url);
        printed("curl", &arguments);
    }
}

/// Writes a policy back when the test is through with it, however it ends.
struct Restored<'a>(&'a Policy);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        self.0.write_without(None);
    }
}

fn actions_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

/// Returns the checks that are not known to pass.
fn suspicious(answer: &Value) -> Vec<String> {
    let checks = answer["checks"].as_array().or_else(|| answer["dryRun"]["checks"].as_array()).unwrap();
    let fault = |check: &&Value| check["ok"] == false || check["says"].as_str().unwrap().starts_with("Not checked");
    checks.iter().filter(fault).map(|check| format!("{}: {}", check["name"], check["says"])).collect()
}

/// As a person would: every check passes on the stack as it is deployed, nothing is launched, and the exit code says so.
#[tokio::test]
async fn doctor_passes_on_the_deployed_stack_and_then_names_each_permission_that_is_taken_away() {
    let out = root().join("target/tests/doctor");
    let output =
        command(root().join("target/debug/dicomperf").to_str().unwrap(), &["doctor", "--out", out.to_str().unwrap()]);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
    assert!(said.contains("launch: subnets") && said.contains("a run may start"), "{said}");
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!((&report["status"], &report["verdict"]), (&json!("SUCCEEDED"), &json!("passed")));
    assert_eq!(report["scenarios"], json!([]));
    let lab = Lab::new().await;
    let id = report["runId"].as_str().unwrap();
    assert!(lab.hosts_of(id).await.is_empty(), "a dry run launches nothing");
    lab.keep_page(id, "lab-doctor").await;
    each_missing_permission_is_named(&lab, id).await;
}

async fn each_missing_permission_is_named(lab: &Lab, id: &str) {
    // A bucket that is there already is as good.
    command("aws", &["s3api", "create-bucket", "--bucket", OWN_BUCKET]);
    let plan: Value = lab.json(&RunKeys(id).plan()).await.unwrap();
    let dry_run = json!({ "plan": plan, "checks": [] });
    let policies = Policy::all();
    let (mut tried, mut unnamed) = (0, Vec::new());
    for (function, event, roles) in functions(id, &dry_run) {
        let before = suspicious(&lab.invoke(function, &event).await.unwrap());
        for role in roles {
            for policy in policies.iter().filter(|one| one.role.starts_with(&format!("dicomperf-{role}-"))) {
                let _restored = Restored(policy);
                for action in policy.actions() {
                    if NOT_HERE.contains(&action.as_str()) || action.starts_with("logs:") {
                        continue;
                    }
                    policy.write_without(Some(&action));
                    let answered = lab.invoke(function, &event).await;
                    tried += 1;
                    let found = answered.as_ref().map(suspicious).unwrap_or_default();
                    let is_named = found.iter().any(|one| one.contains(&action) && !before.contains(one));
                    if !is_named {
                        unnamed.push(format!("{role} without {action}: {found:?} {:?}", answered.err()));
                    }
                }
            }
        }
    }
    println!("{tried} permissions taken away, one at a time");
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
    assert!(tried >= 30, "only {tried} permissions were taken away");
}
