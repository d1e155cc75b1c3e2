//! The search for the most that a server sustains, as it is asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Metric;
use crate::search::{Objective, SearchAxis};
use crate::validation::FieldError;

/// What is raised, and what has to hold meanwhile. How it is searched: docs/search.md.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// What is raised until the server cannot keep up.
    pub axis: SearchAxis,
    /// The service level objective that every level is held against.
    pub slo: Slo,
}

/// The most that each figure of a C-STORE's time may be, in ms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1))]
pub struct Slo {
    /// Median time of a C-STORE in ms.
    #[serde(rename = "latencyMs.p50", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 0.001, max = 3_600_000.0))]
    pub latency_p50: Option<f64>,
    /// 90th percentile in ms.
    #[serde(rename = "latencyMs.p90", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 0.001, max = 3_600_000.0))]
    pub latency_p90: Option<f64>,
    /// 95th percentile in ms.
    #[serde(rename = "latencyMs.p95", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 0.001, max = 3_600_000.0))]
    pub latency_p95: Option<f64>,
    /// 99th percentile in ms.
    #[serde(rename = "latencyMs.p99", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 0.001, max = 3_600_000.0))]
    pub latency_p99: Option<f64>,
    /// The slowest C-STORE in ms.
    #[serde(rename = "latencyMs.max", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 0.001, max = 3_600_000.0))]
    pub latency_max: Option<f64>,
}

impl Slo {
    /// One objective for each figure that is limited.
    #[must_use]
    pub fn objectives(&self) -> Vec<Objective> {
        [
            (Metric::LatencyP50, self.latency_p50),
            (Metric::LatencyP90, self.latency_p90),
            (Metric::LatencyP95, self.latency_p95),
            (Metric::LatencyP99, self.latency_p99),
            (Metric::LatencyMax, self.latency_max),
        ]
        .into_iter()
        .filter_map(|(metric, max)| Some(Objective { metric, max: max? }))
        .collect()
    }
}

impl Search {
    /// What a matrix may not have beside a search: the search sets it. `document` may break the schema.
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
                let problem = "search.axis is rate, and only native keeps a schedule";
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
                "matrix.sender[1]: search.axis is rate, and only native keeps a schedule; allowed: [\"native\"]",
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
