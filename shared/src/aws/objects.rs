//! A user's own objects in S3: listed, looked at, and refused where they are no dataset.

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use tokio::task::JoinSet;

use super::{beginning, failed, reason};
use crate::dataset::{Inspected, Refused, inspect, without_duplicates};
use crate::failure::Failure;
use crate::keys::DATASETS;
use crate::plan::{DatasetPlan, PlannedObject};
use crate::request::S3Objects;
use crate::validation::{FieldError, InvalidRequest};

/// The most objects of a dataset.
pub const MAX_OBJECTS: usize = 20_000;
/// Bytes in which nearly every header fits.
const HEADER_BYTES: u64 = 256 * 1024;
/// The longest header that is read: objects without pixel data are header from end to end.
const LONGEST_HEADER_BYTES: u64 = 64 * 1024 * 1024;
/// Headers read at once.
const AT_ONCE: usize = 32;
/// The longest list of refused objects in a message, in characters.
const LONGEST_REASONS: usize = 4000;

/// An object as the listing has it.
#[derive(Debug, Clone)]
struct Listed {
    key: String,
    bytes: u64,
    etag: String,
}

/// Looks at a user's objects and plans a dataset of those that are not refused.
///
/// # Errors
/// [`Failure::DatasetRefused`] when an object is refused that the request does not skip, or none is left;
/// [`Failure::InvalidRequest`] when there are none, too many, or they cannot be listed.
pub async fn dataset(client: &Client, spec: &S3Objects) -> Result<DatasetPlan, Failure> {
    let listed = list(client, spec).await?;
    let count = listed.len();
    let (accepted, mut refused) = inspect_all(client, spec, listed).await?;
    let (accepted, duplicates) = without_duplicates(accepted);
    refused.extend(duplicates);
    refused.sort_by(|a, b| a.key.cmp(&b.key));
    if accepted.is_empty() || !(refused.is_empty() || spec.skip_refused) {
        return Err(Failure::DatasetRefused { refused: refused.len(), objects: count, reasons: reasons(&refused) });
    }
    Ok(DatasetPlan::objects(spec.bucket.clone(), accepted, refused))
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
            Err(error) if matches!(error.code(), Some("NoSuchBucket" | "AccessDenied" | "PermanentRedirect")) => {
                let problem = format!("is {}, which cannot be listed: {}", spec.bucket, reason(&error));
                let allowed = format!("this stack's bucket under {DATASETS}, or the stack's parameter DatasetBucket");
                return Err(invalid("dataset.s3.bucket", problem, &allowed));
            }
            Err(error) => return Err(failed(format!("listing s3://{}/{}", spec.bucket, spec.prefix))(error)),
        };
        let objects = page.contents().iter().filter_map(|object| {
            Some(Listed {
                key: object.key()?.to_owned(),
                bytes: u64::try_from(object.size()?).ok()?,
                etag: object.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
            })
        });
        // The console makes an empty object for what it shows as a folder.
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

async fn inspect_all(
    client: &Client,
    spec: &S3Objects,
    listed: Vec<Listed>,
) -> Result<(Vec<PlannedObject>, Vec<Refused>), Failure> {
    let spec = Arc::new(spec.clone());
    let mut waiting = listed.into_iter();
    let mut reading = JoinSet::new();
    let mut looked_at = Vec::new();
    loop {
        while reading.len() < AT_ONCE
            && let Some(object) = waiting.next()
        {
            let (client, spec) = (client.clone(), Arc::clone(&spec));
            reading.spawn(async move {
                let found = look(&client, &spec, &object, HEADER_BYTES).await?;
                Ok::<_, Failure>((object, found))
            });
        }
        let Some(done) = reading.join_next().await else { break };
        looked_at.push(done.map_err(|error| Failure::Aws {
            doing: "looking at the dataset".to_owned(),
            reason: error.to_string(),
        })??);
    }
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for (object, mut found) in looked_at {
        // One at a time: a long header may take much memory.
        if found.is_err() && object.bytes > HEADER_BYTES {
            found = look(client, &spec, &object, LONGEST_HEADER_BYTES).await?;
            if object.bytes > LONGEST_HEADER_BYTES {
                found = found.map_err(|reason| format!("{reason}; only its first 64 MiB were read"));
            }
        }
        match found {
            Ok(header) => accepted.push(planned(object, header)),
            Err(reason) => refused.push(Refused { key: object.key, reason }),
        }
    }
    Ok((accepted, refused))
}

/// What the first bytes of an object tell, or why it is refused.
async fn look(
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
        Err(error) => return Err(failed(format!("reading s3://{}/{}", spec.bucket, object.key))(error)),
    };
    let body = answer.body.collect().await.map_err(|error| Failure::Aws {
        doing: format!("reading s3://{}/{}", spec.bucket, object.key),
        reason: error.to_string(),
    })?;
    Ok(inspect(body.into_bytes().as_ref(), spec.allow_identified))
}

fn planned(object: Listed, header: Inspected) -> PlannedObject {
    PlannedObject {
        key: object.key,
        bytes: object.bytes,
        etag: object.etag,
        sop_instance_uid: header.sop_instance_uid,
        sop_class_uid: header.sop_class_uid,
        transfer_syntax_uid: header.transfer_syntax_uid,
    }
}

fn reasons(refused: &[Refused]) -> String {
    let all: Vec<_> = refused.iter().map(|object| format!("{}: {}", object.key, object.reason)).collect();
    beginning(&all.join("; "), LONGEST_REASONS)
}

#[cfg(test)]
mod tests;
