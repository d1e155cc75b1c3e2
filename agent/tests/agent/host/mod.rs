//! Hosts with real systemd and cloud-init: our user data, and the agent's own steps as SSM would run them.

mod container;

use std::env;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use dicomperf_model::first_boot::FirstBoot;
use dicomperf_model::hash::sha256_hex;
use dicomperf_model::request::{Synthetic, Target, TransferSyntax};
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::{
    ClientConfiguration, Collect, DICOM_PORT, DatasetSource, REST_PORT, ServerAddress, ServerConfiguration,
    StepDocument, StepId, StepReport, StepState, Work,
};
use dicomperf_testkit::{Cause, not_tested};

use crate::harness::Bucket;
use crate::harness::orthanc::{PASSWORD, settings};
use crate::harness::proxy::Proxy;
use crate::harness::run::{agent, block_at, measurement_of};
use container::{Container, docker, eventually, mirror, package};

/// The variable with the name of the image. `make test` sets it.
const IMAGE: &str = "DICOMPERF_SYSTEMD_HOST";
/// The script of the command that SSM runs.
const SCRIPT: &str = include_str!("../../../../shared/aws/src/clients/commands/agent.sh");
/// The script that holds apt's locks.
const HOLD_LOCKS: &str = include_str!("hold_locks.py");
/// A stand-in for the SSM agent: a service that runs scripts one after another, and stays when it is stopped.
const SSM_AGENT: &str = "#!/bin/sh\nmkfifo /run/ssm\nwhile :; do\n    read -r file </run/ssm && {\n        \
     sh \"$file\" >\"$file.out\" 2>\"$file.err\"\n        echo $? >\"$file.code\"\n    }\ndone\n";
/// The SSM agent's own unit, as far as it matters here (amazon-ssm-agent, packaging/ubuntu/amazon-ssm-agent.service).
const SSM_AGENT_UNIT: &str = "[Service]\nType=simple\nExecStart=/usr/bin/amazon-ssm-agent\nKillMode=process\n\
     [Install]\nWantedBy=multi-user.target\n";
/// The unit of the SSM agent where it is a snap.
const SNAP_UNIT: &str = "snap.amazon-ssm-agent.amazon-ssm-agent.service";

/// A host of a run, and the places outside that it reaches.
struct Host {
    container: Container,
    bucket: Bucket,
    agent_sha256: String,
}

impl Host {
    /// Runs a step as a command of SSM, and returns its report and its log.
    fn step(&self, step: StepId, work: Work) -> (StepReport, String) {
        let name = step.to_string();
        let document = StepDocument {
            run_id: "run-1".to_owned(),
            step,
            deadline_seconds: 600,
            grace_seconds: 120,
            report_url: self.bucket.url(&format!("{name}.json")),
            heartbeat_url: self.bucket.url(&format!("{name}.heartbeat")),
            log_url: self.bucket.url(&format!("{name}.log")),
            work,
        };
        self.bucket.serve("document", serde_json::to_vec(&document).unwrap());
        let script = format!(
            "agent_url='{}'\nagent_sha256='{}'\ndocument_url='{}'\n{SCRIPT}",
            self.bucket.url("agent"),
            self.agent_sha256,
            self.bucket.url("document"),
        );
        let path = format!("/run/{name}.sh");
        self.container.write(&path, &script);
        self.container.sh(&format!("echo {path} >/run/ssm"));
        let code = eventually(&name, || {
            let output = self.container.run(&format!("cat {path}.code"));
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
        });
        assert_eq!(code.trim(), "0", "{}", self.container.sh(&format!("cat {path}.err {path}.out")));
        let report = self.bucket.reports(&name).pop().expect("a report");
        assert_eq!(report.state, StepState::Succeeded, "{report:?}");
        (report, self.bucket.text(&format!("{name}.log")))
    }

    fn configure_server(&self, ordinal: u32, settings: ServerSettings) -> String {
        let samples_url = self.bucket.url("samples");
        let work = Work::ConfigureServer(ServerConfiguration { server: address(), settings, build: None, samples_url });
        self.step(StepId::ConfigureServer { ordinal }, work).1
    }

    fn measure(&self, ordinal: u32, settings: &ServerSettings) {
        let mut block = block_at(&address(), settings, &[1], 0, 1);
        (block.ordinal, block.samples_url) = (ordinal, self.bucket.url("samples"));
        let (report, _) = self.step(StepId::Measure { ordinal, part: 0 }, Work::Measure(block));
        let measurement = measurement_of(&report);
        assert!(measurement.iterations[0].valid, "{:?}", measurement.iterations);
        assert!(measurement.network.is_some(), "{:?}", measurement.network_error);
    }
}

/// The server's address on a host that is both the server's and the client's.
fn address() -> ServerAddress {
    ServerAddress {
        address: "127.0.0.1".to_owned(),
        dicom_port: DICOM_PORT,
        rest_port: REST_PORT,
        ae_title: "SERVER".to_owned(),
        rest_user: "dicomperf".to_owned(),
        rest_password: PASSWORD.to_owned(),
        existing: None,
    }
}

fn seconds_since_1970() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A time in seconds since 1970 as the user data gets it.
fn user_data(first_boot: &FirstBoot, expires_at: i64) -> String {
    first_boot.user_data(jiff::Timestamp::from_second(expires_at).unwrap())
}

/// The image, and the address under which its containers reach this machine.
fn image() -> Option<(String, String)> {
    let image = env::var(IMAGE).ok().filter(|image| !image.is_empty());
    // Docker tells its bridge's address only after the daemon's second start.
    let address = env::var("DICOMPERF_LAB_ADDRESS").ok();
    match (image, address) {
        (Some(image), Some(address)) => Some((image, address)),
        (None, _) => {
            not_tested(Cause::Missing(
                "no image of a host with systemd: DICOMPERF_SYSTEMD_HOST=$(lab/host-image systemd)",
            ));
            None
        }
        (_, None) => {
            not_tested(Cause::Missing("no lab runs: make lab-up, source target/lab/env"));
            None
        }
    }
}

#[test]
fn a_host_boots_serves_measures_and_ends_as_on_aws() {
    let Some((image, bridge)) = image() else { return };
    let Some(mirror) = mirror() else { return not_tested(Cause::Missing("apt has no mirror of this distribution")) };
    let files =
        [("usr/bin/amazon-ssm-agent", SSM_AGENT), ("lib/systemd/system/amazon-ssm-agent.service", SSM_AGENT_UNIT)];
    let proxy = Proxy::start(&bridge, "s3.us-east-1.amazonaws.com", package("amazon-ssm-agent", &files));
    // A client's name for a host that needs no proxy, which no test reaches.
    let first_boot = FirstBoot::new(Some(mirror.clone()), Some(proxy.url()), Some(".internal.example.com".to_owned()));
    let first_boot = first_boot.unwrap().in_region("us-east-1");
    let ca = ("usr/local/share/ca-certificates/company.crt", proxy.ca.as_bytes());

    // It ends by itself while the other host works. Its SSM agent is a snap, and runs already at the first boot.
    let unit = format!("etc/systemd/system/{SNAP_UNIT}");
    let sleeps = b"[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n".as_slice();
    let marker = ("snap/amazon-ssm-agent/marker", b"".as_slice());
    let expiring = user_data(&first_boot, seconds_since_1970() + 30);
    let expiring = Container::boot(&image, &expiring, &[(&unit, sleeps), marker, ca], SNAP_UNIT);
    let expires_at = seconds_since_1970() + 3000;
    let user_data = user_data(&first_boot, expires_at);
    // Debian's AMIs have their sources here.
    let sources = b"Types: deb\nURIs: http://127.0.0.1:9/debian\nSuites: stable\nComponents: main\n".as_slice();
    let sources = ("etc/apt/sources.list.d/debian.sources", sources);
    let container = Container::boot(&image, &user_data, &[ca, sources], "");
    if !container.has_systemd() {
        return not_tested(Cause::Missing("systemd does not start in a container of this machine"));
    }
    snap_of_the_ssm_agent_gets_the_proxy(&expiring, &proxy.url());
    first_boot_is_done(&container, expires_at, &mirror);

    let bucket = Bucket::start_on(&bridge);
    let binary = fs::read(agent()).unwrap();
    let host = Host { container, bucket, agent_sha256: sha256_hex(&binary) };
    host.bucket.serve("agent", binary);
    orthanc_is_installed_and_measured(&host);
    a_killed_orthanc_stays_down_until_it_is_configured_again(&host);
    the_sink_runs_without_rights(&host);
    let (server, samples_url) = (address(), host.bucket.url("samples"));
    let orthanc_log_url = host.bucket.url("orthanc-log");
    host.step(StepId::Collect, Work::Collect(Collect { server, orthanc_log_url, samples_url }));

    all_that_leaves_passed_the_proxy(&host, &proxy, &mirror);
    eventually("the end of the host that expired", || (!expiring.is_running()).then_some(()));
}

fn all_that_leaves_passed_the_proxy(host: &Host, proxy: &Proxy, mirror: &str) {
    let seen = proxy.seen();
    let bucket_address = host.bucket.url("").split('/').nth(2).unwrap().to_owned();
    let mirror_address = mirror.split('/').nth(2).unwrap();
    for expected in [
        "CONNECT s3.us-east-1.amazonaws.com:443",
        &format!("GET {bucket_address}"),
        &format!("CONNECT {bucket_address}"),
    ] {
        assert!(seen.iter().any(|one| one == expected), "{expected}: {seen:?}");
    }
    // This machine's own proxy for apt comes before the environment's.
    if host.container.sh("apt-config dump Acquire::http::Proxy Acquire::https::Proxy").is_empty() {
        assert!(seen.iter().any(|one| one.contains(mirror_address)), "{mirror_address}: {seen:?}");
    }
}

fn snap_of_the_ssm_agent_gets_the_proxy(host: &Container, proxy: &str) {
    eventually("the proxy of the snap", || {
        let found = host.unit_variable(SNAP_UNIT, "https_proxy");
        found.filter(|found| found == proxy)
    });
    assert_eq!(host.unit_variable(SNAP_UNIT, "no_proxy").as_deref(), Some("169.254.169.254,.internal.example.com"));
}

/// Waits for the end of the first boot.
fn first_boot_is_done(host: &Container, expires_at: i64, mirror: &str) {
    eventually("cloud-init", || host.run("test -e /run/cloud-init/result.json").status.success().then_some(()));
    let result = host.sh("cat /run/cloud-init/result.json");
    // No host of the lab has an SSH server.
    let warnings = host.sh("grep -E 'WARN|ERROR' /var/log/cloud-init.log | grep -v \"SSH service 'ssh'\" || true");
    assert!(
        result.contains("\"errors\": []"),
        "{result}\n{warnings}\n{}",
        host.sh("cat /var/log/cloud-init-output.log")
    );
    assert_eq!(warnings, "");
    host.sh("cloud-init schema --config-file /var/lib/cloud/seed/nocloud/user-data");
    for timer in ["apt-daily.timer", "apt-daily-upgrade.timer"] {
        assert_eq!(host.unit(timer), "masked inactive", "{timer}");
    }
    // logind's own file, in microseconds.
    let scheduled = host.sh("cat /run/systemd/shutdown/scheduled");
    let at = scheduled.lines().find_map(|line| line.strip_prefix("USEC=")?.parse::<i64>().ok()).unwrap() / 1_000_000;
    assert!(scheduled.contains("MODE=poweroff") && (0..=61).contains(&(at - expires_at)), "{scheduled}");
    let sources = host.sh("cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; true");
    assert!(sources.contains(mirror) && !sources.contains("127.0.0.1:9"), "{sources}");
    assert_eq!(host.unit("amazon-ssm-agent.service"), "loaded active");
}

fn orthanc_is_installed_and_measured(host: &Host) {
    host.container.write("/run/hold_locks.py", HOLD_LOCKS);
    host.container.start("exec python3 /run/hold_locks.py");
    eventually("the locks", || host.container.run("test -e /run/locked").status.success().then_some(()));
    let settings = settings(true, false, &[]);
    let log = host.configure_server(0, settings.clone());
    assert!(log.contains("Could not get lock"), "{log}");
    assert_eq!(host.container.unit("orthanc.service"), "masked inactive");
    for unit in ["dicomperf-orthanc.service", "dicomperf-sampler.service", "dicomperf-iperf3.service"] {
        assert_eq!(host.container.unit(unit), "loaded active", "{unit}");
    }
    assert_eq!(host.container.users_of("iperf3"), ["dicomperf"]);
    assert_eq!(host.container.users_of("Orthanc"), ["orthanc"]);
    assert!(host.container.unit_variable("dicomperf-sampler.service", "https_proxy").is_some());
    // Whoever started them has ended, and so does its service.
    host.container.sh("systemctl restart amazon-ssm-agent.service");
    assert_eq!(host.container.unit("dicomperf-orthanc.service"), "loaded active");

    let dataset = DatasetSource::Synthetic(Synthetic { instances: 3, ..Synthetic::default() });
    let transfer_syntaxes = vec![TransferSyntax::Original];
    let work = Work::ConfigureClient(ClientConfiguration::new(dataset, transfer_syntaxes, false));
    host.step(StepId::ConfigureClient, work);
    host.measure(0, &settings);
}

fn a_killed_orthanc_stays_down_until_it_is_configured_again(host: &Host) {
    let uploads = host.bucket.uploads("samples").len();
    host.container.sh("kill -KILL $(pidof Orthanc)");
    eventually("the end of the unit", || {
        let state = host.container.unit("dicomperf-orthanc.service");
        (state == "loaded failed").then_some(())
    });
    // The sampler reports it without a step.
    eventually("the samples of a server that failed", || {
        (host.bucket.uploads("samples").len() > uploads).then_some(())
    });
    let settings = settings(true, false, &[]);
    host.configure_server(1, settings.clone());
    assert_eq!(host.container.unit("dicomperf-orthanc.service"), "loaded active");
    host.measure(1, &settings);
}

fn the_sink_runs_without_rights(host: &Host) {
    let settings = ServerSettings { target: Target::Sink, ..settings(true, true, &[]) };
    host.configure_server(2, settings.clone());
    assert_eq!(host.container.unit("dicomperf-orthanc.service"), "loaded inactive");
    let status = host.container.sh("cat /proc/$(pgrep -f 'sink /etc/dicomperf/sink.json' -u dicomperf)/status");
    for line in ["CapEff:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    host.measure(2, &settings);
    let found = host.container.run("systemd-analyze verify /etc/systemd/system/dicomperf-*.service");
    assert!(found.status.success() && found.stderr.is_empty(), "{found:?}");
}

#[test]
fn cloud_init_accepts_the_user_data_of_every_combination_of_settings() {
    let Some((image, _)) = image() else { return };
    let some = |text: &str| Some(text.to_owned());
    let mut first_boots = vec![FirstBoot::default()];
    for mirror in [None, some("https://mirror.example.com:8443/ubuntu")] {
        for proxy in [None, some("http://proxy.example.com:3128")] {
            let first_boot = FirstBoot::new(mirror.clone(), proxy, some(".amazonaws.com,10.0.0.4")).unwrap();
            first_boots.push(first_boot.in_region("eu-central-1"));
        }
    }
    let directory = tempfile::tempdir().unwrap();
    for (number, first_boot) in first_boots.iter().enumerate() {
        fs::write(directory.path().join(number.to_string()), user_data(first_boot, 1_767_268_800)).unwrap();
    }
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let volume = format!("{}:/user-data:ro", directory.path().display());
    let script = "cd /user-data && for file in *; do cloud-init schema --config-file $file || exit 1; done";
    let said = docker(&["run", "--rm", "--volume", &volume, &image, "sh", "-c", script]).expect("a valid schema");
    assert_eq!(said.matches("Valid cloud-config").count(), first_boots.len(), "{said}");
    // The check does find errors.
    let wrong = "echo '#cloud-config' >/tmp/x && echo 'runcmd: 7' >>/tmp/x && cloud-init schema --config-file /tmp/x";
    assert_eq!(docker(&["run", "--rm", &image, "sh", "-c", wrong]), None);
}
