//! The files of a run in S3.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::aws_failure;
use crate::failure::Failure;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::Plan;

/// The bucket of the stack.
#[derive(Debug, Clone)]
pub struct Artifacts {
    client: Client,
    bucket: String,
}

/// A document of the bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The document.
    pub document: T,
    /// Time at which S3 stored it, to the second.
    pub at: Option<Timestamp>,
}

/// Result of a write that leaves an existing object as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// This call wrote the object.
    Now,
    /// The object existed and is unchanged.
    Before,
}

/// Maximum number of retries of a write that conflicts with another write of the same object.
const MAX_CONFLICTS: u32 = 5;

impl Artifacts {
    /// Returns the bucket of this name.
    #[must_use]
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Returns the bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns `s3://BUCKET/KEY`.
    #[must_use]
    pub fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Reads a JSON document, if it exists.
    ///
    /// # Errors
    /// S3 does not answer, or the object is not a document of this type.
    pub async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        Ok(self.read_stored(key).await?.map(|stored| stored.document))
    }

    /// Reads a JSON document and the time at which S3 stored it, if it exists.
    ///
    /// # Errors
    /// As for [`Artifacts::read`].
    pub async fn read_stored<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Stored<T>>, Failure> {
        let Some(object) = self.get(key).await? else { return Ok(None) };
        let at = object.last_modified().and_then(|time| Timestamp::from_second(time.secs()).ok());
        let body = self.body(key, object).await?;
        let document = serde_json::from_slice(&body)
            .map_err(|error| Failure::Aws { doing: format!("reading {}", self.uri(key)), reason: error.to_string() })?;
        Ok(Some(Stored { document, at }))
    }

    /// Reads an object, if it exists.
    ///
    /// # Errors
    /// S3 does not answer.
    pub async fn read_bytes(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Some(object) = self.get(key).await? else { return Ok(None) };
        Ok(Some(self.body(key, object).await?))
    }

    async fn body(&self, key: &str, object: GetObjectOutput) -> Result<Vec<u8>, Failure> {
        let body = object
            .body
            .collect()
            .await
            .map_err(|error| Failure::Aws { doing: format!("reading {}", self.uri(key)), reason: error.to_string() })?;
        Ok(body.into_bytes().into())
    }

    async fn get(&self, key: &str) -> Result<Option<GetObjectOutput>, Failure> {
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(object)),
            // Without the right to list the bucket, S3 reports a missing key as AccessDenied.
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "AccessDenied")) => Ok(None),
            Err(error) => Err(aws_failure(format!("reading {}", self.uri(key)))(error)),
        }
    }

    /// Reads a JSON document that an earlier function wrote.
    ///
    /// # Errors
    /// The document is missing, or as for [`Artifacts::read`].
    pub async fn require<T: DeserializeOwned>(&self, key: &str) -> Result<T, Failure> {
        self.read(key).await?.ok_or_else(|| Failure::Aws {
            doing: format!("reading {}", self.uri(key)),
            reason: "it does not exist, or must not be read".to_owned(),
        })
    }

    /// Reads a run's plan.
    ///
    /// # Errors
    /// As for [`Artifacts::require`].
    pub async fn plan(&self, run_id: &str) -> Result<Plan, Failure> {
        self.require(&RunKeys(run_id).plan()).await
    }

    /// Returns a URL with which anybody can read an object for some time. It ends earlier if the caller's credentials do
    /// (Amazon S3 User Guide, Download and upload objects with presigned URLs).
    ///
    /// # Errors
    /// The caller has no credentials.
    pub async fn presign(&self, key: &str, lifetime: Duration) -> Result<String, Failure> {
        let doing = format!("signing a URL for {}", self.uri(key));
        let config = PresigningConfig::expires_in(lifetime)
            .map_err(|error| Failure::Aws { doing: doing.clone(), reason: error.to_string() })?;
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        Ok(request.presigned(config).await.map_err(aws_failure(doing))?.uri().to_owned())
    }

    /// Writes an object and replaces an existing one.
    ///
    /// # Errors
    /// S3 refuses it.
    pub async fn write(&self, key: &str, body: Vec<u8>, content_type: &str) -> Result<(), Failure> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        request
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(aws_failure(format!("writing {}", self.uri(key))))
            .map(|_| ())
    }

    /// Writes an object unless it exists.
    ///
    /// # Errors
    /// S3 refuses it.
    pub async fn write_once(&self, key: &str, body: Vec<u8>, content_type: &str) -> Result<Written, Failure> {
        let mut conflicts = 0;
        loop {
            let request = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
            match request.if_none_match("*").body(ByteStream::from(body.clone())).send().await {
                Ok(_) => return Ok(Written::Now),
                Err(error) if error.code() == Some("PreconditionFailed") => return Ok(Written::Before),
                // Another write of the same object is under way. A moment later it has succeeded or failed.
                Err(error) if error.code() == Some("ConditionalRequestConflict") && conflicts < MAX_CONFLICTS => {
                    conflicts += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => return Err(aws_failure(format!("writing {}", self.uri(key)))(error)),
            }
        }
    }

    /// Writes a JSON document unless it exists, and returns the stored one.
    ///
    /// # Errors
    /// As for [`Artifacts::write_once`] and [`Artifacts::require`].
    pub async fn settle<T: Serialize + DeserializeOwned>(&self, key: &str, document: T) -> Result<T, Failure> {
        match self.write_once(key, self.json(key, &document)?, "application/json").await? {
            Written::Now => Ok(document),
            Written::Before => self.require(key).await,
        }
    }

    /// Writes a JSON document and replaces an existing one.
    ///
    /// # Errors
    /// As for [`Artifacts::write`].
    pub async fn write_json(&self, key: &str, document: &impl Serialize) -> Result<(), Failure> {
        self.write(key, self.json(key, document)?, "application/json").await
    }

    fn json(&self, key: &str, document: &impl Serialize) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec_pretty(document)
            .map_err(|error| Failure::Aws { doing: format!("writing {}", self.uri(key)), reason: error.to_string() })
    }
}
