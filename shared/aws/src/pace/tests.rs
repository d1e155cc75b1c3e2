use super::*;

/// The state machine's view of a step.
#[derive(Debug)]
struct Watched {
    seen_at: f64,
    looks: u32,
    watched_seconds: f64,
}

/// Looks at a step that ends after `length` seconds, as the state machine does, until the end or the last look.
fn watch(length: f64, reported: impl Fn(f64) -> Option<Reported>) -> Watched {
    let (mut now, mut watched_seconds) = (0.0, 0.0);
    for looks in 1.. {
        let (begun, mut earlier, mut latest) = (now, None, None::<Reported>);
        let step = loop {
            if now >= length {
                return Watched { seen_at: now, looks, watched_seconds };
            }
            let report = reported(now);
            if latest.is_some_and(|latest| report.is_some_and(|report| report.done > latest.done)) {
                earlier = latest;
            }
            latest = report;
            let step = RunningStep { elapsed_seconds: now, watched_seconds: now - begun, latest, earlier };
            if !step.is_worth_watching() {
                break step;
            }
            now += 0.25;
            watched_seconds += 0.25;
        };
        if looks == MAX_STEP_LOOKS || now >= STEP_BUDGET_SECONDS as f64 {
            return Watched { seen_at: now, looks, watched_seconds };
        }
        now += step.wait_seconds(looks) as f64;
    }
    unreachable!("looks are counted")
}

/// Reports of a step whose `total` units all take the same time.
fn steady(length: f64, total: u32) -> impl Fn(f64) -> Option<Reported> {
    move |now| {
        let done = (now / length * f64::from(total)) as u32;
        Some(Reported { done, total, elapsed_seconds: length / f64::from(total) * f64::from(done) })
    }
}

const fn at(elapsed_seconds: f64, done: u32, total: u32) -> RunningStep {
    let latest = Some(Reported { done, total, elapsed_seconds });
    RunningStep { elapsed_seconds, watched_seconds: 0.0, latest, earlier: None }
}

#[test]
fn the_end_of_a_short_step_is_seen_at_once_by_the_look_that_started_it() {
    for length in [0.0, 0.3, 2.0, 9.0, 30.0, 49.0] {
        let seen = watch(length, |_| None);
        assert!(seen.looks == 1 && seen.seen_at - length <= 0.25, "{length} s: {seen:?}");
    }
}

#[test]
fn the_end_of_a_steady_step_is_seen_within_a_second() {
    for length in [1.0, 5.0, 20.0, 60.0, 100.0, 300.0, 600.0, 1000.0, 1500.0, 1800.0] {
        for total in [20, 50, 200, 5000] {
            let seen = watch(length, steady(length, total));
            assert!(seen.seen_at - length <= 1.0, "{length} s in {total} units: {seen:?}");
            assert!(seen.watched_seconds <= 200.0, "{length} s in {total} units: {seen:?}");
        }
    }
}

/// The agent reports an installation as one unit of three, or as one of 201 if it generates a dataset afterwards.
#[test]
fn units_after_an_installation_are_expected_to_be_quick() {
    for installation in [2.0, 8.0, 20.0, 40.0] {
        let length = installation + 2.0;
        let seen = watch(length, |now| {
            let made = ((now - installation) / 2.0 * 200.0).max(-1.0) + 1.0;
            Some(Reported { done: made as u32, total: 201, elapsed_seconds: now })
        });
        assert!(seen.looks == 1 && seen.seen_at - length <= 0.25, "{installation} s: {seen:?}");
        let seen = watch(length, |now| {
            Some(Reported { done: u32::from(now >= installation), total: 3, elapsed_seconds: now })
        });
        assert!(seen.looks == 1 && seen.seen_at - length <= 0.25, "{installation} s: {seen:?}");
    }
}

#[test]
fn the_end_of_a_step_without_progress_is_seen_after_a_quarter_as_long_again_at_most() {
    for length in [60.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 1650.0] {
        let seen = watch(length, |_| None);
        assert!(seen.seen_at <= length * 1.25 + 1.0, "{length} s: {seen:?}");
    }
}

/// A search reports like this: it counts as one unit, regardless of the number of its iterations.
#[test]
fn the_end_of_a_step_that_is_always_about_to_end_is_seen_as_if_nothing_were_known() {
    for length in [60.0, 100.0, 200.0, 400.0, 800.0, 1200.0] {
        let seen = watch(length, |now| {
            let done = now.min(20.0) as u32;
            Some(Reported { done, total: 21, elapsed_seconds: f64::from(done) })
        });
        assert!(seen.seen_at <= length * 1.25 + 1.0, "{length} s: {seen:?}");
    }
}

#[test]
fn the_looks_cover_a_steps_whole_time_whatever_the_agent_reports() {
    let reports: [fn(f64) -> Option<Reported>; 6] = [
        |_| None,
        |now| Some(Reported { done: 0, total: 9, elapsed_seconds: now }),
        |now| Some(Reported { done: 99, total: 100, elapsed_seconds: now }),
        |now| Some(Reported { done: 85, total: 100, elapsed_seconds: now }),
        |now| Some(Reported { done: 3, total: u32::MAX, elapsed_seconds: now }),
        |_| Some(Reported { done: 7, total: 3, elapsed_seconds: f64::NAN }),
    ];
    for (number, report) in reports.into_iter().enumerate() {
        let seen = watch(f64::INFINITY, report);
        assert!(seen.looks <= MAX_STEP_LOOKS);
        assert!(seen.seen_at >= STEP_BUDGET_SECONDS as f64 - 1.0, "report {number}: {seen:?}");
        assert!(seen.seen_at <= (STEP_BUDGET_SECONDS + MAX_WATCH_SECONDS) as f64, "report {number}: {seen:?}");
    }
}

#[test]
fn a_look_comes_shortly_before_the_expected_end() {
    assert_eq!(at(400.0, 40, 50).wait_seconds(3), 87);
    assert!(!at(400.0, 40, 50).is_worth_watching());
    assert!(at(400.0, 40, 45).is_worth_watching());
}

#[test]
fn no_wait_is_longer_than_two_minutes() {
    assert_eq!(at(400.0, 40, 4000).wait_seconds(3), MAX_WAIT_SECONDS);
    for looks in 1..MAX_STEP_LOOKS {
        for elapsed in [0.0, 10.0, 700.0, 1700.0, 2609.0, 9000.0] {
            let wait = at(elapsed, 1, 9).wait_seconds(looks);
            assert!((1..=MAX_WAIT_SECONDS).contains(&wait), "{wait} s after {elapsed} s");
        }
    }
}

#[test]
fn progress_triples_the_time_that_has_passed_at_most() {
    assert_eq!(at(10.0, 3, 3000).wait_seconds(1), 20);
}

#[test]
fn a_step_whose_time_is_up_is_not_watched() {
    assert!(!at(STEP_BUDGET_SECONDS as f64, 1, 2).is_worth_watching());
}
