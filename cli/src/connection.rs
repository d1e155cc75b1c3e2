//! The connection to AWS while a run is followed: errors that pass are waited for, and the others end the command.

use std::time::{Duration, Instant};

use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};

/// The first pause after an error that may pass, and the longest one. Each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The longest that any execution may take: `TimeoutSeconds` of statemachine/run.asl.json.
const MAX_EXECUTION: Duration = Duration::from_secs(32_400);
/// Codes of errors that pass and may have a status below 500. They are those for throttled and for transient errors in
/// `botocore/retries/standard.py` (botocore 1.43), and Step Functions' own `KmsThrottlingException`. Two of botocore's are
/// left out: `LimitExceededException`, which is a quota of resources in DynamoDB, and EC2's, which no command calls.
const PASSING_CODES: [&str; 15] = [
    "BandwidthLimitExceeded",
    "KmsThrottlingException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// A call that AWS did not answer with a result.
#[derive(Debug)]
pub struct CallFailed {
    /// True if the same call may succeed later.
    pub may_pass: bool,
    reason: String,
}

impl CallFailed {
    /// Returns the error of an answer that ended in its middle.
    pub fn broken_off(error: impl std::error::Error) -> Self {
        Self { may_pass: true, reason: format!("the answer broke off: {error}") }
    }
}

impl<E> From<SdkError<E>> for CallFailed
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        Self { may_pass: may_pass(&error), reason: dicomperf_aws::clients::reason(&error) }
    }
}

impl std::fmt::Display for CallFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for CallFailed {}

fn may_pass<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) => true,
        // A missing credential is an error of this kind too, with none of these classes.
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout() || failure.as_other().is_some(),
        // An answer that broke off, or that a proxy gave.
        SdkError::ResponseError(_) => true,
        SdkError::ServiceError(failure) => {
            let status = failure.raw().status().as_u16();
            status >= 500 || failure.err().code().is_some_and(|code| PASSING_CODES.contains(&code))
        }
        _ => false,
    }
}

/// Decides for how long errors of the connection are waited for.
pub struct Patience {
    failing_since: Option<Instant>,
    pause: Duration,
    limit: Duration,
}

impl Patience {
    /// Waits for as long as any run may live.
    pub const fn new() -> Self {
        Self { failing_since: None, pause: FIRST_PAUSE, limit: MAX_EXECUTION }
    }

    /// Shortens the limit to the time that the run may still live.
    pub const fn limit_to(&mut self, left: Duration) {
        self.limit = left;
    }

    /// Notes that AWS answered.
    pub const fn answered(&mut self) {
        self.failing_since = None;
        self.pause = FIRST_PAUSE;
    }

    /// Notes an error. Returns the pause before the next try, and the words for the person who waits.
    ///
    /// # Errors
    /// The error, if it does not pass, or if the run cannot live any more.
    pub fn failed(&mut self, error: CallFailed) -> Result<(Duration, String), CallFailed> {
        let since = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        if !error.may_pass || since > self.limit {
            return Err(error);
        }
        let pause = self.pause;
        self.pause = (self.pause * 2).min(MAX_PAUSE);
        let reason = error.reason.lines().next().unwrap_or_default().to_owned();
        Ok((pause, format!("no answer from AWS for {} s, trying on ({reason})", since.as_secs())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(may_pass: bool) -> CallFailed {
        CallFailed { may_pass, reason: "ThrottlingException: Rate exceeded".to_owned() }
    }

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_after_an_answer() {
        let mut patience = Patience::new();
        let mut pauses = || patience.failed(error(true)).expect("waited for").0.as_secs();
        assert_eq!([pauses(), pauses(), pauses(), pauses(), pauses(), pauses()], [1, 2, 4, 8, 16, 30]);
        patience.answered();
        assert_eq!(patience.failed(error(true)).expect("waited for").0, FIRST_PAUSE);
    }

    #[test]
    fn an_error_that_does_not_pass_and_a_run_that_cannot_live_any_more_end_it() {
        assert!(Patience::new().failed(error(false)).is_err());
        let mut patience = Patience::new();
        patience.limit_to(Duration::ZERO);
        patience.failing_since = Some(Instant::now() - Duration::from_secs(1));
        assert!(patience.failed(error(true)).is_err());
    }
}
