//! The agent's state on a host: one directory a run, with a lock and an outcome for each step.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use dicomperf_model::run_id;
use dicomperf_model::step::StepId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A run's directory on this host. Its files contain passwords, so only root can read them.
#[derive(Debug, Clone)]
pub struct RunHome(PathBuf);

/// The exclusive right to work on a step, until this is dropped.
#[derive(Debug)]
pub struct StepLock {
    _file: File,
}

/// The outcome of a step on this host.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct StepOutcome {
    /// The exit code of the command that carried out the step.
    pub exit_code: u8,
}

impl RunHome {
    /// Opens the run's directory, and makes it if it is missing.
    ///
    /// # Errors
    /// A run id that is not valid, a directory that cannot be made.
    pub fn open(state: &Path, run_id: &str) -> anyhow::Result<Self> {
        ensure!(run_id::is_valid(run_id), "run id {run_id:?}; allowed: {}", run_id::RULE);
        let directory = state.join(run_id);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self(directory))
    }

    /// The path of a file or directory in this directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The homes of the runs that have been on this host, this one included.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn all(&self) -> io::Result<Vec<Self>> {
        let state = self.0.parent().unwrap_or(Path::new("/"));
        let mut homes = Vec::new();
        for entry in fs::read_dir(state)? {
            let entry = entry?;
            let is_run = entry.file_name().to_str().is_some_and(run_id::is_valid) && entry.file_type()?.is_dir();
            if is_run {
                homes.push(Self(entry.path()));
            }
        }
        Ok(homes)
    }

    /// The path of the step's log.
    #[must_use]
    pub fn log(&self, step: &StepId) -> PathBuf {
        self.path(&format!("{step}.log"))
    }

    /// Waits until no other process works on the step.
    ///
    /// # Errors
    /// A lock file that cannot be opened or locked.
    pub fn lock(&self, step: &StepId) -> io::Result<StepLock> {
        let file = File::create(self.path(&format!("{step}.lock")))?;
        file.lock()?;
        Ok(StepLock { _file: file })
    }

    /// Returns the outcome of the step, if this host has carried it out before.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn outcome(&self, step: &StepId) -> io::Result<Option<StepOutcome>> {
        self.read(&format!("{step}.outcome.json"))
    }

    /// Saves the outcome of the step.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn set_outcome(&self, step: &StepId, outcome: StepOutcome) -> io::Result<()> {
        self.write(&format!("{step}.outcome.json"), &outcome)
    }

    /// Reads a JSON file; `None` if it is missing.
    ///
    /// # Errors
    /// A file that cannot be read, or that does not contain a `T`.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a JSON file atomically.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        replace(&self.path(name), &serde_json::to_vec(value)?, 0o600)
    }
}

/// Writes a file under another name and moves it into place, so that no reader ever sees half of it.
///
/// # Errors
/// A file that cannot be written.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // A leftover file would keep its old mode.
    let _ = fs::remove_file(&new);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    io::Write::write_all(&mut file, content)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_that_is_a_path_is_refused() {
        let state = tempfile::tempdir().expect("a directory");
        for run_id in ["", "..", "..a", "../x", "a/b", "a\nb", &"x".repeat(81)] {
            let error = RunHome::open(state.path(), run_id).expect_err("refused").to_string();
            assert!(error.contains(run_id::RULE), "{error}");
        }
        assert!(RunHome::open(state.path(), "3f1c-run_1.x").is_ok());
    }

    #[test]
    fn an_outcome_is_remembered() {
        let state = tempfile::tempdir().expect("a directory");
        let home = RunHome::open(state.path(), "run").expect("a home");
        assert!(home.outcome(&StepId::Collect).expect("read").is_none());
        home.set_outcome(&StepId::Collect, StepOutcome { exit_code: 1 }).expect("written");
        assert_eq!(home.outcome(&StepId::Collect).expect("read").map(|outcome| outcome.exit_code), Some(1));
    }
}
