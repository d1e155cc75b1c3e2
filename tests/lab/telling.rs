//! The events of the stack, received by a rule and a queue as a user's own would be.

use std::time::{Duration, Instant};

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use dicomperf_model::telling::{FinishedRun, UnstartedRun};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::harness::{Lab, eventually, printed, setting};

/// Longer than publishing takes on a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(120);
/// The id of a rule's target.
const TARGET: &str = "queue";

/// Runs the AWS CLI, and returns the JSON that it prints; null if it prints nothing. For SQS, the CLI ignores
/// AWS_ENDPOINT_URL.
pub fn aws(arguments: &[&str]) -> Value {
    let endpoint = setting("AWS_ENDPOINT_URL");
    let text = printed("aws", &[arguments, &["--output", "json", "--endpoint-url", &endpoint]].concat());
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// A queue that gets the stack's events by a rule of its own.
pub struct Told {
    name: String,
    queue: String,
    queues: aws_sdk_sqs::Client,
    rules: aws_sdk_eventbridge::Client,
    events: Vec<Value>,
}

impl Told {
    /// Makes the queue and the rule. Events from before are not received.
    pub async fn new(lab: &Lab, name: &str) -> Self {
        let name = lab.new_id(name);
        // The AWS CLI takes a second of CPU time for each call.
        let config = dicomperf_aws::clients::configuration().await;
        let (queues, rules) = (aws_sdk_sqs::Client::new(&config), aws_sdk_eventbridge::Client::new(&config));
        let queue = queues.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
        let arn = QueueAttributeName::QueueArn;
        let attributes = queues.get_queue_attributes().queue_url(&queue).attribute_names(arn.clone()).send().await;
        let arn = attributes.unwrap().attributes.unwrap().remove(&arn).unwrap();
        let pattern = json!({ "source": ["dicomperf"] }).to_string();
        rules.put_rule().name(&name).event_pattern(pattern).send().await.unwrap();
        let target = Target::builder().id(TARGET).arn(arn).build().unwrap();
        let put = rules.put_targets().rule(&name).targets(target).send().await.unwrap();
        assert_eq!(put.failed_entry_count, 0, "{put:?}");
        Self { name, queue, queues, rules, events: Vec::new() }
    }

    /// Waits for the event `Run finished` of a run.
    pub async fn finished(&mut self, run_id: &str) -> FinishedRun {
        self.wait("Run finished", &|detail| detail["runId"] == run_id).await
    }

    /// Waits for the event `Run not started` of a schedule.
    pub async fn not_started(&mut self, schedule: &str) -> UnstartedRun {
        self.wait("Run not started", &|detail| detail["schedule"] == schedule).await
    }

    /// Returns the events of a run that came until now.
    pub fn count_of(&self, run_id: &str) -> usize {
        self.events.iter().filter(|event| event["detail"]["runId"] == run_id).count()
    }

    /// Deletes the rule and the queue. They go with the emulator after a test that failed.
    pub async fn end(self) {
        self.rules.remove_targets().rule(&self.name).ids(TARGET).send().await.unwrap();
        self.rules.delete_rule().name(&self.name).send().await.unwrap();
        self.queues.delete_queue().queue_url(&self.queue).send().await.unwrap();
    }

    /// Waits for an event, and returns its detail. Every field of it must be one of the type.
    async fn wait<T: Serialize + DeserializeOwned>(&mut self, kind: &str, is_wanted: &dyn Fn(&Value) -> bool) -> T {
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
            self.receive().await;
        }
    }

    async fn receive(&mut self) {
        let receive = self.queues.receive_message().queue_url(&self.queue);
        let answer = receive.wait_time_seconds(10).max_number_of_messages(10).send().await.unwrap();
        for message in answer.messages.unwrap_or_default() {
            self.events.push(serde_json::from_str(&message.body.unwrap()).unwrap());
            let delete = self.queues.delete_message().queue_url(&self.queue);
            delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
        }
    }
}

/// Waits until there are data points of a metric: they follow the event.
pub async fn metric_comes(name: &str, dimensions: &[(&str, &str)]) {
    let missing = format!("no metric {name} of {dimensions:?} came");
    eventually(&missing, async || metric(name, dimensions)).await;
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
    let mut told = Told::new(&lab, "unstarted").await;
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
    let unstarted = told.not_started(&schedule).await;
    assert_eq!(unstarted.stack, "dicomperf");
    assert_eq!(unstarted.error.as_deref(), Some("AccessDeniedException"));
    assert!(unstarted.cause.is_some_and(|cause| cause.contains("states:StartExecution")));
    assert_eq!(unstarted.scheduled_at.as_deref(), Some("2026-01-01T03:00:00Z"));
    told.end().await;
}
