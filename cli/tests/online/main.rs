//! The commands that talk to AWS, as processes of their own, against an endpoint on loopback that answers as AWS does:
//! what the lab cannot do on demand, like a connection that breaks, and what needs a terminal.

#![allow(clippy::unwrap_used, missing_docs)]

mod aws;
mod connection;
mod documents;
mod terminal;
mod wrong_input;
