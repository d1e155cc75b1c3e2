//! The histogram of latencies, and its form in JSON.

use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request::LatencyFigure;

/// Latencies in us, with 3 significant digits, from 1 us to an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyHistogram(pub Histogram<u64>);

/// An hour, which is longer than any step.
const MAX_LATENCY_US: u64 = 3_600_000_000;
/// Place of the digits and of the bounds in a serialized histogram (HdrHistogram, V2 encoding: three fields of 4 bytes
/// before them).
const BOUNDS: Range<usize> = 12..32;

/// A serialized histogram without latencies.
static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(&LatencyHistogram::new().0, &mut bytes).expect("a vector takes all bytes");
    bytes
});

impl LatencyHistogram {
    /// Returns an empty histogram.
    #[must_use]
    pub fn new() -> Self {
        // The bounds are constant and valid: 1 < MAX_LATENCY_US / 2, and at most 5 digits.
        Self(Histogram::new_with_bounds(1, MAX_LATENCY_US, 3).expect("constant bounds"))
    }

    /// Adds a latency. More than an hour counts as an hour, less than 1 us as 1 us.
    pub fn record(&mut self, microseconds: u64) {
        self.0.saturating_record(microseconds.max(1));
    }

    /// Adds all latencies of another histogram.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// Returns the latency in ms that `percentile` percent of the C-STOREs did not exceed.
    #[must_use]
    pub fn percentile_ms(&self, percentile: f64) -> f64 {
        milliseconds(self.0.value_at_percentile(percentile))
    }

    /// Returns a figure of the latencies, in ms.
    #[must_use]
    pub fn figure_ms(&self, figure: LatencyFigure) -> f64 {
        match figure {
            LatencyFigure::Max => self.max_ms(),
            percentile => self.percentile_ms(percentile.percent()),
        }
    }

    /// Returns the slowest latency in ms.
    #[must_use]
    pub fn max_ms(&self) -> f64 {
        milliseconds(self.0.max())
    }

    /// Returns the number of latencies.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True if there are no latencies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Converts us to ms. Three significant digits of microseconds lose nothing in an f64.
#[expect(clippy::cast_precision_loss, reason = "an hour in us has 32 bits")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Serialize for LatencyHistogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.0, &mut bytes).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for LatencyHistogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        // The bounds decide how much memory the histogram takes.
        if bytes.get(BOUNDS) != EMPTY.get(BOUNDS) {
            return Err(serde::de::Error::custom("a histogram of latencies has 3 digits from 1 us to an hour"));
        }
        let read: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(serde::de::Error::custom)?;
        let mut histogram = Self::new();
        histogram.0.add(read).map_err(serde::de::Error::custom)?;
        Ok(histogram)
    }
}

impl JsonSchema for LatencyHistogram {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LatencyHistogram".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_its_json() {
        let mut histogram = LatencyHistogram::new();
        for microseconds in [0, 250, 2_000, 40_000, 4_000_000_000] {
            histogram.record(microseconds);
        }
        let json = serde_json::to_string(&histogram).expect("JSON");
        let read: LatencyHistogram = serde_json::from_str(&json).expect("a histogram");
        assert_eq!(read, histogram);
        assert_eq!(read.len(), 5);
        assert!((read.percentile_ms(50.0) - 2.0).abs() < 0.002);
    }

    /// With five digits and no limit, a histogram of a few bytes takes gigabytes of memory.
    #[test]
    fn a_histogram_with_other_bounds_is_an_error_before_it_takes_memory() {
        for at in BOUNDS {
            let mut changed = EMPTY.clone();
            changed[at] ^= 1;
            let json = format!("\"{}\"", BASE64_STANDARD.encode(changed));
            let error = serde_json::from_str::<LatencyHistogram>(&json).expect_err("refused").to_string();
            assert!(error.starts_with("a histogram of latencies has 3 digits from 1 us to an hour"), "{error}");
        }
        let cut = format!("\"{}\"", BASE64_STANDARD.encode(&EMPTY[..BOUNDS.end - 1]));
        assert!(serde_json::from_str::<LatencyHistogram>(&cut).is_err());
    }

    #[test]
    fn text_that_is_no_histogram_is_an_error() {
        assert!(serde_json::from_str::<LatencyHistogram>("\"AAAA\"").is_err());
        assert!(serde_json::from_str::<LatencyHistogram>("\"%\"").is_err());
    }
}
