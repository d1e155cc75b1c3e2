//! Builds of Orthanc: the distribution's package, or executables from S3 that are known by their hashes.

use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::validation::FieldError;

/// Builds of a matrix at most: each has a block of its own in every round.
const MAX_BUILDS: usize = 8;
/// Plugins of a build at most. The session that signs their URLs names each one, within STS's 2,048 characters.
const MAX_PLUGINS: usize = 4;
/// Characters of an object's key: those that need no quotes in a path or a policy.
const KEY_PATTERN: &str = r"^[A-Za-z0-9][A-Za-z0-9_.+=@/-]{0,119}$";
/// A SHA-256 as sha256sum(1) writes it.
const SHA256_PATTERN: &str = "^[0-9a-f]{64}$";
/// Characters of a hash that identify a build in a report.
const SHORT_HASH: usize = 12;

/// A build of Orthanc.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrthancBuild {
    /// `"distribution"`: the package of the server's Debian or Ubuntu.
    #[default]
    Distribution,
    /// `{"s3": {...}}`: an executable from S3.
    S3(S3Build),
}

/// A build of Orthanc in S3: one executable, with or without plugins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Build {
    /// The bucket of the executable and of the plugins.
    pub bucket: String,
    /// Key of the executable.
    pub key: String,
    /// SHA-256 of the executable, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Plugins to load, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<BuildObject>,
    /// A name in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// An object of a build, in the build's bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildObject {
    /// Key of the object.
    pub key: String,
    /// SHA-256 of the object, in lower-case hexadecimal digits.
    pub sha256: String,
}

impl OrthancBuild {
    /// Returns the build in S3; `None` for the distribution's package.
    #[must_use]
    pub const fn s3(&self) -> Option<&S3Build> {
        match self {
            Self::Distribution => None,
            Self::S3(build) => Some(build),
        }
    }

    /// True for the distribution's package.
    #[must_use]
    pub const fn is_distribution(&self) -> bool {
        matches!(self, Self::Distribution)
    }

    /// Returns the build without its names: equal for the same files.
    pub(crate) fn without_names(&self) -> Self {
        let Some(sha256) = self.content() else { return Self::Distribution };
        Self::S3(S3Build { bucket: String::new(), key: String::new(), sha256, plugins: Vec::new(), label: None })
    }

    /// Returns the name in reports: `distribution`, `build 0123456789ab` or `1.12.9 (0123456789ab)`.
    #[must_use]
    pub fn name(&self) -> String {
        let Some(build) = self.s3() else { return "distribution".to_owned() };
        let hash = build.identity().chars().take(SHORT_HASH).collect::<String>();
        build.label.as_ref().map_or_else(|| format!("build {hash}"), |label| format!("{label} ({hash})"))
    }

    /// Returns the content of the build: equal for the same files, under any label and any key. `None` for the
    /// distribution's package, as before there were builds.
    #[must_use]
    pub fn content(&self) -> Option<String> {
        self.s3().map(S3Build::identity)
    }

    /// Returns the errors that the schema cannot express, in the axis of a document: the same build twice, or the same
    /// label.
    pub(crate) fn errors(axis: &Value) -> Vec<FieldError> {
        let builds = axis.as_array().map_or(&[][..], Vec::as_slice);
        let (mut contents, mut labels, mut errors) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for (index, build) in builds.iter().enumerate() {
            let path = |field: &str| format!("matrix.orthancBuild[{index}].s3.{field}");
            let Ok(Self::S3(build)) = serde_json::from_value::<Self>(build.clone()) else { continue };
            if !contents.insert(build.identity()) {
                errors.push(FieldError::new(
                    path("sha256"),
                    "names the same files as another build",
                    "each build once",
                ));
            }
            if let Some(label) = build.label.filter(|label| !labels.insert(label.clone())) {
                errors.push(FieldError::new(path("label"), format!("is {label:?} twice"), "each label once"));
            }
        }
        errors
    }
}

impl S3Build {
    /// Returns the executable and the plugins, each with the name of its field.
    pub fn objects(&self) -> impl Iterator<Item = (String, &str, &str)> {
        let program = std::iter::once(("key".to_owned(), self.key.as_str(), self.sha256.as_str()));
        let plugins = self.plugins.iter().enumerate();
        program
            .chain(plugins.map(|(index, one)| (format!("plugins[{index}].key"), one.key.as_str(), one.sha256.as_str())))
    }

    /// Returns a hash of all files: that of the executable, if there is no plugin.
    fn identity(&self) -> String {
        if self.plugins.is_empty() {
            return self.sha256.clone();
        }
        let hashes: Vec<_> = self.objects().map(|(_, _, sha256)| sha256).collect();
        crate::hash::sha256_hex(hashes.join("\n").as_bytes())
    }
}

impl JsonSchema for OrthancBuild {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OrthancBuild".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let key = json!({ "type": "string", "pattern": KEY_PATTERN });
        let sha256 = json!({ "type": "string", "pattern": SHA256_PATTERN });
        let plugin = json!({
            "type": "object",
            "properties": { "key": key, "sha256": sha256 },
            "required": ["key", "sha256"],
            "additionalProperties": false,
        });
        let build = json!({
            "type": "object",
            "properties": {
                "bucket": { "type": "string", "pattern": r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$" },
                "key": key,
                "sha256": sha256,
                "plugins": { "type": "array", "items": plugin, "maxItems": MAX_PLUGINS },
                "label": { "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,31}$" },
            },
            "required": ["bucket", "key", "sha256"],
            "additionalProperties": false,
        });
        json_schema!({ "anyOf": [
            { "const": "distribution", "description": "The package of the server's Debian or Ubuntu." },
            {
                "type": "object",
                "properties": { "s3": build },
                "required": ["s3"],
                "additionalProperties": false,
                "description": "An executable from S3, checked by its SHA-256.",
            },
        ] })
    }
}

/// Returns the JSON Schema of the axis.
pub(crate) fn axis_schema(generator: &mut SchemaGenerator) -> Schema {
    let items = OrthancBuild::json_schema(generator);
    json_schema!({ "type": "array", "items": items, "minItems": 1, "maxItems": MAX_BUILDS, "uniqueItems": true })
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;

    fn build(sha256: &str) -> Value {
        json!({ "s3": { "bucket": "own-builds", "key": "builds/Orthanc", "sha256": sha256 } })
    }

    fn errors(builds: Value) -> Vec<String> {
        let document = json!({ "matrix": { "orthancBuild": builds } });
        let invalid = Request::from_json(&document).expect_err("a bad request");
        invalid.errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_build_is_known_by_its_files_and_not_by_its_label() {
        let of = |value: Value| serde_json::from_value::<OrthancBuild>(value).expect("a build");
        let plain = of(build(&"a".repeat(64)));
        let mut labelled = build(&"a".repeat(64));
        labelled["s3"]["label"] = json!("new");
        labelled["s3"]["key"] = json!("builds/other");
        let labelled = of(labelled);
        assert_eq!(plain.content(), labelled.content());
        assert_eq!((plain.name().as_str(), labelled.name().as_str()), ("build aaaaaaaaaaaa", "new (aaaaaaaaaaaa)"));
        let mut with_plugin = build(&"a".repeat(64));
        with_plugin["s3"]["plugins"] = json!([{ "key": "builds/p.so", "sha256": "b".repeat(64) }]);
        assert_ne!(of(with_plugin).content(), plain.content());
        assert_eq!(OrthancBuild::Distribution.content(), None);
    }

    #[test]
    fn every_error_of_a_build_names_its_field() {
        let mut twice = build(&"a".repeat(64));
        twice["s3"]["label"] = json!("copy");
        assert_eq!(
            errors(json!([build(&"a".repeat(64)), twice])),
            ["matrix.orthancBuild[1].s3.sha256: names the same files as another build; allowed: each build once"]
        );
        let found = errors(json!([build("ABC")]));
        assert!(found.len() == 1 && found[0].starts_with("matrix.orthancBuild[0]"), "{found:?}");
        assert!(errors(json!(["mainline"]))[0].starts_with("matrix.orthancBuild[0]: is \"mainline\""));
    }
}
