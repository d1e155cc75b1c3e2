//! The sending host: DCMTK and the dataset.

pub mod converted;
pub mod dataset;
pub mod directory;
mod download;
pub mod renewal;
pub mod storescu_profile;

use std::fs;
use std::path::Path;

use dicomperf_model::dataset::generate;
use dicomperf_model::request::TransferSyntax;
use dicomperf_model::step::{ClientConfiguration, DatasetSource, PreparedDataset, StepOutput};

use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::{packages, versions};
use converted::Converted;
use dataset::Dataset;

/// Runs `client configure`: installs DCMTK and iperf3, and makes or downloads the dataset. It then converts the dataset
/// to every transfer syntax that the run sends, and checks that every file is readable.
///
/// # Errors
/// `InstallFailed`, `DatasetFailed`, `DeadlinePassed`, `HostFailed`.
pub fn configure(
    configuration: &ClientConfiguration,
    home: &RunHome,
    reporter: &mut Reporter,
) -> Result<WorkEnd, Failure> {
    reporter.stage(0, 1, "installing DCMTK");
    packages::prepare_host(home, reporter.deadline())?;
    for package in ["dcmtk", "iperf3", "iputils-ping"] {
        packages::install(package, home, reporter.deadline())?;
    }
    prepare(configuration, home, reporter)
}

/// Makes, downloads or copies the dataset. Converts it to every transfer syntax that the run sends, and checks that every
/// file is readable. Installs nothing.
///
/// # Errors
/// `DatasetFailed`, `DeadlinePassed`, `HostFailed`.
pub fn prepare(
    configuration: &ClientConfiguration,
    home: &RunHome,
    reporter: &mut Reporter,
) -> Result<WorkEnd, Failure> {
    let instances = match &configuration.dataset {
        DatasetSource::Synthetic(spec) => spec.instances,
        DatasetSource::Objects(objects) => u32::try_from(objects.len()).unwrap_or(u32::MAX),
        DatasetSource::Directory { files, .. } => u32::try_from(files.len()).unwrap_or(u32::MAX),
    };
    let converted: Vec<_> =
        configuration.transfer_syntaxes.iter().copied().filter(|syntax| syntax.uid().is_some()).collect();
    // One unit for the installation. Each instance counts twice per transfer syntax: once to make it, once to check it.
    let total = 1 + 2 * instances * (1 + u32::try_from(converted.len()).unwrap_or_default());
    let original = Converted::in_syntax(TransferSyntax::Original);
    let directory = home.path(&original.directory);
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
            download::download(objects, &directory, |downloaded| {
                reporter.progress(1 + downloaded, total, || format!("downloaded {downloaded} of {instances} objects"));
                reporter.check_deadline()
            })?;
        }
        DatasetSource::Directory { path, files } => {
            reporter.stage(1, total, format!("copying {instances} files"));
            directory::copy(path, files, &directory, |copied| {
                reporter.progress(1 + copied, total, || format!("copied {copied} of {instances} files"));
                reporter.check_deadline()
            })?;
        }
    }
    reporter.stage(1 + instances, total, format!("reading {instances} instances"));
    let proved = dataset::prove(
        &directory,
        |name| label(&configuration.dataset, name),
        |read| {
            reporter.progress(1 + instances + read, total, || format!("read {read} of {instances} instances"));
            reporter.check_deadline()
        },
    )?;
    proved.check(configuration.skip_refused)?;
    let dataset::Proved { dataset, sha256, refused } = proved;
    write(&dataset, &original, home)?;
    let mut done = 1 + 2 * instances;
    for syntax in converted {
        convert(&dataset, syntax, (done, total), home, reporter)?;
        done += 2 * instances;
    }

    let mut versions = versions::host();
    versions.dcmtk = versions::dcmtk(&home.path("version.out"));
    let bytes = dataset.instances.iter().map(|instance| instance.bytes).sum();
    tracing::info!(instances = dataset.instances.len(), bytes, sha256, "the dataset is ready");
    reporter.set_output(StepOutput::ClientConfigured(PreparedDataset {
        versions,
        instances: u32::try_from(dataset.instances.len()).unwrap_or(u32::MAX),
        bytes,
        sha256,
        refused,
        patient_ids: Vec::new(),
    }));
    Ok(WorkEnd::Done)
}

/// Converts the dataset to another transfer syntax. `done` of `total` units of progress were done before.
fn convert(
    dataset: &Dataset,
    syntax: TransferSyntax,
    (done, total): (u32, u32),
    home: &RunHome,
    reporter: &mut Reporter,
) -> Result<(), Failure> {
    let instances = dataset.instances.len();
    let files = Converted::in_syntax(syntax);
    let directory = home.path(&files.directory);
    start_afresh(&directory)?;
    reporter.stage(done, total, format!("converting {instances} instances to {syntax:?}"));
    converted::convert(dataset, syntax, home, reporter.deadline(), |converted| {
        reporter.progress(done + converted, total, || format!("converted {converted} of {instances} instances"));
        reporter.check_deadline()
    })?;
    let proved = dataset::prove(&directory, str::to_owned, |_| reporter.check_deadline())?;
    proved.check(false)?;
    converted::check(dataset, &proved.dataset, syntax)?;
    write(&proved.dataset, &files, home)
}

/// Writes the index of a dataset.
fn write(dataset: &Dataset, files: &Converted, home: &RunHome) -> Result<(), Failure> {
    home.write(&files.index, dataset).while_path("write", &home.path(&files.index))
}

/// Returns the configured dataset in a transfer syntax.
///
/// # Errors
/// `DatasetFailed` if this host has no such dataset.
pub fn configured_dataset(home: &RunHome, files: &Converted) -> Result<Dataset, Failure> {
    home.read(&files.index).while_path("read", &home.path(&files.index))?.ok_or_else(|| {
        Failure::DatasetFailed(format!("there is no {} on this host: it was not configured", files.index))
    })
}

/// The name by which a user knows a file. For a downloaded file this is the object's key.
fn label(source: &DatasetSource, name: &str) -> String {
    match source {
        DatasetSource::Synthetic(_) => name.to_owned(),
        DatasetSource::Directory { files, .. } => (0..)
            .zip(files)
            .find(|(index, _)| file_name(*index) == name)
            .map_or(name, |(_, file)| &file.path)
            .to_owned(),
        DatasetSource::Objects(objects) => download::key(objects, name).unwrap_or(name).to_owned(),
    }
}

/// The name of the file with this index in the dataset's directory.
fn file_name(index: usize) -> String {
    format!("{:06}.dcm", index + 1)
}

fn start_afresh(directory: &Path) -> Result<(), Failure> {
    remove(directory)?;
    remove(&dataset::padded_directory(directory))?;
    fs::create_dir(directory).while_path("make", directory)
}

fn remove(directory: &Path) -> Result<(), Failure> {
    if directory.exists() { fs::remove_dir_all(directory).while_path("remove", directory) } else { Ok(()) }
}
