//! `dicomperf run`, `attach`, `again` and `clear`: start a run, follow it and print its results.

use std::process::ExitCode;

use anyhow::Context as _;
use dicomperf_aws::refusal::Refusal;
use dicomperf_model::results::{RunStatus, Summary};
use jiff::Timestamp;
use rand::rngs::StdRng;

use crate::abort;
use crate::answers::{RunAnswer, print_json};
use crate::arguments::{AgainArguments, AttachArguments, FollowArguments, OneRunArguments, RunArguments};
use crate::execution::Execution;
use crate::follow::{self, Outcome, follow};
use crate::interrupt::Interrupts;
use crate::service::Service;
use crate::{exit, request, table};

/// `dicomperf run FILE`
pub async fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let checked = match request::read(&arguments.file) {
        Ok(checked) => checked,
        Err(invalid) => return Ok(request::refuse(&arguments.file, &invalid)),
    };
    let service = Service::find(&arguments.stack).await?;
    let token = arguments.client_token.as_deref();
    let started = service.runs().start(&checked.document, token, Timestamp::now(), &mut random()).await?;
    let execution = service.execution(&started.run_id);
    eprintln!("run {}", started.run_id);
    if arguments.detach {
        let answer = unfinished(&execution);
        if arguments.follow.json {
            print_json(&answer)?;
        } else {
            println!("{}", started.run_id);
            eprintln!("{}", advice(&service, &started.run_id));
        }
        return Ok(ExitCode::SUCCESS);
    }
    follow_to_end(&service, &execution, &arguments.follow).await
}

/// `dicomperf attach RUN`
pub async fn attach(arguments: &AttachArguments) -> anyhow::Result<ExitCode> {
    let service = Service::find(&arguments.stack).await?;
    service.runs().find(&arguments.run).await?;
    follow_to_end(&service, &service.execution(&arguments.run), &arguments.follow).await
}

/// `dicomperf again RUN [FILE]`
pub async fn again(arguments: &AgainArguments) -> anyhow::Result<ExitCode> {
    let request = match &arguments.file {
        Some(file) => match request::read(file) {
            Ok(checked) => Some(checked.document),
            Err(invalid) => return Ok(request::refuse(file, &invalid)),
        },
        None => None,
    };
    let service = Service::find(&arguments.stack).await?;
    let started = service.kept().again(&arguments.run, request, Timestamp::now(), &mut random()).await;
    let started = started.map_err(Refusal::from)?;
    eprintln!("run {} on the hosts of {}", started.run_id, started.hosts_of);
    follow_to_end(&service, &service.execution(&started.run_id), &arguments.follow).await
}

/// `dicomperf clear RUN`
pub async fn clear(arguments: &OneRunArguments) -> anyhow::Result<ExitCode> {
    let service = Service::find(&arguments.stack).await?;
    let started = service.kept().clear(&arguments.run, Timestamp::now(), &mut random()).await.map_err(Refusal::from)?;
    eprintln!("run {} empties the hosts of {}", started.run_id, started.hosts_of);
    let execution = service.execution(&started.run_id);
    let interrupts = Interrupts::watch()?;
    let description = match follow(&execution, &interrupts).await? {
        Outcome::Over(description) => description,
        outcome => return unfollowed(&service, &execution, &interrupts, &outcome, arguments.json).await,
    };
    let (status, error) = follow::ending(&description);
    let answer = RunAnswer { status, error, ..unfinished(&execution) };
    if let Some(error) = &answer.error {
        eprintln!("{}: {}", error.error, error.cause);
    }
    if arguments.json {
        print_json(&answer)?;
    } else if status == RunStatus::Succeeded {
        println!("the server is empty, and the client has no dataset");
    }
    // A clearing has no verdict.
    Ok(if status == RunStatus::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Follows a run and prints its results.
async fn follow_to_end(
    service: &Service,
    execution: &Execution,
    arguments: &FollowArguments,
) -> anyhow::Result<ExitCode> {
    let interrupts = Interrupts::watch()?;
    let (status, error) = match follow(execution, &interrupts).await? {
        Outcome::Over(description) => follow::ending(&description),
        Outcome::Kept => (RunStatus::Succeeded, None),
        outcome => return unfollowed(service, execution, &interrupts, &outcome, arguments.json).await,
    };
    finish(execution, arguments, RunAnswer { status, error, ..unfinished(execution) }).await
}

/// Aborts a run, or leaves it running, as the person wants it.
pub async fn unfollowed(
    service: &Service,
    execution: &Execution,
    interrupts: &Interrupts,
    outcome: &Outcome,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let answer = if matches!(outcome, Outcome::Abort) {
        abort::print(&abort::abort_run(service, &execution.run_id, interrupts).await?);
        RunAnswer { status: RunStatus::Failed, ..unfinished(execution) }
    } else {
        eprintln!("{}", advice(service, &execution.run_id));
        unfinished(execution)
    };
    if json {
        print_json(&answer)?;
    }
    Ok(ExitCode::FAILURE)
}

async fn finish(execution: &Execution, arguments: &FollowArguments, answer: RunAnswer) -> anyhow::Result<ExitCode> {
    let summary: Option<Summary> = follow::report(execution, "json")
        .await?
        .map(|json| serde_json::from_slice(&json))
        .transpose()
        .context("report.json has not the form that summarize writes")?;
    let files = match &arguments.out {
        Some(directory) => follow::save(directory, execution).await?,
        None => Vec::new(),
    };
    let answer = RunAnswer {
        verdict: summary.as_ref().map(|summary| summary.verdict),
        checks: summary.as_ref().map(|summary| summary.checks.clone()).unwrap_or_default(),
        kept: summary.as_ref().and_then(|summary| summary.kept.clone()),
        files,
        ..answer
    };
    if let Some(error) = &answer.error {
        eprintln!("{}: {}", error.error, error.cause);
    }
    if arguments.json {
        print_json(&answer)?;
    } else {
        print(&answer, summary.as_ref());
    }
    Ok(exit::of_run(answer.status, answer.verdict))
}

fn print(answer: &RunAnswer, summary: Option<&Summary>) {
    if let Some(summary) = summary {
        // `dicomperf run` may get the request of a dry run, too.
        println!("{}", if summary.request.dry_run { table::checks(&summary.checks) } else { table::results(summary) });
    }
    for file in &answer.files {
        println!("{file}");
    }
    if let Some(kept) = &answer.kept {
        println!("hosts stay until {}:", kept.until);
        for command in &kept.commands {
            println!("  {}: {}", command.purpose, command.command);
        }
    }
    println!("files: {}", answer.location);
}

/// Returns the answer for a run that is not over.
pub fn unfinished(execution: &Execution) -> RunAnswer {
    RunAnswer {
        run_id: execution.run_id.clone(),
        status: RunStatus::Running,
        verdict: None,
        error: None,
        location: execution.location(),
        files: Vec::new(),
        checks: Vec::new(),
        kept: None,
    }
}

fn advice(service: &Service, run_id: &str) -> String {
    let option = service.option();
    format!(
        "run {run_id} goes on\n  dicomperf attach {run_id}{option}    follows it\n  dicomperf abort {run_id}{option}    ends it"
    )
}

fn random() -> StdRng {
    rand::make_rng::<StdRng>()
}
