//! An endpoint that answers the calls of one run: SSM, Step Functions, DynamoDB and S3.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use dicomperf_analysis::summarize::{Outcome, summarize};
use dicomperf_fixtures::{all_steps, classic_plan, classic_transfer_ms};
use dicomperf_model::results::Summary;
use serde_json::{Value, json};

/// Longer than any condition of these tests takes.
const MAX_WAIT: Duration = Duration::from_secs(60);
const RUN_ARN: &str = "arn:aws:states:us-east-1:123456789012:execution:runs:";

/// The state of the run, which a test changes while the command runs.
pub struct State {
    /// Status of the execution.
    pub status: &'static str,
    /// True if the server closes each connection without an answer.
    pub breaks: bool,
    /// Code of an error that DescribeExecution answers.
    pub error: Option<&'static str>,
    /// The operations that were called.
    pub calls: Vec<String>,
}

#[derive(Clone)]
pub struct Aws {
    pub state: Arc<Mutex<State>>,
    port: u16,
}

impl Aws {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { status: "RUNNING", breaks: false, error: None, calls: Vec::new() };
        let aws = Self { state: Arc::new(Mutex::new(state)), port };
        let served = aws.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let aws = served.clone();
                thread::spawn(move || aws.serve(stream));
            }
        });
        aws
    }

    /// Returns the command line with this endpoint.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dicomperf"));
        command.args(arguments);
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command
    }

    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ]
    }

    /// Changes the state.
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// Waits until an operation was called this often in all.
    pub fn wait_for(&self, operation: &str, times: usize) {
        wait_until(operation, || {
            self.state.lock().unwrap().calls.iter().filter(|call| *call == operation).count() >= times
        });
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (mut first, mut target, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut first).ok()?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => value.rsplit('.').next()?.clone_into(&mut target),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut state = self.state.lock().unwrap();
        if state.breaks {
            state.calls.push("broken".to_owned());
            return None;
        }
        let path = first.split(' ').nth(1)?.split('?').next()?.to_owned();
        let operation = if target.is_empty() { path } else { target };
        let is_list = String::from_utf8_lossy(&body).contains("byTime");
        let (status, answer) = answer(&mut state, &operation, is_list);
        state.calls.push(operation);
        drop(state);
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        let mut stream = stream;
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(answer.as_bytes())).ok()
    }
}

fn answer(state: &mut State, operation: &str, is_list: bool) -> (u16, String) {
    let ok = |document: Value| (200, document.to_string());
    match operation {
        "GetParameter" => {
            let stack = json!({
                "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:runs", "bucket": "bucket",
                "table": "table", "scheduleGroup": "group", "scheduleRoleArn": "arn:aws:iam::123456789012:role/x",
            });
            ok(json!({ "Parameter": { "Name": "/dicomperf/dicomperf", "Value": stack.to_string() } }))
        }
        "StartExecution" => ok(json!({ "executionArn": format!("{RUN_ARN}run-1"), "startDate": 1_767_225_600 })),
        "StopExecution" => {
            state.status = "ABORTED";
            ok(json!({ "stopDate": 1_767_225_600 }))
        }
        "DescribeExecution" => match state.error {
            Some(code) => (400, json!({ "__type": code, "message": "not now" }).to_string()),
            None => ok(json!({
                "executionArn": format!("{RUN_ARN}run-1"), "name": "run-1", "status": state.status,
                "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:runs",
                "startDate": 1_767_225_600,
            })),
        },
        "GetExecutionHistory" => ok(json!({ "events": [{
            "timestamp": 1_767_225_600, "type": "TaskStateEntered", "id": 1,
            "stateEnteredEventDetails": { "name": "Teardown" },
        }] })),
        // No baseline has the name.
        "DeleteItem" => ok(json!({})),
        "GetItem" => ok(json!({ "Item": record(state) })),
        // The run has no scenario.
        "Query" if !is_list => ok(json!({ "Items": [], "Count": 0, "ScannedCount": 0 })),
        "Query" => ok(json!({ "Items": [record(state)], "Count": 1, "ScannedCount": 1 })),
        path if path.ends_with("report.json") && state.status == "SUCCEEDED" => {
            (200, dicomperf_report::json(&summary()))
        }
        path if path.ends_with("report.html") && state.status == "SUCCEEDED" => (200, "<!doctype html>".to_owned()),
        _ => (404, "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>".to_owned()),
    }
}

/// The run's record, as the table has it.
fn record(state: &State) -> Value {
    let status = match state.status {
        "ABORTED" => "FAILED",
        status => status,
    };
    let mut record = json!({
        "PK": { "S": "RUN#run-1" }, "SK": { "S": "META" }, "runId": { "S": "run-1" }, "status": { "S": status },
        "createdAt": { "S": "2026-01-01T00:00:00.000Z" }, "name": { "S": "nightly" }, "type": { "S": "RUN" },
    });
    if status != "RUNNING" {
        record["hostsLeft"] = json!({ "N": "0" });
        record["finishedAt"] = json!({ "S": "2026-01-01T00:30:00Z" });
    }
    record
}

/// The report of the run.
pub fn summary() -> Summary {
    let plan = classic_plan();
    let outcome = Outcome::new("2026-01-01T00:30:00Z".parse().unwrap());
    summarize(&plan, &all_steps(&plan, classic_transfer_ms), outcome)
}

/// Waits until a condition holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < MAX_WAIT, "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
