use jiff::SignedDuration;
use serde_json::{Value, json};

use super::block::scenario_count;
use super::*;
use crate::request::{Target, TcpNoDelay};

fn plan_document(document: Value) -> Result<Plan, InvalidRequest> {
    let request = Request::from_json(&document).expect("valid");
    let dataset = DatasetPlan::synthetic(request.dataset.synthetic.as_ref().expect("synthetic"));
    plan(request, dataset, Circumstances::offline("run-1", "2026-01-01T00:00:00Z".parse().expect("a time")))
}

#[test]
fn the_classic_plan_is_one_scenario_in_two_rounds() {
    let plan = plan_document(json!({})).expect("a plan");
    assert_eq!(plan.blocks.len(), 1);
    assert_eq!(plan.blocks[0].scenarios.len(), 1);
    assert_eq!(plan.sequence.len(), 2);
    assert_eq!(plan.expires_at.to_string(), "2026-01-01T01:00:00Z");
    assert!(plan.estimate.cost_usd < 0.02, "{:?}", plan.estimate);
}

#[test]
fn scenarios_are_the_product_and_blocks_share_a_server_configuration() {
    let plan = plan_document(json!({ "matrix": { "associations": [1, 4], "tcpNoDelay": [false, true],
        "orthanc": [{}, { "SyncStorageArea": false }] }, "server": { "orthanc": { "StableAge": 5 } } }))
    .expect("a plan");
    assert_eq!(plan.blocks.iter().map(|block| block.scenarios.len()).collect::<Vec<_>>(), [2, 2, 2, 2]);
    let numbers: Vec<_> = plan.blocks.iter().flat_map(|block| &block.scenarios).map(|one| one.number).collect();
    assert_eq!(numbers, (0..8).collect::<Vec<_>>());
    assert_eq!(plan.blocks[3].server.orthanc["StableAge"], 5);
    assert_eq!(plan.blocks[3].server.orthanc["SyncStorageArea"], false);
}

#[test]
fn a_block_has_every_client_that_its_server_can_serve() {
    let plan = plan_document(json!({ "matrix": { "sender": ["storescu", "native"],
        "tcpNoDelay": [false, true, "client", "server"] } }))
    .expect("a plan");
    let ends: Vec<Vec<_>> = plan
        .blocks
        .iter()
        .map(|block| {
            assert!(block.scenarios.iter().all(|one| one.settings.tcp_no_delay.server() == block.server.tcp_no_delay));
            block.scenarios.iter().map(|one| one.settings.tcp_no_delay).collect()
        })
        .collect();
    use TcpNoDelay::{Both, Client, Neither, Server};
    assert_eq!(ends, [[Neither, Neither, Client, Client], [Both, Both, Server, Server]]);
}

#[test]
fn the_sink_has_one_block_whatever_orthanc_is_configured_with() {
    let request = json!({ "matrix": { "target": ["orthanc", "sink"], "associations": [1, 2],
        "orthanc": [{}, { "SyncStorageArea": false }, { "StorageCompression": true }] } });
    let plan = plan_document(request).expect("a plan");
    let targets: Vec<_> = plan.blocks.iter().map(|block| (block.server.target, block.server.orthanc.len())).collect();
    assert_eq!(targets, [(Target::Orthanc, 0), (Target::Orthanc, 1), (Target::Orthanc, 1), (Target::Sink, 0)]);
    assert_eq!(plan.blocks.iter().map(|block| block.scenarios.len()).sum::<usize>(), 8);
    assert_eq!(plan.blocks.iter().map(|block| block.scenarios.len()).sum::<usize>(), scenario_count(&plan.request));
}

#[test]
fn a_dataset_in_several_transfer_syntaxes_has_to_fit_the_clients_disk() {
    let request = |syntaxes: &[&str]| {
        json!({ "dataset": { "synthetic": { "instances": 8_000 } }, "limits": { "maxMinutes": 240 },
            "matrix": { "transferSyntax": syntaxes } })
    };
    assert!(plan_document(request(&["original"])).is_ok());
    let syntaxes = ["original", "RLELossless", "JPEGLSLossless", "ImplicitVRLittleEndian"];
    let error = plan_document(request(&syntaxes)).expect_err("too small");
    assert_eq!(error.errors[0].path, "client.volume.sizeGiB", "{error}");
}

#[test]
fn rounds_go_forth_and_back() {
    let plan = plan_document(json!({ "matrix": { "tcpNoDelay": [false, true] }, "rounds": 2 })).expect("a plan");
    assert_eq!(plan.sequence.iter().map(|run| run.block).collect::<Vec<_>>(), [0, 1, 1, 0]);
    assert_eq!(plan.sequence.iter().map(|run| run.ordinal).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn a_matrix_of_ten_thousand_scenarios_is_refused() {
    let axis: Vec<u32> = (1..=16).collect();
    let pdus: Vec<u32> = (0..16).map(|index| 4096 + index * 1024).collect();
    let keys: Vec<Value> = (1..=10).map(|count| json!({ "DicomThreadsCount": count })).collect();
    let error = plan_document(json!({ "matrix": { "associations": axis, "maxPdu": pdus, "orthanc": keys,
        "tcpNoDelay": [true, false], "tls": [true, false] } }))
    .expect_err("too many");
    assert_eq!(error.errors[0].path, "matrix");
    assert!(error.to_string().contains("10240 scenarios"), "{error}");
}

#[test]
fn a_plan_over_its_limits_is_refused_with_every_limit_named() {
    let error = plan_document(json!({
        "dataset": { "synthetic": { "instances": 100_000 } },
        "limits": { "maxMinutes": 10, "maxCostUsd": 0.01 },
    }))
    .expect_err("over");
    let paths: Vec<_> = error.errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["server.volume.sizeGiB", "client.volume.sizeGiB", "limits.maxMinutes", "limits.maxCostUsd"]);
}

#[test]
fn hosts_expire_before_they_cost_more_than_allowed() {
    let plan = plan_document(json!({ "limits": { "maxMinutes": 240, "maxCostUsd": 0.02 } })).expect("a plan");
    let hours = plan.expires_at.duration_since(plan.created_at).as_secs_f64() / 3600.0;
    assert!(hours < 4.0 && hours * plan.estimate.usd_per_hour <= 0.02, "{hours} h");
}

#[test]
fn the_fingerprint_is_hardware_and_dataset_and_nothing_else() {
    let fingerprint = |document| plan_document(document).expect("a plan").fingerprint;
    let classic = fingerprint(json!({}));
    assert_eq!(classic, fingerprint(json!({ "matrix": { "associations": [8] }, "iterations": 2, "name": "x" })));
    assert_ne!(classic, fingerprint(json!({ "server": { "instanceType": "t3.small" } })));
    assert_ne!(classic, fingerprint(json!({ "client": { "cpuCredits": "standard" } })));
    assert_ne!(classic, fingerprint(json!({ "dataset": { "synthetic": { "seed": 2 } } })));
}

#[test]
fn copies_count_and_too_many_are_refused_at_their_field() {
    let object = |number: u32| PlannedObject {
        key: format!("{number}"),
        bytes: 1000,
        etag: "etag".to_owned(),
        sop_instance_uid: format!("1.2.{number}"),
        sop_class_uid: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        transfer_syntax_uid: "1.2.840.10008.1.2.1".to_owned(),
    };
    let plan_of = |multiply: u32, deidentify: bool| {
        let own = json!({ "bucket": "images", "multiply": multiply, "deidentify": deidentify });
        let request = Request::from_json(&json!({ "dataset": { "s3": own } })).expect("valid");
        let objects = DatasetPlan::objects("images".to_owned(), (0..200).map(object).collect(), Vec::new());
        let dataset = objects.prepared(request.dataset.own());
        plan(request, dataset, Circumstances::offline("run-1", "2026-01-01T00:00:00Z".parse().expect("a time")))
    };
    let single = plan_of(1, false).expect("a plan").dataset;
    let copies = plan_of(3, false).expect("a plan").dataset;
    assert_eq!((copies.instances, copies.bytes), (600, 600_000));
    let hashes = [single.hash, copies.hash, plan_of(1, true).expect("a plan").dataset.hash];
    assert!(hashes[0] != hashes[1] && hashes[0] != hashes[2] && hashes[1] != hashes[2]);
    let refused = plan_of(501, false).expect_err("refused");
    let multiply = refused.errors.iter().find(|error| error.path == "dataset.s3.multiply").expect("its field");
    assert_eq!(
        multiply.to_string(),
        "dataset.s3.multiply: is 501, which makes 100200 instances of 200 objects; allowed: at most 500: a dataset has \
         at most 100000 instances"
    );
}

#[test]
fn a_run_from_here_to_an_existing_server_costs_nothing_and_is_compared_by_the_server() {
    let plan_of = |existing: Value| {
        let request = Request::from_json(&json!({ "server": { "existing": existing } })).expect("valid");
        let dataset = DatasetPlan::synthetic(request.dataset.synthetic.as_ref().expect("synthetic"));
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        plan(request, dataset, Circumstances { sends_from_here: true, ..Circumstances::offline("run-1", now) })
    };
    let pacs = json!({ "address": "pacs.example.org", "port": 104, "aeTitle": "PACS" });
    let one = plan_of(pacs.clone()).expect("a plan");
    assert_eq!((one.hosts.iter().count(), one.expires_at.to_string().as_str()), (0, "2026-01-01T01:00:00Z"));
    let answer = Negotiated { implementation_version_name: Some("PACS_1".to_owned()), ..Negotiated::default() };
    let announced = one.clone().with_negotiated(&answer);
    assert_eq!(announced.fingerprint, one.fingerprint);
    let existing = announced.fingerprint_of.existing.expect("an existing server");
    assert_eq!(existing.implementation().as_deref(), Some("PACS_1"));
    assert!(one.estimate.usd_per_hour.is_sign_positive() && one.estimate.cost_usd.abs() < 1e-12);
    // Another interface to prove storage does not change what is measured.
    let mut other = pacs.clone();
    other["receipt"] = json!("none");
    assert_eq!(plan_of(other).expect("a plan").fingerprint, one.fingerprint);
    for (field, value) in [("address", json!("10.0.0.9")), ("port", json!(11112)), ("aeTitle", json!("ARCHIVE"))] {
        let mut other = pacs.clone();
        other[field] = value;
        assert_ne!(plan_of(other).expect("a plan").fingerprint, one.fingerprint, "{field}");
    }
}

#[test]
fn a_dataset_that_does_not_fit_in_memory_is_noted() {
    let plan = plan_document(json!({ "dataset": { "synthetic": { "instances": 2000 } } })).expect("a plan");
    assert!(plan.notes.iter().any(|note| note.contains("server's memory")), "{:?}", plan.notes);
}

#[test]
fn a_search_is_estimated_and_asks_for_few_scenarios_and_enough_instances() {
    let request = |axis: &str, matrix: Value, instances: u32| {
        json!({ "search": { "axis": axis, "slo": { "latencyMs.p95": 200 } }, "matrix": matrix, "iterations": 1,
            "warmup": 0, "rounds": 1, "dataset": { "synthetic": { "instances": instances } } })
    };
    let native = json!({ "sender": ["native"] });
    let mut plain = request("rate", native.clone(), 200);
    let searched = plan_document(plain.clone()).expect("a plan").estimate.minutes;
    plain.as_object_mut().expect("an object").remove("search");
    let without = plan_document(plain).expect("a plan").estimate.minutes;
    assert!((5.0..12.0).contains(&(searched - without)), "{searched} and {without} minutes");

    let errors = |document| plan_document(document).expect_err("refused").to_string();
    let found = errors(request("rate", native.clone(), 49));
    assert!(found.starts_with("search.axis: is rate, and 49 instances are too few to show a backlog"), "{found}");
    let found = errors(request("rate", json!({ "sender": ["native"], "associations": [1, 2, 3, 4, 5] }), 60));
    assert!(found.starts_with("matrix: makes 5 scenarios, and a search from each; allowed: at most 4"), "{found}");
    let found = errors(request("rate", native, 5_000));
    assert!(found.contains("limits.maxMinutes"), "{found}");
}

#[test]
fn a_plan_without_tcp_nodelay_at_both_ends_gets_one_probe_with_it_that_runs_once() {
    let plan = plan_document(
        json!({ "matrix": { "tcpNoDelay": [false, "client"], "associations": [4, 8] }, "iterations": 2 }),
    )
    .expect("a plan");
    let probes: Vec<_> = plan.blocks.iter().filter(|block| block.probe).collect();
    let [probe] = probes[..] else { panic!("{probes:?}") };
    let settings = &probe.scenarios[0].settings;
    assert_eq!((settings.tcp_no_delay, settings.associations, probe.scenarios.len()), (TcpNoDelay::Both, 4, 1));
    assert!(probe.server.tcp_no_delay);
    assert_eq!((probe.scenarios[0].number, probe.iterations(&plan.request)), (4, 5));
    let order: Vec<_> = plan.sequence.iter().map(|run| (run.block, run.round)).collect();
    assert_eq!(order, [(1, 0), (0, 0), (0, 1)]);
    assert!(plan.notes.iter().any(|note| note.starts_with("Scenario 4 is a probe")), "{:?}", plan.notes);
}

#[test]
fn a_probe_is_only_made_where_it_tells_something() {
    for matrix in [
        json!({}),
        json!({ "tcpNoDelay": [false, true] }),
        json!({ "tcpNoDelay": [false], "target": ["sink"] }),
        // Full: no room for another block run.
        json!({ "tcpNoDelay": [false], "maxPdu": [4096, 8192, 16384, 32768, 65536, 131_072, 5000, 6000, 7000] }),
    ] {
        let plan = plan_document(json!({ "matrix": matrix.clone(), "iterations": 1 })).expect("a plan");
        assert!(plan.blocks.iter().all(|block| !block.probe), "{matrix}");
    }
    let plan =
        plan_document(json!({ "matrix": { "target": ["sink", "orthanc"], "tcpNoDelay": [false] } })).expect("a plan");
    assert_eq!(plan.blocks[2].server.target, Target::Orthanc);
    assert!(plan.blocks[2].probe);
}

#[test]
fn a_server_that_could_not_hold_the_largest_instance_is_refused_with_types_that_can() {
    let request = |instance_type: &str, target: &str| {
        json!({ "dataset": { "synthetic": { "modality": "DBT", "instances": 2 } },
            "server": { "instanceType": instance_type }, "matrix": { "target": [target] } })
    };
    let refused = plan_document(request("t3.micro", "orthanc")).expect_err("refused");
    let [error] = &refused.errors[..] else { panic!("one") };
    assert_eq!(error.path, "server.instanceType");
    assert!(error.problem.starts_with("is t3.micro with 1024 MiB of memory, and Orthanc needs about 14"), "{error}");
    assert!(error.allowed.contains("like t3a.small, t3.small"), "{error}");
    plan_document(request("t3.small", "orthanc")).expect("enough");
    // The sink holds no instance.
    plan_document(request("t3.micro", "sink")).expect("enough");
}

#[test]
fn many_large_instances_at_once_are_noted() {
    let request = |associations: u32| {
        json!({ "dataset": { "synthetic": { "modality": "DBT", "instances": 4 } },
            "server": { "instanceType": "t3.small" }, "matrix": { "associations": [associations] } })
    };
    let is_noted = |plan: Plan| plan.notes.iter().any(|note| note.contains("associations send an instance of 398 MB"));
    assert!(!is_noted(plan_document(request(1)).expect("enough")));
    assert!(is_noted(plan_document(request(4)).expect("a note")));
}

#[test]
fn default_hosts_can_hold_every_modality_but_the_largest() {
    for modality in ["CT", "MR", "CR", "DX", "MG", "XA", "US", "PT", "NM"] {
        let request = json!({ "dataset": { "synthetic": { "modality": modality, "instances": 2 } } });
        plan_document(request).unwrap_or_else(|refused| panic!("{modality}: {refused}"));
    }
}

#[test]
fn a_list_of_types_is_estimated_at_the_dearest_and_compared_by_the_launched() {
    let request = |server: Value| json!({ "server": { "instanceType": server } });
    let plan = |server: Value| plan_document(request(server)).expect("a plan");
    let list = plan(json!(["t3.small", "m5.large"]));
    assert_eq!(list.estimate, plan(json!("m5.large")).estimate);
    assert_eq!(
        list.hosts.get(HostRole::Server).expect("a server").types().collect::<Vec<_>>(),
        ["t3.small", "m5.large"]
    );
    let launched = list
        .with_launched_types(|role| Some(if role == HostRole::Server { "m5.large" } else { "t3.micro" }.to_owned()));
    let alone = plan(json!("m5.large"));
    assert_eq!((&launched.fingerprint, &launched.hosts), (&alone.fingerprint, &alone.hosts));
    assert_eq!((launched.hosts.server.expect("a server").cpu_credits, &launched.notes), (None, &alone.notes));
}

#[test]
fn every_type_of_a_list_must_hold_the_largest_instance() {
    let request = json!({ "dataset": { "synthetic": { "modality": "DBT", "instances": 2 } },
        "server": { "instanceType": ["t3.small", "t3.micro"] } });
    let refused = plan_document(request).expect_err("refused");
    assert!(refused.errors[0].problem.starts_with("is t3.micro with 1024 MiB"), "{refused}");
}

#[test]
fn a_directory_is_refused_unless_this_machine_sends() {
    let request = Request::from_json(&json!({ "dataset": { "directory": { "path": "/data" } } })).expect("a request");
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let refused = try_plan(&request, Circumstances::offline("run-1", now)).expect_err("AWS has no such directory");
    assert_eq!(refused.errors.len(), 1);
    assert_eq!(refused.errors[0].path, "dataset.directory");
    let here = Circumstances { sends_from_here: true, ..Circumstances::offline("run-1", now) };
    assert!(try_plan(&request, here).expect("no error").is_none());
}

#[test]
fn the_minutes_of_kept_hosts_are_paid_and_come_after_the_work() {
    let planned = |document| plan_document(document).expect("a plan");
    let plain = planned(json!({}));
    let kept = planned(json!({ "keepHosts": { "minutes": 30 } }));
    assert_eq!(plain.kept_until_at_most, None);
    assert_eq!(plain.hosts_expire_at(), plain.expires_at);
    assert_eq!(kept.hosts_expire_at(), kept.expires_at + SignedDuration::from_mins(30));
    assert!((kept.estimate.minutes - plain.estimate.minutes).abs() < 1e-9);
    let half_an_hour = kept.estimate.usd_per_hour / 2.0;
    assert!((kept.estimate.cost_usd - plain.estimate.cost_usd - half_an_hour).abs() < 1e-9);
    // Kept from the report on, and never beyond the last moment.
    let at = |minutes| kept.created_at + SignedDuration::from_mins(minutes);
    assert_eq!(kept.kept_until(at(10)), Some(at(40)));
    assert_eq!(kept.kept_until(kept.expires_at + SignedDuration::from_mins(5)), Some(kept.hosts_expire_at()));
    assert_eq!(plain.kept_until(at(10)), None);
}
