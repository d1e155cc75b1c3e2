//! A function's log.

use std::str::FromStr as _;

use tracing_subscriber::filter::LevelFilter;

use super::environment;

/// Writes JSON lines to standard output from the level that Lambda's logging controls name, INFO without one.
///
/// The runtime's own default also brings a language of filters, and with it an engine for regular expressions.
pub fn init() {
    let level = environment::optional("AWS_LAMBDA_LOG_LEVEL").and_then(|level| LevelFilter::from_str(&level).ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    tracing_subscriber::fmt().json().with_max_level(level).with_target(false).without_time().init();
}
