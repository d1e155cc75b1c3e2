//! The contract of the HTTP API: routes, problems and the OpenAPI document. The function `api` answers by it.

mod documents;
pub mod openapi;
mod problem;
mod routes;

pub use self::documents::{BaselineList, BaselineRun};
pub use self::problem::{Problem, ProblemKind};
pub use self::routes::{Found, MAX_BODY_BYTES, Operation, ROUTES, Route, find};
