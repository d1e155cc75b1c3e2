//! The log of DCMTK's senders for one association: the times of its request and of each C-STORE's request and response,
//! and the errors.

use crate::timeline::{Association, Store};

/// Reads a log with the pattern `%D{%s.%Q} %p %m%n`: `SECONDS.MILLISECONDS.MICROSECONDS LEVEL MESSAGE`. dcmsend logs no
/// file names; it sends the files in the order of `files`.
#[must_use]
pub(super) fn parse(log: &str, files: &[&str]) -> Association {
    let mut association = Association::default();
    let mut named = None;
    let mut complaining = false;
    for line in log.lines() {
        let Some((time_us, level, message)) = parse_entry(line) else {
            // A message of more than one line: this line continues the previous complaint.
            if let Some(complaint) = association.complaints.last_mut().filter(|_| complaining) {
                complaint.push_str(": ");
                complaint.push_str(line.trim());
            }
            continue;
        };
        complaining = matches!(level, "ERROR" | "FATAL");
        if complaining {
            association.complaints.push(message.to_owned());
        } else if message == "Requesting Association" {
            association.requested_us = Some(time_us);
        } else if message.starts_with("Association Accepted") {
            association.accepted_us = Some(time_us);
        } else if message == "Releasing Association" {
            association.release_requested_us = Some(time_us);
        } else if let Some(name) = message.strip_prefix("Sending file: ") {
            named = Some(name);
        } else if message.starts_with("Sending Store Request") || message.starts_with("Sending C-STORE Request") {
            let file = named.take().or(files.get(association.stores.len()).copied()).unwrap_or_default();
            let file = file.to_owned();
            association.stores.push(Store { file, scheduled_us: None, requested_us: time_us, response: None });
        } else if let Some(status) = status(message)
            && let Some(store) = association.stores.last_mut().filter(|store| store.response.is_none())
        {
            store.response = Some((time_us, status.to_owned()));
        }
    }
    association
}

/// The status in a line of storescu or dcmsend.
fn status(message: &str) -> Option<&str> {
    let rest = message
        .strip_prefix("Received Store Response (")
        .or_else(|| message.strip_prefix("Received C-STORE Response ("))?;
    Some(rest.strip_suffix(')').unwrap_or(rest))
}

fn parse_entry(line: &str) -> Option<(u64, &str, &str)> {
    let mut words = line.splitn(3, ' ');
    let mut parts = words.next()?.split('.').map(str::parse::<u64>);
    let mut part = || parts.next()?.ok();
    let time_us = part()? * 1_000_000 + part()? * 1000 + part()?;
    Some((time_us, words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Written by storescu 3.6.7.
    const STORESCU: &str = "\
1795456078.963.830 INFO checking input files ...
1795456078.964.065 INFO Requesting Association
1795456078.966.420 INFO Association Accepted (Max Send PDV: 16372)
1795456078.966.439 INFO Sending file: 000001.dcm
1795456078.966.955 INFO Sending Store Request (MsgID 1, CT)
1795456078.975.847 INFO Received Store Response (Success)
1795456078.975.903 INFO Sending file: 000002.dcm
1795456078.999.998 WARN DcmItem: Length of element (7fe0,0010) is not a multiple of 2 (VR=OW)
1795456078.999.999 INFO Sending Store Request (MsgID 2, CT)
1795456079.000.001 INFO Received Store Response (Refused: OutOfResources)
1795456079.000.100 ERROR Store Failed, file: 000002.dcm:
0006:0207 DIMSE No valid Presentation Context ID
1795456079.000.200 INFO Releasing Association
";

    // Written by dcmsend 3.6.7.
    const DCMSEND: &str = "\
1795469858.657.921 INFO Requesting Association
1795469858.658.499 INFO Association Accepted (Max Send PDV: 16372)
1795469858.658.914 INFO Sending C-STORE Request (MsgID 1, CT)
1795469858.707.353 INFO Received C-STORE Response (Success)
1795469858.707.854 INFO Sending C-STORE Request (MsgID 2, CT)
1795469858.751.359 INFO Received C-STORE Response (Success)
1795469858.751.437 INFO Releasing Association
";

    #[test]
    fn each_request_is_paired_with_its_response() {
        let association = parse(STORESCU, &[]);
        let [first, second] = &association.stores[..] else { panic!("two") };
        assert_eq!(first.file, "000001.dcm");
        assert_eq!(first.response.as_ref().map(|response| response.0 - first.requested_us), Some(8_892));
        assert!(first.succeeded());
        assert_eq!(second.response.as_ref().map(|response| response.0 - second.requested_us), Some(2));
        assert!(!second.succeeded());
    }

    #[test]
    fn dcmsends_c_stores_have_the_files_that_it_was_given() {
        let association = parse(DCMSEND, &["b.dcm", "a.dcm"]);
        let stores: Vec<_> = association.stores.iter().map(|store| (store.file.as_str(), store.succeeded())).collect();
        assert_eq!(stores, [("b.dcm", true), ("a.dcm", true)]);
    }

    #[test]
    fn an_association_is_requested_accepted_and_released() {
        for log in [STORESCU, DCMSEND] {
            let association = parse(log, &[]);
            let accepted = association.accepted_us.expect("accepted");
            assert!(association.requested_us.expect("requested") < accepted);
            assert!(association.release_requested_us.expect("released") > association.stores[1].requested_us);
            assert_eq!(association.released_us, None);
        }
    }

    #[test]
    fn complaints_are_kept_with_all_of_their_lines() {
        let complaints = parse(STORESCU, &[]).complaints;
        assert_eq!(complaints, ["Store Failed, file: 000002.dcm:: 0006:0207 DIMSE No valid Presentation Context ID"]);
    }

    #[test]
    fn a_request_without_a_response_stays_open() {
        let cut = STORESCU.lines().take(9).collect::<Vec<_>>().join("\n");
        let association = parse(&cut, &[]);
        assert_eq!(association.stores[1].response, None);
        assert!(!association.stores[1].succeeded());
    }

    #[test]
    fn text_that_is_no_log_has_nothing_in_it() {
        assert_eq!(parse("no.log at all\n\n1.2 x", &[]), Association::default());
    }
}
