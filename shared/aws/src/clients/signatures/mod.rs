//! Presigned URLs, which are the only access to S3 that a host gets.

use std::time::Duration;

use aws_sdk_s3::config::{Builder, Credentials};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;

use super::aws_failure;
use crate::failure::Failure;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::request::S3Build;
use dicomperf_model::time_limits::{FETCH_URL_SECONDS, SESSION_SECONDS};

/// The role that signs URLs.
#[derive(Debug, Clone)]
pub struct Signatures {
    client: aws_sdk_sts::Client,
    role_arn: String,
    s3: Builder,
    bucket: String,
    keys: Keys,
}

/// ARNs of the KMS keys of the account, where there are any.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Key of the stack's bucket.
    pub data: Option<String>,
    /// Key of a user's own objects.
    pub dataset: Option<String>,
}

/// Access of a session, in addition to the files of its run.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Id of the run.
    pub run_id: &'a str,
    /// Key of the agent's binary.
    pub agent: &'a str,
    /// Bucket and prefix of a user's own objects.
    pub dataset: Option<(&'a str, &'a str)>,
    /// Build of Orthanc.
    pub build: Option<&'a S3Build>,
}

/// Signs URLs of one run for an hour.
#[derive(Debug, Clone)]
pub struct Signer {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl Signatures {
    /// Returns the signing role. `s3` configures the URLs, and `bucket` is the stack's bucket.
    #[must_use]
    pub fn new(client: aws_sdk_sts::Client, role_arn: String, s3: Builder, bucket: String) -> Self {
        Self { client, role_arn, s3, bucket, keys: Keys::default() }
    }

    /// Returns this role with access to objects that these keys encrypt.
    #[must_use]
    pub fn with_keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// Begins a session with access to `scope` only.
    ///
    /// # Errors
    /// STS refuses the session.
    pub async fn session(&self, scope: &Scope<'_>) -> Result<Signer, Failure> {
        let doing = format!("assuming {} for run {}", self.role_arn, scope.run_id);
        let session = self
            .client
            .assume_role()
            .role_arn(&self.role_arn)
            // STS allows 64 characters. A run's id may have 80.
            .role_session_name(format!("dicomperf-{}", scope.run_id).chars().take(64).collect::<String>())
            .duration_seconds(i32::try_from(SESSION_SECONDS).unwrap_or(i32::MAX))
            .policy(self.policy(scope))
            .send()
            .await
            .map_err(aws_failure(&doing))?;
        let keys = session
            .credentials()
            .ok_or_else(|| Failure::Aws { doing, reason: "the answer has no credentials".to_owned() })?;
        let credentials = Credentials::new(
            keys.access_key_id(),
            keys.secret_access_key(),
            Some(keys.session_token().to_owned()),
            None,
            "dicomperf",
        );
        let config = self.s3.clone().credentials_provider(credentials).build();
        Ok(Signer { client: aws_sdk_s3::Client::from_conf(config), bucket: self.bucket.clone() })
    }

    /// Returns the session's policy, which narrows the role's own to one run. STS allows 2,048 characters.
    fn policy(&self, scope: &Scope<'_>) -> String {
        // arn:PARTITION:iam:...
        let partition = self.role_arn.split(':').nth(1).unwrap_or("aws");
        let object = |bucket: &str, key: &str| format!("arn:{partition}:s3:::{bucket}/{key}");
        let run = RunKeys(scope.run_id);
        let under = |prefix: String| object(&self.bucket, &format!("{prefix}*"));
        let mut readable = vec![under(run.step_documents()), object(&self.bucket, scope.agent)];
        if let Some((bucket, prefix)) = scope.dataset {
            // An asterisk in a key is a plain character; `?` matches it.
            readable.push(object(bucket, &format!("{}*", prefix.replace('*', "?"))));
        }
        if let Some(build) = scope.build {
            readable.extend(build.objects().map(|(_, key, _)| object(&build.bucket, key)));
        }
        let mut statements = vec![
            json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": under(run.prefix()) }),
            json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": readable }),
        ];
        let has_own_objects = scope.dataset.is_some() || scope.build.is_some();
        let dataset_key = self.keys.dataset.as_ref().filter(|_| has_own_objects);
        let keys: Vec<_> = self.keys.data.iter().chain(dataset_key).collect();
        if !keys.is_empty() {
            // The role itself may only decrypt with the dataset's key.
            let actions = ["kms:Decrypt", "kms:GenerateDataKey"];
            statements.push(json!({ "Effect": "Allow", "Action": actions, "Resource": keys }));
        }
        json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    }
}

impl Signer {
    /// Returns a URL that reads an object of the stack's bucket in the first minutes of a command. SSM's history keeps
    /// it.
    ///
    /// # Errors
    /// The URL cannot be signed.
    pub async fn get_soon(&self, key: &str) -> Result<String, Failure> {
        self.signed_get(&self.bucket, key, FETCH_URL_SECONDS).await
    }

    /// Returns a URL that reads an object.
    ///
    /// # Errors
    /// The URL cannot be signed.
    pub async fn get_from(&self, bucket: &str, key: &str) -> Result<String, Failure> {
        self.signed_get(bucket, key, SESSION_SECONDS).await
    }

    async fn signed_get(&self, bucket: &str, key: &str, seconds: u64) -> Result<String, Failure> {
        let request = self.client.get_object().bucket(bucket).key(key);
        let signed = request.presigned(validity(seconds)?).await.map_err(|error| signing_failure(key, error))?;
        Ok(signed.uri().to_owned())
    }

    /// Returns a URL that writes an object of the stack's bucket and requires no special header.
    ///
    /// # Errors
    /// The URL cannot be signed.
    pub async fn put(&self, key: &str) -> Result<String, Failure> {
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let signed =
            request.presigned(validity(SESSION_SECONDS)?).await.map_err(|error| signing_failure(key, error))?;
        Ok(signed.uri().to_owned())
    }
}

fn validity(seconds: u64) -> Result<PresigningConfig, Failure> {
    PresigningConfig::expires_in(Duration::from_secs(seconds))
        .map_err(|error| Failure::Aws { doing: "signing".to_owned(), reason: error.to_string() })
}

/// Attempts with the session's own rights, for a dry run.
impl Signer {
    /// Writes an object of the stack's bucket, as a host does by URL.
    pub(crate) async fn try_put(&self, key: &str) -> Result<(), Failure> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from_static(b"{}"));
        request.send().await.map(|_| ()).map_err(aws_failure(format!("writing s3://{}/{key} as a host", self.bucket)))
    }

    /// Reads a byte of an object, as a host does by URL.
    pub(crate) async fn try_get(&self, bucket: &str, key: &str) -> Result<(), Failure> {
        let request = self.client.get_object().bucket(bucket).key(key).range("bytes=0-0");
        request.send().await.map(|_| ()).map_err(aws_failure(format!("reading s3://{bucket}/{key} as a host")))
    }
}

fn signing_failure<E>(key: &str, error: SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    aws_failure(format!("signing a URL for {key}"))(error)
}

#[cfg(test)]
mod tests;
