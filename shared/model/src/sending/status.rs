//! The status of a C-STORE response, and its name (PS3.4 table B.2-1, PS3.7 annex C).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A status, or the range of a status whose last digits are the server's own: `A7xxH`, `CxxxH`, `0110H`. DCMTK's
/// senders report the range only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StatusClass(String);

/// The ranges: the first status, the last one, the code and the name.
const RANGES: &[(u16, u16, &str, &str)] = &[
    (0xA700, 0xA7FF, "A7xxH", "Refused: Out of Resources"),
    (0xA900, 0xA9FF, "A9xxH", "Error: Data Set does not match SOP Class"),
    (0xC000, 0xCFFF, "CxxxH", "Error: Cannot understand"),
];

impl StatusClass {
    /// Returns the class of a status.
    #[must_use]
    pub fn from_code(status: u16) -> Self {
        let range = RANGES.iter().find(|(first, last, ..)| (*first..=*last).contains(&status));
        Self(range.map_or_else(|| format!("{status:04X}H"), |(.., code, _)| (*code).to_owned()))
    }

    /// Returns the name of the status; `None` for a status that the standard does not name.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        if let Some((.., name)) = RANGES.iter().find(|(.., code, _)| *code == self.0) {
            return Some(name);
        }
        let status = u16::from_str_radix(self.0.strip_suffix('H')?, 16).ok()?;
        Some(match status {
            0x0105 => "Failure: No such attribute",
            0x0106 => "Failure: Invalid attribute value",
            0x0107 => "Warning: Attribute list error",
            0x0110 => "Failure: Processing failure",
            0x0111 => "Failure: Duplicate SOP Instance",
            0x0112 => "Failure: No such SOP Instance",
            0x0115 => "Failure: Invalid argument value",
            0x0116 => "Warning: Attribute value out of range",
            0x0117 => "Failure: Invalid SOP Instance",
            0x0118 => "Failure: No such SOP Class",
            0x0119 => "Failure: Class-Instance conflict",
            0x0120 => "Failure: Missing attribute",
            0x0121 => "Failure: Missing attribute value",
            0x0122 => "Refused: SOP Class not supported",
            0x0124 => "Refused: Not authorized",
            0x0210 => "Failure: Duplicate invocation",
            0x0211 => "Failure: Unrecognized operation",
            0x0212 => "Failure: Mistyped argument",
            0x0213 => "Failure: Resource limitation",
            0xB000 => "Warning: Coercion of Data Elements",
            0xB006 => "Warning: Elements Discarded",
            0xB007 => "Warning: Data Set does not match SOP Class",
            0xFE00 => "Cancel",
            0xFF00 | 0xFF01 => "Pending",
            _ => return None,
        })
    }

    /// True if the server stored the instance with a warning.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.name().is_some_and(|name| name.starts_with("Warning")) || self.0.starts_with('B')
    }
}

impl fmt::Display for StatusClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(formatter, "{}, {name}", self.0),
            None => write!(formatter, "{}, which has no name", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_its_range_and_its_name() {
        for (status, expected) in [
            (0xA700, "A7xxH, Refused: Out of Resources"),
            (0xA7FF, "A7xxH, Refused: Out of Resources"),
            (0xA900, "A9xxH, Error: Data Set does not match SOP Class"),
            (0xC123, "CxxxH, Error: Cannot understand"),
            (0xB000, "B000H, Warning: Coercion of Data Elements"),
            (0x0110, "0110H, Failure: Processing failure"),
            (0x0122, "0122H, Refused: SOP Class not supported"),
            (0x1234, "1234H, which has no name"),
        ] {
            assert_eq!(StatusClass::from_code(status).to_string(), expected);
        }
    }

    #[test]
    fn warnings_are_known() {
        let warnings = [0xB000, 0xB007, 0xB123].map(|status| StatusClass::from_code(status).is_warning());
        let others = [0x0110, 0xA700, 0xC000].map(|status| StatusClass::from_code(status).is_warning());
        assert_eq!((warnings, others), ([true; 3], [false; 3]));
    }
}
