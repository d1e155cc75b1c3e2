//! A function's log.

use std::str::FromStr as _;

use tracing_subscriber::filter::LevelFilter;

use super::environment;

/// Writes JSON lines to standard output, from the level in Lambda's logging controls. The default level is INFO.
///
/// The runtime's own default also links a filter language, and with it a regular expression engine.
pub fn init() {
    let level =
        environment::optional_variable("AWS_LAMBDA_LOG_LEVEL").and_then(|level| LevelFilter::from_str(&level).ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    tracing_subscriber::fmt().json().with_max_level(level).with_target(false).without_time().init();
}
