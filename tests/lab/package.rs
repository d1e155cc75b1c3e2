use std::fs;
use std::path::Path;
use std::process::Command;

use dicomperf_model::hash::sha256_hex;
use dicomperf_model::keys;
use serde_json::{Value, json};

use crate::harness::{Lab, printed, root, setting, with_packages};

/// Runs a program in a folder. It must succeed. Returns its output.
fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {} {}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Packs this checkout's development build and unpacks it into an empty folder.
fn unpacked(folder: &Path) -> std::path::PathBuf {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder.join("empty")).unwrap();
    let (path, cli) = (folder.to_str().unwrap(), folder.join("dicomperf"));
    let cli = cli.to_str().unwrap();
    run_in(root(), "strip", &["-o", cli, "target/debug/dicomperf"]);
    let line = run_in(root(), "lab/package", &["--lambdas", "target/lambda", "--cli", cli, "--out", path]);
    let (sum, archive) = line.trim().split_once("  ").unwrap();
    assert_eq!(sum, sha256_hex(&fs::read(archive).unwrap()));
    run_in(&folder.join("empty"), "tar", &["-xzf", archive]);
    let entries: Vec<_> = fs::read_dir(folder.join("empty")).unwrap().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].as_ref().unwrap().path()
}

/// Deletes the stack and what it leaves: its bucket and its table, as docs/deploy.md says.
fn remove(folder: &Path, stack: &str, bucket: &str, table: &str) {
    run_in(folder, "aws", &["cloudformation", "delete-stack", "--stack-name", stack]);
    run_in(folder, "aws", &["cloudformation", "wait", "stack-delete-complete", "--stack-name", stack]);
    run_in(folder, "aws", &["s3", "rb", "--force", &format!("s3://{bucket}")]);
    run_in(folder, "aws", &["dynamodb", "delete-table", "--table-name", table]);
}

#[tokio::test]
async fn the_archive_deploys_and_runs_from_an_empty_folder_without_the_checkout() {
    let lab = Lab::new().await;
    let folder = unpacked(&root().join("target/tests/package"));
    run_in(&folder, "sha256sum", &["--quiet", "-c", "SHA256SUMS"]);
    let sbom: Value = serde_json::from_slice(&fs::read(folder.join("sbom/plan.cdx.json")).unwrap()).unwrap();
    let crates = sbom["components"].as_array().unwrap();
    assert!(crates.iter().any(|component| component["name"] == "aws-sdk-dynamodb"), "{sbom}");

    let stack = lab.new_id("package");
    run_in(&folder, "aws", &["s3", "mb", &format!("s3://{stack}")]);
    let into = ["--s3-bucket", &stack, "--output-template-file", "packaged.yaml"];
    run_in(&folder, "aws", &[&["cloudformation", "package", "--template-file", "template.yaml"], &into[..]].concat());
    let deploy = ["cloudformation", "deploy", "--template-file", "packaged.yaml", "--s3-bucket", &stack];
    let ami = format!("Ami={}", setting("DICOMPERF_LAB_AMI_WITH_PACKAGES"));
    let options = [
        "--stack-name",
        &stack,
        "--capabilities",
        "CAPABILITY_IAM",
        "--parameter-overrides",
        &ami,
        "HostTags={\"a\":\"b\"}",
    ];
    run_in(&folder, "aws", &[&deploy[..], &options[..]].concat());
    let output = |key: &str| {
        let query = format!("Stacks[0].Outputs[?OutputKey=='{key}'].OutputValue");
        let describe = ["cloudformation", "describe-stacks", "--stack-name", &stack, "--output", "text", "--query"];
        printed("aws", &[&describe[..], &[query.as_str()]].concat())
    };
    let (bucket, table) = (output("BucketName"), output("TableName"));

    let request = with_packages(json!({
        "dataset": { "synthetic": { "instances": 5 } }, "iterations": 1, "warmup": 0, "rounds": 1,
    }));
    fs::write(folder.join("request.json"), request.to_string()).unwrap();
    run_in(&folder, "bin/dicomperf", &["run", "request.json", "--stack", &stack, "--out", "results"]);
    let report: Value = serde_json::from_slice(&fs::read(folder.join("results/report.json")).unwrap()).unwrap();
    assert_eq!((&report["hostsLeft"], &report["verdict"]), (&json!(0), &json!("passed")));
    // The hosts ran the agent of the archive.
    let agent = keys::agent(&sha256_hex(&fs::read(folder.join("bin/dicomperf-agent")).unwrap()));
    run_in(&folder, "aws", &["s3api", "head-object", "--bucket", &bucket, "--key", &agent]);

    remove(&folder, &stack, &bucket, &table);
    run_in(&folder, "aws", &["s3", "rb", "--force", &format!("s3://{stack}")]);
}
