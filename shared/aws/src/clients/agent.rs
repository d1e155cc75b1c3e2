//! The agent's binary. It is packaged with a function, and the hosts download it from the bucket.

use std::path::PathBuf;

use dicomperf_model::hash::sha256_hex;
use tokio::sync::OnceCell;

use super::artifacts::Artifacts;
use crate::failure::Failure;
use dicomperf_model::keys;

/// The agent's binary and, once published, its SHA-256 in hexadecimal.
#[derive(Debug)]
pub struct Agent {
    path: PathBuf,
    sha256: OnceCell<String>,
}

impl Agent {
    /// Returns the binary at a path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, sha256: OnceCell::new() }
    }

    /// Uploads the binary under its own hash, unless the bucket has it. Does so once in this object's lifetime.
    ///
    /// # Errors
    /// The binary cannot be read, or S3 refuses it.
    pub async fn publish(&self, artifacts: &Artifacts) -> Result<&str, Failure> {
        let sha256 = self.sha256.get_or_try_init(|| async {
            let binary = std::fs::read(&self.path).map_err(|error| Failure::Aws {
                doing: format!("reading the agent at {}", self.path.display()),
                reason: error.to_string(),
            })?;
            let sha256 = sha256_hex(&binary);
            artifacts.write_once(&keys::agent(&sha256), binary, "application/octet-stream").await?;
            Ok(sha256)
        });
        sha256.await.map(String::as_str)
    }
}
