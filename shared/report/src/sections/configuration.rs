//! The sections on the configuration: hosts, versions, settings, and the advice for ingest.

use super::{row, section, sender_name};
use crate::document::{Block, Section, Table, Text, Tone};
use crate::names::{Names, plain_text, value};
use dicomperf_model::plan::HostPlan;
use dicomperf_model::results::Summary;
use dicomperf_model::settings::Axis;
use dicomperf_model::step::HostRole;
use strum::VariantArray as _;

pub(super) fn configuration(summary: &Summary, names: &Names) -> Option<Section> {
    let mut blocks = vec![hosts(summary).into()];
    if let Some(scenario) = summary.scenarios.first() {
        let alike: Vec<_> = Axis::VARIANTS
            .iter()
            .filter(|axis| !names.varying.contains(axis))
            .filter(|axis| summary.existing.is_none() || **axis != Axis::Orthanc)
            .map(|axis| format!("{} {}", axis.label(), value(&axis.value(&scenario.settings))))
            .collect();
        if !alike.is_empty() {
            blocks.push(Block::words(format!("In every scenario: {}.", alike.join(", "))));
        }
    }
    if let Some(live) = &summary.server_configuration {
        let environment = live.environment.iter().map(|entry| (entry, "environment"));
        let keys = live.orthanc.iter().map(|entry| (entry, "configuration"));
        let rows =
            environment.chain(keys).map(|((key, value), of)| row([of.to_owned(), key.clone(), plain_text(value)]));
        let columns = ["Orthanc in the last block run", "key", "value"];
        blocks.push(Table::new("Orthanc's live configuration", columns, 3).with_rows(rows).into());
    }
    section("configuration", "Configuration", blocks)
}

/// Describes both ends: the server and the client, or this machine.
fn hosts(summary: &Summary) -> Table {
    let mut rows = addresses(summary);
    rows.extend(planned(summary));
    rows.extend(software(summary));
    let columns = ["host", "server", sender_name(summary)];
    Table::new("Hosts and what they ran", columns, 3).with_rows(rows)
}

/// Returns the rows on an existing server's address and implementation.
fn addresses(summary: &Summary) -> Vec<Vec<Text>> {
    let Some(existing) = &summary.existing else { return Vec::new() };
    let server = &existing.server;
    let calling = summary.request.client.ae_title.as_str();
    vec![
        row(["address".to_owned(), format!("{}:{}", server.address, server.port), "–".to_owned()]),
        row(["AE title".to_owned(), server.ae_title.clone(), calling.to_owned()]),
        row([
            "implementation".to_owned(),
            server.implementation().unwrap_or_else(|| "unknown".to_owned()),
            "–".to_owned(),
        ]),
    ]
}

/// Returns the rows on the hosts that the run launches.
fn planned(summary: &Summary) -> Vec<Vec<Text>> {
    if summary.hosts.iter().next().is_none() {
        return Vec::new();
    }
    let host = |plan: &HostPlan| match plan.cpu_credits {
        Some(credits) => format!("{}, {} credits", plan.instance_type, format!("{credits:?}").to_lowercase()),
        None => plan.instance_type.clone(),
    };
    let of =
        |role, words: &dyn Fn(&HostPlan) -> String| summary.hosts.get(role).map_or_else(|| "unknown".to_owned(), words);
    let both = |name: &str, words: &dyn Fn(&HostPlan) -> String| {
        row([name.to_owned(), of(HostRole::Server, words), of(HostRole::Client, words)])
    };
    vec![
        both("type", &host),
        both("volume", &|plan| format!("{} GiB", plan.volume_gib)),
        both("AMI", &|plan| plan.ami.clone()),
    ]
}

/// Returns the rows on the software of both ends.
fn software(summary: &Summary) -> Vec<Vec<Text>> {
    let (server, client) = (summary.versions.server.as_ref(), summary.versions.client.as_ref());
    let unknown = if summary.existing.is_some() { "unknown" } else { "–" };
    [
        ("operating system", server.map(|host| &*host.os), client.map(|host| &*host.os)),
        ("kernel", server.map(|host| &*host.kernel), client.map(|host| &*host.kernel)),
        ("agent", server.map(|host| &*host.agent), client.map(|host| &*host.agent)),
        ("Orthanc", server.and_then(|host| host.orthanc.as_deref()), None),
        ("DCMTK", None, client.and_then(|host| host.dcmtk.as_deref())),
    ]
    .into_iter()
    // An existing server has no agent, and announces its software as an implementation.
    .filter(|(name, ..)| summary.existing.is_none() || *name != "Orthanc")
    .map(|(name, server, client)| {
        let absent = if ["agent", "DCMTK"].contains(&name) { "–" } else { unknown };
        row([name.to_owned(), server.unwrap_or(absent).to_owned(), client.unwrap_or("–").to_owned()])
    })
    .collect()
}

pub(super) fn advice(summary: &Summary) -> Option<Section> {
    let rows = summary.configuration_advice.iter().map(|one| {
        let followed = match one.followed {
            Some(true) => (Tone::Good, "as advised"),
            Some(false) => (Tone::Caution, "not as advised"),
            None => (Tone::Neutral, "not known"),
        };
        vec![
            Text::from(one.key.as_str()),
            one.value.as_ref().map_or_else(|| "–".to_owned(), plain_text).into(),
            one.advised.as_str().into(),
            Text::new().badge(followed.0, followed.1),
            one.why.as_str().into(),
            one.source.as_str().into(),
        ]
    });
    let columns = ["setting", "value", "advised", "state", "why", "source"];
    let table = Table::new("Orthanc's configuration against what is advised for ingest", columns, 6).with_rows(rows);
    let blocks = if table.rows.is_empty() { Vec::new() } else { vec![table.into()] };
    section("advice", "What is advised for ingest", blocks)
}
