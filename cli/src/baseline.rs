//! `dicomperf baseline`: names of runs to compare with.

use std::process::ExitCode;

use dicomperf_aws::refusal::Refusal;
use jiff::Timestamp;

use crate::answers::{BaselineList, Deleted, print_json};
use crate::arguments::{BaselineCommand, ListNamed, OneName, SetBaseline};
use crate::service::Service;
use crate::table;

/// `dicomperf baseline ...`
pub async fn run(command: &BaselineCommand) -> anyhow::Result<ExitCode> {
    match command {
        BaselineCommand::Set(arguments) => set(arguments).await,
        BaselineCommand::List(arguments) => list(arguments).await,
        BaselineCommand::Delete(arguments) => delete(arguments).await,
    }
}

async fn set(arguments: &SetBaseline) -> anyhow::Result<ExitCode> {
    let baselines = Service::find(&arguments.stack).await?.baselines();
    let set = baselines.set(&arguments.name, &arguments.run, None, Timestamp::now()).await.map_err(Refusal::from)?;
    if arguments.json {
        print_json(&set)?;
    } else {
        println!("baseline {} is run {}", set.name, set.run_id);
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(arguments: &ListNamed) -> anyhow::Result<ExitCode> {
    let baselines = Service::find(&arguments.stack).await?.baselines().list().await.map_err(Refusal::from)?;
    if arguments.json {
        print_json(&BaselineList { baselines })?;
        return Ok(ExitCode::SUCCESS);
    }
    if baselines.is_empty() {
        println!("no baseline");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = table::new(&["baseline", "run", "since"]);
    for baseline in baselines {
        table.add_row([baseline.name, baseline.run_id, format!("{:.0}", baseline.set_at)]);
    }
    table::keep_whole(&mut table, 1);
    println!("{table}");
    Ok(ExitCode::SUCCESS)
}

async fn delete(arguments: &OneName) -> anyhow::Result<ExitCode> {
    let baselines = Service::find(&arguments.stack).await?.baselines();
    let deleted = baselines.remove(&arguments.name).await.map_err(Refusal::from)?;
    if arguments.json {
        print_json(&Deleted { name: arguments.name.clone(), deleted })?;
    } else if deleted {
        println!("baseline {} is removed; its run stays", arguments.name);
    }
    if deleted { Ok(ExitCode::SUCCESS) } else { Err(Refusal::not_found("baseline", &arguments.name).into()) }
}
