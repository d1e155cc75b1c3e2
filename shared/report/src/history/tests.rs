use std::collections::BTreeSet;
use std::path::Path;

use dicomperf_model::history::{HistoryEntry, HistoryPoint, NamedBaseline};
use dicomperf_model::results::{RunStatus, Verdict};
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::history_runs::MAX_RUNS;

fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

/// Made-up runs, one an hour. Each series gets a tenth slower in the middle.
fn made_up(runs: u32, series: u32) -> Vec<HistoryEntry> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    (0..runs)
        .map(|run| {
            let of = run % series;
            let speed = if run < runs / 2 { 100.0 } else { 90.0 } * f64::from(1 + of);
            let failed = run % 97 == 5;
            let verdict = match run % 50 {
                _ if failed => Verdict::Invalid,
                7 => Verdict::ThresholdBroken,
                9 => Verdict::Regressed,
                _ => Verdict::Passed,
            };
            let point = HistoryPoint {
                scenario: 0,
                settings_key: format!("{:016x}", of % 4),
                settings: format!("associations {}", 1 + of % 4),
                instances_per_second: speed * (1.0 + 0.06 * (random.random::<f64>() - 0.5)),
                p95_ms: Some(12.5),
            };
            HistoryEntry {
                run_id: format!("20260101T000000Z-nightly-{of}-{run:06}"),
                name: Some(format!("nightly {of}")),
                created_at: noon() + SignedDuration::from_hours(i64::from(run)),
                status: if failed { RunStatus::Failed } else { RunStatus::Succeeded },
                verdict,
                fingerprint: Some(format!("{:016x}", of / 4)),
                measured: Some("t3.micro to t3.micro, 200 instances, 105 MB".to_owned()),
                error: failed.then(|| "NoCapacity".to_owned()),
                has_report: run % 97 != 6,
                scenarios: if failed { Vec::new() } else { vec![point] },
            }
        })
        .collect()
}

fn page(entries: &[HistoryEntry]) -> String {
    let baselines = [NamedBaseline {
        name: "release".to_owned(),
        run_id: entries.last().map_or_else(String::new, |entry| entry.run_id.clone()),
        set_at: noon(),
        set_by: None,
    }];
    render(&HistoryPage {
        entries,
        baselines: &baselines,
        bucket: Some(("bucket", "eu-central-1")),
        local_reports: &BTreeSet::new(),
        retention_days: None,
        made_at: noon(),
    })
}

fn data(page: &str) -> serde_json::Value {
    let json = page.split("type=\"application/json\">").nth(1).and_then(|rest| rest.split("</script>").next());
    serde_json::from_str(json.expect("data")).expect("JSON")
}

/// Writes the pages that the browser tests open.
#[test]
fn pages_to_look_at_are_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, runs, series) in
        [("history", 10_000, 40), ("history-empty", 0, 1), ("history-one-run", 1, 1), ("history-small", 120, 2)]
    {
        let mut entries = made_up(runs, series);
        if let Some(entry) = entries.get_mut(0) {
            entry.name =
                Some("</script><script>document.title = 'foreign'</script><img src=x onerror=alert(1)>".to_owned());
        }
        let page = page(&entries);
        assert!(page.len() < 3_000_000, "{name}: {} bytes", page.len());
        std::fs::write(folder.join(name).with_extension("html"), page).expect("written");
    }
}

#[test]
fn a_step_of_each_series_is_marked_between_its_runs() {
    let data = data(&page(&made_up(120, 2)));
    let series = data["series"].as_array().expect("series");
    assert_eq!(series.len(), 2);
    for one in series {
        let segments = one["segments"].as_array().expect("segments");
        assert_eq!(segments.len(), 2, "{segments:?}");
        let (start, ratio) = (segments[1][0].as_u64().expect("a place"), segments[1][5].as_f64().expect("a ratio"));
        assert!(start.abs_diff(30) <= 2 && (ratio - 0.9).abs() < 0.03, "{segments:?}");
    }
}

#[test]
fn foreign_text_neither_ends_the_data_nor_runs() {
    let mut entries = made_up(1, 1);
    entries[0].name = Some("</script><script>alert(1)</script>\u{202e}".to_owned());
    let page = page(&entries);
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains('\u{202e}'));
    assert!(data(&page)["texts"][0].as_str().expect("a text").starts_with("</script><script>"));
}

#[test]
fn the_policy_allows_the_pages_own_script_only() {
    let page = page(&[]);
    assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"), "{page}");
    assert!(page.contains("No run is finished yet."));
    // maud must not escape the script, or its hash would not match.
    assert!(page.contains(SCRIPT));
}

#[test]
fn the_latest_runs_remain_of_too_many() {
    let entries = made_up(u32::try_from(MAX_RUNS).expect("a number") + 3, 40);
    let page = page(&entries);
    assert!(page.contains("3 runs with an earlier time left out."));
    let runs = &data(&page)["runs"];
    assert_eq!(runs.as_array().map(Vec::len), Some(MAX_RUNS));
    assert_eq!(runs[0][0], entries.last().expect("a run").run_id.as_str());
}
