//! The comparison of two runs: their differences, and the effect on the throughput.

mod differences;
mod noise;
mod pairs;
mod sentence;

use dicomperf_model::results::{Change, ComparedRun, RunComparison, Summary, Verdict};

pub use self::noise::Spread;

/// Compares run b with run a.
#[must_use]
pub fn compare(a: &Summary, b: &Summary) -> RunComparison {
    let spread = Spread::between_runs(a, b);
    let mut comparison = RunComparison {
        a: compared_run(a),
        b: compared_run(b),
        comparable: a.fingerprint == b.fingerprint,
        differences: differences::run_differences(a, b),
        scenarios: Vec::new(),
        only_in_a: Vec::new(),
        only_in_b: Vec::new(),
        verdict: Change::Inconclusive,
        says: String::new(),
        noise: spread.into(),
    };
    if comparison.comparable {
        let pairing = pairs::pair(&a.scenarios, &b.scenarios);
        comparison.scenarios = pairs::judge(a, b, &pairing.pairs, spread);
        comparison.only_in_a = pairing.only_in_a;
        comparison.only_in_b = pairing.only_in_b;
    }
    if let Some(worst) = comparison.scenarios.iter().map(|pair| pair.verdict).min_by_key(|verdict| severity(*verdict)) {
        comparison.verdict = worst;
    }
    comparison.says = sentence::sentence(&comparison, a.existing.is_some());
    comparison
}

/// Compares a run with the run that its request names as its baseline. Sets [`Summary::against`], and the verdict if
/// the run has regressed. Adds only a note with the reason if the earlier run is not available.
pub fn compare_with_baseline(summary: &mut Summary, earlier_id: &str, earlier: Result<&Summary, &str>) {
    match earlier {
        Ok(earlier) => {
            let against = compare(earlier, summary);
            if !against.comparable {
                summary.notes.push(format!("The baseline, run {earlier_id}: {}", against.says));
            }
            if summary.verdict == Verdict::Passed && against.verdict == Change::Regressed {
                summary.verdict = Verdict::Regressed;
            }
            summary.against = Some(against);
        }
        Err(why) => summary.notes.push(format!("Not compared with the baseline, run {earlier_id}: {why}.")),
    }
}

/// Returns the rank of a verdict: the lowest is the first to look at.
const fn severity(verdict: Change) -> u8 {
    match verdict {
        Change::Regressed => 0,
        Change::Inconclusive => 1,
        Change::Improved => 2,
        Change::Equivalent => 3,
    }
}

fn compared_run(summary: &Summary) -> ComparedRun {
    ComparedRun {
        run_id: summary.run_id.clone(),
        name: summary.request.name.clone(),
        status: summary.status,
        started_at: summary.started_at,
        fingerprint: summary.fingerprint.clone(),
    }
}

#[cfg(test)]
mod tests;
