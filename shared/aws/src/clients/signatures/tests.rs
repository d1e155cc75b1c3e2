use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::Client as Sts;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::types::Credentials;
use aws_smithy_mocks::mock;
use dicomperf_model::request::BuildObject;
use serde_json::Value;

use super::*;
use crate::clients::s3_configuration;
use crate::mocked::client;

fn signatures(endpoint: Option<&str>) -> Signatures {
    let session = mock!(Sts::assume_role).then_compute_output(|request| {
        assert_eq!(request.role_session_name().map(str::len), Some(64));
        assert_eq!(request.duration_seconds(), Some(3600));
        let credentials = Credentials::builder().access_key_id("id").secret_access_key("secret").session_token("token");
        let credentials = credentials.expiration(aws_sdk_sts::primitives::DateTime::from_secs(0)).build();
        AssumeRoleOutput::builder().credentials(credentials.expect("credentials")).build()
    });
    let mut config =
        SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
    config.set_endpoint_url(endpoint.map(str::to_owned));
    let role = "arn:aws-cn:iam::123456789012:role/urls".to_owned();
    Signatures::new(client!(aws_sdk_sts, [session]), role, s3_configuration(&config.build()), "bucket".to_owned())
}

fn scope(run_id: &str) -> Scope<'_> {
    Scope { run_id, agent: "agent/00/dicomperf-agent", dataset: Some(("images", "ct*/")), build: None }
}

#[tokio::test]
async fn a_url_to_write_demands_no_header_that_a_host_would_not_send() {
    let signer = signatures(None).session(&scope(&"r".repeat(80))).await.expect("a session");
    let url = signer.put("runs/r/blocks/0.json").await.expect("a URL");
    assert!(url.starts_with("https://bucket.s3.eu-central-1.amazonaws.com/runs/r/blocks/0.json?"), "{url}");
    assert!(url.contains("X-Amz-SignedHeaders=host&"), "{url}");
    assert!(url.contains("X-Amz-Expires=3600&") && !url.to_lowercase().contains("checksum"), "{url}");
}

#[tokio::test]
async fn an_endpoint_of_ones_own_is_asked_by_path() {
    let signer = signatures(Some("http://172.17.0.1:4566")).session(&scope(&"r".repeat(80))).await.expect("a session");
    let url = signer.get_from("images", "ct/it's 1.dcm").await.expect("a URL");
    assert!(url.starts_with("http://172.17.0.1:4566/images/ct/it%27s%201.dcm?"), "{url}");
}

#[test]
fn a_session_reaches_its_run_and_its_dataset_and_nothing_else() {
    let policy: Value = serde_json::from_str(&signatures(None).policy(&scope("run-1"))).expect("JSON");
    let statements = policy["Statement"].as_array().expect("statements");
    assert_eq!(statements[0]["Resource"], "arn:aws-cn:s3:::bucket/runs/run-1/*");
    assert_eq!(
        statements[1]["Resource"],
        serde_json::json!([
            "arn:aws-cn:s3:::bucket/ephemeral/run-1/steps/*",
            "arn:aws-cn:s3:::bucket/agent/00/dicomperf-agent",
            "arn:aws-cn:s3:::images/ct?/*",
        ])
    );
    assert_eq!(statements.len(), 2);
}

fn with_keys() -> Signatures {
    // The longest id: that of a multi-Region key.
    let key = |digit: &str| format!("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-{}", digit.repeat(32));
    signatures(None).with_keys(Keys { data: Some(key("0")), dataset: Some(key("1")) })
}

#[test]
fn a_session_may_use_the_keys_of_what_it_reaches() {
    let keys = |scope: &Scope<'_>| -> Vec<String> {
        let policy: Value = serde_json::from_str(&with_keys().policy(scope)).expect("JSON");
        let statement = &policy["Statement"][2];
        assert_eq!(statement["Action"], serde_json::json!(["kms:Decrypt", "kms:GenerateDataKey"]));
        serde_json::from_value(statement["Resource"].clone()).expect("a list")
    };
    assert_eq!(keys(&scope("run-1")).len(), 2);
    let synthetic = keys(&Scope { dataset: None, ..scope("run-1") });
    assert_eq!(synthetic.len(), 1);
    assert!(synthetic[0].ends_with("mrk-00000000000000000000000000000000"), "{synthetic:?}");
}

#[test]
fn the_longest_policy_is_short_enough_for_sts() {
    let run_id = "r".repeat(80);
    let (bucket, prefix, agent) = ("b".repeat(63), "*".repeat(512), dicomperf_model::keys::agent(&"0".repeat(64)));
    let scope = Scope { run_id: &run_id, agent: &agent, dataset: Some((&bucket, &prefix)), build: None };
    let characters = with_keys().policy(&scope).len();
    assert!(characters <= 2048, "{characters} characters");
    let sha256 = "0".repeat(64);
    let object = BuildObject { key: "k".repeat(120), sha256: sha256.clone() };
    let plugins = vec![object.clone(); 4];
    let build = S3Build { bucket: bucket.clone(), key: object.key, sha256, plugins, label: None };
    let characters = with_keys().policy(&Scope { dataset: None, build: Some(&build), ..scope }).len();
    // The name of the stack's own bucket, in three ARNs, may have 57 characters more, and a partition four in each of eight.
    assert!(characters <= 2048 - 3 * 57 - 8 * 4, "{characters} characters");
}

#[test]
fn a_session_that_installs_a_build_reads_its_files_and_no_others() {
    let sha256 = "0".repeat(64);
    let plugins = vec![BuildObject { key: "builds/p.so".to_owned(), sha256: sha256.clone() }];
    let (bucket, key) = ("bucket".to_owned(), "builds/Orthanc".to_owned());
    let build = S3Build { bucket, key, sha256, plugins, label: None };
    let scope = Scope { dataset: None, build: Some(&build), ..scope("run-1") };
    let policy: Value = serde_json::from_str(&signatures(None).policy(&scope)).expect("JSON");
    let readable = policy["Statement"][1]["Resource"].as_array().expect("a list");
    let builds = ["arn:aws-cn:s3:::bucket/builds/Orthanc", "arn:aws-cn:s3:::bucket/builds/p.so"];
    assert_eq!(readable[2..], builds);
}
