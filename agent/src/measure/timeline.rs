//! storescu's log of one association: when each C-STORE was requested and answered, and what went wrong.

/// A C-STORE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The file, as storescu was given it.
    pub file: String,
    /// When it was requested, in us since 1970-01-01 UTC.
    pub requested_us: u64,
    /// When it was answered, and the status in storescu's words.
    pub response: Option<(u64, String)>,
}

/// What a log tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The C-STOREs in their order.
    pub stores: Vec<Store>,
    /// Errors, in storescu's words. Its warnings, which oddities of an object cause too, are not among them.
    pub complaints: Vec<String>,
}

/// storescu's word for status 0000H.
const SUCCESS: &str = "Success";

impl Store {
    /// Whether the response was Success (0000H). A warning (Bxxx) is none.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.response.as_ref().is_some_and(|(_, status)| status == SUCCESS)
    }
}

impl Timeline {
    /// Reads a log with the pattern `%D{%s.%Q} %p %m%n`: `SECONDS.MILLISECONDS.MICROSECONDS LEVEL MESSAGE`.
    #[must_use]
    pub fn parse(log: &str) -> Self {
        let mut timeline = Self::default();
        let mut file = "";
        let mut complaining = false;
        for line in log.lines() {
            let Some((time_us, level, message)) = entry(line) else {
                // A message of more than one line: the rest belongs to the complaint before.
                if let Some(complaint) = timeline.complaints.last_mut().filter(|_| complaining) {
                    complaint.push_str(": ");
                    complaint.push_str(line.trim());
                }
                continue;
            };
            complaining = matches!(level, "ERROR" | "FATAL");
            if complaining {
                timeline.complaints.push(message.to_owned());
            } else if let Some(name) = message.strip_prefix("Sending file: ") {
                file = name;
            } else if message.starts_with("Sending Store Request") {
                timeline.stores.push(Store { file: file.to_owned(), requested_us: time_us, response: None });
            } else if let Some(status) = message.strip_prefix("Received Store Response (") {
                let status = status.strip_suffix(')').unwrap_or(status).to_owned();
                if let Some(store) = timeline.stores.last_mut().filter(|store| store.response.is_none()) {
                    store.response = Some((time_us, status));
                }
            }
        }
        timeline
    }
}

fn entry(line: &str) -> Option<(u64, &str, &str)> {
    let mut words = line.splitn(3, ' ');
    let mut parts = words.next()?.split('.').map(str::parse::<u64>);
    let mut part = || parts.next()?.ok();
    let time_us = part()? * 1_000_000 + part()? * 1000 + part()?;
    Some((time_us, words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    // As storescu 3.6.7 wrote it.
    const LOG: &str = "\
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

    #[test]
    fn each_request_is_paired_with_its_response() {
        let timeline = Timeline::parse(LOG);
        assert_eq!(timeline.stores.len(), 2);
        let [first, second] = &timeline.stores[..] else { panic!("two") };
        assert_eq!(first.file, "000001.dcm");
        assert_eq!(first.response.as_ref().map(|response| response.0 - first.requested_us), Some(8_892));
        assert!(first.succeeded());
        assert_eq!(second.response.as_ref().map(|response| response.0 - second.requested_us), Some(2));
        assert!(!second.succeeded());
    }

    #[test]
    fn complaints_are_kept_with_all_of_their_lines() {
        let complaints = Timeline::parse(LOG).complaints;
        assert_eq!(complaints, ["Store Failed, file: 000002.dcm:: 0006:0207 DIMSE No valid Presentation Context ID"]);
    }

    #[test]
    fn a_request_without_a_response_stays_open() {
        let cut = LOG.lines().take(9).collect::<Vec<_>>().join("\n");
        let timeline = Timeline::parse(&cut);
        assert_eq!(timeline.stores[1].response, None);
        assert!(!timeline.stores[1].succeeded());
    }

    #[test]
    fn text_that_is_no_log_has_nothing_in_it() {
        assert_eq!(Timeline::parse("no.log at all\n\n1.2 x"), Timeline::default());
    }
}
