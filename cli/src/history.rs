//! `dicomperf history`: fetches the page with all runs.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;
use dicomperf_aws::refusal::Refusal;
use dicomperf_model::keys;

use crate::arguments::HistoryArguments;
use crate::report;
use crate::service::Service;

/// `dicomperf history`
pub async fn run(arguments: &HistoryArguments) -> anyhow::Result<ExitCode> {
    let artifacts = Service::find(&arguments.stack).await?.artifacts();
    let page = artifacts.read_bytes(keys::HISTORY_PAGE).await.map_err(Refusal::from)?;
    let missing = || Refusal::Conflict("there is no page yet: the first run that ends writes it".to_owned());
    let page = page.ok_or_else(missing)?;
    let file = &arguments.out;
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    }
    fs::write(file, page).with_context(|| format!("{} cannot be written", file.display()))?;
    let files = [file.display().to_string()];
    report::finish(&files, files.first().filter(|_| arguments.open), arguments.json)
}
