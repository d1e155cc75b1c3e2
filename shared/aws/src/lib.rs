//! A run in AWS: use cases, one for each Lambda, over thin structs that wrap the clients of the AWS SDK.
//!
//! The caller passes in the clients and the time. Each function reads its environment once.

pub mod api;
mod check_list;
pub mod clients;
pub mod environment;
pub mod failure;
#[cfg(feature = "lambda")]
pub mod logs;
pub mod pace;
pub mod refusal;
pub mod stack;
pub mod use_cases;
pub mod workflow;

#[cfg(test)]
mod mocked;
