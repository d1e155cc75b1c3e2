//! Runs as the functions of the state machine may answer them.

use dicomperf_aws::failure::Failure;
use dicomperf_aws::workflow::{
    CheckEvent, Checks, DryRun, LaunchAnswer, LaunchEvent, LaunchedHost, LaunchedHosts, PlanAnswer, PlanEvent,
    StatesError, StepAnswer, StepEvent, SummarizeAnswer, SummarizeEvent, TeardownAnswer, TeardownEvent,
};
use dicomperf_model::plan::{BlockRun, Circumstances, try_plan};
use dicomperf_model::request::Request;
use dicomperf_model::results::{Check, KeptHosts, RunError, RunStatus, Verdict};
use dicomperf_model::step::{HostRole, StepId, StepState};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::interpreter::Stop;

/// A look that never comes.
pub const NEVER: u32 = u32::MAX;

/// One run: its input, the answers of the functions, and its end.
pub struct Script {
    pub name: &'static str,
    /// The execution's input.
    pub input: Value,
    /// True for a dry run.
    pub is_dry: bool,
    /// False for a run against an existing server.
    pub starts_server: bool,
    /// True if the request keeps the hosts.
    pub keeps_hosts: bool,
    /// The hosts to empty.
    pub clears: Vec<HostRole>,
    /// The number of block runs.
    pub blocks: u32,
    /// The look at which the hosts are ready.
    pub ready_at: u32,
    /// The state of a step at a look.
    pub step: fn(&StepId, u32) -> StepState,
    /// A function that fails, with the error's name and the number of its calls that fail.
    pub fails: Option<(&'static str, &'static str, u32)>,
    /// True if the summary finds everything measured.
    pub is_whole: bool,
    /// The error's name with which the execution ends.
    pub ends_with: Option<&'static str>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            name: "everything is done at the first look",
            input: json!({}),
            is_dry: false,
            starts_server: true,
            keeps_hosts: false,
            clears: Vec::new(),
            blocks: 1,
            ready_at: 0,
            step: |_, _| StepState::Succeeded,
            fails: None,
            is_whole: true,
            ends_with: None,
        }
    }
}

/// A script that runs.
pub struct Running<'a> {
    script: &'a Script,
    failed: u32,
    /// Each call: the function and its payload.
    pub calls: Vec<(String, Value)>,
}

impl<'a> Running<'a> {
    pub fn new(script: &'a Script) -> Self {
        Self { script, failed: 0, calls: Vec::new() }
    }

    /// Answers a call of a function. A payload that is not the function's event is a fault.
    pub fn answer(&mut self, function: &str, payload: Value) -> Result<Value, Stop> {
        self.calls.push((function.to_owned(), payload.clone()));
        let answer = match function {
            _ if payload.get("dryRun").is_some() => read::<CheckEvent>(payload).map(|_| written(&checks(function))),
            "${PlanFunction}" => read::<PlanEvent>(payload).map(|event| written(&self.plan(event))),
            "${LaunchFunction}" => read::<LaunchEvent>(payload).map(|event| written(&self.launch(&event))),
            "${RunStepFunction}" => read::<StepEvent>(payload).map(|event| written(&self.run_step(&event))),
            "${TeardownFunction}" => read::<TeardownEvent>(payload).map(|_| written(&TeardownAnswer { hosts_left: 0 })),
            "${SummarizeFunction}" => read::<SummarizeEvent>(payload).map(|event| written(&self.summarize(event))),
            other => Err(format!("this test does not know the function {other:?}")),
        };
        let answer = answer.map_err(|reason| Stop::Fault(format!("{function}: {reason}")))?;
        match self.script.fails {
            Some((failing, name, calls)) if failing == function && self.failed < calls => {
                self.failed += 1;
                Err(Stop::Error(error(name)))
            }
            _ => Ok(answer),
        }
    }

    fn plan(&self, event: PlanEvent) -> PlanAnswer {
        let sequence = (0..self.script.blocks).map(|ordinal| BlockRun { ordinal, block: ordinal, round: 0 }).collect();
        let expires_at = "2026-01-01T13:00:00Z".parse().unwrap();
        let dry_run = self.script.is_dry.then(|| {
            let circumstances = Circumstances::offline(&event.run_id, expires_at);
            let plan = try_plan(&Request::from_json(&event.input).unwrap(), circumstances).unwrap().unwrap();
            DryRun { plan: Box::new(plan), checks: checks("${PlanFunction}").checks }
        });
        PlanAnswer {
            run_id: event.run_id,
            sequence,
            expires_at,
            starts_server: self.script.starts_server,
            keeps_hosts: self.script.keeps_hosts,
            clears: self.script.clears.clone(),
            dry_run,
        }
    }

    fn launch(&self, event: &LaunchEvent) -> LaunchAnswer {
        let ready = event.look >= self.script.ready_at;
        LaunchAnswer { ready, look: if ready { 0 } else { event.look + 1 }, wait_seconds: 1, hosts: self.hosts() }
    }

    fn hosts(&self) -> LaunchedHosts {
        let host = |id: &str, address: &str| {
            Some(LaunchedHost { id: id.to_owned(), address: address.to_owned(), zone: "eu-central-1a".to_owned() })
        };
        let server = host("i-server", "10.0.0.4").filter(|_| self.script.starts_server);
        LaunchedHosts { server, client: host("i-client", "10.0.0.5") }
    }

    fn run_step(&self, event: &StepEvent) -> StepAnswer {
        let state = (self.script.step)(&event.step, event.look);
        let look = if state == StepState::Running { event.look + 1 } else { 0 };
        StepAnswer { state, look, wait_seconds: 1, doing: "working".to_owned() }
    }

    fn summarize(&self, event: SummarizeEvent) -> SummarizeAnswer {
        let error = event.error.map(|error| RunError::from_states(&error.error, &error.cause));
        let succeeded = self.script.is_whole && error.is_none();
        let kept = (event.keep && succeeded).then(|| {
            let until = "2026-01-01T12:40:00Z".parse().unwrap();
            KeptHosts::new(&event.run_id, until, Some("i-server".to_owned()), Some("i-client".to_owned()), "s3://b/k")
        });
        SummarizeAnswer {
            run_id: event.run_id,
            status: if succeeded { RunStatus::Succeeded } else { RunStatus::Failed },
            verdict: if succeeded { Verdict::Passed } else { Verdict::Invalid },
            report: "s3://bucket/runs/run-1/report.json".to_owned(),
            kept,
            error,
            checks: event.checks.unwrap_or_default(),
        }
    }
}

/// Reads an event. A field that the event does not have, or a missing one that has a default, is an error too.
fn read<T: Serialize + DeserializeOwned>(payload: Value) -> Result<T, String> {
    let event: T = serde_json::from_value(payload.clone()).map_err(|error| format!("{payload}: {error}"))?;
    let expected = written(&event);
    if plain(&expected) == plain(&payload) {
        Ok(event)
    } else {
        Err(format!("the payload is {payload}, the event is {expected}"))
    }
}

/// Returns a value with each number as JavaScript has it (1.0 is 1), and without fields that are null.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name.clone(), plain(value))).collect()
        }
        other => other.clone(),
    }
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// Returns an error as the state machine gets it: a Lambda's cause is a JSON document, a timeout has an empty one.
fn error(name: &str) -> StatesError {
    let cause = if Failure::NAMES.contains(&name) {
        json!({ "errorType": name, "errorMessage": "the reason" }).to_string()
    } else {
        String::new()
    };
    StatesError { error: name.to_owned(), cause }
}

fn checks(function: &str) -> Checks {
    Checks { checks: vec![Check::passed(format!("{function}: bucket"), "it may be read")] }
}
