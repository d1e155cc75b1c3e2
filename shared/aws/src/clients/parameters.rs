//! Credentials for an existing server's REST interface, in SSM's Parameter Store.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata as _;
use aws_sdk_ssm::types::ParameterType;

use super::{aws_failure, reason};
use crate::failure::Failure;
use dicomperf_model::step::Credentials;

/// Beginning of the names of the parameters that a run may read. The template's statement names it too.
pub const CREDENTIALS_PREFIX: &str = "/dicomperf/";

/// The Parameter Store.
#[derive(Debug, Clone)]
pub struct Parameters(Client);

impl Parameters {
    /// Returns the Parameter Store of the client's region.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self(client)
    }

    /// Reads the user and the password of an existing server's REST interface.
    ///
    /// # Errors
    /// [`Failure::CredentialsUnusable`] if the parameter does not exist, must not be read, or has another content. Its
    /// reason never has the content.
    pub async fn credentials(&self, name: &str) -> Result<Credentials, Failure> {
        let unusable = |reason: String| Failure::CredentialsUnusable { parameter: name.to_owned(), reason };
        let parameter = match self.0.get_parameter().name(name).with_decryption(true).send().await {
            Ok(answer) => answer.parameter,
            Err(error) if error.code().is_some_and(|code| FINAL_ERRORS.contains(&code)) => {
                return Err(unusable(format!("SSM does not return it: {}", reason(&error))));
            }
            Err(error) => return Err(aws_failure(format!("reading parameter {name}"))(error)),
        };
        // Whoever may list parameters reads the content of any other type.
        if parameter.as_ref().and_then(|parameter| parameter.r#type.as_ref()) != Some(&ParameterType::SecureString) {
            return Err(unusable("it is not of the type SecureString".to_owned()));
        }
        let value = parameter.and_then(|parameter| parameter.value).unwrap_or_default();
        serde_json::from_str(&value).map_err(|error| {
            // The error's own words may repeat a part of the content.
            let place = format!("line {}, column {}", error.line(), error.column());
            unusable(format!("its value is not {{\"user\": ..., \"password\": ...}}: {place}"))
        })
    }
}

/// Errors of GetParameter that stay if it is called again. `InvalidKeyId`: the key is disabled or does not exist (AWS
/// Systems Manager API Reference, GetParameter).
const FINAL_ERRORS: [&str; 5] =
    ["ParameterNotFound", "AccessDeniedException", "InvalidKeyId", "ValidationException", "KMSInvalidStateException"];

#[cfg(test)]
mod tests {
    use aws_sdk_ssm::operation::get_parameter::{GetParameterError, GetParameterOutput};
    use aws_sdk_ssm::types::Parameter;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::mocked::{client, error};

    fn parameter(of_type: ParameterType, value: &'static str) -> Rule {
        mock!(Client::get_parameter)
            .match_requests(|request| {
                request.name() == Some("/dicomperf/pacs") && request.with_decryption() == Some(true)
            })
            .then_output(move || {
                let parameter = Parameter::builder().r#type(of_type.clone()).value(value).build();
                GetParameterOutput::builder().parameter(parameter).build()
            })
    }

    async fn read(rule: &Rule) -> Result<Credentials, Failure> {
        Parameters::new(client!(aws_sdk_ssm, [rule])).credentials("/dicomperf/pacs").await
    }

    #[tokio::test]
    async fn a_secure_string_has_user_and_password() {
        let rule = parameter(ParameterType::SecureString, r#"{ "user": "perf", "password": "hunter2" }"#);
        let expected = Credentials { user: "perf".to_owned(), password: "hunter2".to_owned() };
        assert_eq!(read(&rule).await, Ok(expected));
    }

    #[tokio::test]
    async fn another_content_is_named_and_not_repeated() {
        for (of_type, value) in [
            (ParameterType::String, r#"{ "user": "perf", "password": "hunter2" }"#),
            (ParameterType::SecureString, r#""hunter2""#),
            (ParameterType::SecureString, "hunter2"),
            (ParameterType::SecureString, r#"{ "user": "perf", "password": "hunter2", "hunter2": 1 }"#),
            (ParameterType::SecureString, r#"{ "user": "hunter2" }"#),
        ] {
            let failure = read(&parameter(of_type, value)).await.expect_err("unusable");
            assert_eq!(failure.name(), "CredentialsUnusable");
            let text = failure.to_string();
            assert!(text.contains("/dicomperf/pacs") && !text.contains("hunter2"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_parameter_that_stays_unreadable_ends_the_run_and_another_error_does_not() {
        for (code, name) in [
            ("ParameterNotFound", "CredentialsUnusable"),
            ("AccessDeniedException", "CredentialsUnusable"),
            ("ThrottlingException", "AwsError"),
        ] {
            let rule = mock!(Client::get_parameter).then_error(move || GetParameterError::generic(error(code)));
            assert_eq!(read(&rule).await.expect_err("unusable").name(), name, "{code}");
        }
    }
}
