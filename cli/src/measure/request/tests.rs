use std::fs;

use clap::Parser;
use dicomperf_model::request::{Arrival, Cleanup, Modality, Receipt, Target};

use super::*;

/// The arguments without the name of the subcommand.
#[derive(Debug, Parser)]
struct OnlyMeasure {
    #[command(flatten)]
    arguments: MeasureArguments,
}

fn environment() -> Environment {
    Environment { state: None, credentials: None, path: None }
}

fn read_words(words: &[&str]) -> Result<Request, InvalidRequest> {
    let words = std::iter::once("measure").chain(words.iter().copied());
    read(&OnlyMeasure::parse_from(words).arguments, &environment())
}

fn errors(words: &[&str]) -> Vec<String> {
    read_words(words).expect_err("a bad request").errors.iter().map(ToString::to_string).collect()
}

fn paths(words: &[&str]) -> Vec<String> {
    read_words(words).expect_err("a bad request").errors.into_iter().map(|error| error.path).collect()
}

/// A file with this request.
fn file(request: &Value) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), request.to_string()).expect("written");
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().expect("a path")
}

#[test]
fn a_server_alone_is_a_request_for_a_minute() {
    let request = read_words(&["PACS@pacs.example.org:104"]).expect("a request");
    let matrix = &request.matrix;
    assert_eq!(
        (matrix.sender.as_slice(), matrix.associations.as_slice()),
        ([Sender::Native].as_slice(), [1, 4].as_slice())
    );
    assert_eq!(matrix.target, [Target::Existing]);
    assert_eq!((request.iterations, request.warmup, request.rounds), (5, 1, 1));
    let synthetic = request.dataset.synthetic.expect("synthetic");
    assert_eq!((synthetic.modality, synthetic.instances), (Modality::Ct, 50));
    let server = request.server.existing.expect("a server");
    assert_eq!((server.address.as_str(), server.port, server.ae_title.as_str()), ("pacs.example.org", 104, "PACS"));
    assert_eq!((server.receipt, server.cleanup), (Receipt::CFind, Cleanup::None));
}

#[test]
fn options_set_fields() {
    let request = read_words(&[
        "A@h:1",
        "--modality",
        "MR",
        "--instances",
        "7",
        "--associations",
        "1,2,8",
        "--rate",
        "20,50.5",
        "--tls",
        "--aet",
        "ME",
        "--iterations",
        "3",
        "--warmup",
        "0",
        "--receipt",
        "orthanc",
        "--url",
        "http://h:8042",
        "--cleanup",
        "orthanc",
    ])
    .expect("a request");
    let synthetic = request.dataset.synthetic.expect("synthetic");
    assert_eq!((synthetic.modality, synthetic.instances), (Modality::Mr, 7));
    assert_eq!(request.matrix.associations, [1, 2, 8]);
    assert_eq!(request.matrix.arrival, [Arrival::Open(20.0), Arrival::Open(50.5)]);
    assert_eq!((request.client.ae_title.as_str(), request.iterations, request.warmup), ("ME", 3, 0));
    let server = request.server.existing.expect("a server");
    assert_eq!((server.tls, server.receipt, server.cleanup), (true, Receipt::Orthanc, Cleanup::Orthanc));
    assert_eq!(request.matrix.tls, [true]);
}

#[test]
fn options_win_over_the_file_and_the_rest_of_it_remains() {
    let file = file(&json!({
        "name": "nightly",
        "dataset": { "synthetic": { "modality": "CT", "instances": 10 } },
        "matrix": { "associations": [2], "maxPdu": [16384, 65536] },
        "iterations": 9,
        "thresholds": [{ "metric": "latencyMs.p99", "max": 200 }],
    }));
    let request = read_words(&["A@h:1", path(&file), "--associations", "3", "--instances", "20"]).expect("a request");
    assert_eq!((request.name.as_str(), request.iterations, request.thresholds.len()), ("nightly", 9, 1));
    assert_eq!((request.matrix.associations.as_slice(), request.matrix.max_pdu.len()), ([3].as_slice(), 2));
    assert_eq!(request.dataset.synthetic.expect("synthetic").instances, 20);
}

#[test]
fn a_directory_replaces_the_synthetic_instances() {
    let file = file(&json!({ "dataset": { "synthetic": { "instances": 10 } } }));
    let words = ["A@h:1", path(&file), "--dataset", "studies", "--multiply", "20", "--deidentify", "--skip-refused"];
    let dataset = read_words(&words).expect("a request").dataset;
    assert_eq!(dataset.synthetic, None);
    let directory = dataset.directory.expect("a directory");
    assert_eq!((directory.path.as_str(), directory.multiply), ("studies", 20));
    assert!(directory.deidentify && directory.skip_refused && !directory.allow_identified);
}

#[test]
fn every_bad_argument_is_named_at_once() {
    let words = ["A@[::1]:104", "--instances", "many", "--associations", "1,64", "--rate", "5000", "--receipt", "fax"];
    let found = paths(&words);
    for expected in ["AET@HOST:PORT", "--instances", "--associations[1]", "--rate[0]", "--receipt"] {
        assert!(found.iter().any(|path| path.starts_with(expected)), "{expected}: {found:?}");
    }
    assert_eq!(paths(&["A B C D E F G H I@h:104"]), ["AET@HOST:PORT"]);
}

#[test]
fn a_request_for_hosts_is_refused_in_words() {
    let file = file(&json!({
        "server": { "instanceType": "m5.large" },
        "client": { "instanceType": "m5.large", "aeTitle": "ME" },
        "limits": { "maxCostUsd": 1, "maxMinutes": 20 },
        "dryRun": true,
        "dataset": { "s3": { "bucket": "studies" } },
    }));
    let found = paths(&["A@h:1", path(&file)]);
    assert_eq!(found, ["server", "limits.maxCostUsd", "dryRun", "dataset.s3", "client.instanceType"]);
}

#[test]
fn options_of_a_directory_need_one_and_those_of_synthetic_instances_none() {
    assert_eq!(
        errors(&["A@h:1", "--multiply", "2"]),
        ["--multiply: is set without --dataset; allowed: --dataset DIR beside it"]
    );
    assert_eq!(paths(&["A@h:1", "--dataset", "d", "--modality", "CT"]), ["--modality"]);
}

#[test]
fn a_program_that_is_not_installed_is_an_error_of_its_field() {
    assert_eq!(paths(&["A@h:1", "--sender", "native,storescu"]), ["matrix.sender[1]"]);
    let file = file(&json!({ "matrix": { "transferSyntax": ["original", "RLELossless"] } }));
    assert_eq!(paths(&["A@h:1", path(&file)]), ["matrix.transferSyntax[1]"]);
}

#[test]
fn a_file_that_is_no_object_is_an_error_beside_the_others() {
    let list = file(&json!([]));
    assert_eq!(paths(&["A@h", path(&list)]), ["", "AET@HOST:PORT"]);
}
