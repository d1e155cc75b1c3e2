//! Answers the requests of the HTTP API. The routes are in `dicomperf_aws::api`.

mod input;

use aws_config::SdkConfig;
use dicomperf_aws::api::{BaselineList, BaselineRun, Found, Operation, Problem, ProblemKind, find, openapi};
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::executions::Executions;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::clients::s3_client;
use dicomperf_aws::clients::schedules::ScheduleGroup;
use dicomperf_aws::refusal::Refusal;
use dicomperf_aws::use_cases::baselines::Baselines;
use dicomperf_aws::use_cases::runs::{Runs, validate};
use dicomperf_aws::use_cases::schedules::Schedules;
use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Error, Request, Response};
use rand::rngs::StdRng;

use crate::answer;
use crate::settings::Settings;

pub struct Handler {
    runs: Runs,
    schedules: Schedules,
    baselines: Baselines,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        let executions = Executions::new(aws_sdk_sfn::Client::new(config), settings.state_machine_arn.clone());
        let group = ScheduleGroup {
            client: aws_sdk_scheduler::Client::new(config),
            group: settings.schedule_group,
            state_machine_arn: settings.state_machine_arn,
            role_arn: settings.schedule_role_arn,
            dead_letter_arn: settings.schedule_dead_letter_arn,
        };
        let records = Records::new(aws_sdk_dynamodb::Client::new(config), settings.table);
        let artifacts = Artifacts::new(s3_client(config), settings.bucket);
        Self {
            schedules: Schedules { group, executions: executions.clone() },
            baselines: Baselines { records: records.clone(), artifacts: artifacts.clone() },
            runs: Runs { executions, records, artifacts },
        }
    }

    /// Answers a request. Everything that the API cannot do is a problem.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let (method, path) = (request.method().as_str(), request.uri().path());
        let answer = match find(method, path) {
            Found::Operation(operation, parameter) => self.answer(operation, &parameter, &request).await,
            Found::Methods(methods) => return answer::method_not_allowed(method, &methods),
            Found::Nothing => Err(ProblemKind::NotFound.problem(format!("there is no path {path}"))),
        };
        match answer {
            Ok(answer) => Ok(answer),
            Err(problem) => answer::problem(&problem),
        }
    }

    async fn answer(&self, operation: Operation, name: &str, request: &Request) -> Result<Response<Body>, Problem> {
        // The answer of this one is a link.
        if operation != Operation::ShowReport {
            input::check_accept(request)?;
        }
        let now = Timestamp::now();
        let random = &mut rand::make_rng::<StdRng>();
        match operation {
            Operation::StartRun => {
                let (document, token) = (input::json(request)?, input::client_token(request)?);
                answer::run_started(&self.runs.start(&document, token, now, random).await?)
            }
            Operation::ListRuns => answer::json(&self.runs.list(&input::run_query(request)?).await?),
            Operation::ShowRun => answer::json(&self.runs.find(name).await?),
            Operation::ShowReport => {
                answer::see_other(&self.runs.report_link(name, input::report_format(request)?, now).await?)
            }
            Operation::AbortRun => answer::with_status(StatusCode::ACCEPTED, &self.runs.abort(name).await?),
            Operation::CompareRuns => {
                let (base, head) = input::compared_runs(request)?;
                answer::json(&self.runs.compare(&base, &head).await?)
            }
            Operation::ValidateRequest => answer::json(&validate(&input::json(request)?, now)?),
            Operation::ListSchedules => answer::json(&self.schedules.list().await?),
            Operation::CreateSchedule => {
                answer::schedule_created(&self.schedules.create(&input::typed(request)?, now).await?)
            }
            Operation::ShowSchedule => answer::json(&self.schedules.find(name).await?),
            Operation::ChangeSchedule => {
                answer::json(&self.schedules.change(name, &input::typed(request)?, now).await?)
            }
            Operation::DeleteSchedule => {
                self.schedules.delete(name).await?;
                answer::no_content()
            }
            Operation::RunSchedule => answer::run_started(&self.schedules.run_now(name, now, random).await?),
            Operation::ListBaselines => {
                let baselines = self.baselines.list().await.map_err(Refusal::from)?;
                answer::json(&BaselineList { baselines })
            }
            Operation::ShowBaseline => {
                let baseline = self.baselines.find(name).await.map_err(Refusal::from)?;
                answer::json(&baseline.ok_or_else(|| Refusal::not_found("baseline", name))?)
            }
            Operation::SetBaseline => {
                let run: BaselineRun = input::typed(request)?;
                let caller = input::caller(request);
                answer::json(&self.baselines.set(name, &run.run_id, caller, now).await.map_err(Refusal::from)?)
            }
            Operation::RemoveBaseline => {
                if !self.baselines.remove(name).await.map_err(Refusal::from)? {
                    return Err(Refusal::not_found("baseline", name).into());
                }
                answer::no_content()
            }
            Operation::ShowOpenApi => answer::text(openapi::COMMITTED),
        }
    }
}

#[cfg(test)]
mod tests;
