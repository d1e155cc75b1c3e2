//! The host that sends: DCMTK and the dataset.

pub mod dataset;
mod download;
mod extent;
pub mod profile;
pub mod variant;

use std::fs;
use std::path::Path;

use dicomperf::dataset::generate;
use dicomperf::request::TransferSyntax;
use dicomperf::step::{ClientConfiguration, DatasetSource, PreparedDataset, StepOutput};

use crate::failure::{Failure, While as _};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::{packages, versions};
use dataset::Dataset;
use variant::Variant;

/// `client configure`: installs DCMTK and iperf3, makes or downloads the dataset, converts it to the transfer syntaxes that it will
/// be sent in, proves every file readable.
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
    let converted: Vec<_> =
        configuration.transfer_syntaxes.iter().copied().filter(|syntax| syntax.uid().is_some()).collect();
    // Installing, and each instance twice in each transfer syntax: to make it and to prove it.
    let total = 1 + 2 * instances * (1 + u32::try_from(converted.len()).unwrap_or_default());
    reporter.stage(0, total, "installing DCMTK");
    packages::prepare_host(home, reporter.deadline())?;
    for package in ["dcmtk", "iperf3", "iputils-ping"] {
        packages::install(package, home, reporter.deadline())?;
    }

    let original = Variant::of(TransferSyntax::Original);
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
    }));
    Ok(WorkEnd::Done)
}

/// Makes the dataset in another transfer syntax; `done` of `total` units were done before.
fn convert(
    dataset: &Dataset,
    syntax: TransferSyntax,
    (done, total): (u32, u32),
    home: &RunHome,
    reporter: &mut Reporter,
) -> Result<(), Failure> {
    let instances = dataset.instances.len();
    let variant = Variant::of(syntax);
    let directory = home.path(&variant.directory);
    start_afresh(&directory)?;
    reporter.stage(done, total, format!("converting {instances} instances to {syntax:?}"));
    variant::convert(dataset, syntax, home, reporter.deadline(), |converted| {
        reporter.progress(done + converted, total, || format!("converted {converted} of {instances} instances"));
        reporter.check_deadline()
    })?;
    let (converted, _) = dataset::prove(&directory, str::to_owned, |_| reporter.check_deadline())?;
    variant::check(dataset, &converted, syntax)?;
    write(&converted, &variant, home)
}

/// Writes what the senders need to know of a dataset.
fn write(dataset: &Dataset, variant: &Variant, home: &RunHome) -> Result<(), Failure> {
    let profile = profile::profile(dataset)?;
    fs::write(home.path(&variant.profile), profile).at("write", &home.path(&variant.profile))?;
    home.write(&variant.index, dataset).at("write", &home.path(&variant.index))
}

/// The dataset that was configured, in a transfer syntax.
///
/// # Errors
/// `DatasetFailed` if there is none.
pub fn configured(home: &RunHome, variant: &Variant) -> Result<Dataset, Failure> {
    home.read(&variant.index).at("read", &home.path(&variant.index))?.ok_or_else(|| {
        Failure::DatasetFailed(format!("there is no {} on this host: it was not configured", variant.index))
    })
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
