//! The events of the stack, received by a rule and a queue as a user's own would be.

use std::time::{Duration, Instant};

use dicomperf_model::telling::{FinishedRun, UnstartedRun};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::harness::{Lab, command, printed, setting};

/// Longer than publishing takes on a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Runs the AWS CLI, and returns the JSON that it prints; null if it prints nothing. For SQS, the CLI ignores
/// AWS_ENDPOINT_URL.
pub fn aws(arguments: &[&str]) -> Value {
    let endpoint = setting("AWS_ENDPOINT_URL");
    let text = printed("aws", &[arguments, &["--output", "json", "--endpoint-url", &endpoint]].concat());
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// A queue that gets the stack's events by a rule of its own. Both are deleted at the end.
pub struct Told {
    name: String,
    queue: String,
    events: Vec<Value>,
}

impl Told {
    /// Makes the queue and the rule. Events from before are not received.
    pub fn new(lab: &Lab, name: &str) -> Self {
        let name = lab.new_id(name);
        let queue = aws(&["sqs", "create-queue", "--queue-name", &name])["QueueUrl"].as_str().unwrap().to_owned();
        let attributes = ["sqs", "get-queue-attributes", "--queue-url", &queue, "--attribute-names", "QueueArn"];
        let arn = aws(&attributes)["Attributes"]["QueueArn"].as_str().unwrap().to_owned();
        let pattern = json!({ "source": ["dicomperf"] }).to_string();
        aws(&["events", "put-rule", "--name", &name, "--event-pattern", &pattern]);
        let put = aws(&["events", "put-targets", "--rule", &name, "--targets", &format!("Id=queue,Arn={arn}")]);
        assert_eq!(put["FailedEntryCount"], 0, "{put}");
        Self { name, queue, events: Vec::new() }
    }

    /// Waits for the event `Run finished` of a run.
    pub fn finished(&mut self, run_id: &str) -> FinishedRun {
        self.wait("Run finished", &|detail| detail["runId"] == run_id)
    }

    /// Waits for the event `Run not started` of a schedule.
    pub fn not_started(&mut self, schedule: &str) -> UnstartedRun {
        self.wait("Run not started", &|detail| detail["schedule"] == schedule)
    }

    /// Returns the events of a run that came until now.
    pub fn count_of(&self, run_id: &str) -> usize {
        self.events.iter().filter(|event| event["detail"]["runId"] == run_id).count()
    }

    /// Waits for an event, and returns its detail. Every field of it must be one of the type.
    fn wait<T: Serialize + DeserializeOwned>(&mut self, kind: &str, is_wanted: &dyn Fn(&Value) -> bool) -> T {
        let begun = Instant::now();
        loop {
            let found = self.events.iter().find(|one| one["detail-type"] == kind && is_wanted(&one["detail"]));
            if let Some(event) = found {
                assert_eq!(event["source"], "dicomperf");
                assert_eq!(event["resources"].as_array().unwrap().len(), 1, "{event}");
                let detail: T = serde_json::from_value(event["detail"].clone()).unwrap();
                assert_eq!(serde_json::to_value(&detail).unwrap(), event["detail"]);
                return detail;
            }
            assert!(begun.elapsed() < MAX_WAIT, "no event {kind:?} came: {:?}", self.events);
            self.receive();
        }
    }

    fn receive(&mut self) {
        let wait = ["--wait-time-seconds", "10", "--max-number-of-messages", "10"];
        let answer = aws(&[&["sqs", "receive-message", "--queue-url", &self.queue], &wait[..]].concat());
        for message in answer["Messages"].as_array().into_iter().flatten() {
            self.events.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
            let handle = message["ReceiptHandle"].as_str().unwrap();
            aws(&["sqs", "delete-message", "--queue-url", &self.queue, "--receipt-handle", handle]);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        command("aws", &["events", "remove-targets", "--rule", &self.name, "--ids", "queue"]);
        command("aws", &["events", "delete-rule", "--name", &self.name]);
        let endpoint = setting("AWS_ENDPOINT_URL");
        command("aws", &["sqs", "delete-queue", "--queue-url", &self.queue, "--endpoint-url", &endpoint]);
    }
}

/// Returns the sum of a metric's data points of the last hour; `None` without one.
pub fn metric(name: &str, dimensions: &[(&str, &str)]) -> Option<f64> {
    let now = jiff::Timestamp::now();
    let (start, end) = ((now - jiff::SignedDuration::from_hours(1)).to_string(), now.to_string());
    let dimensions: Vec<_> = dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let dimensions = json!(dimensions).to_string();
    let of = ["--namespace", "dicomperf", "--metric-name", name, "--dimensions", &dimensions];
    let when = ["--start-time", &start, "--end-time", &end, "--period", "3600", "--statistics", "Sum"];
    let answer = aws(&[&["cloudwatch", "get-metric-statistics"], &of[..], &when[..]].concat());
    let points = answer["Datapoints"].as_array().unwrap();
    (!points.is_empty()).then(|| points.iter().filter_map(|point| point["Sum"].as_f64()).sum())
}

/// Returns the state of the stack's alarm on regressions.
pub fn alarm_state() -> String {
    let alarms = aws(&["cloudwatch", "describe-alarms", "--alarm-name-prefix", "dicomperf-RegressionAlarm"]);
    alarms["MetricAlarms"][0]["StateValue"].as_str().unwrap_or_else(|| panic!("no alarm: {alarms}")).to_owned()
}

/// The emulator's Scheduler sends nothing to dead-letter queues. The message has the form of the real one (EventBridge
/// Scheduler User Guide, Retrieve the dead-letter event).
#[tokio::test]
async fn a_run_that_scheduler_could_not_start_is_an_event() {
    let lab = Lab::new().await;
    let mut told = Told::new(&lab, "unstarted");
    let schedule = lab.new_id("gone");
    let arn = format!("arn:aws:scheduler:us-east-1:000000000000:schedule/group/{schedule}");
    let attributes: serde_json::Map<String, Value> = [
        ("ERROR_CODE", "AccessDeniedException"),
        ("ERROR_MESSAGE", "the role is not authorized to perform: states:StartExecution"),
        ("EXECUTION_ID", "ad06616e51cdf74a"),
        ("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
        ("IS_PAYLOAD_TRUNCATED", "false"),
        ("RETRY_ATTEMPTS", "185"),
        ("SCHEDULED_TIME", "2026-01-01T03:00:00Z"),
        ("SCHEDULE_ARN", &arn),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), json!({ "DataType": "String", "StringValue": value })))
    .collect();
    let attributes = Value::Object(attributes).to_string();
    let queue = setting("DICOMPERF_STACK_DEAD_LETTER_QUEUE_URL");
    let message = ["--message-body", "{}", "--message-attributes", &attributes];
    aws(&[&["sqs", "send-message", "--queue-url", &queue], &message[..]].concat());
    let unstarted = told.not_started(&schedule);
    assert_eq!(unstarted.stack, "dicomperf");
    assert_eq!(unstarted.error.as_deref(), Some("AccessDeniedException"));
    assert!(unstarted.cause.is_some_and(|cause| cause.contains("states:StartExecution")));
    assert_eq!(unstarted.scheduled_at.as_deref(), Some("2026-01-01T03:00:00Z"));
}
