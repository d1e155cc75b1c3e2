use dicomperf::plan::{Circumstances, DatasetPlan, plan};
use dicomperf::request::Request;
use dicomperf::validation::request_schema;
use dicomperf::workflow::Scheduled;
use serde_json::Value;

fn event(name: &str) -> Value {
    serde_json::from_str(&crate::read(&format!("events/{name}"))).unwrap()
}

fn is_planned(document: &Value) {
    let request = Request::from_json(document).unwrap();
    let circumstances = Circumstances {
        run_id: "run".to_owned(),
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
        server_ami: "ami-00000000".to_owned(),
        client_ami: "ami-00000000".to_owned(),
    };
    if let Some(spec) = request.dataset.synthetic.clone() {
        plan(request, DatasetPlan::synthetic(&spec), circumstances).unwrap();
    }
}

#[test]
fn every_request_in_events_is_accepted() {
    for name in
        ["classic.json", "demo.json", "orthanc-table.json", "own-files.json", "senders.json", "tcp-nodelay.json"]
    {
        is_planned(&event(name));
    }
    let scheduled: Scheduled = serde_json::from_value(event("schedule.json")).unwrap();
    is_planned(&scheduled.request);
}

#[test]
fn the_committed_schema_of_a_request_is_current() {
    assert_eq!(event("request.schema.json"), request_schema(), "run `make schemas`");
}
