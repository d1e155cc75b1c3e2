//! Builds of Orthanc from S3: downloaded once, checked by their hashes, and kept for every block that uses them.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dicomperf_model::request::{OrthancBuild, S3Build};
use dicomperf_model::step::{BuildFile, BuildSource};
use sha2::{Digest as _, Sha256};

use crate::failure::{DuringIo as _, Failure};
use crate::presigned::{self, Refused};
use crate::retry::{Backoff, retrying};

/// The name of a build's executable, which is the process's name in the kernel too.
const PROGRAM_NAME: &str = "Orthanc";
/// Bytes of a file at most: as the plan allows.
const MAX_FILE_BYTES: u64 = 1_000_000_000;
/// Four tries in 7 s.
const RETRIES: Backoff = Backoff { first_delay: Duration::from_secs(1), max_tries: 4 };

/// The executable and the plugins of a build, as they are on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledBuild {
    /// The executable.
    pub program: PathBuf,
    /// The plugins, in the order in which Orthanc loads them.
    pub plugins: Vec<PathBuf>,
}

impl InstalledBuild {
    /// The files of a build below a directory; `None` for the distribution's package. They may not be there yet.
    #[must_use]
    pub fn of(build: &OrthancBuild, directory: &Path) -> Option<Self> {
        let S3Build { sha256, plugins, .. } = build.s3()?;
        Some(Self {
            program: directory.join(sha256).join(PROGRAM_NAME),
            plugins: plugins.iter().map(|one| directory.join(&one.sha256).join(file_name(&one.key))).collect(),
        })
    }

    /// Downloads every file that is not there with its hash.
    ///
    /// # Errors
    /// `BuildUnusable`, `HostFailed`.
    pub fn download(&self, source: &BuildSource) -> Result<(), Failure> {
        let files = std::iter::once((&source.program, &self.program)).chain(source.plugins.iter().zip(&self.plugins));
        for (file, path) in files {
            if fs::File::open(path).and_then(hash_of).is_ok_and(|hash| hash == file.sha256) {
                tracing::info!(key = file.key, "this build is here already");
                continue;
            }
            download(file, path)?;
        }
        Ok(())
    }
}

/// The last part of an object's key.
fn file_name(key: &str) -> &str {
    key.rsplit('/').find(|part| !part.is_empty()).unwrap_or("plugin")
}

/// Downloads a file under another name. It is executable, and has its name, only after its hash was checked.
fn download(file: &BuildFile, path: &Path) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).while_path("make", directory)?;
    // Orthanc's own user runs it.
    for readable in directory.ancestors().take(2) {
        fs::set_permissions(readable, fs::Permissions::from_mode(0o755)).while_path("open", readable)?;
    }
    let partial = directory.join("partial");
    let agent = presigned::client()
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build()
        .new_agent();
    let unusable = |reason: String| Failure::BuildUnusable { key: file.key.clone(), reason };
    let found = retrying(RETRIES, |refused: &Refused| !refused.for_good, |_| fetch(&agent, &file.url, &partial))
        .map_err(|failed| unusable(format!("{} (try {})", failed.error.reason, failed.tries)))?;
    if found != file.sha256 {
        fs::remove_file(&partial).while_path("remove", &partial)?;
        return Err(unusable(format!(
            "the downloaded file has the SHA-256 {found}, and the request has {}; nothing of it was run",
            file.sha256
        )));
    }
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o755)).while_path("make executable", &partial)?;
    fs::rename(&partial, path).while_path("write", path)
}

/// Downloads a file and returns its SHA-256.
fn fetch(agent: &ureq::Agent, url: &str, path: &Path) -> Result<String, Refused> {
    let answer = agent.get(url).call().map_err(|error| {
        let refused = Refused::unanswered(&error, url);
        // S3 gives the same answer at every try.
        Refused { for_good: refused.for_good || matches!(error, ureq::Error::StatusCode(403 | 404)), ..refused }
    })?;
    let mut file = File::create(path).map_err(Refused::for_now)?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(Refused::for_now)?;
    let mut hash = Sha256::new();
    let copied = copy(answer.into_body().into_reader().take(MAX_FILE_BYTES), |chunk| {
        hash.update(chunk);
        file.write_all(chunk)
    });
    copied.map_err(Refused::for_now)?;
    Ok(hex(&hash.finalize()))
}

fn hash_of(file: File) -> io::Result<String> {
    let mut hash = Sha256::new();
    copy(file, |chunk| {
        hash.update(chunk);
        Ok(())
    })?;
    Ok(hex(&hash.finalize()))
}

/// Reads to the end, in chunks.
fn copy(mut from: impl io::Read, mut chunk_of: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            read => chunk_of(&buffer[..read])?,
        }
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_where_its_hash_is() {
        let build: OrthancBuild = serde_json::from_value(serde_json::json!({ "s3": {
            "bucket": "b", "key": "builds/Orthanc-1.12.9", "sha256": "aa",
            "plugins": [{ "key": "builds/libOrthancPostgreSQL.so", "sha256": "bb" }],
        } }))
        .expect("a build");
        let installed = InstalledBuild::of(&build, Path::new("/builds")).expect("a build");
        assert_eq!(installed.program, Path::new("/builds/aa/Orthanc"));
        assert_eq!(installed.plugins, [Path::new("/builds/bb/libOrthancPostgreSQL.so")]);
        assert_eq!(InstalledBuild::of(&OrthancBuild::Distribution, Path::new("/builds")), None);
    }
}
