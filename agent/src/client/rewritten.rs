//! The dataset with other UIDs: copies of studies, instances without identities, files whose UIDs can be replaced.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use dicomperf_model::dataset::{Changes, Part, Rewrite, Rewritten, UidPlace, UidReplacement, inspect};
use dicomperf_model::parallel::{cpu_count, in_parallel};
use dicomperf_model::step::ClientConfiguration;
use rand::Rng as _;
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};

use super::dataset::{Dataset, Instance, MAX_READERS, Proved, READ_BYTES};
use super::file_name;
use super::renewal::Renewable;
use crate::failure::{DuringIo as _, Failure};

/// Patient ID (0010,0020) of what an existing server gets, or its beginning if there are several patients.
const PATIENT_ID: &str = "DICOMPERF";

/// The changes to a dataset.
struct Rewriting<'a> {
    /// Its Study, Series and SOP Instance UIDs.
    own: HashSet<String>,
    salt: [u8; 32],
    /// The new Patient ID of each instance.
    patient_ids: Vec<String>,
    configuration: &'a ClientConfiguration,
}

/// A dataset whose files were rewritten.
pub(super) struct RewrittenDataset {
    pub dataset: Dataset,
    /// Patient IDs of the instances; empty if they are the original ones.
    pub patient_ids: Vec<String>,
}

/// True if the configuration changes the files of the dataset.
pub(super) const fn changes_files(configuration: &ClientConfiguration) -> bool {
    configuration.multiply > 1 || configuration.deidentify || configuration.renew_uids
}

/// Rewrites the files of a directory into `to`: all instances, then their second copies, and so on. Removes each original
/// after its copies, so that the disk needs space for little more than the result.
///
/// # Errors
/// `DatasetFailed` with the file that cannot be changed; `HostFailed`; an error of `progress`.
pub(super) fn rewrite(
    proved: &Proved,
    configuration: &ClientConfiguration,
    from: &Path,
    to: &Path,
    progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<RewrittenDataset, Failure> {
    let instances = &proved.dataset.instances;
    let keeps_patients = !configuration.renew_uids && !configuration.deidentify;
    let rewriting = Rewriting {
        own: own_uids(instances),
        // The same objects give the same copies. The other UIDs must not lead back to the original ones.
        salt: if keeps_patients { Sha256::digest(&proved.sha256).into() } else { random_salt() },
        patient_ids: if keeps_patients { Vec::new() } else { patient_ids(&proved.patients) },
        configuration,
    };
    let work = |index: usize, instance: &Instance| {
        let path = from.join(&instance.file);
        // The last copy first: the first one may be the original file itself.
        let copies = (0..configuration.multiply).rev().map(|copy| {
            let number = copy as usize * instances.len() + index;
            rewriting.rewrite(instance, index, copy, &path, &to.join(file_name(number)))
        });
        let copies = copies.collect::<Result<Vec<_>, _>>()?;
        if path.exists() {
            fs::remove_file(&path).while_path("remove", &path)?;
        }
        Ok::<_, Failure>(copies)
    };
    let written = in_parallel(instances, cpu_count().min(MAX_READERS), work, progress)?;
    let (mut all, mut places) = (Vec::new(), Vec::new());
    for copy in 0..configuration.multiply as usize {
        for copies in &written {
            // The copies stand in the reverse order.
            let (instance, uids) = &copies[copies.len() - 1 - copy];
            all.push(Instance { file: file_name(all.len()), ..instance.clone() });
            places.push(uids.clone());
        }
    }
    let renewable = configuration.renew_uids.then(|| renewable(&all, &places)).transpose()?;
    let patient_ids: BTreeSet<_> = rewriting.patient_ids.into_iter().collect();
    let dataset = Dataset { instances: all, renewable };
    Ok(RewrittenDataset { dataset, patient_ids: patient_ids.into_iter().collect() })
}

/// Makes the UIDs of a converted dataset replaceable in place. Its files are changed only where that needs it.
///
/// # Errors
/// `DatasetFailed` with the file that cannot be changed; `HostFailed`; an error of `progress`.
pub(super) fn make_renewable(
    dataset: &Dataset,
    directory: &Path,
    progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<Dataset, Failure> {
    let own = own_uids(&dataset.instances);
    let changes = Changes { own: &own, uids: None, patient_id: None, deidentify: false };
    let work = |_, instance: &Instance| {
        let path = directory.join(&instance.file);
        let scratch = path.with_extension("new");
        let rewritten = apply(&changes, &path, &scratch)?;
        if scratch.exists() {
            fs::rename(&scratch, &path).while_path("rename", &scratch)?;
        }
        let (bytes, data_set_at) = (rewritten.bytes, rewritten.data_set_at);
        Ok((Instance { bytes, data_set_at, sent_file: None, ..instance.clone() }, rewritten.uids))
    };
    let done = in_parallel(&dataset.instances, cpu_count().min(MAX_READERS), work, progress)?;
    let (instances, places): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let renewable = Some(renewable(&instances, &places)?);
    Ok(Dataset { instances, renewable })
}

impl Rewriting<'_> {
    /// Writes a copy of an instance. Returns its facts, without its name, and the places of its UIDs.
    fn rewrite(
        &self,
        instance: &Instance,
        index: usize,
        copy: u32,
        from: &Path,
        to: &Path,
    ) -> Result<(Instance, Vec<UidPlace>), Failure> {
        let patient_id = self.patient_ids.get(index).map(String::as_str);
        let replacement = UidReplacement { salt: self.salt, copy };
        let uids = (copy > 0 || patient_id.is_some()).then_some(replacement);
        let changes = Changes { own: &self.own, uids, patient_id, deidentify: self.configuration.deidentify };
        let rewritten = apply(&changes, from, to)?;
        if !to.exists() {
            fs::rename(from, to).while_path("rename", from)?;
        }
        let new = |uid: &String| uids.map_or_else(|| uid.clone(), |replacement| replacement.replace(uid));
        let changed = Instance {
            bytes: rewritten.bytes,
            sop_instance_uid: new(&instance.sop_instance_uid),
            study_instance_uid: new(&instance.study_instance_uid),
            series_instance_uid: new(&instance.series_instance_uid),
            data_set_at: rewritten.data_set_at,
            sent_file: None,
            ..instance.clone()
        };
        check(&changed, to)?;
        Ok((changed, rewritten.uids))
    }
}

/// Writes the changed file to `to`, unless nothing changes.
fn apply(changes: &Changes<'_>, from: &Path, to: &Path) -> Result<Rewritten, Failure> {
    let open = || File::open(from).while_path("read", from);
    let size = fs::metadata(from).while_path("read", from)?.len();
    let source = BufReader::with_capacity(READ_BYTES, open()?);
    let rewrite = Rewrite::plan(source, size, changes)
        .map_err(|reason| Failure::DatasetFailed(format!("{} cannot be changed: {reason}", from.display())))?;
    if let Some(unchanged) = rewrite.unchanged(size) {
        return Ok(unchanged);
    }
    let source = BufReader::with_capacity(READ_BYTES, open()?);
    let mut copy = BufWriter::with_capacity(READ_BYTES, File::create(to).while_path("write", to)?);
    let rewritten = rewrite.apply(source, &mut copy).while_path("write", to)?;
    copy.flush().while_path("write", to)?;
    Ok(rewritten)
}

/// Reads a new file to its end: it must be the expected instance, and valid.
fn check(instance: &Instance, path: &Path) -> Result<(), Failure> {
    let file = File::open(path).while_path("read", path)?;
    let size = file.metadata().while_path("read", path)?.len();
    let trouble = match inspect(BufReader::with_capacity(READ_BYTES, file), Part { size, is_whole: true }, true) {
        Err(reason) => reason,
        Ok(read) if !read.repairs.is_empty() => "it has a length that is not even".to_owned(),
        Ok(read) => {
            let uids = [&read.sop_instance_uid, &read.study_instance_uid, &read.series_instance_uid];
            let expected = [&instance.sop_instance_uid, &instance.study_instance_uid, &instance.series_instance_uid];
            if uids == expected && size == instance.bytes {
                return Ok(());
            }
            "it has other UIDs".to_owned()
        }
    };
    Err(Failure::DatasetFailed(format!("the changed copy of {} is not valid: {trouble}", instance.file)))
}

fn own_uids(instances: &[Instance]) -> HashSet<String> {
    let uids = |one: &Instance| {
        [one.study_instance_uid.clone(), one.series_instance_uid.clone(), one.sop_instance_uid.clone()]
    };
    instances.iter().flat_map(uids).collect()
}

fn renewable(instances: &[Instance], places: &[Vec<UidPlace>]) -> Result<Renewable, Failure> {
    Renewable::new(instances, places)
        .ok_or_else(|| Failure::DatasetFailed("an instance has a UID that cannot be replaced in place".to_owned()))
}

fn random_salt() -> [u8; 32] {
    let mut salt = [0; 32];
    rand::make_rng::<StdRng>().fill_bytes(&mut salt);
    salt
}

/// The new Patient ID of each instance: one for each original patient, in the order of the files.
fn patient_ids(patients: &[[String; 3]]) -> Vec<String> {
    let mut numbers: HashMap<&[String; 3], usize> = HashMap::new();
    for patient in patients {
        let next = numbers.len() + 1;
        numbers.entry(patient).or_insert(next);
    }
    let id = |patient: &[String; 3]| match numbers.get(patient) {
        Some(number) if numbers.len() > 1 => format!("{PATIENT_ID}-{number:04}"),
        _ => PATIENT_ID.to_owned(),
    };
    patients.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_patient_keeps_an_id_of_its_own() {
        let patient = |id: &str, name: &str| [id.to_owned(), name.to_owned(), String::new()];
        assert_eq!(patient_ids(&[patient("1", "A"), patient("1", "A")]), ["DICOMPERF", "DICOMPERF"]);
        let several = [patient("2", "B"), patient("1", "A"), patient("2", "B"), patient("", "C")];
        assert_eq!(patient_ids(&several), ["DICOMPERF-0001", "DICOMPERF-0002", "DICOMPERF-0001", "DICOMPERF-0003"]);
    }
}
