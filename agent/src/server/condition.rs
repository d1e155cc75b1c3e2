//! The condition of a server that does not answer, as its own host knows it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use dicomperf_model::samples::LogLevel;

use super::supervisor::end_since;
use super::under_test::StartedServer;
use crate::failure::Failure;
use crate::resources::{level, volume};

/// A volume with less free space is named. Orthanc needs a large instance, and the 4 MB to which SQLite's write-ahead
/// log grows before it is written back (SQLite, wal_autocheckpoint: 1000 pages).
const MIN_FREE_BYTES: u64 = 64_000_000;
/// The most bytes of a log that are read for an error: far more than its last lines have.
const MAX_LOG_BYTES: u64 = 65_536;
/// Lines of the server's log in an error.
const MAX_LOG_LINES: usize = 5;

/// The reasons for which a server does not answer, each in a clause: the end of its process since a time in ms since
/// 1970-01-01 UTC, and a volume without space.
pub(super) fn reasons(server: &dyn StartedServer, since_ms: u64) -> Vec<String> {
    let mut reasons = Vec::new();
    // A server that runs again has answered for its earlier end.
    let runs = server.processes().is_ok_and(|processes| !processes.is_empty());
    let end = end_since(server.record(), since_ms).filter(|end| !end.requested && !runs);
    if let Some(end) = end {
        let by_kernel = if end.lacked_memory() { ", because the host lacked memory" } else { "" };
        reasons.push(format!("{}{by_kernel}", end.sentence()));
    } else if !runs {
        reasons.push(format!("no process of {} runs", server.name()));
    }
    reasons.extend(server.storage().and_then(full_volume));
    reasons
}

/// A clause on the volume with a directory, if it has little space.
fn full_volume(storage: &Path) -> Option<String> {
    let volume = volume(storage).filter(|volume| volume.free_bytes < MIN_FREE_BYTES)?;
    let (free, total) = (volume.free_bytes / 1_000_000, volume.total_bytes / 1_000_000);
    Some(format!("the volume with its storage has {free} of {total} MB free"))
}

/// Adds the condition of a server to the failure of its interface.
pub(super) fn explain(failure: Failure, server: &dyn StartedServer) -> Failure {
    match failure {
        Failure::ServerUnreachable { interface, url, trouble } => {
            let reasons = reasons(server, 0);
            let on_host =
                if reasons.is_empty() { String::new() } else { format!("; on its host: {}", reasons.join("; ")) };
            Failure::ServerUnreachable { interface, url, trouble: trouble + &on_host }
        }
        other => other,
    }
}

/// The length of a file; 0 if it does not exist.
pub(super) fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// The last lines that a log has after a position, in one line; `None` if it has none. Where the log has errors, only
/// they are shown: Orthanc starts with a dozen warnings. A log that was begun anew counts from its beginning.
pub(super) fn last_log_lines(log: &Path, position: u64) -> Option<String> {
    let text = read_from(log, position).ok()?;
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_error = |line: &&str| level(line) == Some(LogLevel::Error);
    if lines.iter().any(is_error) {
        lines.retain(is_error);
    }
    let last = lines[lines.len().saturating_sub(MAX_LOG_LINES)..].join(" | ");
    (!last.is_empty()).then_some(last)
}

fn read_from(log: &Path, position: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    let begin = if length < position { 0 } else { position };
    file.seek(SeekFrom::Start(begin.max(length.saturating_sub(MAX_LOG_BYTES))))?;
    let mut bytes = Vec::new();
    file.take(MAX_LOG_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dicomperf_model::samples::ServerEnd;
    use dicomperf_model::step::ServerAddress;

    use super::super::orthanc::Orthanc;
    use super::super::orthanc::configuration::Paths;
    use super::super::under_test::ServerUnderTest as _;
    use super::*;
    use crate::server::fixture;

    #[test]
    fn lines_of_an_earlier_start_are_not_shown() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("log");
        assert_eq!(last_log_lines(&log, 0), None);
        fs::write(&log, "before\n").expect("written");
        let position = length(&log);
        assert_eq!(last_log_lines(&log, position), None);
        fs::write(&log, "before\nE1 a\n\nW3 warning\nE2 b\n").expect("written");
        assert_eq!(last_log_lines(&log, position).as_deref(), Some("E1 a | E2 b"));
        fs::write(&log, "new\n").expect("written");
        assert_eq!(last_log_lines(&log, position).as_deref(), Some("new"));
    }

    /// An Orthanc of which no process runs, with a record of one end.
    fn ended(directory: &Path, end: &ServerEnd) -> Orthanc {
        let paths = Paths::in_directory(directory);
        fs::write(&paths.record, serde_json::to_string(end).expect("JSON")).expect("written");
        let address =
            ServerAddress { address: "127.0.0.1".to_owned(), dicom_port: 1, rest_port: 1, ..fixture::address() };
        Orthanc::new(paths, &address)
    }

    fn killed() -> ServerEnd {
        let (server, signal) = ("Orthanc".to_owned(), Some("SIGKILL".to_owned()));
        ServerEnd { at_ms: 13_000, started_at_ms: 10_000, server, signal, ..ServerEnd::default() }
    }

    #[test]
    fn a_server_that_was_killed_is_told_by_its_signal() {
        let directory = tempfile::tempdir().expect("a directory");
        let server = ended(directory.path(), &killed());
        assert_eq!(reasons(&server, 12_000), ["Orthanc was ended by SIGKILL, 3.0 s after its start"]);
        // That end was of an earlier start.
        assert_eq!(reasons(&server, 13_001), ["no process of Orthanc runs"]);
        let server = ended(directory.path(), &ServerEnd { requested: true, ..killed() });
        assert_eq!(reasons(&server, 0), ["no process of Orthanc runs"]);
    }

    #[test]
    fn a_volume_without_space_is_named_with_its_size() {
        // /proc has no space, on every Linux.
        let full = full_volume(Path::new("/proc"));
        assert_eq!(full.as_deref(), Some("the volume with its storage has 0 of 0 MB free"));
        assert_eq!(full_volume(Path::new("/nonexistent")), None);
    }

    #[test]
    fn the_failure_of_an_interface_gets_the_hosts_side() {
        let directory = tempfile::tempdir().expect("a directory");
        let server = ended(directory.path(), &killed());
        let failure = server.check_control_interface().expect_err("no Orthanc");
        let message = explain(failure, &server).to_string();
        assert!(
            message.starts_with("Orthanc's REST interface at http://127.0.0.1:1/system does not answer: "),
            "{message}"
        );
        assert!(message.ends_with("; on its host: Orthanc was ended by SIGKILL, 3.0 s after its start"), "{message}");
    }
}
