//! The command line with `--json`, as a script calls it.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::harness::{command, root};

/// Runs `dicomperf` without a terminal.
pub fn dicomperf(arguments: &[&str]) -> Output {
    command(root().join("target/debug/dicomperf").to_str().unwrap(), arguments)
}

/// Runs `dicomperf` with `--json`. Its exit code must be `code`, and its document must meet `schemas/cli/SCHEMA`.
pub fn answer(arguments: &[&str], schema: &str, code: i32) -> Value {
    let output = dicomperf(&[arguments, &["--json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"));
    let file = root().join("schemas/cli").join(schema).with_extension("schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let faults: Vec<_> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{arguments:?}: {faults:?}: {document}");
    document
}

/// Runs `dicomperf`, which must refuse its input and print nothing on standard output. Returns the errors.
pub fn refusal(arguments: &[&str]) -> String {
    let output = dicomperf(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}: {:?}", output.stdout);
    errors
}

/// Writes a request to a file for a test of this name, and returns its path.
pub fn request_file(test: &str, request: &Value) -> String {
    let folder = folder(test);
    let file = folder.join("request.json");
    std::fs::write(&file, request.to_string()).unwrap();
    file.display().to_string()
}

/// Makes a folder for the files of a test.
pub fn folder(test: &str) -> PathBuf {
    let folder = root().join("target/tests").join(test);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
