use dicomperf_model::results::RunStatus;
use serde_json::{Value, json};

use crate::harness::Lab;
use crate::telling::Told;

/// Text that would do harm if a shell ran it.
const HARM: &str = "$(reboot)\"'`;\n";

#[tokio::test]
async fn a_bad_request_ends_at_once_names_every_field_and_launches_nothing() {
    let lab = Lab::new().await;
    let ten_thousand: Vec<u32> = (1..=16).collect();
    let pdus: Vec<u32> = (0..16).map(|step| 4096 + step * 4096).collect();
    let threads: Vec<Value> = (1..=16).map(|count| json!({ "DicomThreadsCount": count })).collect();
    let cases = [
        (json!({ "iterations": "three" }), vec!["iterations"]),
        (json!({ "colour": "red" }), vec!["colour"]),
        (json!({ "dataset": { "synthetic": { "instances": 0 } } }), vec!["dataset.synthetic.instances"]),
        (json!({ "iterations": -3, "rounds": 0 }), vec!["iterations", "rounds"]),
        (
            json!({ "server": { "orthanc": { "RemoteAccessAllowed": true } } }),
            vec!["server.orthanc.RemoteAccessAllowed"],
        ),
        (
            json!({ "matrix": { "associations": ten_thousand, "maxPdu": pdus, "orthanc": threads,
                "tcpNoDelay": [true, false], "tls": [true, false] } }),
            vec!["matrix", "16384 scenarios"],
        ),
        (json!({ "server": { "aeTitle": "SEVENTEEN_LETTERS" } }), vec!["server.aeTitle"]),
        (
            json!({ "name": HARM, "server": { "aeTitle": HARM, "ami": HARM, "instanceType": HARM },
                "client": { "aeTitle": HARM }, "dataset": { "s3": { "bucket": HARM, "prefix": HARM } } }),
            vec!["name", "server.aeTitle", "server.ami", "server.instanceType", "client.aeTitle", "dataset.s3.bucket"],
        ),
        (json!([1, 2]), vec!["the request"]),
    ];
    let mut told = Told::new(&lab, "bad-events").await;
    let mut ids = Vec::new();
    for (request, named) in cases {
        let finished = lab.start("bad", request.clone()).await.finish().await;
        let error = finished.failed_with("InvalidRequest");
        for name in named {
            assert!(error.cause.contains(name), "{name} is not named: {}", error.cause);
        }
        assert!(error.cause.contains("allowed: "), "{}", error.cause);
        assert!(lab.hosts_of(&finished.id).await.is_empty());
        let keys = lab.keys(&finished.id).await;
        assert!(
            !keys.iter().any(|key| key == "plan.json" || key.starts_with("steps/")),
            "{request} was planned: {keys:?}"
        );
        assert_eq!(states_of(&lab, &finished.arn).await, ["Plan"], "{request} did not fail in the first state");
        ids.push(finished.id);
    }
    for id in ids {
        let event = told.finished(&id).await;
        assert_eq!((event.status, event.error.unwrap().error.as_str()), (RunStatus::Failed, "InvalidRequest"));
        assert!(event.scenarios.is_empty());
    }
    told.end().await;
}

/// Returns the states that an execution entered, in order.
async fn states_of(lab: &Lab, arn: &str) -> Vec<String> {
    let history = lab.states.get_execution_history().execution_arn(arn).send().await.unwrap();
    let entered = history.events().iter().filter_map(|event| event.state_entered_event_details());
    entered.map(|state| state.name.clone()).collect()
}
