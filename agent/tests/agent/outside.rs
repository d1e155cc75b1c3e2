//! The world outside of a host: certificates, proxies and packages.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use dicomperf_model::dataset::generate;
use dicomperf_model::request::{Synthetic, TransferSyntax};
use dicomperf_model::step::{ClientConfiguration, DatasetSource, ObjectSource, StepId, StepReport, Work};

use crate::harness::Run;
use crate::harness::proxy::Proxy;

/// The host of a bucket, which only the proxy knows.
const BUCKET: &str = "bucket.example.com";

fn one_instance() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let made = generate(&Synthetic { instances: 1, ..Synthetic::default() }, directory.path(), |_| {}).unwrap();
    fs::read(&made[0].path).unwrap()
}

/// Configures the client with variables in its environment. The report is put to this machine.
fn configure_client(dataset: DatasetSource, variables: &[(&str, &str)]) -> StepReport {
    let run = Run::new();
    let transfer_syntaxes = vec![TransferSyntax::Original];
    let work = Work::ConfigureClient(ClientConfiguration::new(dataset, transfer_syntaxes, false));
    let mut command = run.command(StepId::ConfigureClient, work);
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").envs(variables.iter().copied()).output().unwrap();
    run.bucket.reports(&StepId::ConfigureClient.to_string()).pop().expect("a report")
}

#[test]
fn a_certificate_is_trusted_where_the_hosts_own_store_has_its_issuer() {
    let instance = one_instance();
    let proxy = Proxy::start("127.0.0.1", BUCKET, instance.clone());
    let url = format!("https://{BUCKET}/study/1.dcm?X-Amz-Signature=secret");
    let object = ObjectSource { url, key: "study/1.dcm".to_owned(), bytes: instance.len() as u64 };
    let dataset = || DatasetSource::Objects(vec![object.clone()]);
    let url = proxy.url();
    let variables = [("https_proxy", url.as_str()), ("no_proxy", "127.0.0.1")];

    let message = configure_client(dataset(), &variables).error.expect("an error").message;
    assert!(
        message.contains(
            "object study/1.dcm: this host does not trust the issuer of the certificate of bucket.example.com; it trusts \
             the certificates in /etc/ssl/certs. If a proxy intercepts TLS, the AMI needs its CA there"
        ) && message.ends_with("(try 1)"),
        "{message}"
    );

    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store.pem");
    fs::write(&store, &proxy.ca).unwrap();
    let store = store.to_str().unwrap();
    let trusting = [&variables[..], &[("SSL_CERT_FILE", store)]].concat();
    assert_eq!(configure_client(dataset(), &trusting).error, None);

    // The store that is named is the one in use.
    fs::write(store, Proxy::start("127.0.0.1", BUCKET, Vec::new()).ca).unwrap();
    let message = configure_client(dataset(), &trusting).error.expect("an error").message;
    assert!(message.contains(&format!("the certificates in {store} (SSL_CERT_FILE)")), "{message}");
    // The report went past the proxy.
    assert_eq!(proxy.seen(), vec![format!("CONNECT {BUCKET}:443"); 3]);
}

#[test]
fn packages_that_are_installed_need_no_apt() {
    let directory = tempfile::tempdir().unwrap();
    let apt = directory.path().join("apt-get");
    fs::write(&apt, format!("#!/bin/sh\necho \"$@\" >>{}/called\nexit 100\n", directory.path().display())).unwrap();
    fs::set_permissions(&apt, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let dataset = || DatasetSource::Synthetic(Synthetic { instances: 1, ..Synthetic::default() });
    assert_eq!(configure_client(dataset(), &[("PATH", &path)]).error, None);
    assert!(!directory.path().join("called").exists());
}
