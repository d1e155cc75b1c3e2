//! The figures of the page as compact JSON.

use std::collections::BTreeMap;

use dicomperf_analysis::change_points::{Segment, segments};
use dicomperf_model::history::HistoryEntry;
use dicomperf_model::results::{RunStatus, Verdict};
use dicomperf_model::words::plural;
use serde_json::{Value, json};

use crate::document::on_one_line;
use crate::history_runs::{HistoryPage, MAX_POINTS, MAX_RUNS};

/// The runs and series of the page.
pub(super) struct Data {
    runs: Vec<Value>,
    series: Vec<Value>,
    texts: Texts,
    changes: usize,
    dropped_runs: usize,
    dropped_points: usize,
    rest: Value,
}

/// Texts that many runs share. Each is written once.
#[derive(Default)]
struct Texts {
    places: BTreeMap<String, usize>,
    all: Vec<String>,
}

/// Run indices and figures of one fingerprint and scenario, the oldest first.
struct Series {
    fingerprint: usize,
    settings: usize,
    runs: Vec<usize>,
    rates: Vec<f64>,
    latencies: Vec<Option<f64>>,
}

impl Texts {
    fn place(&mut self, text: &str) -> usize {
        let text = on_one_line(text);
        if let Some(place) = self.places.get(&*text) {
            return *place;
        }
        self.all.push(text.to_string());
        self.places.insert(text.to_string(), self.all.len() - 1);
        self.all.len() - 1
    }
}

impl Data {
    pub(super) fn new(page: &HistoryPage<'_>) -> Self {
        let mut entries: Vec<_> = page.entries.iter().collect();
        entries.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.run_id.cmp(&a.run_id)));
        let dropped_runs = entries.len().saturating_sub(MAX_RUNS);
        entries.truncate(MAX_RUNS);
        let mut texts = Texts::default();
        let names: BTreeMap<&str, Vec<&str>> = page.baselines.iter().fold(BTreeMap::new(), |mut names, one| {
            names.entry(one.run_id.as_str()).or_default().push(&one.name);
            names
        });
        let runs = entries
            .iter()
            .map(|entry| {
                json!([
                    entry.run_id,
                    entry.name.as_deref().map(|name| texts.place(name)),
                    entry.created_at.as_second(),
                    texts.place(verdict_words(entry)),
                    entry.fingerprint.as_deref().map(|fingerprint| texts.place(fingerprint)),
                    entry.measured.as_deref().map(|measured| texts.place(measured)),
                    entry.error.as_deref().map(|error| texts.place(error)),
                    u8::from(entry.has_report) + 2 * u8::from(page.local_reports.contains(&entry.run_id)),
                    names.get(entry.run_id.as_str()).map(|names| names.join(", ")),
                ])
            })
            .collect();
        let (all, dropped_points) = series(&entries, &mut texts);
        let divided: Vec<_> = all.iter().map(|one| segments(&one.rates)).collect();
        Self {
            runs,
            changes: divided.iter().map(|segments| segments.len().saturating_sub(1)).sum(),
            series: all.iter().zip(&divided).map(|(series, segments)| series.json(segments)).collect(),
            texts,
            dropped_runs,
            dropped_points,
            rest: json!({
                "bucket": page.bucket.map(|(bucket, _)| bucket), "region": page.bucket.map(|(_, region)| region),
                "retentionDays": page.retention_days,
            }),
        }
    }

    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn changes(&self) -> usize {
        self.changes
    }

    pub(super) fn has_series(&self) -> bool {
        !self.series.is_empty()
    }

    /// Returns the sentence on runs and figures that the page does not show.
    pub(super) fn left_out(&self) -> Option<String> {
        let runs = (self.dropped_runs > 0)
            .then(|| format!("{} with an earlier time left out.", plural(self.dropped_runs as u64, "run")));
        let points = (self.dropped_points > 0).then(|| {
            format!("{} of earlier runs left out of the charts.", plural(self.dropped_points as u64, "figure"))
        });
        let all: Vec<_> = [runs, points].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// Returns the JSON. A script element ends at `</script`, whatever stands around it, so `<` is written as an escape.
    pub(super) fn json(&self) -> String {
        let data = json!({ "texts": self.texts.all, "runs": self.runs, "series": self.series, "rest": self.rest });
        data.to_string().replace('<', "\\u003c")
    }
}

/// Returns the series, the one with the latest run first, and the number of figures that were left out.
fn series(entries: &[&HistoryEntry], texts: &mut Texts) -> (Vec<Series>, usize) {
    let (mut found, mut places) = (Vec::new(), BTreeMap::new());
    let (mut points, mut dropped) = (0, 0);
    for (index, entry) in entries.iter().enumerate() {
        let Some(fingerprint) = entry.fingerprint.as_deref() else { continue };
        if points + entry.scenarios.len() > MAX_POINTS {
            dropped += entry.scenarios.len();
            continue;
        }
        points += entry.scenarios.len();
        for point in &entry.scenarios {
            let place = *places.entry((fingerprint, point.settings_key.as_str())).or_insert_with(|| {
                found.push(Series {
                    fingerprint: texts.place(fingerprint),
                    settings: texts.place(&point.settings),
                    runs: Vec::new(),
                    rates: Vec::new(),
                    latencies: Vec::new(),
                });
                found.len() - 1
            });
            let series: &mut Series = &mut found[place];
            series.runs.push(index);
            series.rates.push(point.instances_per_second);
            series.latencies.push(point.p95_ms);
        }
    }
    for series in &mut found {
        series.runs.reverse();
        series.rates.reverse();
        series.latencies.reverse();
    }
    (found, dropped)
}

impl Series {
    fn json(&self, segments: &[Segment]) -> Value {
        let segments: Vec<_> = segments
            .iter()
            .map(|one| {
                let noise = one.noise.as_ref();
                json!([
                    one.runs.start,
                    one.runs.end,
                    rounded(one.median),
                    noise.map(|noise| rounded(noise.low)),
                    noise.map(|noise| rounded(noise.high)),
                    one.ratio.map(rounded),
                ])
            })
            .collect();
        json!({
            "fingerprint": self.fingerprint, "settings": self.settings, "runs": self.runs, "rates": self.rates,
            "p95": self.latencies, "segments": segments,
        })
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn verdict_words(entry: &HistoryEntry) -> &'static str {
    match (entry.status, entry.verdict) {
        (RunStatus::Failed | RunStatus::Running, _) => "failed",
        (_, Verdict::Passed) => "passed",
        (_, Verdict::ThresholdBroken) => "threshold broken",
        (_, Verdict::Regressed) => "regressed",
        (_, Verdict::Invalid | Verdict::CheckFailed) => "invalid",
    }
}
