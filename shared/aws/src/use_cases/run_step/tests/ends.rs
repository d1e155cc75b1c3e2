//! Ends of a step whose agent reports none: too many looks, silence, the expiry.

use super::*;

#[tokio::test]
async fn the_last_look_times_out_with_what_was_seen_last() {
    let bucket = started(&MEASURE);
    bucket.put(REPORT, &json!(report(MEASURE, StepState::Running)));
    let late = clock(i64::try_from(STEP_BUDGET_SECONDS).expect("few"));
    let runner = runner(&bucket, vec![state(CommandInvocationStatus::Success, "")], &hosts(RUNNING), &late);
    let failure = runner.look(&event(MEASURE, MAX_STEP_LOOKS - 1)).await.expect_err("timed out");
    assert_eq!(failure.name(), "StepTimedOut");
    assert!(failure.to_string().ends_with("not done after 2610 s; last seen: iteration 3 of 8"), "{failure}");
}

/// The state machine of these tests: it looks until the step is over, and waits as long as the answers say.
async fn follow(runner: &StepRunner, clock: &MovedClock) -> (Failure, Vec<u64>) {
    let mut waits = Vec::new();
    loop {
        let look = u32::try_from(waits.len()).expect("few");
        match runner.look(&event(MEASURE, look)).await {
            Ok(answer) => {
                waits.push(answer.wait_seconds);
                clock.advance(std::time::Duration::from_secs(answer.wait_seconds));
            }
            Err(failure) => return (failure, waits),
        }
    }
}

#[tokio::test]
async fn an_agent_that_shows_no_sign_of_life_is_stalled_within_minutes() {
    let (bucket, clock) = (started(&MEASURE), clock(0));
    bucket.put_at(after(30), REPORT, &json!(report(MEASURE, StepState::Running)));
    bucket.put_at(
        after(40),
        "runs/run-1/steps/client-measure-0-part-1.heartbeat.json",
        &json!({ "elapsedSeconds": 38 }),
    );
    let runner = runner(&bucket, vec![in_progress()], &hosts(RUNNING), &clock);
    let (failure, _) = follow(&runner, &clock).await;
    assert_eq!(failure.name(), "StepStalled");
    let text = failure.to_string();
    assert!(text.starts_with("client host i-client, step client-measure-0-part-1: no sign of life"), "{text}");
    assert!(text.ends_with("last seen: iteration 3 of 8"), "{text}");
    let found_after = clock.now().duration_since(after(40)).as_secs();
    assert!((120..=120 + 120 + 5).contains(&found_after), "{found_after} s");
}

/// An iteration may take long, and an installation reports nothing for minutes.
#[tokio::test]
async fn a_step_without_news_is_not_stalled_while_the_agent_lives() {
    let (bucket, clock) = (started(&MEASURE), clock(0));
    bucket.put_at(after(30), REPORT, &json!(report(MEASURE, StepState::Running)));
    for beat in 1..30 {
        let bucket = bucket.clone();
        clock.schedule(after(20 * beat), move || {
            let key = "runs/run-1/steps/client-measure-0-part-1.heartbeat.json";
            bucket.put_at(after(20 * beat), key, &json!({ "elapsedSeconds": 20 * beat }));
        });
    }
    let runner = runner(&bucket, vec![in_progress()], &hosts(RUNNING), &clock);
    let (failure, waits) = follow(&runner, &clock).await;
    assert_eq!(failure.name(), "StepStalled");
    assert!(clock.now() >= after(29 * 20 + 120), "{}", clock.now());
    assert!(waits.iter().all(|&wait| wait <= 120), "{waits:?}");
}

#[tokio::test]
async fn a_run_ends_at_its_expiry_whatever_the_agent_reports() {
    for left in [100, 400] {
        let (bucket, clock) = (started(&MEASURE), clock(3600 - left));
        let command = SentCommand { command_id: "command-1".to_owned(), sent_at: after(3600 - left) };
        bucket.put(&RunKeys("run-1").step_command(&MEASURE), &json!(command));
        bucket.put(REPORT, &json!(report(MEASURE, StepState::Running)));
        let runner = runner(&bucket, vec![in_progress()], &hosts(RUNNING), &clock);
        let (failure, _) = follow(&runner, &clock).await;
        assert_eq!(failure.name(), "RunExpired");
        assert!(clock.now() >= after(3600) && clock.now() <= after(3601), "{}", clock.now());
    }
}

#[tokio::test]
async fn a_run_that_expires_while_a_step_is_watched_says_so() {
    let clock = clock(3590);
    let runner = runner(&started(&MEASURE), vec![in_progress()], &hosts(RUNNING), &clock);
    let step = StepEvent { look: 2, ..event(MEASURE, 0) };
    let moved = SentCommand { command_id: "command-1".to_owned(), sent_at: after(3580) };
    runner.artifacts.write_json(&RunKeys("run-1").step_command(&MEASURE), &moved).await.expect("written");
    let failure = runner.look(&step).await.expect_err("expired");
    assert_eq!(failure.name(), "RunExpired");
    assert_eq!(clock.now(), after(3600));
}
