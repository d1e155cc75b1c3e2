//! The memory that Orthanc needs for the largest instances of a dataset.

use serde_json::Value;

use crate::dataset::largest_synthetic_bytes;
use crate::host_type::{HostType, host_types};
use crate::plan::{DatasetOrigin, DatasetPlan};
use crate::request::{Request, Target};
use crate::validation::FieldError;

/// Copies of an instance that Orthanc holds in memory while it receives it. Measured with Orthanc 1.10.1
/// (docs/lab-notebook.md): 1,227 MB at most for an instance of 398 MB.
const COPIES: u64 = 3;
/// MiB for everything else: the operating system with its agents takes some 250, and an idle Orthanc some 30.
const BASE_MIB: u64 = 320;
/// Orthanc's default for the number of associations that it serves at once (`DicomThreadsCount`).
const DEFAULT_THREADS: u64 = 4;

/// Returns the MiB of memory that a server needs to receive this many instances of this size at once.
pub(super) fn needed_mib(largest_bytes: u64, at_once: u64) -> u64 {
    BASE_MIB + (COPIES * largest_bytes * at_once).div_ceil(1 << 20)
}

/// Returns the error of a request with a server that cannot take the dataset's largest instance. Any type of a list may
/// be launched, so each must be large enough.
pub(super) fn error(request: &Request, dataset: &DatasetPlan) -> Option<FieldError> {
    request.server.instance_type.iter().find_map(|server_type| error_of(request, dataset, server_type))
}

fn error_of(request: &Request, dataset: &DatasetPlan, server_type: &str) -> Option<FieldError> {
    let (largest, needed, has) = compare(request, dataset, server_type, 1)?;
    let problem = format!(
        "is {} with {has} MiB of memory, and Orthanc needs about {needed} MiB for an instance of {} MB",
        server_type,
        largest / 1_000_000
    );
    let mut enough: Vec<_> = host_types().filter(|(_, one)| u64::from(one.memory_mib) >= needed).collect();
    enough.sort_by(|(_, a), (_, b)| a.usd_per_hour.total_cmp(&b.usd_per_hour));
    let names: Vec<_> = enough.into_iter().take(3).map(|(name, _)| name).collect();
    let allowed = match &names[..] {
        [] => "smaller instances: no type has that much memory".to_owned(),
        names => format!("a type with at least {needed} MiB, like {}", names.join(", ")),
    };
    Some(FieldError::new("server.instanceType", problem, allowed))
}

/// Returns a note for a request whose server can take one of the largest instances, but not one on every association.
pub(super) fn note(request: &Request, dataset: &DatasetPlan, server_type: &str) -> Option<String> {
    let at_once = associations_at_once(request).min(dataset.instances.into());
    let (largest, needed, has) = compare(request, dataset, server_type, at_once)?;
    Some(format!(
        "Orthanc needs about {needed} MiB of memory if {at_once} associations send an instance of {} MB at once, and the \
         server ({server_type}) has {has} MiB.",
        largest / 1_000_000
    ))
}

/// Returns the largest instance in bytes, the needed MiB and those of the server, if they are too few.
fn compare(request: &Request, dataset: &DatasetPlan, server_type: &str, at_once: u64) -> Option<(u64, u64, u64)> {
    if !request.matrix.target.contains(&Target::Orthanc) {
        return None;
    }
    let largest = match &dataset.source {
        DatasetOrigin::Synthetic(spec) => largest_synthetic_bytes(spec),
        DatasetOrigin::S3 { objects, .. } | DatasetOrigin::Directory { objects, .. } => {
            objects.iter().map(|object| object.bytes).max().unwrap_or_default()
        }
    };
    let has = u64::from(HostType::find(server_type)?.memory_mib);
    let needed = needed_mib(largest, at_once);
    (needed > has).then_some((largest, needed, has))
}

/// Returns the most associations that Orthanc serves at once.
fn associations_at_once(request: &Request) -> u64 {
    let keys = std::iter::once(&request.server.orthanc).chain(&request.matrix.orthanc);
    let threads = keys.filter_map(|keys| keys.get("DicomThreadsCount").and_then(Value::as_u64)).max();
    let associations = request.matrix.associations.iter().copied().max().unwrap_or(1);
    u64::from(associations).min(threads.unwrap_or(DEFAULT_THREADS).max(DEFAULT_THREADS))
}
