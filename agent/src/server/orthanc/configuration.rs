//! Orthanc's configuration: one complete file, an environment and a unit. They contain every setting of a block.
//!
//! Orthanc does not start if two of its files have the same key, so no file is added to Debian's own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use dicomperf_model::orthanc;
use dicomperf_model::request::OrthancBuild;
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::ServerConfiguration;
use serde_json::{Map, Value, json};

use super::super::certificate::CertificatePaths;
use super::super::supervisor::Supervised;
use super::super::systemd::{supervised_unit_text, unit_path};
use super::build::InstalledBuild;
use crate::failure::Failure;
use crate::versions;

/// The name of our unit.
pub(super) const UNIT_NAME: &str = "dicomperf-orthanc.service";
/// The user and group that Debian's package creates, and that Orthanc runs as.
pub(super) const GROUP_NAME: &str = "orthanc";

/// Orthanc's files.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Orthanc's configuration file.
    pub configuration: PathBuf,
    /// Certificate for DICOM over TLS.
    pub certificate: CertificatePaths,
    /// Orthanc's database and files.
    pub storage: PathBuf,
    /// Orthanc's log.
    pub log: PathBuf,
    /// Our unit.
    pub unit: PathBuf,
    /// The record of Orthanc's supervisor.
    pub record: PathBuf,
    /// Builds of Orthanc from S3.
    pub builds: PathBuf,
}

impl Paths {
    /// The files of an installed server. Orthanc's storage is where its package puts it.
    #[must_use]
    pub fn installed() -> Self {
        Self {
            configuration: "/etc/dicomperf/orthanc.json".into(),
            certificate: CertificatePaths::installed(),
            storage: "/var/lib/orthanc/db-v6".into(),
            log: "/var/log/orthanc/dicomperf.log".into(),
            unit: unit_path(UNIT_NAME),
            // In memory, so that a full disk does not prevent the record.
            record: "/run/dicomperf/orthanc-ends.jsonl".into(),
            // No run has an id that begins with a dot.
            builds: "/var/lib/dicomperf/.builds".into(),
        }
    }

    /// The files in one directory.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            configuration: directory.join("orthanc.json"),
            certificate: CertificatePaths::in_directory(directory),
            storage: directory.join("storage"),
            log: directory.join("orthanc.log"),
            unit: directory.join(UNIT_NAME),
            record: directory.join("orthanc-ends.jsonl"),
            builds: directory.join("builds"),
        }
    }
}

/// Orthanc's configuration file.
///
/// # Errors
/// `OrthancTooOld` if the installed version would silently ignore a key.
pub fn file(
    configuration: &ServerConfiguration,
    orthanc_version: &str,
    paths: &Paths,
) -> Result<Map<String, Value>, Failure> {
    let ServerConfiguration { server, settings, .. } = configuration;
    let mut keys = Map::new();
    let mut set = |key: &str, value: Value| keys.insert(key.to_owned(), value);
    set("Name", json!("dicomperf"));
    set("StorageDirectory", json!(paths.storage));
    set("IndexDirectory", json!(paths.storage));
    set(
        "Plugins",
        json!(InstalledBuild::of(&settings.orthanc_build, &paths.builds).map_or_else(Vec::new, |build| build.plugins)),
    );
    set("LuaScripts", json!([]));

    set("DicomServerEnabled", json!(true));
    set("DicomAet", json!(server.ae_title));
    set("DicomPort", json!(server.dicom_port));
    // Anyone on the private network may send: the AE title is a setting, not a credential.
    set("DicomCheckCalledAet", json!(false));
    set("DicomAlwaysAllowEcho", json!(true));
    set("DicomAlwaysAllowStore", json!(true));
    set("DicomModalities", json!({}));
    set("MaximumPduLength", json!(settings.max_pdu));

    set("HttpServerEnabled", json!(true));
    set("HttpPort", json!(server.rest_port));
    set("RemoteAccessAllowed", json!(true));
    set("AuthenticationEnabled", json!(true));
    set("RegisteredUsers", json!({ &server.rest_user: server.rest_password }));

    if settings.tls {
        set("DicomTlsEnabled", json!(true));
        set("DicomTlsCertificate", json!(paths.certificate.certificate));
        set("DicomTlsPrivateKey", json!(paths.certificate.private_key));
        // Orthanc does not start without this file, even if it requests no client certificate.
        set("DicomTlsTrustedCertificates", json!(paths.certificate.certificate));
        set("DicomTlsRemoteCertificateRequired", json!(false));
    }
    for (key, value) in &settings.orthanc {
        set(key, value.clone());
    }
    for setting in orthanc::SETTINGS {
        let Some(needed) = setting.since else { continue };
        // An older Orthanc would ignore the key silently.
        if keys.contains_key(setting.name) && !versions::at_least(orthanc_version, needed) {
            let (found, key) = (orthanc_version.to_owned(), setting.name.to_owned());
            return Err(Failure::OrthancTooOld { found, key, needed });
        }
    }
    Ok(keys)
}

/// The environment variable that sets TCP_NODELAY in the DCMTK inside Orthanc.
///
/// `0` is DCMTK's behaviour without the variable, and so the default of Debian and Ubuntu: strace shows no
/// setsockopt(TCP_NODELAY) in either case.
#[must_use]
pub const fn environment(settings: &ServerSettings) -> [(&'static str, &'static str); 1] {
    [("TCP_NODELAY", if settings.tcp_no_delay { "1" } else { "0" })]
}

/// Orthanc's command line, without the program.
#[must_use]
pub fn arguments(paths: &Paths) -> [String; 2] {
    [format!("--logfile={}", paths.log.display()), paths.configuration.display().to_string()]
}

/// Our unit. The supervisor is root's, because the agent's binary is, and starts Orthanc as its own user.
#[must_use]
pub fn unit(settings: &ServerSettings, paths: &Paths, agent: &Path) -> String {
    let mut lines = String::new();
    for (name, value) in environment(settings) {
        let _ = writeln!(lines, "Environment={name}={value}");
    }
    let supervised = supervised(&settings.orthanc_build, paths, Some(GROUP_NAME));
    supervised_unit_text("Orthanc, configured by dicomperf", &supervised, agent, &lines)
}

/// The program of a build: the distribution's, or the one from S3.
#[must_use]
pub fn program(build: &OrthancBuild, paths: &Paths) -> PathBuf {
    InstalledBuild::of(build, &paths.builds).map_or_else(|| versions::ORTHANC_PROGRAM.into(), |build| build.program)
}

/// Orthanc under its supervisor, as this user.
#[must_use]
pub fn supervised(build: &OrthancBuild, paths: &Paths, user: Option<&str>) -> Supervised {
    let program = program(build, paths).display().to_string();
    Supervised {
        name: "Orthanc".to_owned(),
        record: paths.record.clone(),
        user: user.map(str::to_owned),
        command: std::iter::once(program).chain(arguments(paths)).collect(),
    }
}

/// The configuration without its secrets.
#[must_use]
pub fn redact(mut keys: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(users)) = keys.get_mut("RegisteredUsers") {
        for password in users.values_mut() {
            *password = json!("redacted");
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dicomperf_model::request::Target;

    use super::*;
    use crate::server::fixture;

    fn configuration(tls: bool, orthanc: &[(&str, Value)]) -> ServerConfiguration {
        ServerConfiguration {
            server: fixture::address(),
            build: None,
            samples_url: String::new(),
            settings: ServerSettings {
                target: Target::Orthanc,
                tcp_no_delay: true,
                tls,
                orthanc_build: OrthancBuild::Distribution,
                max_pdu: 65_536,
                orthanc: orthanc
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), value.clone()))
                    .collect::<BTreeMap<_, _>>(),
            },
        }
    }

    fn keys(configuration: &ServerConfiguration, version: &str) -> Result<Map<String, Value>, Failure> {
        file(configuration, version, &Paths::installed())
    }

    #[test]
    fn the_blocks_settings_are_in_the_file() {
        let keys = keys(&configuration(false, &[("DicomThreadsCount", json!(8))]), "1.12.3").expect("a file");
        assert_eq!(keys["MaximumPduLength"], 65_536);
        assert_eq!(keys["DicomThreadsCount"], 8);
        assert_eq!(keys["AuthenticationEnabled"], true);
        assert_eq!(keys["RegisteredUsers"]["dicomperf"], "hush");
        assert!(!keys.contains_key("DicomTlsEnabled"));
    }

    #[test]
    fn a_key_that_orthanc_would_ignore_is_an_error() {
        let error = keys(&configuration(false, &[("DicomThreadsCount", json!(8))]), "1.9.7").expect_err("too old");
        assert_eq!(error.to_string(), "Orthanc 1.9.7 has no DicomThreadsCount, which needs 1.10.0");
        assert!(keys(&configuration(true, &[]), "1.9.2").is_err());
        assert!(keys(&configuration(true, &[]), "1.10.1").is_ok());
    }

    #[test]
    fn the_unit_sets_tcp_nodelay_either_way() {
        let mut configuration = configuration(false, &[]);
        let paths = Paths::installed();
        let unit = |settings: &ServerSettings| unit(settings, &paths, Path::new("/opt/agent"));
        assert!(unit(&configuration.settings).contains("\nEnvironment=TCP_NODELAY=1\n"));
        configuration.settings.tcp_no_delay = false;
        assert!(unit(&configuration.settings).contains("\nEnvironment=TCP_NODELAY=0\n"));
    }

    #[test]
    fn the_unit_starts_a_supervisor_that_starts_orthanc_as_its_own_user() {
        let unit = unit(&configuration(false, &[]).settings, &Paths::installed(), Path::new("/opt/agent"));
        let command = "\nExecStart=/opt/agent supervise --name Orthanc --record /run/dicomperf/orthanc-ends.jsonl \
                       --user orthanc -- /usr/sbin/Orthanc --logfile=/var/log/orthanc/dicomperf.log \
                       /etc/dicomperf/orthanc.json\n";
        assert!(unit.contains(command), "{unit}");
        assert!(unit.contains("\nKillMode=mixed\n") && !unit.contains("User="), "{unit}");
    }

    #[test]
    fn passwords_are_redacted() {
        let keys = redact(keys(&configuration(false, &[]), "1.10.1").expect("a file"));
        assert!(!serde_json::to_string(&keys).expect("JSON").contains("hush"));
    }
}
