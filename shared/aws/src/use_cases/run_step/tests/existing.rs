//! Steps of a run against an existing server.

use super::*;

fn existing_server() -> (Bucket, LaunchedHosts) {
    let bucket = Bucket::with_plan(json!({ "server": { "existing": {
        "address": "pacs.example.org", "port": 104, "aeTitle": "PACS", "receipt": "qido",
        "url": "https://pacs.example.org/dicom-web", "credentials": "/dicomperf/pacs",
    } } }));
    (bucket, LaunchedHosts { server: None, ..event(MEASURE, 0).hosts })
}

#[tokio::test]
async fn the_document_of_a_measurement_has_the_interfaces_of_an_existing_server() {
    let (bucket, hosts) = existing_server();
    let step = StepId::Measure { ordinal: 0, part: 0 };
    let runner = runner(&bucket, vec![sending(), in_progress()], &running_client(), &clock(0));
    let event = StepEvent { hosts, ..event(step, 0) };
    assert_eq!(runner.look(&event).await.expect("started").state, StepState::Running);
    let document: StepDocument = bucket.get("ephemeral/run-1/steps/client-measure-0.json").expect("a document");
    let Work::Measure(block) = document.work else { panic!("another step") };
    let server = block.server;
    assert_eq!((&*server.address, server.dicom_port, &*server.ae_title), ("pacs.example.org", 104, "PACS"));
    assert_eq!((server.rest_port, &*server.rest_user, &*server.rest_password), (0, "", ""));
    let existing = server.existing.expect("interfaces");
    assert_eq!((existing.receipt, existing.cleanup), (Receipt::Qido, Cleanup::None));
    assert_eq!(existing.url.as_deref(), Some("https://pacs.example.org/dicom-web"));
    assert_eq!(existing.credentials.expect("credentials").password, "hunter2");
    // A file of the run lasts. The ephemeral ones expire.
    let lasting = bucket.keys().into_iter().filter(|key| key.starts_with("runs/"));
    for key in lasting {
        assert!(!bucket.get::<Value>(&key).expect("JSON").to_string().contains("hunter2"), "{key}");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_read_end_the_first_step() {
    let (bucket, hosts) = existing_server();
    let denied = mock!(Ssm::get_parameter).then_error(|| GetParameterError::generic(error("AccessDeniedException")));
    let parameters = Parameters::new(client!(aws_sdk_ssm, [denied]));
    let runner = StepRunner { parameters, ..runner(&bucket, vec![sending()], &running_client(), &clock(0)) };
    let event = StepEvent { hosts, ..event(StepId::ConfigureClient, 0) };
    let failure = runner.look(&event).await.expect_err("no credentials");
    assert_eq!(failure.name(), "CredentialsUnusable");
    assert!(failure.to_string().contains("parameter /dicomperf/pacs: SSM does not return it"), "{failure}");
}

#[tokio::test]
async fn a_run_with_one_host_misses_no_other() {
    let bucket = started(&MEASURE);
    bucket.put(REPORT, &json!(report(MEASURE, StepState::Running)));
    let (_, hosts) = existing_server();
    let runner = runner(&bucket, vec![in_progress()], &running_client(), &clock(40));
    let answer = runner.look(&StepEvent { hosts: hosts.clone(), ..event(MEASURE, 1) }).await.expect("running");
    assert_eq!(answer.state, StepState::Running);
}

#[tokio::test]
async fn a_dry_run_names_credentials_that_cannot_be_read() {
    let (bucket, _) = existing_server();
    let plan: Plan = bucket.get("runs/run-1/plan.json").expect("a plan");
    let check = |answer: Rule| {
        let (bucket, plan) = (bucket.clone(), plan.clone());
        async move {
            let unmanaged =
                mock!(Ssm::send_command).then_error(|| SendCommandError::generic(error("InvalidInstanceId")));
            let parameters = Parameters::new(client!(aws_sdk_ssm, [answer]));
            let ssm = vec![unmanaged, in_progress()];
            let runner = StepRunner { parameters, ..runner(&bucket, ssm, &running_client(), &clock(0)) };
            let dry_run = DryRun { plan: Box::new(plan), checks: Vec::new() };
            let checks = runner.dry_run(&CheckEvent { dry_run }).await;
            checks.into_iter().find(|check| check.name == "run-step: credentials").expect("checked")
        }
    };
    let readable = check(credentials()).await;
    assert!(readable.ok && readable.says == "/dicomperf/pacs has a user and a password", "{}", readable.says);
    let missing = mock!(Ssm::get_parameter).then_error(|| GetParameterError::generic(error("ParameterNotFound")));
    let missing = check(missing).await;
    assert!(!missing.ok && missing.says.contains("ssm:GetParameter"), "{}", missing.says);
}
