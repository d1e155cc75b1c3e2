//! Presigned URLs, which are all that a host gets of AWS.

use std::time::Duration;

use aws_sdk_s3::config::{Builder, Credentials};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use serde_json::json;

use super::failed;
use crate::failure::Failure;
use crate::keys::RunKeys;

/// A step lasts half as long. A role that is assumed by another role gives no longer session (STS, AssumeRole).
const SESSION: Duration = Duration::from_secs(3600);

/// The role that URLs are signed with.
#[derive(Debug, Clone)]
pub struct Signatures {
    client: aws_sdk_sts::Client,
    role_arn: String,
    s3: Builder,
    bucket: String,
}

/// What a session may read and write, beside the files of its run.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The run.
    pub run_id: &'a str,
    /// Key of the agent's binary.
    pub agent: &'a str,
    /// Bucket and prefix of a user's own objects.
    pub dataset: Option<(&'a str, &'a str)>,
}

/// Signs URLs of one run for an hour.
#[derive(Debug, Clone)]
pub struct Signer {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl Signatures {
    /// The role, by a client of STS; `s3` is how URLs are made and `bucket` is the stack's.
    #[must_use]
    pub fn new(client: aws_sdk_sts::Client, role_arn: String, s3: Builder, bucket: String) -> Self {
        Self { client, role_arn, s3, bucket }
    }

    /// Begins a session that can touch nothing but what `scope` says.
    ///
    /// # Errors
    /// STS does not give one.
    pub async fn session(&self, scope: &Scope<'_>) -> Result<Signer, Failure> {
        let doing = format!("assuming {} for run {}", self.role_arn, scope.run_id);
        let session = self
            .client
            .assume_role()
            .role_arn(&self.role_arn)
            // 64 characters at most; a run's id has 80 at most.
            .role_session_name(format!("dicomperf-{}", scope.run_id).chars().take(64).collect::<String>())
            .duration_seconds(i32::try_from(SESSION.as_secs()).unwrap_or(i32::MAX))
            .policy(self.policy(scope))
            .send()
            .await
            .map_err(failed(&doing))?;
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

    /// The session's policy: the role's own, narrowed to one run. 2,048 characters at most.
    fn policy(&self, scope: &Scope<'_>) -> String {
        // arn:PARTITION:iam:...
        let partition = self.role_arn.split(':').nth(1).unwrap_or("aws");
        let object = |bucket: &str, key: &str| format!("arn:{partition}:s3:::{bucket}/{key}");
        let run = RunKeys(scope.run_id);
        let under = |prefix: String| object(&self.bucket, &format!("{prefix}*"));
        let mut readable = vec![under(run.steps()), object(&self.bucket, scope.agent)];
        if let Some((bucket, prefix)) = scope.dataset {
            // An asterisk in a key stands for itself: one character.
            readable.push(object(bucket, &format!("{}*", prefix.replace('*', "?"))));
        }
        json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Effect": "Allow", "Action": "s3:PutObject", "Resource": under(run.prefix()) },
                { "Effect": "Allow", "Action": "s3:GetObject", "Resource": readable },
            ],
        })
        .to_string()
    }
}

impl Signer {
    /// A URL that reads an object of the stack's bucket.
    ///
    /// # Errors
    /// The URL cannot be made.
    pub async fn get(&self, key: &str) -> Result<String, Failure> {
        self.get_from(&self.bucket, key).await
    }

    /// A URL that reads an object.
    ///
    /// # Errors
    /// The URL cannot be made.
    pub async fn get_from(&self, bucket: &str, key: &str) -> Result<String, Failure> {
        let request = self.client.get_object().bucket(bucket).key(key);
        let signed = request.presigned(validity()?).await.map_err(|error| unsigned(key, error))?;
        Ok(signed.uri().to_owned())
    }

    /// A URL that writes an object of the stack's bucket, without any header of its own.
    ///
    /// # Errors
    /// The URL cannot be made.
    pub async fn put(&self, key: &str) -> Result<String, Failure> {
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let signed = request.presigned(validity()?).await.map_err(|error| unsigned(key, error))?;
        Ok(signed.uri().to_owned())
    }
}

fn validity() -> Result<PresigningConfig, Failure> {
    PresigningConfig::expires_in(SESSION)
        .map_err(|error| Failure::Aws { doing: "signing".to_owned(), reason: error.to_string() })
}

fn unsigned<E>(key: &str, error: SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    failed(format!("signing a URL for {key}"))(error)
}

#[cfg(test)]
mod tests;
