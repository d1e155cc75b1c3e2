//! Real objects of many vendors and transfer syntaxes, some of them broken on purpose: pydicom's own test files.

use std::path::PathBuf;
use std::process::Command;

/// Returns the paths of pydicom's test files; `None` if pydicom is not installed.
#[must_use]
pub fn pydicom_files() -> Option<Vec<PathBuf>> {
    let script = "import pydicom.data as d; print(chr(10).join(map(str, d.get_testdata_files())))";
    let output = Command::new("python3").args(["-W", "ignore", "-c", script]).output().ok()?;
    let names = String::from_utf8(output.stdout).ok()?;
    let files: Vec<_> = names.lines().map(PathBuf::from).filter(|path| path.is_file()).collect();
    (!files.is_empty()).then_some(files)
}
