use std::collections::BTreeMap;
use std::fs;

use dicomperf_aws::workflow::{Again, Clearing, Scheduled};
use dicomperf_model::dataset::PlannedObject;
use dicomperf_model::plan::{Circumstances, DatasetPlan, plan, try_plan};
use dicomperf_model::request::request_schema;
use dicomperf_model::request::{Request, S3Objects};
use serde_json::Value;

/// Returns the documents in events/ by file name.
fn events() -> BTreeMap<String, Value> {
    let names = fs::read_dir(crate::root().join("events")).unwrap().map(|file| file.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.map(|name| (name.clone(), serde_json::from_str(&crate::read(&format!("events/{name}"))).unwrap())).collect()
}

/// Returns a dataset of a user's own objects, as `plan` makes it from a listing.
fn listed_dataset(spec: &S3Objects) -> DatasetPlan {
    let object = |number: u32| PlannedObject {
        key: format!("{}{number}.dcm", spec.prefix),
        bytes: 500_000,
        etag: number.to_string(),
        sop_instance_uid: format!("2.25.{number}"),
        sop_class_uid: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        transfer_syntax_uid: "1.2.840.10008.1.2.1".to_owned(),
    };
    DatasetPlan::objects(spec.bucket.clone(), (1..=200).map(object).collect(), Vec::new())
}

#[test]
fn every_request_in_events_can_be_planned() {
    let mut own_objects = 0;
    for (name, event) in events() {
        if ["again.json", "clear.json"].contains(&name.as_str()) {
            continue;
        }
        let request = match serde_json::from_value::<Scheduled>(event.clone()) {
            Ok(scheduled) => scheduled.request,
            Err(_) => event,
        };
        let request = Request::from_json(&request).unwrap_or_else(|invalid| panic!("{name}: {invalid}"));
        let circumstances = || Circumstances::offline("run", "2026-01-01T00:00:00Z".parse().unwrap());
        let planned = match request.dataset.s3.clone() {
            Some(objects) => {
                own_objects += 1;
                plan(request, listed_dataset(&objects), circumstances()).map(Some)
            }
            None => try_plan(&request, circumstances()),
        };
        let planned = planned.unwrap_or_else(|invalid| panic!("{name}: {invalid}"));
        assert!(planned.is_some_and(|plan| !plan.sequence.is_empty()), "{name}");
    }
    assert!(own_objects > 0, "no event sends a user's own objects");
}

#[test]
fn every_file_in_events_is_in_the_documentation_of_requests() {
    let page = crate::read("docs/request.md");
    let missing: Vec<_> = events().into_keys().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn work_on_kept_hosts_is_an_input_of_its_own() {
    let again: Again = serde_json::from_value(events()["again.json"].clone()).unwrap();
    assert_eq!((again.again.as_str(), again.request), ("RUN-ID", None));
    let clearing: Clearing = serde_json::from_value(events()["clear.json"].clone()).unwrap();
    assert_eq!(clearing.clear, "RUN-ID");
}

#[test]
fn the_committed_schema_of_a_request_is_current() {
    let committed: Value = serde_json::from_str(&crate::read("schemas/request.schema.json")).unwrap();
    assert_eq!(committed, request_schema(), "run `make schemas`");
}
