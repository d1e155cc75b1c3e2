//! `dicomperf abort` and `teardown`: end a run or its hosts, and wait until no host is left.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use dicomperf_aws::refusal::Refusal;
use dicomperf_aws::use_cases::kept;
use jiff::Timestamp;

use crate::answers::{AbortAnswer, print_json};
use crate::arguments::EndArguments;
use crate::exit;
use crate::interrupt::{Interrupts, confirm};
use crate::service::Service;

/// Pause between two looks at the run's record.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Longer than the teardown of hosts that stop slowly. The scheduled `reap` goes on after it.
const MAX_WAIT: Duration = Duration::from_secs(900);

/// `dicomperf abort RUN`
pub async fn abort(arguments: &EndArguments) -> anyhow::Result<ExitCode> {
    let run = &arguments.run;
    let service = Service::find(&run.stack).await?;
    service.runs().find(&run.run).await?;
    let question = format!("Abort run {} and tear down its hosts?", run.run);
    if !arguments.yes && !confirm(&question).await {
        return Ok(refused());
    }
    let answer = abort_run(&service, &run.run, &Interrupts::watch()?).await?;
    finish(&answer, run.json)
}

/// `dicomperf teardown RUN`
pub async fn teardown(arguments: &EndArguments) -> anyhow::Result<ExitCode> {
    let run = &arguments.run;
    let service = Service::find(&run.stack).await?;
    let kept = service.kept();
    kept::find(&kept.records, &run.run, "teardown", Timestamp::now()).await.map_err(Refusal::from)?;
    if !arguments.yes && !confirm(&format!("Tear down the hosts of run {}?", run.run)).await {
        return Ok(refused());
    }
    kept.teardown(&run.run, Timestamp::now()).await.map_err(Refusal::from)?;
    let hosts_left = wait(&service, &run.run, &Interrupts::watch()?).await;
    finish(&AbortAnswer { run_id: run.run.clone(), was_over: false, hosts_left }, run.json)
}

/// Stops a run's execution, and waits until its hosts are gone and its report is written.
pub async fn abort_run(service: &Service, run_id: &str, interrupts: &Interrupts) -> Result<AbortAnswer, Refusal> {
    let aborted = service.runs().abort(run_id).await?;
    eprintln!("{}", aborted.says);
    let hosts_left = if aborted.was_over {
        service.runs().find(run_id).await?.record.hosts_left
    } else {
        wait(service, run_id, interrupts).await
    };
    Ok(AbortAnswer { run_id: run_id.to_owned(), was_over: aborted.was_over, hosts_left })
}

/// Prints the end of a run that was aborted.
pub fn print(answer: &AbortAnswer) {
    match answer.hosts_left {
        Some(0) => eprintln!("run {}: no host is left", answer.run_id),
        Some(hosts) => eprintln!("run {}: {hosts} hosts are left; reap tries again every few minutes", answer.run_id),
        None => eprintln!("run {}: its hosts are being terminated", answer.run_id),
    }
}

fn finish(answer: &AbortAnswer, json: bool) -> anyhow::Result<ExitCode> {
    print(answer);
    if json {
        print_json(answer)?;
    }
    let is_done = answer.hosts_left == Some(0) || (answer.was_over && answer.hosts_left.is_none());
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits until the record has an end and no host. Returns the number of hosts that are left, if it is known.
async fn wait(service: &Service, run_id: &str, interrupts: &Interrupts) -> Option<u32> {
    let begun = Instant::now();
    let mut hosts_left = None;
    let runs = service.runs();
    while begun.elapsed() < MAX_WAIT {
        // An error passes, or the next look after it is the last.
        if let Ok(run) = runs.find(run_id).await {
            hosts_left = run.record.hosts_left.filter(|_| run.record.finished_at.is_some());
            if hosts_left == Some(0) {
                break;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = interrupts.next() => break,
        }
    }
    hosts_left
}

fn refused() -> ExitCode {
    eprintln!("nothing was changed; --yes does not ask");
    ExitCode::from(exit::BAD_INPUT)
}
