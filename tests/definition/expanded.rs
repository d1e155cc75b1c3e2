//! The template as CloudFormation gets it: expanded by SAM's own translator. The policies to paste are compared with it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::OnceLock;

use dicomperf_model::hash::sha256_hex;
use dicomperf_testkit::{Cause, not_tested};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

/// Permissions that CloudFormation needs for each type of resource, and every action of IAM.
#[derive(Deserialize)]
struct Reference {
    permissions: BTreeMap<String, Vec<String>>,
    actions: Vec<String>,
}

/// Runs a Python script of the lab. Returns `None` if its packages are not installed.
fn python(script: &str, argument: &str) -> Option<String> {
    let output = Command::new(crate::root().join(".venv/bin/python"))
        .current_dir(crate::root())
        .args([script, argument])
        .output()
        .ok()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("ModuleNotFoundError") {
        return None;
    }
    assert!(output.status.success(), "{script}: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn expanded() -> Option<&'static Value> {
    static EXPANDED: OnceLock<Option<Value>> = OnceLock::new();
    let template = EXPANDED.get_or_init(|| Some(serde_json::from_str(&expansion()?).unwrap())).as_ref();
    if template.is_none() {
        not_tested(Cause::Missing("SAM's translator is not installed: make install"));
    }
    template
}

/// Returns the expanded template as text. Each test has its own process, so the text is stored for the others.
fn expansion() -> Option<String> {
    let sources = crate::read("template.yaml") + &crate::read("lab/expand-template");
    let folder = crate::root().join("target/tests/expanded");
    let stored = folder.join(sha256_hex(sources.as_bytes())).with_extension("json");
    if let Ok(text) = std::fs::read_to_string(&stored) {
        return Some(text);
    }
    let text = python("lab/expand-template", "template.yaml")?;
    std::fs::create_dir_all(&folder).unwrap();
    let file = tempfile::NamedTempFile::new_in(&folder).unwrap();
    std::fs::write(file.path(), &text).unwrap();
    file.persist(&stored).unwrap();
    Some(text)
}

fn resources(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    template["Resources"].as_object().unwrap().iter()
}

/// Returns the permissions for the resources of the template.
fn reference(template: &Value) -> Reference {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), template.to_string()).unwrap();
    let text =
        python("lab/resource-permissions", file.path().to_str().unwrap()).expect("installed with the translator");
    serde_json::from_str(&text).unwrap()
}

/// Calls `visit` with every object of a document.
fn walk(value: &Value, visit: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(fields);
            fields.values().for_each(|inner| walk(inner, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

/// Returns the actions of every statement in a document.
fn actions(document: &Value) -> Vec<String> {
    let mut actions = Vec::new();
    walk(document, &mut |fields| {
        if fields.contains_key("Effect") {
            match &fields["Action"] {
                Value::Array(list) => actions.extend(list.iter().map(|one| one.as_str().unwrap().to_owned())),
                one => actions.push(one.as_str().unwrap().to_owned()),
            }
        }
    });
    actions
}

/// Compares as IAM does: without upper and lower case, and with a wildcard, which these policies have at the end only.
fn is_like(action: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => action.get(..start.len()).is_some_and(|part| part.eq_ignore_ascii_case(start)),
        None => action.eq_ignore_ascii_case(pattern),
    }
}

/// The policies to paste, by name.
fn policies() -> BTreeMap<String, Value> {
    let folder = std::fs::read_dir(crate::root().join("policies")).unwrap();
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    folder.map(|file| read(file.unwrap().path())).collect()
}

/// Two stacks in one account and region can exist only if no resource has a name of its own.
#[test]
fn no_resource_has_a_name_that_two_stacks_would_share() {
    let Some(template) = expanded() else { return };
    let mut names = 0;
    for (id, resource) in resources(template) {
        let properties = resource["Properties"].as_object();
        for (property, value) in properties.into_iter().flatten().filter(|(property, _)| property.ends_with("Name")) {
            names += 1;
            // These names are parts of another resource, or names of what it watches.
            let is_part = [
                ("AWS::IAM::Policy", "PolicyName"),
                ("AWS::ApiGatewayV2::Stage", "StageName"),
                ("AWS::CloudWatch::Alarm", "MetricName"),
            ]
            .contains(&(resource["Type"].as_str().unwrap(), property));
            let of_the_stack = value.to_string().contains("AWS::StackName");
            let of_a_resource = value["Ref"].is_string() || value["Fn::GetAtt"].is_array();
            assert!(is_part || of_the_stack || of_a_resource, "{id}: {property} is {value}");
        }
    }
    assert!(names >= 5, "the names were not found");
}

#[test]
fn every_policy_has_the_version_with_variables() {
    let Some(template) = expanded() else { return };
    let mut documents = 0;
    let mut check = |fields: &serde_json::Map<String, Value>| {
        if fields.contains_key("Statement") {
            documents += 1;
            assert_eq!(fields["Version"], "2012-10-17", "{fields:?}");
        }
    };
    walk(template, &mut check);
    policies().values().for_each(|policy| walk(policy, &mut check));
    assert!(documents > 25, "the policies were not found");
}

#[test]
fn rules_outlive_the_translator() {
    let Some(template) = expanded() else { return };
    let rules: Vec<_> = template["Rules"].as_object().unwrap().keys().collect();
    assert!(
        rules.contains(&&"SubnetNeedsVpc".to_owned()) && rules.contains(&&"VpcNeedsSubnet".to_owned()),
        "{rules:?}"
    );
}

#[test]
fn every_action_exists() {
    let Some(template) = expanded() else { return };
    let known = reference(template).actions;
    assert!(known.len() > 10_000, "{} actions", known.len());
    let documents = policies();
    let granted: BTreeSet<_> = documents.values().chain([template]).flat_map(actions).collect();
    for pattern in granted {
        assert!(known.iter().any(|action| is_like(action, &pattern)), "{pattern}");
    }
}

/// Permissions of features that this template does not use.
const UNUSED: &[&str] = &[
    r"^(elasticfilesystem|firehose|kinesis|s3files|s3tables):",
    r"^apigateway:(Tag|Untag)Resource$",
    r"^dynamodb:(\w*Replica|(Delete|Put)ResourcePolicy|\w*Kinesis\w*|ImportTable|\w*Item|Query|Scan)$",
    r"^dynamodb:Update(ContributorInsights|TimeToLive)$",
    r"^iam:(\w*(Group|User)Policy|CreateServiceLinkedRole)$",
    r"^kms:(ListAliases|RevokeGrant)$",
    r"^lambda:\w*(CodeSigning|Concurrency|Layer|CapacityProvider|Recursion|Scaling)\w*$",
    r"^lambda:(PublishVersion|PutRuntimeManagementConfig)$",
    r"^logs:\w*(LogDelivery|LogStreams?|LogEvents|BearerToken\w*|DataProtectionPolicy|IndexPolicy|ResourcePolicy)$",
    r"^logs:PutLogGroupDeletionProtection$",
    r"^s3:\w*(Metadata\w*|Analytics\w*|Cors|CORS|Replication\w*|Website|Accelerate\w*|Abac|Acl|Logging|Notification)$",
    r"^s3:\w*(ObjectLock\w*|IntelligentTiering\w*|Inventory\w*|MetricsConfiguration)$",
    // No actions of IAM, or of objects.
    r"^s3:(DeleteBucketEncryption|DeleteBucketLifecycle|REST.PUT.OBJECT|getObject|DeleteObject|GetObjectVersion)$",
    r"^S3:GetBucketWebsite$",
];

#[test]
fn who_has_the_policy_to_deploy_may_create_change_and_delete_every_resource() {
    let Some(template) = expanded() else { return };
    let granted = actions(&policies()["deploy"]);
    let unused: Vec<_> = UNUSED.iter().map(|pattern| Regex::new(pattern).unwrap()).collect();
    let reference = reference(template);
    assert!(reference.permissions.len() > 15, "{} types of resources", reference.permissions.len());
    for (resource_type, needed) in reference.permissions {
        for permission in needed {
            let is_granted = granted.iter().any(|pattern| is_like(&permission, pattern));
            let is_unused = unused.iter().any(|pattern| pattern.is_match(&permission));
            assert!(is_granted || is_unused, "{resource_type} needs {permission}");
        }
    }
}

#[test]
fn no_policy_to_paste_may_change_what_the_stack_protects() {
    for (name, policy) in policies() {
        let granted = actions(&policy);
        for action in ["ec2:RunInstances", "ec2:TerminateInstances", "ssm:SendCommand", "s3:DeleteObject"] {
            assert!(!granted.iter().any(|pattern| is_like(action, pattern)), "{name}: {action}");
        }
    }
}
