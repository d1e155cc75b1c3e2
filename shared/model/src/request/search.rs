//! The search for the most that a server sustains, as a request asks for it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use strum::VariantArray as _;

use super::metric::{LatencyFigure, Metric};
use crate::validation::FieldError;

/// A search: the setting to raise, and the objective to meet. docs/search.md describes the method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// The setting to raise until the server cannot keep up.
    pub axis: SearchAxis,
    /// The service level objective that every level is checked against.
    pub slo: Slo,
}

/// The service level objective: the most that each figure of a C-STORE's time may be, in ms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Slo(BTreeMap<Metric, f64>);

impl Slo {
    /// Returns one objective for each figure that is limited.
    #[must_use]
    pub fn objectives(&self) -> Vec<Objective> {
        self.0.iter().map(|(&metric, &max)| Objective { metric, max }).collect()
    }
}

impl FromIterator<(Metric, f64)> for Slo {
    fn from_iter<T: IntoIterator<Item = (Metric, f64)>>(limits: T) -> Self {
        Self(limits.into_iter().collect())
    }
}

impl JsonSchema for Slo {
    fn schema_name() -> Cow<'static, str> {
        "Slo".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let figures = Metric::VARIANTS.iter().filter(|metric| metric.latency().is_some());
        let limit = |metric: &Metric| {
            let figure = metric.latency().map(LatencyFigure::label).unwrap_or_default();
            let description = format!("The most that {figure} of the C-STOREs may be, in ms.");
            let schema =
                json!({ "type": "number", "minimum": 0.001, "maximum": 3_600_000.0, "description": description });
            (metric.to_string(), schema)
        };
        let properties: Map<String, Value> = figures.map(limit).collect();
        json_schema!({
            "type": "object",
            "description": "The service level objective: the most that each figure of a C-STORE's time may be, in ms.",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
        })
    }
}

impl Search {
    /// Returns the errors of a matrix beside a search: it may not vary the setting that the search raises. `document`
    /// may break the schema.
    pub(super) fn errors(document: &Value) -> Vec<FieldError> {
        let matrix = &document["matrix"];
        let axis = |name: &str| matrix[name].as_array().map_or(&[][..], Vec::as_slice);
        let mut errors = Vec::new();
        match document["search"]["axis"].as_str() {
            Some("associations") if axis("associations").len() > 1 => {
                let problem = "search.axis is associations, which sets them";
                errors.push(FieldError::new("matrix.associations", problem, "one value, from which the search starts"));
            }
            Some("rate") => {
                let problem = "search.axis is rate, and only native supports a schedule";
                let others = axis("sender").iter().position(|sender| sender != "native");
                let path = match (matrix["sender"].is_array(), others) {
                    (true, None) => None,
                    (true, Some(index)) => Some(format!("matrix.sender[{index}]")),
                    // The default is storescu.
                    (false, _) => Some("matrix.sender".to_owned()),
                };
                errors.extend(path.map(|path| FieldError::new(path, problem, "[\"native\"]")));
                if let Some(index) = axis("arrival").iter().position(|arrival| arrival != "closed") {
                    let problem = "search.axis is rate, which sets the arrival";
                    let path = format!("matrix.arrival[{index}]");
                    errors.push(FieldError::new(path, problem, "\"closed\", from which the search starts"));
                }
            }
            _ => {}
        }
        errors
    }
}

/// The setting that a search raises until the server cannot keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchAxis {
    /// Associations open at once.
    Associations,
    /// Instances that arrive a second.
    Rate,
}

/// A limit that every level must meet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Objective {
    /// The limited metric.
    pub metric: Metric,
    /// The greatest allowed value, in the metric's unit.
    pub max: f64,
}

// The word in requests and reports.
serde_plain::derive_display_from_serialize!(SearchAxis);

impl SearchAxis {
    /// Writes a level in words: `8 associations`, `47.5 instances per second`.
    #[must_use]
    pub fn words(self, level: f64) -> String {
        match (self, level) {
            (Self::Associations, 1.0) => "1 association".to_owned(),
            (Self::Associations, _) => format!("{level} associations"),
            (Self::Rate, _) => format!("{level} instances per second"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Request;
    use super::*;

    fn errors(request: Value) -> Vec<String> {
        let invalid = Request::from_json(&request).expect_err("a bad request");
        invalid.errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_search_survives_its_json() {
        let document = json!({
            "search": { "axis": "rate", "slo": { "latencyMs.p95": 200.0, "latencyMs.max": 1000.0 } },
            "matrix": { "sender": ["native"], "associations": [1, 8] },
        });
        let request = Request::from_json(&document).expect("a request");
        assert_eq!(serde_json::to_value(&request).expect("JSON")["search"], document["search"]);
        let search = request.search.expect("a search");
        let limit = |metric, max| Objective { metric, max };
        let expected = [limit(Metric::LatencyP95, 200.0), limit(Metric::LatencyMax, 1000.0)];
        assert_eq!(search.slo.objectives(), expected);
    }

    #[test]
    fn a_search_says_what_it_allows() {
        let found = errors(json!({ "search": { "axis": "load", "slo": { "latencyMs.p95": 0, "latencyMs.p42": 1 } } }));
        let figures = "latencyMs.p50, latencyMs.p90, latencyMs.p95, latencyMs.p99, latencyMs.max";
        let expected = [
            "search.axis: is \"load\"; allowed: one of \"associations\", \"rate\"".to_owned(),
            format!("search.slo.latencyMs.p42: is not a known field; allowed: {figures}"),
            "search.slo.latencyMs.p95: is 0; allowed: a number from 0.001 to 3600000.0".to_owned(),
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for expected in &expected {
            assert!(found.contains(expected), "{expected} is not in {found:#?}");
        }
        let found = errors(json!({ "search": { "axis": "rate", "slo": {} }, "matrix": { "sender": ["native"] } }));
        assert_eq!(found, [format!("search.slo: has 0 fields; allowed: at least 1 of {figures}")]);
        assert_eq!(errors(json!({ "search": { "axis": "associations" } })).len(), 1);
    }

    #[test]
    fn what_a_search_sets_is_refused_beside_it() {
        let slo = json!({ "latencyMs.p95": 200 });
        let found = errors(json!({ "search": { "axis": "associations", "slo": slo },
            "matrix": { "associations": [1, 2] } }));
        assert_eq!(
            found,
            ["matrix.associations: search.axis is associations, which sets them; allowed: one value, from which the \
              search starts"]
        );
        let found = errors(json!({ "search": { "axis": "rate", "slo": slo },
            "matrix": { "sender": ["native", "storescu"], "arrival": ["closed", { "open": 5 }] } }));
        let of_search: Vec<_> = found.iter().filter(|error| error.contains("search.axis")).collect();
        assert_eq!(
            of_search,
            [
                "matrix.sender[1]: search.axis is rate, and only native supports a schedule; allowed: [\"native\"]",
                "matrix.arrival[1]: search.axis is rate, which sets the arrival; allowed: \"closed\", from which the \
                 search starts",
            ]
        );
        let found = errors(json!({ "search": { "axis": "rate", "slo": slo } }));
        assert!(found[0].starts_with("matrix.sender: "), "{found:?}");
        let open = json!({ "search": { "axis": "associations", "slo": slo },
            "matrix": { "sender": ["native"], "associations": [4], "arrival": [{ "open": 5 }] } });
        assert!(Request::from_json(&open).is_ok());
    }
}
