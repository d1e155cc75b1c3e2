//! The adapters and the use cases above them against moto, a second emulator of EC2, S3, DynamoDB and SSM.
//!
//! moto checks what the lab's emulator does not: ids of subnets, security groups, AMIs and instance profiles, and the names
//! and values of DynamoDB's expressions. It pages at DynamoDB's 1 MB. It starts no host, and it has no list of hosts
//! that SSM manages.
#![allow(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod account;
mod hosts;
mod moto;
mod objects;
mod records;
