//! A user's own objects. A few are downloaded at once, and each must have the size that the plan recorded.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use dicomperf_model::parallel::in_parallel;
use dicomperf_model::step::ObjectSource;

use super::file_name;
use crate::failure::Failure;
use crate::presigned::{self, Refused};
use crate::retry::{Backoff, retrying};

/// Downloads at once.
const MAX_DOWNLOADS: usize = 4;
/// Four tries in 7 s.
const RETRIES: Backoff = Backoff { first_delay: Duration::from_secs(1), max_tries: 4 };

/// Downloads all objects, in the order of their keys, as `000001.dcm` and so on.
///
/// # Errors
/// `DatasetFailed` at the first object whose download fails; an error of `progress`.
pub fn download(
    objects: &[ObjectSource],
    directory: &Path,
    progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let sorted = sort_by_object_key(objects);
    let agent = presigned::client()
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build()
        .new_agent();
    let work = |index: usize, object: &&ObjectSource| download_one(&agent, object, &directory.join(file_name(index)));
    in_parallel(&sorted, MAX_DOWNLOADS, work, progress).map(|_| ())
}

/// The key of the object that was downloaded to this file.
pub(super) fn key<'a>(objects: &'a [ObjectSource], name: &str) -> Option<&'a str> {
    let index = (0..objects.len()).find(|&index| file_name(index) == name)?;
    Some(&sort_by_object_key(objects)[index].key)
}

fn sort_by_object_key(objects: &[ObjectSource]) -> Vec<&ObjectSource> {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    sorted
}

fn download_one(agent: &ureq::Agent, object: &ObjectSource, path: &Path) -> Result<(), Failure> {
    let attempt = |_| match fetch(agent, &object.url, path) {
        Ok(bytes) if bytes == object.bytes => Ok(()),
        Ok(bytes) => Err(Refused::for_now(format!("{bytes} bytes were downloaded, but the plan has {}", object.bytes))),
        Err(refused) => Err(refused),
    };
    retrying(RETRIES, |refused: &Refused| !refused.for_good, attempt).map_err(|failed| {
        Failure::DatasetFailed(format!("object {}: {} (try {})", object.key, failed.error.reason, failed.tries))
    })
}

fn fetch(agent: &ureq::Agent, url: &str, path: &Path) -> Result<u64, Refused> {
    let answer = agent.get(url).call().map_err(|error| Refused::unanswered(&error, url))?;
    let mut file = File::create(path).map_err(Refused::for_now)?;
    io::copy(&mut answer.into_body().into_reader(), &mut file).map_err(Refused::for_now)
}
