//! The parts of the template that concern the account: keys, roles, limits, what is left of a deleted stack.

use std::collections::BTreeSet;

use dicomperf_aws::clients::parameters::CREDENTIALS_PREFIX;
use dicomperf_model::keys;
use dicomperf_model::keys::RunKeys;
use regex::Regex;
use serde_yaml_ng::Value;

use crate::template::{Template, collect_statements, strings, template};

#[test]
fn what_is_worthless_after_a_run_expires_after_a_day() {
    let template = template();
    let rules = template.properties("Bucket")["LifecycleConfiguration"]["Rules"].as_sequence().unwrap().clone();
    let rule = rules.iter().find(|rule| rule["Prefix"] == keys::EPHEMERAL).unwrap();
    assert_eq!((&rule["Status"], &rule["ExpirationInDays"]), (&Value::from("Enabled"), &Value::from(1)));
    let run = RunKeys("run");
    assert!(run.secrets().starts_with(keys::EPHEMERAL) && run.step_documents().starts_with(keys::EPHEMERAL));
    // The rest expires after the days of a parameter, if it has any.
    let retained = rules.iter().map(strings_of_all).find(|texts| texts.contains(&keys::RUNS.to_owned())).unwrap();
    assert!(retained.contains(&"HasRetention".to_owned()) && retained.contains(&"!Ref RetentionDays".to_owned()));
}

/// Returns every text in a value, in order.
fn strings_of_all(value: &Value) -> Vec<String> {
    match value {
        Value::Mapping(fields) => fields.values().flat_map(strings_of_all).collect(),
        Value::Sequence(items) => items.iter().flat_map(strings_of_all).collect(),
        Value::Tagged(tagged) if tagged.value.is_string() => strings(value),
        Value::Tagged(tagged) => strings_of_all(&tagged.value),
        other => strings(other),
    }
}

/// Returns the roles with a statement for an action on a resource of the stack.
fn roles_that_may(template: &Template, service: &str, resource: &str) -> BTreeSet<String> {
    let statements = template.allow_statements().into_iter();
    let on_resource = statements.filter(|(_, statement)| {
        strings(&statement["Action"]).iter().any(|action| action.starts_with(service))
            && strings(&statement["Resource"]).iter().any(|name| name.contains(resource))
    });
    on_resource.map(|(owner, _)| format!("!Ref {owner}")).collect()
}

#[test]
fn whoever_uses_the_bucket_or_the_table_may_use_their_key() {
    let template = template();
    for (policy, service, resource) in
        [("UseDataKeyInS3", "s3:", "Bucket.Arn"), ("UseDataKeyInDynamoDb", "dynamodb:", "Table.Arn")]
    {
        let roles = strings_of_all(&template.properties(policy)["Roles"]).into_iter();
        let roles: BTreeSet<_> = roles.filter(|text| text.starts_with("!Ref ") && !text.contains("NoValue")).collect();
        assert_eq!(roles, roles_that_may(&template, service, resource), "{policy}");
    }
}

#[test]
fn keys_are_used_through_the_service_that_holds_the_data_only() {
    let mut statements = template().allow_statements();
    statements.retain(|(_, statement)| strings(&statement["Action"]).iter().any(|action| action.starts_with("kms:")));
    assert_eq!(statements.len(), 7);
    for (owner, statement) in statements {
        let service = strings(&statement["Condition"]["StringLike"]["kms:ViaService"]).join(" ");
        assert!(service.contains(".${AWS::Region}.amazonaws.com"), "{owner}: {service}");
        let may_grant = strings(&statement["Action"]).contains(&"kms:CreateGrant".to_owned());
        assert!(!may_grant || statement["Condition"]["Bool"]["kms:GrantIsForAWSResource"] == "true", "{owner}");
    }
}

#[test]
fn types_and_owners_of_hosts_are_limited_where_ec2_knows_them() {
    let launches: Vec<_> = template()
        .allow_statements()
        .into_iter()
        .map(|(_, statement)| statement)
        .filter(|statement| strings(&statement["Action"]) == ["ec2:RunInstances"])
        .collect();
    // Of these resources, only an instance has a type, and only an image has an owner.
    for (resource, key, parameter) in
        [(":instance/*", "ec2:InstanceType", "!Ref AllowedInstanceTypes"), (":image/*", "ec2:Owner", "!Ref AmiOwners")]
    {
        let of_resource = |statement: &&Value| strings(&statement["Resource"]).iter().any(|one| one.contains(resource));
        let statement = launches.iter().find(of_resource).unwrap();
        let condition = format!("{:?}", statement["Condition"]);
        assert!(condition.contains(key), "{condition}");
        assert!(strings_of_all(&statement["Condition"]).contains(&parameter.to_owned()), "{condition}");
        assert!(strings(&statement["Resource"]).iter().all(|one| one.contains(resource)), "{resource} and others");
    }
    let subnets: Vec<_> = launches.iter().flat_map(|one| strings(&one["Resource"])).collect();
    let shared = "!Sub arn:${AWS::Partition}:ec2:${AWS::Region}:*:subnet/*".to_owned();
    assert!(subnets.contains(&shared), "a shared subnet has its owner's account: {subnets:?}");
}

#[test]
fn every_role_has_the_path_and_the_boundary_of_the_stack() {
    let template = template();
    let mut roles = 0;
    for (name, role) in template.resources().filter(|(_, one)| one["Type"] == "AWS::IAM::Role") {
        assert_eq!(strings(&role["Properties"]["Path"]), ["!Ref RolePath"], "{name}");
        assert!(
            strings_of_all(&role["Properties"]["PermissionsBoundary"]).contains(&"HasBoundary".to_owned()),
            "{name}"
        );
        roles += 1;
    }
    // One for each function, hosts, URLs, the state machine and two schedules.
    assert_eq!(roles, template.functions().len() + 5);
}

#[test]
fn services_that_act_for_other_accounts_too_are_trusted_for_this_one() {
    let template = template();
    let mut trusts = Vec::new();
    for (name, role) in template.resources().filter(|(_, one)| one["Type"] == "AWS::IAM::Role") {
        collect_statements(&role["Properties"]["AssumeRolePolicyDocument"], name, &mut trusts);
    }
    for service in ["scheduler.amazonaws.com", "states.amazonaws.com"] {
        let of_service: Vec<_> = trusts.iter().filter(|(_, one)| one["Principal"]["Service"] == service).collect();
        assert!(!of_service.is_empty(), "{service}");
        for (name, statement) in of_service {
            let account = strings(&statement["Condition"]["StringEquals"]["aws:SourceAccount"]);
            assert_eq!(account, ["!Ref AWS::AccountId"], "{name}");
        }
    }
}

#[test]
fn host_tags_that_are_no_json_object_of_strings_are_refused_by_the_template() {
    let template = template();
    let pattern = Regex::new(template.parameter("HostTags")["AllowedPattern"].as_str().unwrap()).unwrap();
    for accepted in ["{}", " { } ", r#"{"team":"pacs"}"#, r#"{ "a" : "b" , "cost centre":"4\"2" }"#, r#"{"a":""}"#] {
        assert!(pattern.is_match(accepted), "{accepted}");
    }
    for refused in [
        "",
        r#"[{"a":"b"}"#,
        "team=pacs",
        "[]",
        r#"{"a":1}"#,
        r#"{"a":"b",}"#,
        r#"{"a"}"#,
        r#"{a:"b"}"#,
        r#"{"a":"b"} x"#,
    ] {
        assert!(!pattern.is_match(refused), "{refused}");
    }
}

#[test]
fn existing_servers_are_listed_with_their_ports() {
    let template = template();
    let parameter = template.parameter("AllowedServers");
    assert_eq!(parameter["Default"], "", "no server is allowed by default");
    let pattern = Regex::new(parameter["AllowedPattern"].as_str().unwrap()).unwrap();
    for accepted in ["", "pacs.example.org:104", "10.1.2.3:4242", "10.0.0.0/8:*", "10.0.0.0/16:4000-4999"] {
        assert!(pattern.is_match(accepted), "{accepted}");
    }
    for refused in ["*", "pacs.example.org", "*:104", "pacs:104:105", "10.0.0.0/8", "http://pacs:80", "pacs:104 "] {
        assert!(!pattern.is_match(refused), "{refused}");
    }
    let variables = &template.functions()["PlanFunction"]["Environment"]["Variables"];
    assert_eq!(strings(&variables["ALLOWED_SERVERS"]), ["!Join , !Ref AllowedServers"]);
    // Nothing but this parameter decides which servers the client reaches.
    assert!(template.properties("ClientSecurityGroup")["SecurityGroupEgress"].is_null());
}

#[test]
fn run_step_reads_parameters_below_one_path_and_decrypts_no_others() {
    let mut of_parameters = Vec::new();
    for (owner, statement) in
        template().allow_statements().into_iter().filter(|(owner, _)| owner == "RunStepFunctionRole")
    {
        let arns = match strings(&statement["Action"]).as_slice() {
            [one] if one == "ssm:GetParameter" => strings(&statement["Resource"]),
            [one] if one == "kms:Decrypt" => {
                strings(&statement["Condition"]["StringLike"]["kms:EncryptionContext:PARAMETER_ARN"])
            }
            _ => continue,
        };
        let arn = format!("${{AWS::AccountId}}:parameter{CREDENTIALS_PREFIX}*");
        assert!(matches!(arns.as_slice(), [one] if one.ends_with(&arn)), "{owner}: {arns:?}");
        of_parameters.push(statement);
    }
    assert_eq!(of_parameters.len(), 2);
}

#[test]
fn functions_in_a_vpc_get_its_permissions_and_others_do_not() {
    let template = template();
    for name in template.functions().keys() {
        let managed = strings_of_all(&template.properties(&format!("{name}Role"))["ManagedPolicyArns"]);
        let place = managed.iter().position(|text| text.contains("AWSLambdaVPCAccessExecutionRole")).unwrap();
        assert_eq!(managed[place - 1], "HasFunctionVpc", "{name}");
        assert_eq!(managed.len(), 4, "{name}: {managed:?}");
    }
}
