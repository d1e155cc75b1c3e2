//! The preparation of the dataset: made, downloaded or copied, then read, changed and converted.

use std::fs;
use std::path::{Path, PathBuf};

use dicomperf_model::dataset::{generate, synthetic_bytes};
use dicomperf_model::request::TransferSyntax;
use dicomperf_model::step::{ClientConfiguration, DatasetSource, PreparedDataset, StepOutput};
use rustix::fs::statvfs;

use super::converted::{self, Converted};
use super::dataset::{self, Dataset, Proved};
use super::rewritten::{self, RewrittenDataset};
use super::{directory, download, file_name, write};
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::versions;

/// The preparation of a client's dataset.
pub(super) struct Preparation<'a> {
    configuration: &'a ClientConfiguration,
    home: &'a RunHome,
    reporter: &'a mut Reporter,
    /// Instances of the source.
    instances: u32,
    /// Units of progress that were done before the current work: one for the installation, and one for each instance that
    /// was made, read, changed, converted or read again.
    done: u32,
    total: u32,
}

impl<'a> Preparation<'a> {
    pub fn new(configuration: &'a ClientConfiguration, home: &'a RunHome, reporter: &'a mut Reporter) -> Self {
        let instances = match &configuration.dataset {
            DatasetSource::Synthetic(spec) => spec.instances,
            DatasetSource::Objects(objects) => u32::try_from(objects.len()).unwrap_or(u32::MAX),
            DatasetSource::Directory { files, .. } => u32::try_from(files.len()).unwrap_or(u32::MAX),
        };
        let conversions = u32::try_from(conversions(configuration).count()).unwrap_or_default();
        let rewritten = u32::from(rewritten::changes_files(configuration));
        let copies = configuration.multiply.saturating_mul(2 * conversions);
        let total = instances.saturating_mul((2 + rewritten).saturating_add(copies)).saturating_add(1);
        Self { configuration, home, reporter, instances, done: 1, total }
    }

    pub fn run(mut self) -> Result<WorkEnd, Failure> {
        let original = Converted::in_syntax(TransferSyntax::Original);
        let directory = self.home.path(&original.directory);
        start_afresh(&directory)?;
        self.check_space(&directory)?;
        self.fill(&directory)?;
        let proved = self.prove(&directory)?;
        let (dataset, patient_ids) = self.rewrite(&proved, &directory)?;
        write(&dataset, &original, self.home)?;
        for syntax in conversions(self.configuration) {
            self.convert(&dataset, syntax)?;
        }

        let mut versions = versions::host();
        versions.dcmtk = versions::dcmtk(&self.home.path("version.out"));
        let bytes = dataset.instances.iter().map(|instance| instance.bytes).sum();
        let Proved { sha256, refused, .. } = proved;
        tracing::info!(instances = dataset.instances.len(), bytes, sha256, "the dataset is ready");
        self.reporter.set_output(StepOutput::ClientConfigured(PreparedDataset {
            versions,
            instances: u32::try_from(dataset.instances.len()).unwrap_or(u32::MAX),
            bytes,
            sha256,
            refused,
            patient_ids,
        }));
        Ok(WorkEnd::Done)
    }

    /// Fails if the volume is too small for the dataset in all its transfer syntaxes.
    fn check_space(&self, directory: &Path) -> Result<(), Failure> {
        let source = match &self.configuration.dataset {
            DatasetSource::Synthetic(spec) => synthetic_bytes(spec),
            DatasetSource::Objects(objects) => objects.iter().map(|object| object.bytes).sum(),
            DatasetSource::Directory { files, .. } => files.iter().map(|file| file.bytes).sum(),
        };
        let times = u64::from(self.configuration.multiply) * (1 + conversions(self.configuration).count() as u64);
        let needed = source.saturating_mul(times);
        let volume = statvfs(directory).map_err(std::io::Error::from).while_path("look at the volume of", directory)?;
        let free = volume.f_bavail.saturating_mul(volume.f_frsize);
        if needed <= free {
            return Ok(());
        }
        Err(Failure::DatasetFailed(format!(
            "it needs {} MB, and {} has {} MB free",
            needed.div_ceil(1_000_000),
            directory.display(),
            free / 1_000_000
        )))
    }

    /// Makes, downloads or copies the instances.
    fn fill(&mut self, to: &Path) -> Result<(), Failure> {
        let (instances, done, total) = (self.instances, self.done, self.total);
        let reporter = &mut *self.reporter;
        match &self.configuration.dataset {
            DatasetSource::Synthetic(spec) => {
                reporter.stage(done, total, format!("making {instances} instances"));
                let mut late = Ok(());
                generate(spec, to, |made| {
                    reporter.progress(done + made, total, || format!("made {made} of {instances} instances"));
                    late = reporter.check_deadline();
                })
                .map_err(|error| Failure::DatasetFailed(format!("an instance cannot be written: {error}")))?;
                late?;
            }
            DatasetSource::Objects(objects) => {
                reporter.stage(done, total, format!("downloading {instances} objects"));
                download::download(objects, to, |downloaded| {
                    let words = || format!("downloaded {downloaded} of {instances} objects");
                    reporter.progress(done + downloaded, total, words);
                    reporter.check_deadline()
                })?;
            }
            DatasetSource::Directory { path, files } => {
                reporter.stage(done, total, format!("copying {instances} files"));
                directory::copy(path, files, to, |copied| {
                    reporter.progress(done + copied, total, || format!("copied {copied} of {instances} files"));
                    reporter.check_deadline()
                })?;
            }
        }
        self.done += instances;
        Ok(())
    }

    /// Reads every file to its end.
    fn prove(&mut self, directory: &Path) -> Result<Proved, Failure> {
        let (instances, done, total) = (self.instances, self.done, self.total);
        let reporter = &mut *self.reporter;
        reporter.stage(done, total, format!("reading {instances} instances"));
        let label = |name: &str| label(&self.configuration.dataset, name);
        let proved = dataset::prove(directory, label, |read| {
            reporter.progress(done + read, total, || format!("read {read} of {instances} instances"));
            reporter.check_deadline()
        })?;
        proved.check(self.configuration.skip_refused)?;
        self.done += instances;
        Ok(proved)
    }

    /// Makes the copies, removes the identities and makes the UIDs replaceable, as configured. Returns the dataset and its
    /// Patient IDs, if they are new.
    fn rewrite(&mut self, proved: &Proved, directory: &Path) -> Result<(Dataset, Vec<String>), Failure> {
        if !rewritten::changes_files(self.configuration) {
            return Ok((proved.dataset.clone(), Vec::new()));
        }
        let (instances, done, total) = (self.instances, self.done, self.total);
        let reporter = &mut *self.reporter;
        let words = match self.configuration.multiply {
            1 => format!("changing {instances} instances"),
            copies => format!("making {copies} copies of {instances} instances"),
        };
        reporter.stage(done, total, words);
        let new = with_suffix(directory, "-new");
        start_afresh(&new)?;
        let result = rewritten::rewrite(proved, self.configuration, directory, &new, |changed| {
            reporter.progress(done + changed, total, || format!("changed {changed} of {instances} instances"));
            reporter.check_deadline()
        });
        let RewrittenDataset { dataset, patient_ids } = result?;
        remove(directory)?;
        remove(&dataset::padded_directory(directory))?;
        fs::rename(&new, directory).while_path("rename", &new)?;
        self.done += instances;
        let patient_ids = if self.configuration.renew_uids { patient_ids } else { Vec::new() };
        Ok((dataset, patient_ids))
    }

    /// Converts the dataset to another transfer syntax.
    fn convert(&mut self, dataset: &Dataset, syntax: TransferSyntax) -> Result<(), Failure> {
        let instances = u32::try_from(dataset.instances.len()).unwrap_or(u32::MAX);
        let (done, total) = (self.done, self.total);
        let reporter = &mut *self.reporter;
        let files = Converted::in_syntax(syntax);
        let directory = self.home.path(&files.directory);
        start_afresh(&directory)?;
        reporter.stage(done, total, format!("converting {instances} instances to {syntax:?}"));
        converted::convert(dataset, syntax, self.home, reporter.deadline(), |converted| {
            reporter.progress(done + converted, total, || format!("converted {converted} of {instances} instances"));
            reporter.check_deadline()
        })?;
        let proved = dataset::prove(&directory, str::to_owned, |_| reporter.check_deadline())?;
        proved.check(false)?;
        converted::check(dataset, &proved.dataset, syntax)?;
        let mut converted = proved.dataset;
        if self.configuration.renew_uids {
            converted = rewritten::make_renewable(&converted, &directory, |_| reporter.check_deadline())?;
            remove(&dataset::padded_directory(&directory))?;
        }
        self.done += 2 * instances;
        write(&converted, &files, self.home)
    }
}

/// The transfer syntaxes that the dataset is converted to.
fn conversions(configuration: &ClientConfiguration) -> impl Iterator<Item = TransferSyntax> {
    configuration.transfer_syntaxes.iter().copied().filter(|syntax| syntax.uid().is_some())
}

/// The name by which a user knows a file: the object's key, or the path in the directory.
fn label(source: &DatasetSource, name: &str) -> String {
    match source {
        DatasetSource::Synthetic(_) => name.to_owned(),
        DatasetSource::Objects(objects) => download::key(objects, name).unwrap_or(name).to_owned(),
        DatasetSource::Directory { files, .. } => {
            let found = files.iter().enumerate().find(|(index, _)| file_name(*index) == name);
            found.map_or(name, |(_, file)| &file.path).to_owned()
        }
    }
}

fn with_suffix(directory: &Path, suffix: &str) -> PathBuf {
    let mut path = directory.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn start_afresh(directory: &Path) -> Result<(), Failure> {
    remove(directory)?;
    remove(&dataset::padded_directory(directory))?;
    fs::create_dir(directory).while_path("make", directory)
}

fn remove(directory: &Path) -> Result<(), Failure> {
    if directory.exists() { fs::remove_dir_all(directory).while_path("remove", directory) } else { Ok(()) }
}
