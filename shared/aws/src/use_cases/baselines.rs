//! Gives runs a name, so that requests can name the run to compare with.

use jiff::Timestamp;
use serde::Deserialize;

use crate::clients::artifacts::Artifacts;
use crate::clients::records::Records;
use crate::failure::Failure;
use dicomperf_model::baseline_name;
use dicomperf_model::history::NamedBaseline;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::request::{Baseline, Request};
use dicomperf_model::results::{RunStatus, ScenarioSummary};
use dicomperf_model::validation::{FieldError, InvalidRequest};

/// Names of baselines that a message lists at most.
const MAX_LISTED: usize = 20;

/// The named baselines of a stack.
#[derive(Debug, Clone)]
pub struct Baselines {
    /// The table, which has the names.
    pub records: Records,
    /// The bucket, which has the reports.
    pub artifacts: Artifacts,
}

impl Baselines {
    /// Gives a run a name. The name moves, if another run has it.
    ///
    /// # Errors
    /// [`Failure::InvalidRequest`] if the name is not valid, or the run is unknown, did not succeed or has no report
    /// with figures.
    pub async fn set(
        &self,
        name: &str,
        run_id: &str,
        set_by: Option<String>,
        now: Timestamp,
    ) -> Result<NamedBaseline, Failure> {
        let mut errors = Vec::new();
        errors.extend(name_error(name));
        errors.extend(self.run_problem(run_id).await?.map(|problem| {
            FieldError::new("run", format!("{run_id} {problem}"), "a run that succeeded and has a report with figures")
        }));
        if !errors.is_empty() {
            return Err(InvalidRequest { errors }.into());
        }
        let baseline = NamedBaseline { name: name.to_owned(), run_id: run_id.to_owned(), set_at: now, set_by };
        self.records.write_baseline(&baseline).await?;
        Ok(baseline)
    }

    /// Returns all baselines, by name.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn list(&self) -> Result<Vec<NamedBaseline>, Failure> {
        self.records.baselines().await
    }

    /// Returns the baseline of a name, if there is one.
    ///
    /// # Errors
    /// [`Failure::InvalidRequest`] if the name is not valid.
    pub async fn find(&self, name: &str) -> Result<Option<NamedBaseline>, Failure> {
        if let Some(error) = name_error(name) {
            return Err(InvalidRequest { errors: vec![error] }.into());
        }
        self.records.baseline(name).await
    }

    /// Removes a name; its run stays. Returns false if no run had the name.
    ///
    /// # Errors
    /// [`Failure::InvalidRequest`] if the name is not valid.
    pub async fn remove(&self, name: &str) -> Result<bool, Failure> {
        if let Some(error) = name_error(name) {
            return Err(InvalidRequest { errors: vec![error] }.into());
        }
        self.records.remove_baseline(name).await
    }

    /// Returns the reason why a run cannot be a baseline.
    async fn run_problem(&self, run_id: &str) -> Result<Option<String>, Failure> {
        let Some(record) = self.records.run(run_id).await? else { return Ok(Some("is unknown".to_owned())) };
        match record.status {
            RunStatus::Running => return Ok(Some("is not over".to_owned())),
            RunStatus::Failed => return Ok(Some("failed".to_owned())),
            RunStatus::Succeeded => {}
        }
        let key = RunKeys(run_id).report("json");
        let Some(report) = self.artifacts.read::<Figures>(&key).await? else {
            return Ok(Some(format!("has no report at {}", self.artifacts.uri(&key))));
        };
        let has_figures = report.scenarios.iter().any(|scenario| scenario.instances_per_second.is_some());
        Ok((!has_figures).then(|| "measured nothing".to_owned()))
    }
}

/// The part of a report that shows if there is anything to compare with.
#[derive(Debug, Deserialize)]
struct Figures {
    scenarios: Vec<ScenarioSummary>,
}

/// Returns the run that the request's baseline names; `None` if the request names no baseline.
///
/// # Errors
/// [`Failure::InvalidRequest`] with the known names, if the name is unknown.
pub async fn resolve(records: &Records, request: &Request) -> Result<Option<String>, Failure> {
    let Some(Baseline::Named(name)) = &request.baseline else { return Ok(None) };
    if let Some(found) = records.baseline(name).await? {
        return Ok(Some(found.run_id));
    }
    let known: Vec<_> = records.baselines().await?.into_iter().map(|baseline| baseline.name).collect();
    let allowed = match known.len() {
        0 => "a name that dicomperf baseline set has given to a run; there is no such name yet".to_owned(),
        count if count <= MAX_LISTED => known.join(", "),
        count => format!("{} and {} more", known[..MAX_LISTED].join(", "), count - MAX_LISTED),
    };
    let error = FieldError::new("baseline.named", format!("is {name}, which no run has"), allowed);
    Err(InvalidRequest { errors: vec![error] }.into())
}

fn name_error(name: &str) -> Option<FieldError> {
    (!baseline_name::is_valid(name)).then(|| FieldError::new("name", format!("is {name:?}"), baseline_name::RULE))
}
