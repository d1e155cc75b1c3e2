//! The rule that compares Orthanc's live configuration with the advice for ingest.

use dicomperf_model::orthanc::{Advice, Load, Place, SETTINGS, Setting};
use dicomperf_model::request::{Request, Target, TcpNoDelay};
use dicomperf_model::results::{
    Confidence, ConfigurationAdvice, Evidence, Finding, Rule, ServerConfigurationSummary, Summary,
};
use serde_json::Value;

/// Returns the advice for each setting; empty if the server did not report its configuration.
pub(super) fn advice(summary: &Summary) -> Vec<ConfigurationAdvice> {
    let live = summary.server_configuration.as_ref().filter(|live| !live.orthanc.is_empty());
    let Some(live) = live else { return Vec::new() };
    let load = load(summary);
    advised()
        .map(|(setting, advice)| {
            let value = live_value(setting, live);
            ConfigurationAdvice {
                key: setting.name.to_owned(),
                followed: value.as_ref().map(|value| (advice.is_followed)(value, load)),
                // JSON has one null, which also stands for a value that is not set.
                value: value.filter(|value| !value.is_null()),
                advised: (advice.advised)(load),
                why: advice.why.to_owned(),
                source: advice.source.to_owned(),
            }
        })
        .collect()
}

/// Returns one finding for all settings that do not follow the advice, cost a C-STORE something, and are not set by the
/// request itself.
pub(super) fn find(summary: &Summary) -> Option<Finding> {
    let orthanc = |target| target == Target::Orthanc;
    if !summary.scenarios.iter().any(|one| one.valid_iterations > 0 && orthanc(one.settings.target)) {
        return None;
    }
    let costs = |name: &str| advised().any(|(setting, advice)| setting.name == name && advice.costs_ingest);
    let missed: Vec<_> = advice(summary)
        .into_iter()
        .filter(|one| one.followed == Some(false) && costs(&one.key) && !is_asked_for(&summary.request, &one.key))
        .collect();
    let keys: Vec<_> = missed.iter().map(|advice| advice.key.as_str()).collect();
    let count = f64::from(u32::try_from(keys.len()).unwrap_or(u32::MAX));
    (!keys.is_empty()).then(|| Finding {
        rule: Rule::Configuration,
        confidence: Confidence::Possible,
        scenarios: Vec::new(),
        says: format!(
            "In the last block run Orthanc's configuration did not follow the advice for ingest: {}.",
            keys.join(", ")
        ),
        evidence: vec![Evidence {
            scenario: None,
            figure: "settings that affect C-STORE and are not as advised".to_owned(),
            value: count,
            unit: String::new(),
            limit: "at least 1".to_owned(),
        }],
        lacks: None,
        fix: missed.iter().map(|one| format!("{}: {}.", one.key, one.advised)).collect::<Vec<_>>().join(" "),
        gain: None,
    })
}

/// True if the request itself sets or varies a setting. Its value is then intended.
fn is_asked_for(request: &Request, name: &str) -> bool {
    let matrix = &request.matrix;
    match name {
        "TCP_NODELAY" => matrix.tcp_no_delay != [TcpNoDelay::default()],
        "MaximumPduLength" => true,
        key => request.server.orthanc.contains_key(key) || matrix.orthanc.iter().any(|keys| keys.contains_key(key)),
    }
}

fn advised() -> impl Iterator<Item = (&'static Setting, &'static Advice)> {
    SETTINGS.iter().filter_map(|setting| Some((setting, setting.advice.as_ref()?)))
}

fn load(summary: &Summary) -> Load {
    let associations = summary.request.matrix.associations.iter().copied().max().unwrap_or(1);
    Load { associations, instances: summary.dataset.instances }
}

/// Returns a setting's value; `None` where the server did not report it.
fn live_value(setting: &Setting, live: &ServerConfigurationSummary) -> Option<Value> {
    match setting.place {
        Place::Key(default) => {
            let file = live.orthanc.get("configuration")?;
            Some(file.get(setting.name).cloned().unwrap_or_else(default))
        }
        // The environment is empty if the process had ended.
        Place::Environment if live.environment.is_empty() => None,
        Place::Environment => Some(live.environment.get(setting.name).cloned().unwrap_or(Value::Null)),
        Place::System => Some(live.orthanc.get("system")?.get(setting.name).cloned().unwrap_or(Value::Null)),
    }
}
