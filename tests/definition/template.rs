use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_aws::api::ROUTES;
use dicomperf_model::keys;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::step::{DICOM_PORT, IPERF3_PORT, REST_PORT};
use serde_yaml_ng::Value;

/// The SAM template, with CloudFormation's short forms left as YAML tags.
pub struct Template(pub Value);

pub fn template() -> Template {
    Template(serde_yaml_ng::from_str(&crate::read("template.yaml")).unwrap())
}

impl Template {
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        let resources = self.0["Resources"].as_mapping().unwrap();
        resources.iter().map(|(name, resource)| (name.as_str().unwrap(), resource))
    }

    pub fn properties(&self, resource: &str) -> &Value {
        &self.0["Resources"][resource]["Properties"]
    }

    pub fn parameter(&self, name: &str) -> &Value {
        &self.0["Parameters"][name]
    }

    /// Returns the properties of each function, by logical id.
    pub fn functions(&self) -> BTreeMap<&str, &Value> {
        self.resources()
            .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
            .map(|(name, resource)| (name, &resource["Properties"]))
            .collect()
    }

    /// Returns every statement with the effect Allow, with the name of its resource.
    pub fn allow_statements(&self) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for (name, resource) in self.resources() {
            if resource["Type"] == "AWS::S3::BucketPolicy" {
                continue;
            }
            collect_statements(&resource["Properties"], name, &mut found);
        }
        found.retain(|(_, statement)| statement["Effect"] == "Allow" && statement["Principal"].is_null());
        found
    }
}

pub fn collect_statements(value: &Value, name: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Mapping(mapping) => {
            if mapping.contains_key("Effect") {
                found.push((name.to_owned(), value.clone()));
            }
            mapping.values().for_each(|inner| collect_statements(inner, name, found));
        }
        Value::Sequence(items) => items.iter().for_each(|inner| collect_statements(inner, name, found)),
        Value::Tagged(tagged) => collect_statements(&tagged.value, name, found),
        _ => {}
    }
}

pub fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(items) => items.iter().flat_map(strings).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Tagged(tagged) => vec![format!("{} {}", tagged.tag, strings(&tagged.value).join(" "))],
        Value::Null => Vec::new(),
        other => vec![format!("{other:?}")],
    }
}

/// Actions that accept no resource, from the Service Authorization Reference.
const ACTIONS_WITHOUT_RESOURCE: &[&str] = &[
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstances",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
    "ssm:DescribeInstanceInformation",
    "ssm:GetCommandInvocation",
    "ssm:UpdateInstanceInformation",
];

#[test]
fn no_action_is_a_wildcard_and_any_resource_is_for_actions_that_take_none() {
    let statements = template().allow_statements();
    assert!(statements.len() > 25, "the statements were not found");
    for (name, statement) in statements {
        let actions = strings(&statement["Action"]);
        assert!(actions.iter().all(|action| !action.contains('*')), "{name}: {actions:?}");
        if strings(&statement["Resource"]).iter().any(|resource| resource == "*") {
            for action in actions {
                let messages = action.starts_with("ssmmessages:") || action.starts_with("ec2messages:");
                assert!(
                    messages || ACTIONS_WITHOUT_RESOURCE.contains(&action.as_str()),
                    "{name}: {action} on everything"
                );
            }
        }
    }
}

#[test]
fn what_changes_a_host_is_bound_to_the_projects_tag() {
    let mut bound = Vec::new();
    for (name, statement) in template().allow_statements() {
        let resources = strings(&statement["Resource"]).join(" ");
        for action in strings(&statement["Action"]) {
            let on_hosts = resources.contains(":instance/*");
            if !on_hosts
                || !["ec2:TerminateInstances", "ssm:SendCommand", "ec2:RunInstances"].contains(&action.as_str())
            {
                continue;
            }
            let condition = format!("{:?}", statement["Condition"]);
            assert!(
                condition.contains("/dicomperf:project") && condition.contains("AWS::StackName"),
                "{name}: {action}"
            );
            bound.push(action);
        }
    }
    bound.sort();
    // Teardown and reap terminate hosts. Launch terminates a second host of the same role.
    let terminate = "ec2:TerminateInstances";
    assert_eq!(bound, ["ec2:RunInstances", terminate, terminate, terminate, "ssm:SendCommand"]);
}

#[test]
fn the_hosts_may_register_with_ssm_and_nothing_else() {
    let template = template();
    let actions: Vec<_> = template
        .allow_statements()
        .into_iter()
        .filter(|(name, _)| name == "HostRole")
        .flat_map(|(_, one)| strings(&one["Action"]))
        .collect();
    assert!(!actions.is_empty());
    for action in actions {
        let registers = action == "ssm:UpdateInstanceInformation"
            || action.starts_with("ssmmessages:")
            || action.starts_with("ec2messages:");
        assert!(registers, "{action}");
    }
}

#[test]
fn only_the_client_comes_in_to_the_server_and_nobody_to_the_client() {
    let template = template();
    assert!(template.properties("ClientSecurityGroup")["SecurityGroupIngress"].is_null());
    let rules = template.properties("ServerSecurityGroup")["SecurityGroupIngress"].as_sequence().unwrap().clone();
    let mut ports = BTreeSet::new();
    for rule in rules {
        if rule["IpProtocol"] == "tcp" {
            assert_eq!(rule["FromPort"], rule["ToPort"]);
            ports.insert(rule["FromPort"].as_u64().unwrap());
        } else {
            assert_eq!(rule["IpProtocol"], "icmp");
        }
        assert_eq!(strings(&rule["SourceSecurityGroupId"]), ["!GetAtt ClientSecurityGroup.GroupId"]);
        assert!(rule["CidrIp"].is_null() && rule["CidrIpv6"].is_null());
    }
    assert_eq!(ports, BTreeSet::from([DICOM_PORT, REST_PORT, IPERF3_PORT].map(u64::from)));
}

#[test]
fn the_bucket_is_private_encrypted_and_for_tls_only() {
    let template = template();
    let bucket = template.properties("Bucket");
    for block in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
        assert_eq!(bucket["PublicAccessBlockConfiguration"][block], Value::from(true));
    }
    assert!(!bucket["BucketEncryption"].is_null());
    for resource in ["Bucket", "BucketPolicy", "Table"] {
        let policies = &template.0["Resources"][resource];
        assert_eq!(policies["DeletionPolicy"], "RetainExceptOnCreate", "{resource}");
        assert_eq!(policies["UpdateReplacePolicy"], "Retain", "{resource}");
    }
    let statement = &template.properties("BucketPolicy")["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Effect"], "Deny");
    assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"], "false");
}

#[test]
fn every_route_takes_signed_requests_only() {
    let template = template();
    let routes: Vec<_> = template.resources().filter(|(_, one)| one["Type"] == "AWS::ApiGatewayV2::Route").collect();
    let mut keys = BTreeSet::new();
    for (name, route) in routes {
        assert_eq!(route["Properties"]["AuthorizationType"], "AWS_IAM", "{name}");
        keys.insert(route["Properties"]["RouteKey"].as_str().unwrap().to_owned());
    }
    let mut expected: BTreeSet<_> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    // Everything else, for the problem that names the methods of a path.
    expected.insert("$default".to_owned());
    assert_eq!(keys, expected);
}

#[test]
fn reap_hears_of_every_status_in_which_an_execution_ends_without_success() {
    let template = template();
    let events = &template.properties("ReapFunction")["Events"];
    let mut heard = strings(&events["ExecutionEnded"]["Properties"]["Pattern"]["detail"]["status"]);
    heard.sort();
    let goes_on_or_succeeded = ["RUNNING", "PENDING_REDRIVE", "SUCCEEDED"];
    let mut ends: Vec<_> = ExecutionStatus::values().to_vec();
    ends.retain(|status| !goes_on_or_succeeded.contains(status));
    ends.sort_unstable();
    assert_eq!(heard, ends);
}

#[test]
fn every_folder_of_functions_is_deployed() {
    let template = template();
    let deployed: Vec<_> = template
        .functions()
        .values()
        .map(|function| strings(&function["CodeUri"])[0].replace("target/lambda/", ""))
        .collect();
    for folder in std::fs::read_dir(crate::root().join("functions")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(deployed.contains(&name), "{name} is not deployed");
    }
}

/// Returns the grants on the stack's bucket: resource, action and keys.
fn grants_on_the_bucket(template: &Template) -> BTreeSet<(String, String, String)> {
    let mut grants = BTreeSet::new();
    for (owner, statement) in template.allow_statements() {
        for resource in strings(&statement["Resource"]) {
            let Some(keys) = resource.split_once("${Bucket.Arn}/").map(|(_, keys)| keys.to_owned()) else { continue };
            grants
                .extend(strings(&statement["Action"]).into_iter().map(|action| (owner.clone(), action, keys.clone())));
        }
    }
    grants
}

#[test]
fn functions_and_hosts_may_use_the_keys_that_the_code_uses_and_no_others() {
    let under = |prefix: &str| format!("{prefix}*");
    let (runs, agents, datasets) = (under(keys::RUNS), under(keys::AGENTS), under(keys::DATASETS));
    let builds = under(keys::BUILDS);
    let (run, ephemeral) = (RunKeys("*"), under(keys::EPHEMERAL));
    let (get, put) = ("s3:GetObject", "s3:PutObject");
    let expected = [
        // The hosts use this role by presigned URLs.
        ("UrlRole", put, &runs),
        ("UrlRole", get, &under(&run.step_documents())),
        ("UrlRole", get, &agents),
        ("UrlRole", get, &builds),
        ("UrlRole", get, &datasets),
        ("ApiFunctionRole", get, &run.report("*")),
        ("PlanFunctionRole", get, &runs),
        ("PlanFunctionRole", put, &runs),
        ("PlanFunctionRole", get, &run.secrets()),
        ("PlanFunctionRole", put, &run.secrets()),
        ("PlanFunctionRole", get, &builds),
        ("PlanFunctionRole", get, &datasets),
        ("LaunchFunctionRole", get, &run.plan()),
        ("LaunchFunctionRole", get, &run.launch()),
        ("LaunchFunctionRole", put, &run.launch()),
        ("RunStepFunctionRole", get, &runs),
        ("RunStepFunctionRole", put, &runs),
        ("RunStepFunctionRole", get, &ephemeral),
        ("RunStepFunctionRole", put, &ephemeral),
        ("RunStepFunctionRole", get, &agents),
        ("RunStepFunctionRole", put, &agents),
        ("SummarizeFunctionRole", get, &runs),
        ("SummarizeFunctionRole", put, &runs),
        ("PublishFunctionRole", get, &run.report("json")),
        ("PublishFunctionRole", put, &keys::HISTORY_PAGE.to_owned()),
    ];
    let expected = expected.map(|(owner, action, keys)| (owner.to_owned(), action.to_owned(), keys.clone()));
    assert_eq!(grants_on_the_bucket(&template()), BTreeSet::from(expected));
}

#[test]
fn plan_may_list_the_datasets_of_the_stacks_bucket_and_nothing_else_in_it() {
    let template = template();
    let listing = template.allow_statements().into_iter().filter(|(_, statement)| {
        strings(&statement["Action"]) == ["s3:ListBucket"] && strings(&statement["Resource"]) == ["!GetAtt Bucket.Arn"]
    });
    let prefixes: Vec<_> =
        listing.map(|(owner, one)| (owner, strings(&one["Condition"]["StringLike"]["s3:prefix"]))).collect();
    assert_eq!(prefixes, [("PlanFunctionRole".to_owned(), vec![format!("{}*", keys::DATASETS)])]);
}
