//! New UIDs for every iteration to an existing server.
//!
//! The places of the UIDs never change, so each renewal overwrites all of them without reading a file. The files need no
//! other state: after a renewal that was cut off, the next one writes every UID again.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use dicomperf_model::dataset::{UidPlace, new_uid};
use dicomperf_model::parallel::{cpu_count, in_parallel};
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Instance};
use crate::failure::{DuringIo as _, Failure};

/// The places of a dataset's UIDs. All UIDs have the same length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewable {
    /// Number of different UIDs.
    uids: u32,
    /// The UIDs of each instance.
    instances: Vec<InstanceUids>,
}

/// The UIDs of a file, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct InstanceUids {
    study: u32,
    series: u32,
    sop: u32,
    /// Position in the file, and the number of the UID that stands there.
    places: Vec<(u64, u32)>,
}

impl Renewable {
    /// Numbers the UIDs of instances, whose places are known. `None` if an instance lacks a place for one of its UIDs.
    pub(super) fn new(instances: &[Instance], places: &[Vec<UidPlace>]) -> Option<Self> {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut of_instances = Vec::with_capacity(instances.len());
        for (instance, places) in instances.iter().zip(places) {
            let mut numbered = Vec::with_capacity(places.len());
            for place in places {
                let next = u32::try_from(numbers.len()).ok()?;
                numbered.push((place.at, *numbers.entry(&place.uid).or_insert(next)));
            }
            let number = |uid: &str| {
                let number = *numbers.get(uid)?;
                numbered.iter().any(|(_, found)| *found == number).then_some(number)
            };
            let study = number(&instance.study_instance_uid)?;
            let series = number(&instance.series_instance_uid)?;
            let sop = number(&instance.sop_instance_uid)?;
            of_instances.push(InstanceUids { study, series, sop, places: numbered });
        }
        Some(Self { uids: u32::try_from(numbers.len()).ok()?, instances: of_instances })
    }
}

/// Replaces the Study, Series and SOP Instance UIDs in every file of a dataset, and every reference to them, in place.
/// Returns the dataset with its new UIDs, which are random and have the length of the old ones.
///
/// # Errors
/// `DatasetFailed` if the dataset was prepared for a server that the run starts; `HostFailed`.
pub fn renew_uids(dataset: &Dataset, directory: &Path) -> Result<Dataset, Failure> {
    let Some(renewable) = &dataset.renewable else {
        return Err(Failure::DatasetFailed("it was not prepared for new UIDs".to_owned()));
    };
    let mut random = rand::make_rng::<StdRng>();
    let uids: Vec<String> = (0..renewable.uids).map(|_| new_uid(&mut random)).collect();
    let uid = |number: u32| uids.get(number as usize).map_or("", String::as_str);
    let files: Vec<_> = dataset.instances.iter().zip(&renewable.instances).collect();
    let write = |_, &(instance, places): &(&Instance, &InstanceUids)| {
        let path = directory.join(&instance.file);
        let file = File::options().write(true).open(&path).while_path("write", &path)?;
        for &(at, number) in &places.places {
            file.write_all_at(uid(number).as_bytes(), at).while_path("write", &path)?;
        }
        Ok(())
    };
    in_parallel(&files, cpu_count(), write, |_| Ok::<_, Failure>(()))?;
    let mut renewed = dataset.clone();
    for (instance, of_instance) in renewed.instances.iter_mut().zip(&renewable.instances) {
        uid(of_instance.study).clone_into(&mut instance.study_instance_uid);
        uid(of_instance.series).clone_into(&mut instance.series_instance_uid);
        uid(of_instance.sop).clone_into(&mut instance.sop_instance_uid);
    }
    Ok(renewed)
}
