//! Builds of Orthanc in S3: their place is allowed, and their objects are there.

use aws_sdk_s3::Client;

use super::StackLimits;
use crate::clients::aws_failure;
use crate::failure::Failure;
use dicomperf_model::keys::BUILDS;
use dicomperf_model::request::{Request, S3Build};
use dicomperf_model::validation::{FieldError, InvalidRequest};

/// Bytes of an object of a build at most. Orthanc's own static executable has some 30 MB.
const MAX_BUILD_BYTES: i64 = 1_000_000_000;

/// Returns an error for each object in a place that the stack does not read.
pub(super) fn place_errors(request: &Request, own_bucket: &str, limits: &StackLimits) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (index, build) in builds(request) {
        let prefix = if build.bucket == own_bucket {
            BUILDS
        } else if limits.dataset_bucket.as_ref() == Some(&build.bucket) {
            limits.dataset_prefix.as_deref().unwrap_or_default()
        } else {
            let allowed = format!("this stack's bucket under {BUILDS}, or the stack's parameter DatasetBucket");
            errors.push(FieldError::new(path(index, "bucket"), format!("is {}", build.bucket), allowed));
            continue;
        };
        for (field, key, _) in build.objects().filter(|(_, key, _)| !key.starts_with(prefix)) {
            let allowed = format!("a key in {} that starts with {prefix}", build.bucket);
            errors.push(FieldError::new(path(index, &field), format!("is {key}"), allowed));
        }
    }
    errors
}

/// Checks that each object of each build is there, and may be read.
///
/// # Errors
/// [`Failure::InvalidRequest`] with an error for each object that is not; S3 does not answer.
pub(super) async fn check(s3: &Client, request: &Request) -> Result<(), Failure> {
    let mut errors = Vec::new();
    for (index, build) in builds(request) {
        for (field, key, _) in build.objects() {
            let problem = match s3.head_object().bucket(&build.bucket).key(key).send().await {
                Ok(found) => size_problem(found.content_length().unwrap_or_default()),
                // The answer to HEAD has no body, so only its status tells (Amazon S3 API Reference, HeadObject).
                Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
                    Some(403 | 404) => Some("is not there, or must not be read".to_owned()),
                    Some(301 | 400) => Some("is in a bucket of another region".to_owned()),
                    _ => return Err(aws_failure(format!("looking at s3://{}/{key}", build.bucket))(error)),
                },
            };
            if let Some(problem) = problem {
                let allowed = format!("an executable or a plugin of 1 to {MAX_BUILD_BYTES} bytes");
                errors.push(FieldError::new(
                    path(index, &field),
                    format!("s3://{}/{key} {problem}", build.bucket),
                    allowed,
                ));
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(InvalidRequest { errors }.into()) }
}

fn size_problem(bytes: i64) -> Option<String> {
    (!(1..=MAX_BUILD_BYTES).contains(&bytes)).then(|| format!("has {bytes} bytes"))
}

/// Returns the builds in S3, each with its place in the matrix.
fn builds(request: &Request) -> impl Iterator<Item = (usize, &S3Build)> {
    let all = request.matrix.orthanc_build.iter().enumerate();
    all.filter_map(|(index, build)| Some((index, build.s3()?)))
}

fn path(index: usize, field: &str) -> String {
    format!("matrix.orthancBuild[{index}].s3.{field}")
}
