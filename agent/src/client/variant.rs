//! The dataset in another transfer syntax: converted once, by DCMTK's own tools, before anything is measured.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use dicomperf::request::TransferSyntax;

use super::dataset::Dataset;
use crate::failure::{Failure, While as _};
use crate::home::RunHome;
use crate::process;

/// Where the dataset in one transfer syntax is, in the run's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Directory of the files.
    pub directory: String,
    /// What is in it: a [`Dataset`].
    pub index: String,
    /// storescu's profile: what it proposes.
    pub profile: String,
}

impl Variant {
    /// Of a transfer syntax.
    #[must_use]
    pub fn of(syntax: TransferSyntax) -> Self {
        let suffix = syntax.uid().map(|uid| format!("-{uid}")).unwrap_or_default();
        Self {
            directory: format!("dataset{suffix}"),
            index: format!("dataset{suffix}.json"),
            profile: format!("storescu{suffix}.cfg"),
        }
    }
}

/// Converts every file of the dataset, as many at once as there are CPUs.
///
/// # Errors
/// `DatasetFailed` with the tool's own words, `HostFailed`; what `progress` answers.
pub fn convert(
    dataset: &Dataset,
    syntax: TransferSyntax,
    home: &RunHome,
    limit: Instant,
    mut progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let from = home.path(&Variant::of(TransferSyntax::Original).directory);
    let to = home.path(&Variant::of(syntax).directory);
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for worker in 0..workers {
            let sender = sender.clone();
            let (from, to, next) = (&from, &to, &next);
            let scratch = home.path(&format!("convert-{worker}.out"));
            scope.spawn(move || {
                while let Some(instance) = dataset.instances.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = one(syntax, &from.join(&instance.file), &to.join(&instance.file), &scratch, limit);
                    // Nobody listens after the first failure.
                    if sender.send(result).is_err() {
                        return;
                    }
                }
                // What is left of it is of no use to anybody.
                let _ = fs::remove_file(scratch);
            });
        }
        drop(sender);
        let mut converted = 0;
        for result in receiver {
            result?;
            converted += 1;
            progress(converted)?;
        }
        Ok(())
    })
}

/// Looks that the conversion did what it was to do, and nothing else.
///
/// # Errors
/// `DatasetFailed`
pub fn check(original: &Dataset, converted: &Dataset, syntax: TransferSyntax) -> Result<(), Failure> {
    let wanted = syntax.uid().unwrap_or_default();
    let wrong = original.instances.iter().zip(&converted.instances).find(|(before, after)| {
        before.sop_instance_uid != after.sop_instance_uid || after.transfer_syntax_uid != wanted
    });
    match wrong {
        None if original.instances.len() == converted.instances.len() => Ok(()),
        None => Err(Failure::DatasetFailed(format!("only {} files were converted", converted.instances.len()))),
        Some((before, after)) => Err(Failure::DatasetFailed(format!(
            "{}: converted to {wanted} it is instance {} in {}, and was {}",
            before.file, after.sop_instance_uid, after.transfer_syntax_uid, before.sop_instance_uid
        ))),
    }
}

fn one(syntax: TransferSyntax, from: &Path, to: &Path, scratch: &Path, limit: Instant) -> Result<(), Failure> {
    let (program, arguments): (_, &[_]) = match syntax {
        TransferSyntax::Original => return Ok(()),
        TransferSyntax::ImplicitVRLittleEndian => ("dcmconv", &["+ti"]),
        TransferSyntax::ExplicitVRLittleEndian => ("dcmconv", &["+te"]),
        TransferSyntax::DeflatedExplicitVRLittleEndian => ("dcmconv", &["+td"]),
        // Lossless each, and none may change the SOP Instance UID.
        TransferSyntax::JPEGLosslessSV1 => ("dcmcjpeg", &["+e1", "+un"]),
        TransferSyntax::JPEGLSLossless => ("dcmcjpls", &["+el", "+un"]),
        TransferSyntax::RLELossless => ("dcmcrle", &["+un"]),
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(from).arg(to);
    let finished = process::run(&mut command, scratch, limit).doing(|| format!("run {program}"))?;
    if finished.success() {
        return Ok(());
    }
    if finished.status.is_none() {
        return Err(Failure::DeadlinePassed { doing: format!("converting with {program}") });
    }
    let words = finished.output.lines().filter(|line| line.starts_with("E:") || line.starts_with("F:"));
    let words = words.collect::<Vec<_>>().join("; ");
    Err(Failure::DatasetFailed(format!("{program} {}: {words}", from.display())))
}
