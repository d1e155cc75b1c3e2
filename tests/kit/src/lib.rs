//! Tools for the tests of several packages.
//!
//! Notes tests that could not test, in `target/not-tested`. `make test` prints that list at its end. In CI, such tests
//! fail. [`fuzz`] feeds changed inputs to a parser.

pub mod fuzz;
mod ports;
mod pydicom;
mod slow_orthanc;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, thread};

pub use ports::free_port;
pub use pydicom::pydicom_files;
pub use slow_orthanc::slow_orthanc;

/// Variable that is set in CI, where every tool is installed and every permission granted.
pub const MUST_TEST: &str = "DICOMPERF_MUST_TEST";
/// Name of the list in the target directory.
const LIST_FILE_NAME: &str = "not-tested";

/// Reason why a test could not test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A tool or a permission is missing. With [`MUST_TEST`] the test fails.
    Missing(&'a str),
    /// Other work disturbed the machine. The test never fails for it, because CI's machine is shared.
    Disturbed(&'a str),
}

/// Notes that the calling test could not test. The test must return afterwards.
///
/// # Panics
/// The cause is [`Cause::Missing`] and [`MUST_TEST`] is set.
pub fn not_tested(cause: Cause<'_>) {
    let must_test = env::var_os(MUST_TEST).is_some_and(|value| !value.is_empty());
    let test = thread::current().name().unwrap_or("a test").to_owned();
    if let Err(reason) = note(&target_directory(), must_test, &test, cause) {
        panic!("{reason}");
    }
}

/// Appends a line to the list. Fails if the test must fail or the list cannot be written.
fn note(directory: &Path, must_test: bool, test: &str, cause: Cause<'_>) -> Result<(), String> {
    let (Cause::Missing(why) | Cause::Disturbed(why)) = cause;
    let line = format!("{test}: {why}");
    eprintln!("not tested: {line}");
    append(directory, &line).map_err(|error| format!("{}: {error}", directory.join(LIST_FILE_NAME).display()))?;
    if must_test && matches!(cause, Cause::Missing(_)) {
        return Err(format!("not tested, though {MUST_TEST} is set: {why}"));
    }
    Ok(())
}

/// Appends a line in one write, so that the lines of two processes do not mix.
fn append(directory: &Path, line: &str) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut list = File::options().append(true).create(true).open(directory.join(LIST_FILE_NAME))?;
    list.write_all(format!("{}\n", line.replace('\n', " ")).as_bytes())
}

fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_fails_where_every_test_must_test() {
        let directory = tempfile::tempdir().expect("a directory");
        let note = |must_test, cause| note(directory.path(), must_test, "one::test", cause);
        assert!(note(false, Cause::Missing("no iperf3")).is_ok());
        let error = note(true, Cause::Missing("no iperf3")).expect_err("must test");
        assert!(error.contains("no iperf3") && error.contains(MUST_TEST), "{error}");
    }

    #[test]
    fn other_work_on_the_machine_never_fails_a_test() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(note(directory.path(), true, "one::test", Cause::Disturbed("the CPUs were used")).is_ok());
    }

    #[test]
    fn every_test_that_could_not_test_is_a_line_of_the_list() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("target");
        for cause in [Cause::Missing("no iperf3"), Cause::Disturbed("used\nthree times")] {
            note(&target, false, "one::test", cause).expect("noted");
        }
        let list = fs::read_to_string(target.join(LIST_FILE_NAME)).expect("a list");
        assert_eq!(list, "one::test: no iperf3\none::test: used three times\n");
    }
}
