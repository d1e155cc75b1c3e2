//! No axis of the matrix is forgotten: two values of an axis give different senders, instances or servers.

use std::fs;

use dicomperf_model::measurement::HostVersions;
use dicomperf_model::request::Sender;
use dicomperf_model::settings::{Axis, ServerSettings, Settings};
use dicomperf_model::step::{MeasureBlock, ServerConfiguration};
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::sending::Sending;
use super::{dcmtk, native, transfer};
use crate::client::converted::Converted;
use crate::home::RunHome;
use crate::server::{self, Served, started_server};

/// Two values of each axis.
const TWO_VALUES: &str = include_str!("../../../shared/model/src/settings/two_values.json");
/// The axes that DCMTK's senders do not apply. A request that varies one of them must not name these senders.
const NATIVE_ONLY: [Axis; 1] = [Axis::Arrival];

/// Returns everything that the settings decide: the sender's processes with their files, and the files of the server.
fn applied(settings: &Settings, home: &RunHome) -> Vec<String> {
    let server = server::fixture::address();
    let of_server = ServerSettings::from_settings(settings);
    let block = MeasureBlock {
        ordinal: 0,
        block: 0,
        round: 0,
        server: server.clone(),
        settings: of_server.clone(),
        calling_ae_title: "DICOMPERF".to_owned(),
        scenarios: Vec::new(),
        iterations: 1,
        warmup: 0,
        search: None,
        samples_url: String::new(),
    };
    let dataset = transfer::fixture::dataset(4);
    let files = Converted::in_syntax(settings.transfer_syntax);
    let sending = Sending { block: &block, settings, dataset: &dataset, files: &files, home };
    let mut applied = if settings.sender == Sender::Native {
        let lanes = sending.lanes().into_iter().map(|lane| lane.into_iter().cloned().collect()).collect();
        vec![serde_json::to_string(&native::document(&sending, lanes)).expect("JSON")]
    } else {
        let directory = home.path("iteration");
        fs::create_dir(&directory).expect("a directory");
        let lanes = dcmtk::prepare(&sending, &directory).expect("processes");
        let commands = lanes.iter().flatten().map(|(_, one)| format!("{:#?}", one.command));
        let mut files: Vec<_> =
            fs::read_dir(&directory).expect("files").map(|file| file.expect("a file").path()).collect();
        files.sort();
        let applied = commands.chain(files.iter().map(|file| fs::read_to_string(file).expect("text"))).collect();
        fs::remove_dir_all(&directory).expect("an empty home");
        applied
    };
    let configuration = ServerConfiguration { server, build: None, samples_url: String::new(), settings: of_server };
    let started = started_server(&Served::of(&configuration.settings), &configuration.server).expect("a server");
    let versions = HostVersions { orthanc: Some("1.12.9".to_owned()), ..HostVersions::default() };
    for file in started.files(&configuration, &versions).expect("files") {
        applied.push(format!("{}\n{}", file.path.display(), String::from_utf8_lossy(&file.content)));
    }
    applied
}

#[test]
fn every_axis_changes_what_is_sent_or_what_receives_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let home = RunHome::open(directory.path(), "run-1").expect("a home");
    let values: Value = serde_json::from_str(TWO_VALUES).expect("JSON");
    for sender in [Sender::Storescu, Sender::Dcmsend, Sender::Native] {
        for axis in Axis::VARIANTS {
            let [one, other] = [0, 1].map(|index| {
                let mut settings: Value =
                    Axis::VARIANTS.iter().map(|axis| (axis.to_string(), values[axis.to_string()][0].clone())).collect();
                settings["sender"] = json!(sender);
                settings[axis.to_string()] = values[axis.to_string()][index].clone();
                applied(&serde_json::from_value(settings).expect("settings"), &home)
            });
            let is_applied = sender == Sender::Native || !NATIVE_ONLY.contains(axis);
            assert_eq!(one != other, is_applied, "{axis} with {}: {one:#?}", sender.name());
        }
    }
}
