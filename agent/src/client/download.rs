//! A user's own objects: downloaded a few at a time, and no smaller or larger than the plan saw them.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use dicomperf::step::ObjectSource;

use crate::failure::Failure;
use crate::upload::without_url;

/// Downloads at once.
const AT_ONCE: usize = 4;
/// How often an object is tried.
const TRIES: u32 = 4;

/// Downloads all objects, in the order of their keys, as `000001.dcm` and so on.
///
/// # Errors
/// `DatasetFailed` at the first object that does not come; what `progress` answers.
pub fn all(
    objects: &[ObjectSource],
    directory: &Path,
    mut progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let sorted = sorted(objects);
    let agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build()
        .new_agent();
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(sorted.len()) {
            let sender = sender.clone();
            let (sorted, next, agent) = (&sorted, &next, &agent);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(object) = sorted.get(index) else { return };
                    let path = directory.join(file_name(index));
                    // Nobody listens after the first failure.
                    if sender.send(one(agent, object, &path)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut downloaded = 0;
        for result in receiver {
            result?;
            downloaded += 1;
            progress(downloaded)?;
        }
        Ok(())
    })
}

/// The key of the object that was downloaded to this file.
pub(super) fn key<'a>(objects: &'a [ObjectSource], name: &str) -> Option<&'a str> {
    let index = (0..objects.len()).find(|&index| file_name(index) == name)?;
    Some(&sorted(objects)[index].key)
}

fn sorted(objects: &[ObjectSource]) -> Vec<&ObjectSource> {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    sorted
}

fn file_name(index: usize) -> String {
    format!("{:06}.dcm", index + 1)
}

fn one(agent: &ureq::Agent, object: &ObjectSource, path: &Path) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        let reason = match fetch(agent, &object.url, path) {
            Ok(bytes) if bytes == object.bytes => return Ok(()),
            Ok(bytes) => format!("{bytes} bytes came, and the plan saw {}", object.bytes),
            Err(reason) => reason,
        };
        if tries == TRIES {
            return Err(Failure::DatasetFailed(format!("object {}: {reason} (try {tries})", object.key)));
        }
        thread::sleep(Duration::from_millis(500 << tries));
    }
}

fn fetch(agent: &ureq::Agent, url: &str, path: &Path) -> Result<u64, String> {
    let answer = agent.get(url).call().map_err(|error| without_url(&error, url))?;
    let mut file = File::create(path).map_err(|error| error.to_string())?;
    io::copy(&mut answer.into_body().into_reader(), &mut file).map_err(|error| error.to_string())
}
