//! The agent's binary, which is packaged with a function and fetched by the hosts from the bucket.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use super::artifacts::Artifacts;
use crate::failure::Failure;
use crate::keys;

/// The binary and, once it is published, its SHA-256 in hexadecimal.
#[derive(Debug)]
pub struct Agent {
    path: PathBuf,
    sha256: OnceCell<String>,
}

impl Agent {
    /// The binary at a path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, sha256: OnceCell::new() }
    }

    /// Makes sure that the bucket has the binary under its own hash, once in this object's life.
    ///
    /// # Errors
    /// The binary cannot be read, or S3 does not take it.
    pub async fn publish(&self, artifacts: &Artifacts) -> Result<&str, Failure> {
        let sha256 = self.sha256.get_or_try_init(|| async {
            let binary = std::fs::read(&self.path).map_err(|error| Failure::Aws {
                doing: format!("reading the agent at {}", self.path.display()),
                reason: error.to_string(),
            })?;
            let sha256: String = Sha256::digest(&binary).iter().map(|byte| format!("{byte:02x}")).collect();
            artifacts.write_once(&keys::agent(&sha256), binary, "application/octet-stream").await?;
            Ok(sha256)
        });
        sha256.await.map(String::as_str)
    }
}
