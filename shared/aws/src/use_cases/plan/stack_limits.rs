//! Limits that the stack's parameters set. Whoever may start a run cannot raise them.

use std::collections::BTreeMap;

use serde_json::Value;

use dicomperf_model::host_type::TypePreference;
use dicomperf_model::request::{Existing, Request, S3Objects};
use dicomperf_model::validation::FieldError;

use super::allowed_servers;
use crate::clients::parameters::CREDENTIALS_PREFIX;

/// Tags of a resource in EC2 at most, less ten for this project's own (Amazon EC2 User Guide, Tag restrictions).
const MAX_TAGS: usize = 40;
/// Characters of a tag's key at most (same page).
const MAX_TAG_KEY_CHARACTERS: usize = 128;
/// Characters of a tag's value at most (same page).
const MAX_TAG_VALUE_CHARACTERS: usize = 256;

/// Limits of a stack. The default has no limit, and allows no existing server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StackLimits {
    /// The highest `limits.maxCostUsd`: parameter MaxCostUsd.
    pub max_cost_usd: Option<f64>,
    /// Runs at the same time at most: parameter MaxConcurrentRuns.
    pub max_concurrent_runs: Option<u32>,
    /// Patterns of the allowed instance types: parameter AllowedInstanceTypes. Empty to allow every type.
    pub instance_types: Vec<String>,
    /// The bucket with a user's own objects: parameter DatasetBucket.
    pub dataset_bucket: Option<String>,
    /// Prefix of the objects in that bucket that may be sent: parameter DatasetPrefix.
    pub dataset_prefix: Option<String>,
    /// More tags for the hosts, as JSON: parameter HostTags.
    pub tags: Option<String>,
    /// The existing servers that a run may send to, with commas between them: parameter AllowedServers.
    pub allowed_servers: String,
}

impl StackLimits {
    /// Lowers the defaults of a request to the stack's limits. A limit that the document sets itself stays as it is.
    pub fn lower_defaults(&self, request: &mut Request, document: &Value) {
        if let Some(most) = self.max_cost_usd
            && document.pointer("/limits/maxCostUsd").is_none()
        {
            request.limits.max_cost_usd = request.limits.max_cost_usd.min(most);
        }
    }

    /// Returns an error for each limit that the request exceeds.
    #[must_use]
    pub fn errors(&self, request: &Request) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let cost = request.limits.max_cost_usd;
        if let Some(most) = self.max_cost_usd.filter(|most| cost > *most) {
            let allowed = format!("at most {most}, the stack's parameter MaxCostUsd");
            errors.push(FieldError::new("limits.maxCostUsd", format!("is {cost}"), allowed));
        }
        match &request.server.existing {
            Some(existing) => errors.extend(self.existing_errors(existing)),
            None => errors.extend(self.type_errors("server.instanceType", &request.server.instance_type)),
        }
        errors.extend(self.type_errors("client.instanceType", &request.client.instance_type));
        errors.extend(request.dataset.s3.as_ref().and_then(|objects| self.dataset_error(objects)));
        errors.extend(self.tags.as_deref().and_then(tags_error));
        errors
    }

    /// Returns an error for each candidate that the stack does not allow.
    fn type_errors(&self, path: &str, types: &TypePreference) -> Vec<FieldError> {
        if self.instance_types.is_empty() {
            return Vec::new();
        }
        let is_refused = |name: &&str| !self.instance_types.iter().any(|pattern| is_like(name, pattern));
        let refused = types.iter().filter(is_refused);
        let allowed = format!("{}, the stack's parameter AllowedInstanceTypes", self.instance_types.join(", "));
        refused.map(|name| FieldError::new(path, format!("is {name}"), allowed.clone())).collect()
    }

    fn existing_errors(&self, existing: &Existing) -> Vec<FieldError> {
        let mut errors = allowed_servers::errors(&self.allowed_servers, existing);
        if let Some(name) = existing.credentials.as_ref().filter(|name| !name.starts_with(CREDENTIALS_PREFIX)) {
            let allowed = format!("a name that begins with {CREDENTIALS_PREFIX}: the stack may read no other");
            errors.push(FieldError::new("server.existing.credentials", format!("is {name}"), allowed));
        }
        errors
    }

    fn dataset_error(&self, objects: &S3Objects) -> Option<FieldError> {
        let prefix = self.dataset_prefix.as_ref()?;
        if self.dataset_bucket.as_ref() != Some(&objects.bucket) || objects.prefix.starts_with(prefix.as_str()) {
            return None;
        }
        let allowed = format!("a prefix that starts with {prefix}, the stack's parameter DatasetPrefix");
        Some(FieldError::new("dataset.s3.prefix", format!("is {:?}", objects.prefix), allowed))
    }
}

/// Compares as IAM's StringLike: `*` stands for any characters and `?` for one; upper and lower case differ.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    // True at `n` if the pattern so far matches the first `n` characters.
    let mut matches: Vec<bool> = (0..=text.len()).map(|length| length == 0).collect();
    for symbol in pattern {
        let before = matches.clone();
        for length in 0..=text.len() {
            matches[length] = match symbol {
                '*' => before[..=length].contains(&true),
                _ if length == 0 => false,
                '?' => before[length - 1],
                _ => before[length - 1] && text[length - 1] == symbol,
            };
        }
    }
    matches[text.len()]
}

/// Returns the error in the stack's tags, if there is one. The template's pattern lets some texts through that are no
/// JSON, and EC2 refuses some tags only when a host is launched.
fn tags_error(tags: &str) -> Option<FieldError> {
    let error =
        |problem: String, allowed: &str| Some(FieldError::new("the stack's parameter HostTags", problem, allowed));
    let tags: BTreeMap<String, String> = match serde_json::from_str(tags) {
        Ok(tags) => tags,
        Err(reason) => return error(format!("cannot be read: {reason}"), "a JSON object of strings"),
    };
    if tags.len() > MAX_TAGS {
        return error(format!("has {} tags", tags.len()), "at most 40 tags");
    }
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > MAX_TAG_KEY_CHARACTERS || key.to_lowercase().starts_with("aws:") {
            return error(format!("has the key {key:?}"), "1 to 128 characters, not starting with aws:");
        }
        if value.chars().count() > MAX_TAG_VALUE_CHARACTERS {
            return error(format!("has a long value at {key:?}"), "at most 256 characters");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limits() -> StackLimits {
        StackLimits {
            max_cost_usd: Some(0.5),
            max_concurrent_runs: None,
            instance_types: vec!["t3.*".to_owned(), "m6i.large".to_owned()],
            dataset_bucket: Some("images".to_owned()),
            dataset_prefix: Some("shared/".to_owned()),
            tags: Some(r#"{"team": "pacs"}"#.to_owned()),
            allowed_servers: "pacs.example.org:104,10.0.0.0/8:8042".to_owned(),
        }
    }

    fn errors(limits: &StackLimits, document: &Value) -> Vec<String> {
        let mut request = Request::from_json(document).expect("a valid request");
        limits.lower_defaults(&mut request, document);
        limits.errors(&request).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_stack_without_limits_refuses_nothing() {
        let document = json!({ "server": { "instanceType": "r7i.4xlarge" }, "limits": { "maxCostUsd": 1000 } });
        assert_eq!(errors(&StackLimits::default(), &document), Vec::<String>::new());
    }

    #[test]
    fn every_field_over_a_limit_is_named_with_the_stacks_parameter() {
        let document = json!({
            "dataset": { "s3": { "bucket": "images", "prefix": "private/" } },
            "server": { "instanceType": "m6i.xlarge" },
            "limits": { "maxCostUsd": 0.75 },
        });
        assert_eq!(
            errors(&limits(), &document),
            [
                "limits.maxCostUsd: is 0.75; allowed: at most 0.5, the stack's parameter MaxCostUsd",
                "server.instanceType: is m6i.xlarge; allowed: t3.*, m6i.large, the stack's parameter \
                 AllowedInstanceTypes",
                "dataset.s3.prefix: is \"private/\"; allowed: a prefix that starts with shared/, the stack's parameter \
                 DatasetPrefix",
            ]
        );
    }

    #[test]
    fn an_existing_server_must_be_allowed_and_has_no_instance_type() {
        let request = |address: &str, credentials: &str| {
            json!({
                "server": { "existing": {
                    "address": address, "port": 104, "aeTitle": "PACS", "receipt": "orthanc",
                    "url": "http://10.0.0.7:8042", "credentials": credentials,
                } },
                "client": { "instanceType": "m6i.large" },
            })
        };
        let limits = StackLimits { instance_types: vec!["m6i.*".to_owned()], ..limits() };
        assert_eq!(errors(&limits, &request("pacs.example.org", "/dicomperf/pacs")), Vec::<String>::new());
        assert_eq!(
            errors(&limits, &request("other.example.org", "/production/pacs")),
            [
                "server.existing.address: is other.example.org:104; allowed: pacs.example.org:104,10.0.0.0/8:8042, the \
                 stack's parameter AllowedServers",
                "server.existing.credentials: is /production/pacs; allowed: a name that begins with /dicomperf/: the stack \
                 may read no other",
            ]
        );
        let without = errors(&StackLimits::default(), &request("pacs.example.org", "/dicomperf/pacs"));
        assert_eq!(without.len(), 2, "a stack without the parameter allows no server: {without:?}");
    }

    #[test]
    fn a_request_that_sets_no_cost_gets_the_lower_one_of_default_and_limit() {
        let document = json!({});
        for (limit, expected) in [(0.5, 0.5), (100.0, 1.0)] {
            let mut request = Request::from_json(&document).expect("a valid request");
            StackLimits { max_cost_usd: Some(limit), ..limits() }.lower_defaults(&mut request, &document);
            assert!((request.limits.max_cost_usd - expected).abs() < 1e-9, "{}", request.limits.max_cost_usd);
        }
    }

    #[test]
    fn the_prefix_concerns_the_stacks_dataset_bucket_only() {
        let document = json!({ "dataset": { "s3": { "bucket": "stack-bucket", "prefix": "datasets/a/" } } });
        assert_eq!(errors(&limits(), &document), Vec::<String>::new());
        let document = json!({ "dataset": { "s3": { "bucket": "images", "prefix": "shared/a/" } } });
        assert_eq!(errors(&limits(), &document), Vec::<String>::new());
    }

    #[test]
    fn every_candidate_that_is_not_allowed_is_named() {
        let candidates = json!(["t3.micro", "c5.large", "m6i.large", "M6i.large"]);
        let candidates = serde_json::from_value(candidates).expect("types");
        let refused: Vec<_> =
            limits().type_errors("server.instanceType", &candidates).into_iter().map(|error| error.problem).collect();
        assert_eq!(refused, ["is c5.large", "is M6i.large"]);
    }

    #[test]
    fn wildcards_are_those_of_iams_string_like() {
        for (text, pattern, expected) in [
            ("t3.micro", "*", true),
            ("t3.micro", "t3.*", true),
            ("t3a.micro", "t3.*", false),
            ("t3a.micro", "t3?.micro", true),
            ("t3.micro", "t3?.micro", false),
            ("m6i.2xlarge", "m?i.*large", true),
            ("m6i.large", "m6i.large*", true),
            ("m6i.large", "large", false),
            ("", "?", false),
            ("", "", true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} like {pattern}");
        }
    }

    #[test]
    fn tags_that_ec2_would_refuse_are_refused_before_a_host_is_launched() {
        let many = format!("{{{}}}", (0..41).map(|n| format!("\"k{n}\": \"v\"")).collect::<Vec<_>>().join(","));
        let long = format!(r#"{{"key": "{}"}}"#, "x".repeat(257));
        for (tags, problem) in [
            (r#"{"team": "\x"}"#, "cannot be read"),
            ("[]", "cannot be read"),
            (r#"{"aws:team": "pacs"}"#, "has the key \"aws:team\""),
            (r#"{"": "pacs"}"#, "has the key \"\""),
            (many.as_str(), "has 41 tags"),
            (long.as_str(), "has a long value"),
        ] {
            let error = tags_error(tags).unwrap_or_else(|| panic!("{tags} is accepted")).to_string();
            assert!(error.starts_with("the stack's parameter HostTags: ") && error.contains(problem), "{error}");
        }
        assert_eq!(tags_error(r#"{"team": "pacs", "cost centre": "42"}"#), None);
    }
}
