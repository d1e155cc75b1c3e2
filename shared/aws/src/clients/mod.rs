//! Thin structs that wrap the clients of the AWS SDK.

pub mod agent;
pub mod artifacts;
pub mod clock;
pub mod commands;
pub mod events;
pub mod executions;
pub mod hosts;
pub mod images;
pub mod objects;
pub mod parameters;
pub mod placement;
pub mod quotas;
pub mod records;
pub mod schedules;
mod sdk;
pub mod signatures;

pub(crate) use self::sdk::{aws_failure, beginning};
pub use self::sdk::{configuration, function_configuration, reason, s3_client, s3_configuration};
