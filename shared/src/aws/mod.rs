//! Thin structs over the clients of the AWS SDK, and what each Lambda does with them.
//!
//! Clients and the time are passed in; the environment is read by the functions, once each.

pub mod agent;
pub mod artifacts;
pub mod clock;
pub mod commands;
pub mod environment;
pub mod executions;
pub mod hosts;
pub mod images;
pub mod launch;
#[cfg(feature = "lambda")]
pub mod logs;
pub mod objects;
pub mod placement;
pub mod plan;
pub mod reap;
pub mod records;
pub mod run_step;
pub mod runs;
pub mod signatures;
pub mod step_document;
pub mod summarize;
pub mod teardown;

#[cfg(test)]
mod mocked;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{
    RequestChecksumCalculation, ResponseChecksumValidation, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use self::environment::{Missing, optional, required};
use crate::failure::Failure;

/// The longest text that an error of AWS contributes to a message: some carry kilobytes of encoded policy.
const LONGEST_REASON: usize = 600;

/// The SDK's configuration for a person: from the environment, profiles, or wherever else the SDK looks.
pub async fn configuration() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(https()).load().await
}

/// The SDK's configuration in a function: Lambda puts its region and its credentials into the environment. What looks for
/// them elsewhere (profiles, ECS, IMDS, a web identity) would be 0.2 MB of a function's zip and never run.
///
/// # Errors
/// There is no region.
pub fn function_configuration() -> Result<SdkConfig, Missing> {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(https())
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()));
    config.set_endpoint_url(optional("AWS_ENDPOINT_URL"));
    Ok(config.build())
}

/// TLS is rustls with ring, not the SDK's own aws-lc, which is larger and needs a C compiler.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// How this project talks to S3.
#[must_use]
pub fn s3_configuration(config: &SdkConfig) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::from(config)
        // An endpoint of one's own has no name for each bucket.
        .force_path_style(config.endpoint_url().is_some())
        // A presigned PUT would otherwise demand a checksum header that the host does not send.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
}

/// A client of S3.
#[must_use]
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(s3_configuration(config).build())
}

/// Makes a [`Failure`] of an error of the SDK; `doing` is what was asked of AWS.
pub(crate) fn failed<E>(doing: impl Into<String>) -> impl FnOnce(SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    move |error| Failure::Aws { doing: doing.into(), reason: reason(&error) }
}

/// What AWS said, or where there is no answer, the SDK's error with all of its causes.
pub(crate) fn reason<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => beginning(&format!("{code}: {message}"), LONGEST_REASON),
        _ => beginning(&DisplayErrorContext(error).to_string(), LONGEST_REASON),
    }
}

/// A text, cut where it would drown a message.
pub(crate) fn beginning(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// So that Step Functions sees a failure by its name.
#[cfg(feature = "lambda")]
impl From<Failure> for lambda_runtime::Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.name().to_owned(), error_message: failure.to_string() }
    }
}
