//! The sending host: DCMTK and the dataset.

mod clear;
pub mod converted;
pub mod dataset;
pub mod directory;
mod download;
mod preparation;
pub mod renewal;
mod rewritten;
pub mod storescu_profile;

use dicomperf_model::step::ClientConfiguration;

use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::packages;
use crate::reporter::{Reporter, WorkEnd};
pub use clear::clear;
use converted::Converted;
use dataset::Dataset;
use preparation::Preparation;

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
    if configuration.replaces_others {
        clear::delete_datasets(home)?;
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
    Preparation::new(configuration, home, reporter).run()
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

/// The name of the file with this index in the dataset's directory.
fn file_name(index: usize) -> String {
    format!("{:06}.dcm", index + 1)
}
