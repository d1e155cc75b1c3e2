//! The dataset in another transfer syntax. DCMTK's tools convert it once, before the measurement.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dicomperf_model::parallel::{cpu_count, in_parallel};
use dicomperf_model::request::TransferSyntax;

use super::dataset::Dataset;
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::process;

/// The files of the dataset in one transfer syntax, by their names in the run's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// Directory of the files.
    pub directory: String,
    /// Index of these files: a [`Dataset`].
    pub index: String,
}

impl Converted {
    /// The files in this transfer syntax.
    #[must_use]
    pub fn in_syntax(syntax: TransferSyntax) -> Self {
        let suffix = syntax.uid().map(|uid| format!("-{uid}")).unwrap_or_default();
        Self { directory: format!("dataset{suffix}"), index: format!("dataset{suffix}.json") }
    }
}

/// Converts every file of the dataset, as many at once as there are CPUs.
///
/// # Errors
/// `DatasetFailed` with the tool's output, `HostFailed`; an error of `progress`.
pub fn convert(
    dataset: &Dataset,
    syntax: TransferSyntax,
    home: &RunHome,
    limit: Instant,
    progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let from = home.path(&Converted::in_syntax(TransferSyntax::Original).directory);
    let to = home.path(&Converted::in_syntax(syntax).directory);
    in_parallel(
        &dataset.instances,
        cpu_count(),
        |index, instance| {
            let scratch = home.path(&format!("convert-{index}.out"));
            let result = convert_one(syntax, &from.join(&instance.file), &to.join(&instance.file), &scratch, limit);
            // The result has the tool's output, so the scratch file is no longer needed.
            let _ = fs::remove_file(scratch);
            result
        },
        progress,
    )?;
    Ok(())
}

/// Checks that the conversion changed the transfer syntax and kept every instance.
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

fn convert_one(syntax: TransferSyntax, from: &Path, to: &Path, scratch: &Path, limit: Instant) -> Result<(), Failure> {
    let (program, arguments): (_, &[_]) = match syntax {
        TransferSyntax::Original => return Ok(()),
        TransferSyntax::ImplicitVRLittleEndian => ("dcmconv", &["+ti"]),
        TransferSyntax::ExplicitVRLittleEndian => ("dcmconv", &["+te"]),
        TransferSyntax::DeflatedExplicitVRLittleEndian => ("dcmconv", &["+td"]),
        // All of these are lossless, and none may change the SOP Instance UID.
        TransferSyntax::JPEGLosslessSV1 => ("dcmcjpeg", &["+e1", "+un"]),
        TransferSyntax::JPEGLSLossless => ("dcmcjpls", &["+el", "+un"]),
        TransferSyntax::RLELossless => ("dcmcrle", &["+un"]),
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(from).arg(to);
    let finished = process::run(&mut command, scratch, limit).while_doing(|| format!("run {program}"))?;
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
