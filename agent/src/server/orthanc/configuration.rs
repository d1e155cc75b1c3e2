//! Orthanc's configuration: one complete file, an environment, a unit. All that a block needs is in these three.
//!
//! Orthanc does not start when one key stands in two of its files, so nothing is laid beside Debian's own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use dicomperf::plan::ServerSettings;
use dicomperf::step::ServerConfiguration;
use serde_json::{Map, Value, json};

use super::super::certificate::CertificatePaths;
use super::super::systemd::{unit_path, unit_text};
use crate::failure::Failure;
use crate::versions;

/// The name of our unit.
pub(super) const UNIT: &str = "dicomperf-orthanc.service";
/// The user and group that Debian's package makes, and Orthanc runs as.
pub(super) const GROUP: &str = "orthanc";

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
}

impl Paths {
    /// On a host that is a server for good: Orthanc's storage is where its package has it.
    #[must_use]
    pub fn installed() -> Self {
        Self {
            configuration: "/etc/dicomperf/orthanc.json".into(),
            certificate: CertificatePaths::installed(),
            storage: "/var/lib/orthanc/db-v6".into(),
            log: "/var/log/orthanc/dicomperf.log".into(),
            unit: unit_path(UNIT),
        }
    }

    /// All in one directory.
    #[must_use]
    pub fn under(directory: &Path) -> Self {
        Self {
            configuration: directory.join("orthanc.json"),
            certificate: CertificatePaths::under(directory),
            storage: directory.join("storage"),
            log: directory.join("orthanc.log"),
            unit: directory.join(UNIT),
        }
    }
}

/// Keys that an older Orthanc does not know, and would ignore. Source: Orthanc's NEWS.
const SINCE: &[(&str, &str)] = &[
    ("DicomThreadsCount", "1.10.0"),
    ("DicomTlsEnabled", "1.9.0"),
    ("DicomTlsRemoteCertificateRequired", "1.9.3"),
    ("IngestTranscoding", "1.8.2"),
    ("IngestTranscodingOfCompressed", "1.8.2"),
    ("IngestTranscodingOfUncompressed", "1.8.2"),
    ("MaximumPduLength", "1.9.0"),
    ("SyncStorageArea", "1.7.4"),
];

/// Orthanc's configuration file.
///
/// # Errors
/// `OrthancTooOld` where the installed version would silently ignore a key.
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
    set("Plugins", json!([]));
    set("LuaScripts", json!([]));

    set("DicomServerEnabled", json!(true));
    set("DicomAet", json!(server.ae_title));
    set("DicomPort", json!(server.dicom_port));
    // The sender is whoever has the private network: its AE title is a setting, not a credential.
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
        // Orthanc does not start without this file, even where no client's certificate is asked for.
        set("DicomTlsTrustedCertificates", json!(paths.certificate.certificate));
        set("DicomTlsRemoteCertificateRequired", json!(false));
    }
    for (key, value) in &settings.orthanc {
        set(key, value.clone());
    }
    for (key, needed) in SINCE {
        if keys.contains_key(*key) && !versions::at_least(orthanc_version, needed) {
            return Err(Failure::OrthancTooOld { found: orthanc_version.to_owned(), key: (*key).to_owned(), needed });
        }
    }
    Ok(keys)
}

/// The environment that decides what DCMTK inside Orthanc does.
///
/// `0` is what DCMTK does where TCP_NODELAY is not set at all, and what Debian and Ubuntu therefore ship: seen with
/// strace, no setsockopt(TCP_NODELAY) in either case.
#[must_use]
pub const fn environment(settings: &ServerSettings) -> [(&'static str, &'static str); 1] {
    [("TCP_NODELAY", if settings.tcp_no_delay { "1" } else { "0" })]
}

/// Orthanc's command line, without the program.
#[must_use]
pub fn arguments(paths: &Paths) -> [String; 2] {
    [format!("--logfile={}", paths.log.display()), paths.configuration.display().to_string()]
}

/// Our unit.
#[must_use]
pub fn unit(settings: &ServerSettings, paths: &Paths) -> String {
    let mut lines = format!("User={GROUP}\nGroup={GROUP}\n");
    for (name, value) in environment(settings) {
        let _ = writeln!(lines, "Environment={name}={value}");
    }
    let command = format!("{} {}", versions::ORTHANC_PROGRAM, arguments(paths).join(" "));
    unit_text("Orthanc, configured by dicomperf", &command, &lines)
}

/// The configuration without its secrets.
#[must_use]
pub fn redacted(mut keys: Map<String, Value>) -> Map<String, Value> {
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

    use dicomperf::request::Target;
    use dicomperf::step::ServerAddress;

    use super::*;

    fn configuration(tls: bool, orthanc: &[(&str, Value)]) -> ServerConfiguration {
        ServerConfiguration {
            server: ServerAddress {
                address: "10.0.0.1".to_owned(),
                dicom_port: 4242,
                rest_port: 8042,
                ae_title: "ORTHANC".to_owned(),
                rest_user: "dicomperf".to_owned(),
                rest_password: "hush".to_owned(),
            },
            samples_url: String::new(),
            settings: ServerSettings {
                target: Target::Orthanc,
                tcp_no_delay: true,
                tls,
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
        assert_eq!(error.to_string(), "Orthanc 1.9.7 does not know DicomThreadsCount, which came with 1.10.0");
        assert!(keys(&configuration(true, &[]), "1.9.2").is_err());
        assert!(keys(&configuration(true, &[]), "1.10.1").is_ok());
    }

    #[test]
    fn the_unit_sets_tcp_nodelay_either_way() {
        let mut configuration = configuration(false, &[]);
        let paths = Paths::installed();
        assert!(unit(&configuration.settings, &paths).contains("\nEnvironment=TCP_NODELAY=1\n"));
        configuration.settings.tcp_no_delay = false;
        assert!(unit(&configuration.settings, &paths).contains("\nEnvironment=TCP_NODELAY=0\n"));
    }

    #[test]
    fn passwords_are_redacted() {
        let keys = redacted(keys(&configuration(false, &[]), "1.10.1").expect("a file"));
        assert!(!serde_json::to_string(&keys).expect("JSON").contains("hush"));
    }
}
