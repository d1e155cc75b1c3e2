//! Builds of Orthanc from S3: downloads, refusals, and an Orthanc that runs from a build, with and without a plugin.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use dicomperf_agent::server::orthanc::build::InstalledBuild;
use dicomperf_agent::versions;
use dicomperf_model::hash::sha256_hex;
use dicomperf_model::request::{BuildObject, OrthancBuild};
use dicomperf_model::step::{BuildFile, BuildSource};
use dicomperf_testkit::{Cause, not_tested, slow_orthanc};
use serde_json::json;

use crate::harness::orthanc::{PASSWORD, settings};
use crate::harness::run::{block, measurement_of};
use crate::harness::{Bucket, OrthancProcess, Run};

/// A plugin that Debian's and Ubuntu's package of Orthanc has. It loads without keys of its own.
const PLUGIN: &str = "/usr/share/orthanc/plugins/libServeFolders.so";

/// Serves a build, and returns it as the request and the step's document have it.
fn serve(bucket: &Bucket, content: &[u8]) -> (OrthancBuild, BuildSource) {
    bucket.serve("builds/orthanc", content.to_vec());
    let sha256 = sha256_hex(content);
    let build = json!({ "s3": { "bucket": "own-builds", "key": "builds/orthanc", "sha256": sha256 } });
    let program = BuildFile { url: bucket.url("builds/orthanc"), key: "builds/orthanc".to_owned(), sha256 };
    (serde_json::from_value(build).unwrap(), BuildSource { program, plugins: Vec::new() })
}

/// Serves the distribution's own Orthanc and a plugin of it as a build.
fn serve_with_plugin(bucket: &Bucket) -> Option<(OrthancBuild, BuildSource)> {
    let (program, plugin) = (fs::read(versions::ORTHANC_PROGRAM).ok()?, fs::read(PLUGIN).ok()?);
    let (mut build, mut source) = serve(bucket, &program);
    let (key, sha256) = ("builds/libServeFolders.so".to_owned(), sha256_hex(&plugin));
    bucket.serve(&key, plugin);
    source.plugins = vec![BuildFile { url: bucket.url(&key), key: key.clone(), sha256: sha256.clone() }];
    let OrthancBuild::S3(s3) = &mut build else { unreachable!("serve makes builds from S3") };
    s3.plugins = vec![BuildObject { key, sha256 }];
    Some((build, source))
}

fn wrapper(directory: &Path) -> Vec<u8> {
    // It leaves a trace if it runs.
    format!("#!/bin/sh\n: >{}/ran\nexec /usr/sbin/Orthanc \"$@\"\n", directory.display()).into_bytes()
}

#[test]
fn a_build_is_downloaded_once_and_tells_its_version() {
    let (bucket, directory) = (Bucket::start(), tempfile::tempdir().unwrap());
    let (build, source) = serve(&bucket, &wrapper(directory.path()));
    let installed = InstalledBuild::of(&build, &directory.path().join("builds")).unwrap();
    installed.download(&source).unwrap();
    let mode = fs::metadata(&installed.program).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let scratch = directory.path().join("version");
    let version = versions::orthanc_of(&installed.program, None, &scratch).unwrap();
    assert_eq!(Some(version), versions::orthanc(&scratch));
    // The second block finds it, even if the object is gone.
    bucket.serve("builds/orthanc", b"another object".to_vec());
    installed.download(&source).unwrap();
    // A file that was changed on the host is not the build any more.
    fs::write(&installed.program, "changed").unwrap();
    installed.download(&source).expect_err("the object is another one too");
}

#[test]
fn a_build_with_another_hash_is_refused_with_both_hashes_and_nothing_of_it_runs() {
    let (bucket, directory) = (Bucket::start(), tempfile::tempdir().unwrap());
    let content = wrapper(directory.path());
    let (build, source) = serve(&bucket, &content);
    let changed = [&content[..], b"# changed\n"].concat();
    bucket.serve("builds/orthanc", changed.clone());
    let installed = InstalledBuild::of(&build, &directory.path().join("builds")).unwrap();
    let failure = installed.download(&source).expect_err("another hash");
    assert_eq!(failure.name(), "BuildUnusable");
    let message = failure.to_string();
    for said in [sha256_hex(&content), sha256_hex(&changed), "builds/orthanc".to_owned()] {
        assert!(message.contains(&said), "{said} is not in: {message}");
    }
    assert!(!message.contains("X-Amz-Signature"), "{message}");
    assert!(!installed.program.exists() && !directory.path().join("ran").exists());
    let left = fs::read_dir(installed.program.parent().unwrap()).unwrap().count();
    assert_eq!(left, 0, "a refused file is left");
}

#[test]
fn a_build_that_cannot_be_downloaded_is_named() {
    let (bucket, directory) = (Bucket::start(), tempfile::tempdir().unwrap());
    let (build, mut source) = serve(&bucket, b"#!/bin/sh\n");
    source.program.url = bucket.url("builds/absent");
    let installed = InstalledBuild::of(&build, directory.path()).unwrap();
    let message = installed.download(&source).expect_err("absent").to_string();
    assert!(message.starts_with("build builds/orthanc: ") && message.contains("404"), "{message}");
}

#[test]
fn a_program_that_does_not_run_has_no_version() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("Orthanc");
    fs::write(&program, "#!/bin/sh\necho 'libfoo.so: cannot open shared object file' >&2\nexit 127\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let reason = versions::orthanc_of(&program, None, &directory.path().join("out")).expect_err("no version");
    assert!(reason.contains("libfoo.so"), "{reason}");
}

#[test]
fn an_orthanc_that_runs_from_a_slower_build_answers_later_and_stores_as_well() {
    const DELAY_US: u32 = 40_000;
    let (bucket, scratch) = (Bucket::start(), tempfile::tempdir().unwrap());
    let Some(content) = slow_orthanc(DELAY_US, scratch.path()) else {
        return not_tested(Cause::Missing("no C compiler"));
    };
    let (build, source) = serve(&bucket, &content);
    let orthanc = OrthancProcess::start_build(build, &source, settings(true, false, &[]));
    let run = Run::with_instances(3);
    let report = run.measure(0, block(&orthanc, &[1], 0, 1)).succeeds();
    let iteration = &measurement_of(&report).iterations[0];
    assert!(iteration.valid, "{iteration:?}");
    // The fastest answer has the delay too. It is far above the time of an Orthanc on loopback.
    let fastest_ms = iteration.latency_us.percentile_ms(1.0);
    assert!(fastest_ms >= f64::from(DELAY_US) / 1000.0, "{fastest_ms} ms");
    let variables = orthanc.collect().environment;
    assert!(variables.contains_key("LD_PRELOAD"), "the collected environment does not show the wrapper: {variables:?}");
}

#[test]
fn an_orthanc_that_runs_from_a_build_has_its_plugin() {
    let bucket = Bucket::start();
    let Some((build, source)) = serve_with_plugin(&bucket) else { return not_tested(Cause::Missing(PLUGIN)) };
    let orthanc = OrthancProcess::start_build(build, &source, settings(true, false, &[]));
    let process = orthanc.process().unwrap().as_raw_nonzero();
    let program = fs::read_link(format!("/proc/{process}/exe")).unwrap();
    assert!(program.ends_with(Path::new(&source.program.sha256).join("Orthanc")), "{}", program.display());
    assert_eq!(plugins_of(&orthanc), ["explorer.js", "serve-folders"]);
    // The configuration names the file that was checked, and no plugin of the distribution.
    let loaded = &orthanc.collect().orthanc["configuration"]["Plugins"];
    let checked = format!("{}/libServeFolders.so", source.plugins[0].sha256);
    assert!(loaded.as_array().is_some_and(|all| all.len() == 1), "{loaded}");
    assert!(loaded[0].as_str().is_some_and(|path| path.ends_with(&checked)), "{loaded}");
    let distribution = OrthancProcess::start(settings(true, false, &[]));
    assert_eq!(plugins_of(&distribution), ["explorer.js"]);
}

#[test]
fn a_plugin_with_another_hash_is_refused_and_named() {
    let (bucket, directory) = (Bucket::start(), tempfile::tempdir().unwrap());
    let Some((build, source)) = serve_with_plugin(&bucket) else { return not_tested(Cause::Missing(PLUGIN)) };
    let changed = [&fs::read(PLUGIN).unwrap()[..], b"changed"].concat();
    bucket.serve("builds/libServeFolders.so", changed.clone());
    let installed = InstalledBuild::of(&build, directory.path()).unwrap();
    let failure = installed.download(&source).expect_err("another hash");
    assert_eq!(failure.name(), "BuildUnusable");
    let message = failure.to_string();
    for part in [&source.plugins[0].sha256, &sha256_hex(&changed), "builds/libServeFolders.so"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert!(!installed.plugins[0].exists(), "a refused plugin is left");
}

/// Returns the names of the plugins that Orthanc reports, in their order.
fn plugins_of(orthanc: &OrthancProcess) -> Vec<String> {
    let url = format!("http://127.0.0.1:{}/plugins", orthanc.address.rest_port);
    let user = format!("{}:{PASSWORD}", orthanc.address.rest_user);
    let output = Command::new("curl").args(["--silent", "--fail", "--user", &user, &url]).output().unwrap();
    let mut names: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    names.sort();
    names
}
