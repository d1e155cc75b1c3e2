//! `client clear`: deletes every dataset that a run has left on this host.

use std::fs;
use std::path::Path;

use dicomperf_model::step::StepOutput;

use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};

/// The beginning of the name of a dataset's directory, and of its index.
const DATASET_PREFIX: &str = "dataset";

/// Runs `client clear`: deletes the datasets of every run on this host, in all transfer syntaxes, and looks for them again.
///
/// # Errors
/// `DatasetFailed` if a file is left, `HostFailed`.
pub fn clear(home: &RunHome, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
    reporter.stage(0, 1, "deleting the datasets");
    let deleted = delete_datasets(home)?;
    let left = delete_datasets(home)?;
    if left > 0 {
        return Err(Failure::DatasetFailed(format!("{left} files came back after they were deleted")));
    }
    tracing::info!(deleted, "no dataset is left");
    reporter.set_output(StepOutput::Cleared { deleted });
    Ok(WorkEnd::Done)
}

/// Deletes the datasets of every run on this host, and returns the number of their files.
pub(super) fn delete_datasets(home: &RunHome) -> Result<u64, Failure> {
    let mut deleted = 0;
    for home in home.all().while_doing(|| "look for the homes of other runs".to_owned())? {
        let directory = home.path("");
        for entry in fs::read_dir(&directory).while_path("read", &directory)? {
            let entry = entry.while_path("read", &directory)?;
            if !entry.file_name().to_string_lossy().starts_with(DATASET_PREFIX) {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                deleted += count_files(&path)?;
                fs::remove_dir_all(&path).while_path("remove", &path)?;
            } else {
                deleted += 1;
                fs::remove_file(&path).while_path("remove", &path)?;
            }
        }
    }
    Ok(deleted)
}

fn count_files(directory: &Path) -> Result<u64, Failure> {
    Ok(fs::read_dir(directory).while_path("read", directory)?.count() as u64)
}
