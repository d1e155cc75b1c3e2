//! Orthanc's warnings and errors, without identifiers.
//!
//! A message of Orthanc may quote patient names, UIDs, paths and addresses. So only messages of the list below are
//! written in words. Of every other message only its place in Orthanc's source code is written.

use dicomperf_model::samples::{LogLevel, LogTrouble, ServerLogSample};

/// The most different messages of one sample. The sampler takes five samples a second.
const MAX_MESSAGES: usize = 4;
/// The most characters of the name of a source file.
const MAX_PLACE_CHARACTERS: usize = 60;

/// A part of a message that has no identifier, and its meaning for a measurement.
type Known = (&'static str, Option<LogTrouble>);

/// The known messages of Orthanc, DCMTK, SQLite and the C++ library. The first one that a line contains counts.
const KNOWN: &[Known] = &[
    ("No space left on device", Some(LogTrouble::WriteFailed)),
    ("Cannot write to file", Some(LogTrouble::WriteFailed)),
    ("Cannot create a directory", Some(LogTrouble::WriteFailed)),
    ("The file storage is full", Some(LogTrouble::WriteFailed)),
    ("database or disk is full", Some(LogTrouble::WriteFailed)),
    ("Cannot flush the SQLite database to the disk (is your filesystem full?)", Some(LogTrouble::WriteFailed)),
    ("SQLite: Unable to flush the database", Some(LogTrouble::WriteFailed)),
    ("The server hosting Orthanc is running out of memory", Some(LogTrouble::OutOfMemory)),
    ("Not enough memory", Some(LogTrouble::OutOfMemory)),
    ("std::bad_alloc", Some(LogTrouble::OutOfMemory)),
    ("Cannot allocate memory", Some(LogTrouble::OutOfMemory)),
    ("Unable to allocate memory", Some(LogTrouble::OutOfMemory)),
    ("Memory exhausted", Some(LogTrouble::OutOfMemory)),
    ("disk I/O error", None),
    ("SQLite: Failure when committing the transaction", None),
    ("SQLite: Cannot start a transaction", None),
    ("SQLite: Cannot run a cached statement", None),
    ("SQLite: Cannot step over a cached statement", None),
    ("SQLite: Cannot execute a command", None),
    ("SQLite: Unable to open the database", None),
    ("The database is currently not available (probably a transient situation)", None),
    ("Error with the database engine", None),
    ("Odd Fragment Length", None),
    ("No valid Presentation Context ID", None),
    ("Peer aborted Association", None),
    ("Peer requested release", None),
    ("Failed to receive message", None),
    ("Failed to send message", None),
    ("DIMSE failure (aborting association)", None),
    ("Unsupported transfer syntax", None),
    ("Cannot parse an invalid DICOM file", None),
    ("Bad file format", None),
    ("Corrupted file (e.g. inconsistent MD5 hash)", None),
    ("Cannot store an instance", None),
    ("Exception while storing DICOM", None),
    ("The TCP port of the HTTP server is privileged or already in use", None),
    ("The TCP port of the DICOM server is privileged or already in use", None),
    ("The configuration file does not follow the JSON syntax", None),
    ("Inexistent file", None),
    ("Timeout", None),
    ("Internal error", None),
];

/// The beginning of Orthanc's message of a result code of SQLite.
const SQLITE_CODE: &str = "SQLite error code ";

/// The known message that a text contains, and its meaning.
pub(crate) fn known_message(text: &str) -> Option<(&'static str, Option<LogTrouble>)> {
    if let Some((_, code)) = text.split_once(SQLITE_CODE) {
        // SQLITE_NOMEM, SQLITE_IOERR, SQLITE_FULL (https://www.sqlite.org/rescode.html).
        return Some(match code.split(|letter: char| !letter.is_ascii_digit()).next()? {
            "7" => ("SQLite error code 7, no memory", Some(LogTrouble::OutOfMemory)),
            "10" => ("SQLite error code 10, a failed read or write of the disk", None),
            "13" => ("SQLite error code 13, the disk is full", Some(LogTrouble::WriteFailed)),
            _ => ("another SQLite error code", None),
        });
    }
    KNOWN.iter().find(|(message, _)| text.contains(message)).copied()
}

/// A line of Orthanc's log without identifiers. `None` for a line that is not a warning or an error, and for an unknown
/// warning: Orthanc describes its configuration with them.
fn without_identifiers(line: &str) -> Option<(LogLevel, String, Option<LogTrouble>)> {
    let (level, place, text) = parse(line)?;
    match known_message(text) {
        Some((message, trouble)) => Some((level, message.to_owned(), trouble)),
        None if level == LogLevel::Error => Some((level, format!("a message of {place}"), None)),
        None => None,
    }
}

/// The level of a line of Orthanc's log; `None` for a line of another level, or without a header.
pub(crate) fn level(line: &str) -> Option<LogLevel> {
    match line.as_bytes() {
        [b'E', digit, ..] if digit.is_ascii_digit() => Some(LogLevel::Error),
        [b'W', digit, ..] if digit.is_ascii_digit() => Some(LogLevel::Warning),
        _ => None,
    }
}

/// The level, the source file and the text of a line: `E1126 14:19:34.123456 OrthancException.cpp:61] text`. Newer
/// versions of Orthanc write the name of a thread before the source file.
fn parse(line: &str) -> Option<(LogLevel, &str, &str)> {
    let level = level(line)?;
    let (header, text) = line.split_once("] ")?;
    let place = header.split_whitespace().next_back()?.split(':').next()?;
    let is_source = place.len() <= MAX_PLACE_CHARACTERS
        && place.chars().all(|one| one.is_ascii_alphanumeric() || ".-_".contains(one));
    Some((level, if is_source && place.contains(".c") { place } else { "an unknown place" }, text))
}

/// The messages of one sample.
#[derive(Debug, Default)]
pub(super) struct Messages(Vec<(LogLevel, String, Option<LogTrouble>, u32)>);

impl Messages {
    /// Adds a line of the log. Equal messages count together; a fifth different one is skipped, unless its meaning is
    /// known.
    pub fn add(&mut self, line: &str) {
        let Some((level, message, trouble)) = without_identifiers(line) else { return };
        if let Some(same) = self.0.iter_mut().find(|(_, other, ..)| *other == message) {
            same.0 = same.0.max(level);
            same.3 += 1;
            return;
        }
        if self.0.len() == MAX_MESSAGES {
            let Some(place) = self.0.iter().position(|one| one.2.is_none()).filter(|_| trouble.is_some()) else {
                return;
            };
            self.0.remove(place);
        }
        self.0.push((level, message, trouble, 1));
    }

    /// The messages as samples of this time.
    pub fn samples(self, at_ms: u64) -> impl Iterator<Item = ServerLogSample> {
        let sample = move |(level, message, trouble, lines)| ServerLogSample { at_ms, level, message, trouble, lines };
        self.0.into_iter().map(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_message_is_written_without_what_it_quotes() {
        let line =
            "E1126 14:19:34.123456 OrthancException.cpp:61] Cannot write to file: /var/lib/orthanc/DOE^JANE/1.2.3";
        let expected = (LogLevel::Error, "Cannot write to file".to_owned(), Some(LogTrouble::WriteFailed));
        assert_eq!(without_identifiers(line), Some(expected));
    }

    #[test]
    fn a_result_code_of_sqlite_is_told_by_its_meaning() {
        let line =
            |code| without_identifiers(&format!("E1126 14:50:43.817103 Statement.cpp:87] SQLite error code {code}"));
        let full =
            (LogLevel::Error, "SQLite error code 13, the disk is full".to_owned(), Some(LogTrouble::WriteFailed));
        assert_eq!(line("13"), Some(full));
        assert_eq!(line("1").expect("an error").2, None);
    }

    #[test]
    fn of_an_unknown_message_only_its_place_is_written() {
        let line = "E1126 14:19:34.123456 MAIN ServerContext.cpp:612] Patient DOE^JANE (1.2.840.10008) from 10.0.0.7";
        assert_eq!(
            without_identifiers(line),
            Some((LogLevel::Error, "a message of ServerContext.cpp".to_owned(), None))
        );
        let odd = "E1 DOE^JANE:1] Patient";
        assert_eq!(without_identifiers(odd), Some((LogLevel::Error, "a message of an unknown place".to_owned(), None)));
    }

    #[test]
    fn information_and_continued_lines_are_skipped() {
        let warning = "W1126 14:34:32.942661 OrthancInitialization.cpp:446] Storage directory: \"/tmp\"";
        for line in [
            "I1126 14:19:34.1 main.cpp:1] started",
            warning,
            "",
            "  at DOE^JANE",
            "Error without a header",
            "E1126 cut",
        ] {
            assert_eq!(without_identifiers(line), None, "{line}");
        }
    }

    #[test]
    fn a_flood_is_a_few_messages_with_their_count() {
        let mut messages = Messages::default();
        for number in 0..1000 {
            messages.add(&format!("E1126 14:19:34.1 File{}.cpp:1] UID 1.2.{number}", number % 10));
        }
        messages.add("E1126 14:19:34.1 X.cpp:1] No space left on device");
        let samples: Vec<_> = messages.samples(7).collect();
        assert_eq!(samples.len(), MAX_MESSAGES);
        assert_eq!(samples[3].trouble, Some(LogTrouble::WriteFailed));
        assert!(samples[..3].iter().all(|one| one.lines == 100), "{samples:?}");
    }
}
