//! Orthanc's storage, which belongs to one build at a time.
//!
//! A newer build may write a database that an older one does not read. The contents are worthless between blocks, because
//! every iteration empties the server first.

use std::fs;
use std::path::Path;

use dicomperf_model::request::OrthancBuild;

use super::super::files;
use crate::failure::{DuringIo as _, Failure};

/// The file with the build that the storage belongs to. Without it the storage is the distribution's.
const OWNER_FILE: &str = ".dicomperf-build";

/// Deletes the contents of the storage unless they are a build's own. The server must not run.
pub(super) fn claim(storage: &Path, build: &OrthancBuild) -> Result<(), Failure> {
    let file = storage.join(OWNER_FILE);
    let owner = fs::read_to_string(&file).ok();
    let wanted = build.content();
    if owner == wanted {
        return Ok(());
    }
    if !storage.is_dir() {
        return Ok(());
    }
    // The owner stays until everything else is gone: an interrupted deletion is repeated.
    files::delete_contents(storage, Some(&file))?;
    match wanted {
        Some(content) => fs::write(&file, content).while_path("write", &file),
        None => fs::remove_file(&file).while_path("remove", &file),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_build_finds_its_own_contents_or_none() {
        let build = |sha256: &str| -> OrthancBuild {
            serde_json::from_value(json!({ "s3": { "bucket": "b", "key": "k", "sha256": sha256 } })).expect("a build")
        };
        let storage = tempfile::tempdir().expect("a directory");
        let index = storage.path().join("index");
        let claims = |build: &OrthancBuild| {
            claim(storage.path(), build).expect("claimed");
            let found = index.exists();
            fs::create_dir_all(storage.path().join("aa/bb")).expect("made");
            fs::write(&index, "rows").expect("written");
            found
        };
        claims(&OrthancBuild::Distribution);
        let seen = [&OrthancBuild::Distribution, &build("1"), &build("1"), &build("2"), &OrthancBuild::Distribution]
            .map(claims);
        assert_eq!(seen, [true, false, true, false, false]);
        assert!(claims(&OrthancBuild::Distribution));
    }
}
