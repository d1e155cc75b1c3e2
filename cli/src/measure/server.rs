//! The server in the form `AET@HOST:PORT`.

use dicomperf_model::validation::FieldError;
use serde_json::{Value, json};

/// The name of the argument in messages.
pub const ARGUMENT: &str = "AET@HOST:PORT";

/// Returns the fields of `server.existing` that the argument has. The request's own check covers their values.
///
/// # Errors
/// An argument without one of the three parts, or with an IPv6 address.
pub fn fields(argument: &str) -> Result<Value, FieldError> {
    let wrong = |problem: String| FieldError::new(ARGUMENT, problem, "like ORTHANC@pacs.example.org:104");
    let missing = || wrong(format!("is {argument:?}"));
    let (ae_title, place) = argument.split_once('@').ok_or_else(missing)?;
    if place.contains('[') || place.matches(':').count() > 1 {
        return Err(wrong("has an IPv6 address; a host name or an IPv4 address is needed".to_owned()));
    }
    let (host, port) = place.rsplit_once(':').ok_or_else(missing)?;
    let port: u16 = port.parse().map_err(|_| wrong(format!("has the port {port:?}, not one of 1 to 65535")))?;
    Ok(json!({ "address": host, "port": port, "aeTitle": ae_title }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_are_taken_apart() {
        let expected = json!({ "address": "pacs.example.org", "port": 104, "aeTitle": "MY PACS" });
        assert_eq!(fields("MY PACS@pacs.example.org:104"), Ok(expected));
    }

    #[test]
    fn a_part_that_is_missing_or_an_ipv6_address_is_an_error() {
        for argument in ["", "ORTHANC", "ORTHANC@host", "host:104", "A@host:0x68", "A@host:70000", "A@host:"] {
            assert!(fields(argument).is_err(), "{argument}");
        }
        for argument in ["A@[::1]:104", "A@::1:104"] {
            assert!(fields(argument).expect_err("IPv6").problem.contains("IPv6"), "{argument}");
        }
    }
}
