//! The domain of dicomperf: what a person asks for, what is run, what was measured, and what it means.
//!
//! Data flows one way: [`request::Request`] -> [`plan::Plan`] -> hosts -> [`measurement::BlockMeasurement`] ->
//! [`summary::Summary`] -> report. Without the feature `aws` there is no network and no clock in here: time and
//! randomness are passed in.

#[cfg(feature = "aws")]
pub mod aws;
pub mod comparison;
pub mod dataset;
pub mod diagnosis;
pub mod failure;
pub mod host_type;
pub mod keys;
pub mod measurement;
pub mod network;
pub mod orthanc;
pub mod pace;
pub mod parallel;
pub mod plan;
pub mod report;
pub mod request;
pub mod resources;
pub mod run_id;
pub mod samples;
pub mod search;
pub mod statistics;
pub mod step;
pub mod summary;
pub mod validation;
pub mod verdict;
pub mod workflow;
