//! Configuration of the AWS SDK: TLS, credentials, S3's addressing. Also turns the SDK's errors into failures.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{
    RequestChecksumCalculation, ResponseChecksumValidation, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::environment::{Missing, optional_variable, required_variable};
use crate::failure::Failure;

/// The longest time until AWS begins to answer one attempt. The SDK makes three attempts of a call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum length of an AWS error in a message. Some errors carry kilobytes of encoded policy.
const MAX_REASON_CHARACTERS: usize = 600;

/// Loads the SDK's configuration for the command line: from the environment, profiles and the SDK's other sources.
pub async fn configuration() -> SdkConfig {
    let defaults = aws_config::defaults(BehaviorVersion::latest());
    defaults.http_client(https()).timeout_config(timeouts(ATTEMPT_TIMEOUT)).load().await
}

/// Returns the SDK's configuration in a function. Lambda sets the region and the credentials in the environment.
///
/// The SDK's default chain also reads profiles, ECS, IMDS and web identities. It would add 0.2 MB to a function's zip
/// and never run.
///
/// # Errors
/// The environment names no region.
pub fn function_configuration() -> Result<SdkConfig, Missing> {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(https())
        .timeout_config(timeouts(ATTEMPT_TIMEOUT))
        .region(Region::new(required_variable("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()));
    config.set_endpoint_url(optional_variable("AWS_ENDPOINT_URL"));
    Ok(config.build())
}

/// Returns the limits of a call and of each of its attempts. The SDK itself limits only the time to connect ("Configuring
/// timeouts in the AWS SDK for Rust"), so a connection that stalls would use up a function's time.
fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(attempt * 3).build()
}

/// Returns an HTTP client. TLS is rustls with ring, because the SDK's own aws-lc is larger and needs a C compiler.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Returns the configuration of S3's clients.
#[must_use]
pub fn s3_configuration(config: &SdkConfig) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::from(config)
        // A custom endpoint has no host name for each bucket.
        .force_path_style(config.endpoint_url().is_some())
        // Otherwise a presigned PUT would require a checksum header, which the host does not send.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
}

/// Returns a client of S3.
#[must_use]
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(s3_configuration(config).build())
}

/// Turns an error of the SDK into a [`Failure`]. `doing` names the work that failed.
pub(crate) fn aws_failure<E>(doing: impl Into<String>) -> impl FnOnce(SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    move |error| Failure::Aws { doing: doing.into(), reason: reason(&error) }
}

/// Returns the message of AWS. If AWS did not answer, returns the SDK's error with all its causes.
pub fn reason<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => beginning(&format!("{code}: {}", readable_part(message)), MAX_REASON_CHARACTERS),
        (None, None) if error.raw_response().is_some_and(|response| !response.status().is_success()) => {
            let status = error.raw_response().map_or(0, |response| response.status().as_u16());
            format!("HTTP status {status}, and no error that the SDK can read")
        }
        _ => beginning(&with_causes(error), MAX_REASON_CHARACTERS),
    }
}

/// Returns the words of an error and of each of its causes. The SDK's own DisplayErrorContext adds their Rust structs.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut words: Vec<_> = causes.map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}

/// Returns the part of EC2's message before the encoded one, which only sts:DecodeAuthorizationMessage can read (EC2 API
/// Reference, Client error codes, UnauthorizedOperation).
fn readable_part(message: &str) -> &str {
    message.split_once("Encoded authorization failure message").map_or(message, |(readable, _)| readable).trim_end()
}

/// Returns the beginning of a text, cut to a number of characters.
pub(crate) fn beginning(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    /// The kernel completes the connections, and nobody answers.
    #[tokio::test]
    async fn a_connection_that_stalls_ends_each_attempt_and_the_call() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(https())
            .timeout_config(timeouts(Duration::from_millis(200)))
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(aws_sdk_s3::config::Credentials::new(
                "id", "secret", None, None, "test",
            )))
            .endpoint_url(endpoint)
            .build();
        let started = Instant::now();
        let error = s3_client(&config).get_object().bucket("bucket").key("key").send().await.expect_err("a timeout");
        assert!(reason(&error).contains("timeout"), "{}", reason(&error));
        assert!(!reason(&error).contains('{'), "in words: {}", reason(&error));
        assert!((200..5000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    }
}
