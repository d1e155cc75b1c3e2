//! Clients that answer by rule, a bucket in memory and a test clock, for the tests of clients and use cases.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::error::ErrorMetadata;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_mocks::{MockResponse, Rule, mock};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::clients::artifacts::Artifacts;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{Circumstances, DatasetPlan, Plan, Secrets, plan};
use dicomperf_model::request::Request;

/// Returns a client whose answers come from rules. A request without a rule fails the test.
macro_rules! client {
    ($sdk:ident, [$($rule:expr),* $(,)?]) => {
        client!($sdk, rules: [$($rule.clone()),*])
    };
    ($sdk:ident, rules: $rules:expr) => {{
        let mut answers = aws_smithy_mocks::MockResponseInterceptor::new();
        for rule in $rules {
            answers = answers.with_rule(&rule);
        }
        let credentials = aws_sdk_s3::config::Credentials::new("id", "secret", None, None, "test");
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("eu-central-1"))
                .credentials_provider(credentials)
                .http_client(aws_smithy_mocks::create_mock_http_client())
                .interceptor(answers)
                .build(),
        )
    }};
}
pub(crate) use client;

/// Returns an error of AWS with this code.
pub(crate) fn error(code: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).message("as AWS says").build()
}

/// A bucket in memory. It returns stored objects, and a conditional write fails if the object exists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bucket {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    stored_at: Arc<Mutex<BTreeMap<String, Timestamp>>>,
}

impl Bucket {
    /// Returns a bucket with the plan and the secrets of a run.
    pub(crate) fn with_plan(document: Value) -> Self {
        let bucket = Self::default();
        let plan = test_plan(document);
        bucket.put(&RunKeys(&plan.run_id).plan(), &json!(plan));
        let secrets = Secrets { rest_user: "user".to_owned(), rest_password: "password".to_owned() };
        bucket.put(&RunKeys(&plan.run_id).secrets(), &json!(secrets));
        bucket
    }

    pub(crate) fn put(&self, key: &str, document: &Value) {
        self.put_bytes(key, document.to_string().into_bytes());
    }

    /// Stores a document, as S3 would have at this time.
    pub(crate) fn put_at(&self, time: Timestamp, key: &str, document: &Value) {
        self.put(key, document);
        self.stored_at.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), time);
    }

    pub(crate) fn put_bytes(&self, key: &str, body: Vec<u8>) {
        self.lock().insert(key.to_owned(), body);
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let objects = self.lock();
        objects.get(key).map(|body| serde_json::from_slice(body).expect("such a document"))
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.lock().get(key).map(|body| String::from_utf8_lossy(body).into_owned())
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    pub(crate) fn rules(&self) -> Vec<Rule> {
        let (reading, writing) = (self.clone(), self.clone());
        let get = mock!(S3::get_object).then_compute_response(move |request| {
            match reading.lock().get(request.key().unwrap_or_default()) {
                Some(body) => {
                    let end = request.range().and_then(|range| range.rsplit_once('-')?.1.parse::<usize>().ok());
                    let end = end.map_or(body.len(), |last| body.len().min(last + 1));
                    let times = reading.stored_at.lock().unwrap_or_else(PoisonError::into_inner);
                    let time = request.key().and_then(|key| times.get(key));
                    let time = time.map(|time| aws_sdk_s3::primitives::DateTime::from_secs(time.as_second()));
                    let output = GetObjectOutput::builder().set_last_modified(time);
                    MockResponse::Output(output.body(ByteStream::from(body[..end].to_vec())).build())
                }
                // S3 answers this if the caller has no right to list the bucket.
                None => MockResponse::Error(GetObjectError::generic(error("AccessDenied"))),
            }
        });
        let put = mock!(S3::put_object).then_compute_response(move |request| {
            let key = request.key().unwrap_or_default();
            if request.if_none_match().is_some() && writing.lock().contains_key(key) {
                return MockResponse::Error(PutObjectError::generic(error("PreconditionFailed")));
            }
            writing.put_bytes(key, request.body().bytes().unwrap_or_default().to_vec());
            MockResponse::Output(PutObjectOutput::builder().build())
        });
        vec![get, put]
    }

    pub(crate) fn client(&self) -> S3 {
        client!(aws_sdk_s3, rules: self.rules())
    }

    pub(crate) fn artifacts(&self) -> Artifacts {
        Artifacts::new(self.client(), "bucket".to_owned())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that moves only when the code under test sleeps. A scheduled event happens during the sleep that passes its
/// time.
#[derive(Debug, Clone)]
pub struct MovedClock(Arc<Mutex<MovedTime>>);

struct MovedTime {
    now: Timestamp,
    to_happen: Vec<(Timestamp, Box<dyn FnOnce() + Send>)>,
}

impl MovedClock {
    pub(crate) fn starting_at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(MovedTime { now, to_happen: Vec::new() })))
    }

    pub(crate) fn schedule(&self, time: Timestamp, event: impl FnOnce() + Send + 'static) {
        self.lock().to_happen.push((time, Box::new(event)));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.lock().now
    }

    pub(crate) fn advance(&self, pause: Duration) {
        let mut time = self.lock();
        time.now += SignedDuration::try_from(pause).expect("a short pause");
        let now = time.now;
        let due: Vec<_> = time.to_happen.extract_if(.., |(when, _)| *when <= now).collect();
        drop(time);
        due.into_iter().for_each(|(_, event)| event());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, MovedTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MovedTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} and {} events", self.now, self.to_happen.len())
    }
}

/// Returns the time at which the tests plan their runs.
pub(crate) fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

/// Returns the plan of run `run-1`, made at noon.
pub(crate) fn test_plan(document: Value) -> Plan {
    let request = Request::from_json(&document).expect("a valid request");
    let dataset = DatasetPlan::synthetic(&request.dataset.synthetic.clone().unwrap_or_default());
    let ami = "ami-0123456789abcdef0".to_owned();
    let circumstances =
        Circumstances { server_ami: ami.clone(), client_ami: ami, ..Circumstances::offline("run-1", noon()) };
    plan(request, dataset, circumstances).expect("a plan")
}
