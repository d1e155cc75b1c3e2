//! The receipt and the cleanup by Orthanc's REST interface.

use std::collections::BTreeSet;

use super::super::orthanc::rest::OrthancRest;
use super::Series;
use super::found::Found;
use crate::failure::Failure;

/// Asks for the instances of each study, and for its bytes.
pub(super) fn ask(rest: &OrthancRest, series: &BTreeSet<Series<'_>>, found: &mut Found<'_>) -> Result<(), Failure> {
    let studies: BTreeSet<&str> = series.iter().map(|(study, _)| *study).collect();
    for study in studies {
        let Some(id) = rest.study(study)? else { continue };
        let Some(instances) = rest.instances_of(&id)? else { continue };
        for instance in instances {
            found
                .add(&instance.sop_instance_uid, &instance.id)
                .map_err(|trouble| rest.failure("/tools/lookup", trouble))?;
        }
        found.add_bytes(rest.bytes_of(&id)?);
    }
    Ok(())
}

/// Deletes a study, unless it is not there.
pub(super) fn delete(rest: &OrthancRest, study_instance_uid: &str) -> Result<(), Failure> {
    match rest.study(study_instance_uid)? {
        Some(id) => rest.delete_study(&id),
        None => Ok(()),
    }
}
