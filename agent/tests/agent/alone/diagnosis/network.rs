//! The network as the limit: each test has its own link of limited speed, in a network namespace.

use std::process::{Child, Command};

use dicomperf_model::results::Rule;
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::IPERF3_PORT;
use dicomperf_testkit::{Cause, not_tested};
use serde_json::json;

use crate::harness::diagnosed::{Server, assert_silent, diagnosed_with, finding};
use crate::harness::run::agent;
use crate::harness::sink::{SinkProcess, plain};

/// Addresses of a network that is reserved for tests (RFC 2544).
const CLIENT: &str = "198.18.77.1";
const SERVER: &str = "198.18.77.2";

/// A namespace with one link to it, in which iperf3 runs.
struct Link {
    name: String,
    iperf3: Option<Child>,
}

impl Link {
    /// Makes the link. `None` without CAP_NET_ADMIN.
    fn create() -> Option<Self> {
        let name = format!("dp{}", std::process::id());
        let ip = |words: &str| Command::new("ip").args(words.split(' ')).status().is_ok_and(|status| status.success());
        if !ip(&format!("netns add {name}")) {
            return None;
        }
        let mut link = Self { name: name.clone(), iperf3: None };
        for words in [
            format!("link add {name}c type veth peer name {name}s netns {name}"),
            format!("address add {CLIENT}/30 dev {name}c"),
            format!("link set {name}c up"),
            format!("-n {name} address add {SERVER}/30 dev {name}s"),
            format!("-n {name} link set {name}s up"),
            format!("-n {name} link set lo up"),
        ] {
            assert!(ip(&words), "{words}");
        }
        let mut iperf3 = link.inside("iperf3");
        link.iperf3 = Some(
            iperf3.args(["-s", "-p", &IPERF3_PORT.to_string()]).stdout(std::process::Stdio::null()).spawn().unwrap(),
        );
        Some(link)
    }

    /// Limits the rate at which the client sends (tc-tbf(8)).
    fn limit(&self, rate: &str) {
        let words = format!("qdisc add dev {}c root tbf rate {rate} burst 64kb latency 50ms", self.name);
        assert!(Command::new("tc").args(words.split(' ')).status().unwrap().success(), "{words}");
    }

    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    fn sink(&self, max_pdu: u32) -> SinkProcess {
        let mut document = plain();
        (document.address, document.max_pdu) = (SERVER.to_owned(), max_pdu);
        SinkProcess::start_by(document, self.inside(agent().to_str().unwrap()))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(iperf3) = &mut self.iperf3 {
            let _ = iperf3.kill();
            let _ = iperf3.wait();
        }
        // This deletes the namespace's end of the link, and with it the other end.
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

#[test]
fn a_link_of_200_megabit_is_the_limit_and_an_open_one_is_not() {
    let Some(link) = Link::create() else {
        return not_tested(Cause::Missing("this user may not make a network namespace (CAP_NET_ADMIN)"));
    };
    let request = json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": 40 } }, "iterations": 3, "warmup": 0, "rounds": 1,
        "matrix": { "target": ["sink"] },
    });
    let start = |settings: &ServerSettings, _| Server::Sink(link.sink(settings.max_pdu));
    let open = diagnosed_with(request.clone(), start);
    assert!(open.network[0].baseline.is_some(), "{:?}", open.network);
    assert_silent(&open, &[Rule::NetworkBound]);
    link.limit("200mbit");
    let limited = diagnosed_with(request, start);
    let network = finding(&limited, Rule::NetworkBound);
    assert_eq!(network.scenarios, [0]);
    assert!(network.evidence[1].value < 30.0, "{:?}", network.evidence);
}
