//! Rules over runs to an existing server, whose host has no samples.

use super::*;
use dicomperf_model::measurement::LatencyHistogram;
use dicomperf_model::results::Finding;

/// Times of C-STOREs in ms that a TCP timer makes.
const TIMER_MS: [f64; 5] = [42.0, 43.0, 44.0, 44.0, 45.0];

/// A run to an existing server over a matrix. `latencies_ms` returns the times of C-STOREs, which repeat.
fn run(matrix: Value, latencies_ms: impl Fn(&TcpNoDelay) -> Vec<f64>) -> Summary {
    let more = json!({ "iterations": 5, "matrix": matrix });
    let plan = fixture::planned_here(fixture::existing_request(&json!({}), more));
    let settings = |number: u32| &plan.blocks[0].scenarios[number as usize].settings;
    let mut steps = fixture::existing_steps(&plan, |settings, iteration| {
        let of_one = latencies_ms(&settings.tcp_no_delay);
        let mean = of_one.iter().sum::<f64>() / of_one.len() as f64;
        200.0 * mean * (1.0 + f64::from(iteration % 3) * 0.001)
    });
    for iteration in steps.iter_mut().filter_map(fixture::measurement_of).flat_map(|one| &mut one.iterations) {
        let of_one = latencies_ms(&settings(iteration.scenario).tcp_no_delay);
        iteration.latency_us = LatencyHistogram::new();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few ms")]
        of_one.iter().cycle().take(200).for_each(|ms| iteration.latency_us.record((ms * 1000.0) as u64));
    }
    summarize(&plan, &steps, fixture::went_well())
}

fn only(summary: &Summary) -> Finding {
    let mut findings = diagnose(summary);
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

#[test]
fn a_healthy_run_has_no_finding_without_the_servers_samples() {
    assert_eq!(diagnose(&run(json!({ "associations": [1, 4] }), |_| vec![2.0, 2.1])), []);
}

#[test]
fn the_clients_tcp_no_delay_alone_proves_the_timer_where_it_helps() {
    let off_is_slow = |no_delay: &TcpNoDelay| match no_delay {
        TcpNoDelay::Neither => TIMER_MS.to_vec(),
        _ => vec![2.0],
    };
    let found = only(&run(json!({ "tcpNoDelay": [false, "client"] }), off_is_slow));
    assert_eq!(
        (found.rule, found.confidence, &found.scenarios[..]),
        (Rule::NagleDelayedAck, Confidence::Proven, &[0][..])
    );
    assert!(found.fix.starts_with("Your end:") && found.lacks.is_none(), "{found:?}");
    assert!(found.gain.is_some_and(|gain| gain.times > 20.0));
}

#[test]
fn a_timer_that_the_client_does_not_change_is_the_servers() {
    let found = only(&run(json!({ "tcpNoDelay": [false, "client"] }), |_| TIMER_MS.to_vec()));
    assert_eq!(
        (found.rule, found.confidence, &found.scenarios[..]),
        (Rule::NagleDelayedAck, Confidence::Likely, &[0, 1][..])
    );
    assert!(found.fix.starts_with("The server's end:") && found.lacks.is_some(), "{found:?}");
    // The default of a request: the client has TCP_NODELAY.
    let found = only(&run(json!({}), |_| TIMER_MS.to_vec()));
    assert!(found.confidence == Confidence::Likely && found.fix.starts_with("The server's end:"), "{found:?}");
}

#[test]
fn a_timer_at_an_unknown_end_names_both_and_how_to_tell() {
    let found = only(&run(json!({ "tcpNoDelay": [false] }), |_| TIMER_MS.to_vec()));
    assert_eq!(found.confidence, Confidence::Likely);
    assert!(found.fix.starts_with("First your end:") && found.fix.contains("[false, \"client\"]"), "{found:?}");
}

#[test]
fn a_slow_server_is_no_timer() {
    // A server that takes 100 to 200 ms.
    assert_eq!(diagnose(&run(json!({}), |_| vec![100.5, 130.0, 150.0, 170.0, 200.0, 210.0])), []);
    // A server that takes 45 ms with a wide spread: its times lie beside the modes too.
    let found = only(&run(json!({}), |_| vec![24.0, 30.0, 36.0, 42.0, 46.0, 50.0, 56.0, 62.0, 68.0]));
    assert_eq!(
        (found.rule, found.confidence, found.gain.is_none()),
        (Rule::NagleDelayedAck, Confidence::Possible, true)
    );
    assert!(found.lacks.is_some_and(|lacks| lacks.contains("looks the same")));
}

#[test]
fn a_busy_sender_is_a_possible_limit_and_says_what_is_not_known() {
    let mut summary = run(json!({}), |_| vec![2.0]);
    for iteration in &mut summary.scenarios[0].iterations {
        iteration.sender_cpu_ms = Some(iteration.duration_ms * 0.9);
    }
    let found = only(&summary);
    assert_eq!((found.rule, found.confidence), (Rule::ClientBound, Confidence::Possible));
    assert!(found.lacks.is_some_and(|lacks| lacks.starts_with("The CPU time of the server")));
    // With samples of the server's host, silence about its threads is no evidence.
    summary.existing = None;
    summary.negotiated = Vec::new();
    assert_eq!(diagnose(&summary), []);
}

#[test]
fn the_servers_own_limit_decides_the_length_of_a_pdu() {
    let mut summary = run(json!({ "maxPdu": [16384, 131_072] }), |_| vec![2.0]);
    assert_eq!(diagnose(&summary), []);
    summary.negotiated[0].answer.max_pdu = Some(4096);
    let found = only(&summary);
    assert_eq!((found.rule, found.confidence, &found.scenarios[..]), (Rule::SmallPdu, Confidence::Likely, &[0, 1][..]));
    assert_eq!(found.evidence[0].figure, "maximum PDU length that the server receives");
    assert!(found.fix.contains("administrator"), "{}", found.fix);
    // 0 stands for no limit.
    summary.negotiated[0].answer.max_pdu = Some(0);
    assert_eq!(diagnose(&summary), []);
    // A server that the run starts has another limit in another block.
    summary.negotiated[0].answer.max_pdu = Some(4096);
    summary.existing = None;
    assert_eq!(diagnose(&summary), []);
}

#[test]
fn rules_of_the_servers_host_are_silent() {
    let mut summary = run(json!({}), |_| vec![2.0]);
    let busy = ResourceUse {
        cpu: CpuUse { user: 0.7, system: 0.25, ..CpuUse::default() },
        orthanc: Some(OrthancUse { cpu_cores: 1.8, busiest_thread: Some(0.9) }),
        ..used()
    };
    // The client's own samples name no limit of the server.
    summary.scenarios[0].resources.client = Some(busy);
    assert_eq!(diagnose(&summary), []);
    assert_eq!(configuration(&summary), []);
}

#[test]
fn noise_is_not_blamed_on_a_server_that_shares_the_machine() {
    let confidence = |address: &str| {
        let mut summary = run(json!({}), |_| vec![2.0]);
        summary.existing.as_mut().expect("an existing server").server.address = address.to_owned();
        summary.scenarios[0].instances_per_second_mad = Some(100.0);
        summary.scenarios[0].iterations.iter_mut().for_each(|one| one.sender_cpu_ms = Some(1.0));
        summary.scenarios[0].resources.client =
            Some(ResourceUse { cpu: CpuUse { user: 0.6, system: 0.2, ..CpuUse::default() }, orthanc: None, ..used() });
        let found = only(&summary);
        assert_eq!(found.rule, Rule::NoisyEnvironment);
        assert!(found.lacks.is_some());
        found.confidence
    };
    assert_eq!(confidence("pacs.example.org"), Confidence::Likely);
    assert_eq!(confidence("127.0.0.1"), Confidence::Possible);
    assert_eq!(confidence("localhost"), Confidence::Possible);
}

#[test]
fn a_run_without_growth_says_what_it_does_not_know() {
    let mut summary = run(json!({}), |_| vec![2.0]);
    let growth = Growth { ms_per_thousand: 0.1, first_quarter_p50_ms: 2.0, last_quarter_p50_ms: 2.0, instances: 200 };
    summary.scenarios[0].growth = Some(growth);
    assert!(growth_note(&summary).is_some_and(|note| note.ends_with("held before is not known.")));
}
