//! The host that sends: DCMTK and the dataset.

pub mod dataset;
mod download;
mod extent;
pub mod profile;

use std::fs;
use std::path::Path;

use dicomperf::dataset::generate;
use dicomperf::step::{ClientConfiguration, DatasetSource, PreparedDataset, StepOutput};

use crate::failure::{Failure, While as _};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::{packages, versions};
use dataset::Dataset;

/// The dataset's directory in the run's home.
pub const DATASET: &str = "dataset";
/// What is in it: a [`Dataset`].
pub const INDEX: &str = "dataset.json";
/// storescu's profile: what it proposes.
pub const PROFILE: &str = "storescu.cfg";

/// `client configure`: installs DCMTK, makes or downloads the dataset, proves every file readable.
///
/// # Errors
/// `InstallFailed`, `DatasetFailed`, `DeadlinePassed`, `HostFailed`.
pub fn configure(
    configuration: &ClientConfiguration,
    home: &RunHome,
    reporter: &mut Reporter,
) -> Result<WorkEnd, Failure> {
    let instances = match &configuration.dataset {
        DatasetSource::Synthetic(spec) => spec.instances,
        DatasetSource::Objects(objects) => u32::try_from(objects.len()).unwrap_or(u32::MAX),
    };
    // Installing, and each instance twice: to make it and to prove it.
    let total = 1 + 2 * instances;
    reporter.stage(0, total, "installing DCMTK");
    packages::prepare_host(home, reporter.deadline())?;
    packages::install("dcmtk", home, reporter.deadline())?;

    let directory = home.path(DATASET);
    start_afresh(&directory)?;
    match &configuration.dataset {
        DatasetSource::Synthetic(spec) => {
            reporter.stage(1, total, format!("making {instances} instances"));
            let mut late = Ok(());
            generate(spec, &directory, |made| {
                reporter.progress(1 + made, total, || format!("made {made} of {instances} instances"));
                late = reporter.check_deadline();
            })
            .map_err(|error| Failure::DatasetFailed(format!("an instance cannot be written: {error}")))?;
            late?;
        }
        DatasetSource::Objects(objects) => {
            reporter.stage(1, total, format!("downloading {instances} objects"));
            download::all(objects, &directory, |downloaded| {
                reporter.progress(1 + downloaded, total, || format!("downloaded {downloaded} of {instances} objects"));
                reporter.check_deadline()
            })?;
        }
    }
    reporter.stage(1 + instances, total, format!("reading {instances} instances"));
    let (dataset, sha256) = dataset::prove(
        &directory,
        |name| label(&configuration.dataset, name),
        |read| {
            reporter.progress(1 + instances + read, total, || format!("read {read} of {instances} instances"));
            reporter.check_deadline()
        },
    )?;
    let profile = profile::profile(&dataset)?;
    fs::write(home.path(PROFILE), profile).at("write", &home.path(PROFILE))?;
    home.write(INDEX, &dataset).at("write", &home.path(INDEX))?;

    let mut versions = versions::host();
    versions.dcmtk = versions::dcmtk(&home.path("version.out"));
    let bytes = dataset.instances.iter().map(|instance| instance.bytes).sum();
    tracing::info!(instances = dataset.instances.len(), bytes, sha256, "the dataset is ready");
    reporter.set_output(StepOutput::ClientConfigured(PreparedDataset {
        versions,
        instances: u32::try_from(dataset.instances.len()).unwrap_or(u32::MAX),
        bytes,
        sha256,
    }));
    Ok(WorkEnd::Done)
}

/// The dataset that was configured.
///
/// # Errors
/// `DatasetFailed` if there is none.
pub fn configured(home: &RunHome) -> Result<Dataset, Failure> {
    home.read(INDEX)
        .at("read", &home.path(INDEX))?
        .ok_or_else(|| Failure::DatasetFailed("there is none on this host: it was not configured".to_owned()))
}

/// What a user knows a file by.
fn label(source: &DatasetSource, name: &str) -> String {
    match source {
        DatasetSource::Synthetic(_) => name.to_owned(),
        DatasetSource::Objects(objects) => download::key(objects, name).unwrap_or(name).to_owned(),
    }
}

fn start_afresh(directory: &Path) -> Result<(), Failure> {
    if directory.exists() {
        fs::remove_dir_all(directory).at("remove", directory)?;
    }
    fs::create_dir(directory).at("make", directory)
}
