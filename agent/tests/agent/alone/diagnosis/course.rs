//! Changes of a scenario over time.

use std::process::{Child, Command};

use dicomperf_model::results::Summary;
use dicomperf_model::results::{Confidence, Rule};
use serde_json::json;

use crate::harness::diagnosed::{Server, assert_silent, diagnosed, diagnosed_with, finding, undisturbed};
use crate::harness::sink::{SinkProcess, plain};

#[test]
fn a_server_that_gets_slower_with_each_instance_is_found() {
    let request = json!({
        "dataset": { "synthetic": { "modality": "PT", "instances": 200 } }, "iterations": 2, "warmup": 0, "rounds": 1,
        "matrix": { "sender": ["native"], "target": ["sink"] },
    });
    let with_growth = |delay_growth_us| {
        diagnosed_with(request.clone(), move |settings, _| {
            let mut document = plain();
            document.max_pdu = settings.max_pdu;
            (document.delay_us, document.delay_growth_us) = (2_000, delay_growth_us);
            Server::Sink(SinkProcess::start(document))
        })
    };
    let growing = with_growth(30);
    let growth = finding(&growing, Rule::SlowerAsItFills);
    assert_eq!(growth.confidence, Confidence::Likely);
    let added_ms = growth.evidence[1].value;
    assert!((20.0..60.0).contains(&added_ms), "{added_ms}");
    assert_silent(&with_growth(0), &[Rule::SlowerAsItFills]);
}

/// Other programs that only compute. There are more of them than CPUs.
struct Hogs(Vec<Child>);

impl Hogs {
    fn start() -> Self {
        let hog = |_| Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        Self((0..16).map(hog).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

#[test]
fn programs_that_compute_beside_every_second_round_make_it_noisy() {
    let mut hogs = None;
    let request = json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": 30 } }, "iterations": 3, "warmup": 0, "rounds": 4,
    });
    let summary = diagnosed_with(request, |settings, sequenced| {
        hogs = None;
        let server = Server::start(settings);
        hogs = (sequenced.round % 2 == 1).then(Hogs::start);
        server
    });
    drop(hogs);
    let noisy = finding(&summary, Rule::NoisyEnvironment);
    assert_eq!(noisy.scenarios, [0]);
}

#[test]
fn a_server_that_takes_its_time_is_not_noisy() {
    let request = json!({
        "dataset": { "synthetic": { "modality": "PT", "instances": 50 } }, "iterations": 6, "warmup": 1, "rounds": 1,
        "matrix": { "sender": ["native"], "target": ["sink"] },
    });
    let summary = undisturbed("server-that-takes-its-time", || {
        diagnosed_with(request.clone(), |settings, _| {
            let mut document = plain();
            (document.max_pdu, document.delay_us) = (settings.max_pdu, 10_000);
            Server::Sink(SinkProcess::start(document))
        })
    });
    let Some(summary) = summary else { return };
    nothing_is_wrong_with_its_course(&summary);
}

pub fn nothing_is_wrong_with_its_course(summary: &Summary) {
    assert_silent(summary, &[Rule::NoisyEnvironment, Rule::SlowerAsItFills, Rule::ClientBound]);
}

#[test]
fn orthanc_in_memory_does_not_get_slower_with_some_hundred_instances() {
    let summary = diagnosed(json!({
        "dataset": { "synthetic": { "modality": "PT", "instances": 400 } }, "iterations": 3, "warmup": 1, "rounds": 1,
    }));
    assert_silent(&summary, &[Rule::SlowerAsItFills, Rule::NetworkBound, Rule::NetworkAllowanceExceeded]);
}
