//! Lists and inspects a user's own objects in S3, and refuses those that cannot be sent.

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use tokio::task::JoinSet;

use super::{aws_failure, beginning, reason};
use crate::failure::Failure;
use dicomperf_model::dataset::{Inspected, Part, PlannedObject, Refused, Selection};
use dicomperf_model::keys::DATASETS;
use dicomperf_model::plan::DatasetPlan;
use dicomperf_model::request::{Request, S3Objects};
use dicomperf_model::validation::{FieldError, InvalidRequest};

/// Maximum number of objects of a dataset.
pub const MAX_OBJECTS: usize = 20_000;
/// Number of bytes that contain nearly every header.
const HEADER_BYTES: u64 = 256 * 1024;
/// Maximum number of header bytes. An object without pixel data consists of header only.
const MAX_HEADER_BYTES: u64 = 64 * 1024 * 1024;
/// Maximum number of headers read at the same time.
const MAX_PARALLEL_READS: usize = 32;
/// Maximum length of the list of refused objects in a message, in characters.
const MAX_REASONS_CHARACTERS: usize = 4000;

/// An object in the bucket's listing.
#[derive(Debug, Clone)]
struct Listed {
    key: String,
    bytes: u64,
    etag: String,
}

/// Inspects a user's objects, and plans a dataset of those that every sender of the request can send.
///
/// # Errors
/// [`Failure::DatasetRefused`] if the request does not skip a refused object, or if every object is refused.
/// [`Failure::InvalidRequest`] if there is no object, there are too many, or they cannot be listed.
pub async fn dataset(client: &Client, spec: &S3Objects, request: &Request) -> Result<DatasetPlan, Failure> {
    let listed = list(client, spec).await?;
    let count = listed.len();
    let (accepted, refused) = inspect_all(client, spec, listed).await?;
    let selection = Selection::new(request, accepted, refused);
    let is_refused = selection.is_refused(spec.skip_refused);
    let Selection { objects, refused } = selection;
    if is_refused {
        return Err(Failure::DatasetRefused { refused: refused.len(), objects: count, reasons: reasons(&refused) });
    }
    Ok(DatasetPlan::objects(spec.bucket.clone(), objects, refused).prepared(spec.own()))
}

async fn list(client: &Client, spec: &S3Objects) -> Result<Vec<Listed>, Failure> {
    let invalid = |path: &str, problem: String, allowed: &str| {
        Failure::InvalidRequest(InvalidRequest { errors: vec![FieldError::new(path, problem, allowed)] })
    };
    let mut pages = client.list_objects_v2().bucket(&spec.bucket).prefix(&spec.prefix).into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            Err(error) if is_in_another_region(&error) => {
                let own = client.config().region().map_or("this stack's region", |region| region.as_ref());
                let region = bucket_region(&error).unwrap_or("another region");
                let problem = format!("is {}, which is in {region}", spec.bucket);
                return Err(invalid("dataset.s3.bucket", problem, &format!("a bucket in {own}")));
            }
            Err(error) if matches!(error.code(), Some("NoSuchBucket" | "AccessDenied")) => {
                let problem = format!("is {}, which cannot be listed: {}", spec.bucket, reason(&error));
                let allowed = format!("this stack's bucket under {DATASETS}, or the stack's parameter DatasetBucket");
                return Err(invalid("dataset.s3.bucket", problem, &allowed));
            }
            Err(error) => return Err(aws_failure(format!("listing s3://{}/{}", spec.bucket, spec.prefix))(error)),
        };
        let objects = page.contents().iter().filter_map(|object| {
            Some(Listed {
                key: object.key()?.to_owned(),
                bytes: u64::try_from(object.size()?).ok()?,
                etag: object.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
            })
        });
        // The S3 console creates an empty object for each folder.
        listed.extend(objects.filter(|object| !(object.bytes == 0 && object.key.ends_with('/'))));
        if listed.len() > MAX_OBJECTS {
            let problem = format!("has more than {MAX_OBJECTS} objects under {:?}", spec.prefix);
            return Err(invalid("dataset.s3.prefix", problem, "a prefix with fewer objects"));
        }
    }
    if listed.is_empty() {
        let problem = format!("has no object under {:?} in {}", spec.prefix, spec.bucket);
        return Err(invalid("dataset.s3.prefix", problem, "a prefix with at least one object"));
    }
    Ok(listed)
}

/// Returns true for S3's error about a bucket of another region. It is a redirect, and for a request to us-east-1 it may
/// complain about the signature's region instead (Amazon S3 API Reference, List of error codes).
fn is_in_another_region(error: &SdkError<ListObjectsV2Error>) -> bool {
    let is_redirect = error.raw_response().is_some_and(|response| response.status().as_u16() == 301);
    is_redirect || matches!(error.code(), Some("PermanentRedirect" | "AuthorizationHeaderMalformed"))
}

/// Returns the bucket's region from a header of S3's error, if S3 sends it.
fn bucket_region(error: &SdkError<ListObjectsV2Error>) -> Option<&str> {
    error.raw_response()?.headers().get("x-amz-bucket-region")
}

async fn inspect_all(
    client: &Client,
    spec: &S3Objects,
    listed: Vec<Listed>,
) -> Result<(Vec<PlannedObject>, Vec<Refused>), Failure> {
    let spec = Arc::new(spec.clone());
    let mut waiting = listed.into_iter();
    let mut reading = JoinSet::new();
    let mut inspected = Vec::new();
    loop {
        while reading.len() < MAX_PARALLEL_READS
            && let Some(object) = waiting.next()
        {
            let (client, spec) = (client.clone(), Arc::clone(&spec));
            reading.spawn(async move {
                let found = inspect_object(&client, &spec, &object, HEADER_BYTES).await?;
                Ok::<_, Failure>((object, found))
            });
        }
        let Some(done) = reading.join_next().await else { break };
        inspected.push(done.map_err(|error| Failure::Aws {
            doing: "looking at the dataset".to_owned(),
            reason: error.to_string(),
        })??);
    }
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for (object, mut found) in inspected {
        // One at a time, because a long header may need much memory.
        if found.is_err() && object.bytes > HEADER_BYTES {
            found = inspect_object(client, &spec, &object, MAX_HEADER_BYTES).await?;
            if object.bytes > MAX_HEADER_BYTES {
                found = found.map_err(|reason| format!("{reason}; only its first 64 MiB were read"));
            }
        }
        match found {
            Ok(header) => accepted.push(PlannedObject::new(object.key, object.bytes, object.etag, header)),
            Err(reason) => refused.push(Refused { key: object.key, reason }),
        }
    }
    Ok((accepted, refused))
}

/// Inspects the first bytes of an object. Returns its header, or the reason why it is refused.
async fn inspect_object(
    client: &Client,
    spec: &S3Objects,
    object: &Listed,
    bytes: u64,
) -> Result<Result<Inspected, String>, Failure> {
    if object.bytes == 0 {
        return Ok(Err("not DICOM: empty".to_owned()));
    }
    let request = client.get_object().bucket(&spec.bucket).key(&object.key);
    let answer = match request.range(format!("bytes=0-{}", bytes - 1)).send().await {
        Ok(answer) => answer,
        Err(error) if matches!(error.code(), Some("AccessDenied" | "NoSuchKey" | "InvalidObjectState")) => {
            return Ok(Err(format!("cannot be read: {}", reason(&error))));
        }
        Err(error) => return Err(aws_failure(format!("reading s3://{}/{}", spec.bucket, object.key))(error)),
    };
    let body = answer.body.collect().await.map_err(|error| Failure::Aws {
        doing: format!("reading s3://{}/{}", spec.bucket, object.key),
        reason: error.to_string(),
    })?;
    let bytes = body.into_bytes();
    let part = Part { size: object.bytes, is_whole: bytes.len() as u64 == object.bytes };
    Ok(spec.own().inspect(bytes.as_ref(), part))
}

fn reasons(refused: &[Refused]) -> String {
    let all: Vec<_> = refused.iter().map(|object| format!("{}: {}", object.key, object.reason)).collect();
    beginning(&all.join("; "), MAX_REASONS_CHARACTERS)
}

#[cfg(test)]
mod tests;
