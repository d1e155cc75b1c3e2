//! The same sentence from every sender about the same fact, and no fault ends the run while the server serves.

use std::thread;

use dicom_dictionary_std::uids;
use dicomperf_agent::sink::SinkDocument;
use dicomperf_model::measurement::Iteration;
use dicomperf_model::request::{InstancesPerAssociation, Sender, Target};
use dicomperf_model::settings::Settings;
use dicomperf_model::step::MeasureBlock;

use crate::harness::faulty::{Fault, FaultyScp};
use crate::harness::objects::{compressed_object, nested_object, object};
use crate::harness::orthanc::settings;
use crate::harness::run::{block, block_at, measurement_of};
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::{OrthancProcess, Run, free_port};
use crate::senders::{all_valid, sink_for, variants};

const CT: &str = uids::CT_IMAGE_STORAGE;
const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;
const SENDERS: [Sender; 3] = [Sender::Storescu, Sender::Dcmsend, Sender::Native];
/// Label Map Segmentation Storage, of 2024. Orthanc 1.10.1 does not know it.
const UNKNOWN_CLASS: &str = "1.2.840.10008.5.1.4.1.1.66.7";

/// The second of four CT instances.
const VICTIM: &str = "2.25.4000002";

fn four_instances() -> Vec<Vec<u8>> {
    (1..=4).map(|number| object(CT, EXPLICIT, number)).collect()
}

/// Gives the block one scenario for each sender.
fn with_senders(mut block: MeasureBlock, senders: &[Sender]) -> MeasureBlock {
    block.scenarios = variants(
        &block,
        senders.iter().map(|sender| {
            move |settings: &mut Settings| {
                settings.sender = *sender;
            }
        }),
    );
    block
}

/// Measures one iteration of each sender. The step must succeed.
fn measure(run: &Run, block: MeasureBlock, senders: &[Sender]) -> Vec<Iteration> {
    let report = run.measure(0, with_senders(block, senders)).succeeds();
    let iterations = measurement_of(&report).iterations.clone();
    assert_eq!(iterations.len(), senders.len());
    iterations
}

/// Sent, refused, failed and not tried.
fn numbers(iteration: &Iteration) -> [u32; 4] {
    let Iteration { instances_sent, instances_refused, instances_failed, instances_not_tried, .. } = iteration;
    [*instances_sent, *instances_refused, *instances_failed, *instances_not_tried]
}

fn reasons(iterations: &[Iteration]) -> Vec<Option<&str>> {
    iterations.iter().map(|iteration| iteration.reason.as_deref()).collect()
}

/// Asserts that every sender names one cause, with this sentence and file.
fn assert_same_sentence(iterations: &[Iteration], file: &str, sentence: &str) {
    for iteration in iterations {
        let [failure] = &iteration.failures[..] else { panic!("one cause: {:?}", iteration.reason) };
        assert_eq!((failure.says.as_str(), failure.file.as_str()), (sentence, file));
        let reason = iteration.reason.as_ref().expect("a reason");
        assert!(!iteration.valid && reason.contains(sentence) && reason.contains(file), "{reason}");
    }
}

#[test]
fn every_sender_says_the_same_about_one_instance_that_is_refused() {
    let run = Run::with_objects(&four_instances());
    for (ordinal, (status, name)) in (0..).zip([
        (0xA702, "A7xxH, Refused: Out of Resources"),
        (0xA900, "A9xxH, Error: Data Set does not match SOP Class"),
        (0xC123, "CxxxH, Error: Cannot understand"),
        (0x0110, "0110H, Failure: Processing failure"),
        (0x0122, "0122H, Refused: SOP Class not supported"),
        (0xB000, "B000H, Warning: Coercion of Data Elements"),
    ]) {
        let scp = FaultyScp::start(Fault::Status(status), VICTIM);
        let block = MeasureBlock { ordinal, ..block_at(&scp.address, &scp.settings(), &[1], 0, 1) };
        let iterations = measure(&run, block, &SENDERS);
        assert_same_sentence(&iterations, "000002.dcm", &format!("the server answered with status {name}"));
        assert!(iterations.iter().all(|iteration| numbers(iteration) == [3, 1, 0, 0]), "{:?}", reasons(&iterations));
    }
}

#[test]
fn every_sender_says_the_same_about_a_server_that_rejects_everything() {
    let run = Run::with_objects(&four_instances());
    let class = "SOP class CT Image Storage (1.2.840.10008.5.1.4.1.1.2)";
    let syntax = "transfer syntax Explicit VR Little Endian (1.2.840.10008.1.2.1)";
    let rejected = |result, source, reason| Fault::RejectAssociation { result, source, reason };
    for (ordinal, (fault, sentence, counted)) in (0..).zip([
        (Fault::RejectContexts(3), format!("the server does not accept {class}"), [0, 4, 0, 0]),
        (Fault::RejectContexts(4), format!("the server does not accept {syntax} for {class}"), [0, 4, 0, 0]),
        (
            Fault::RejectContexts(1),
            format!("the server rejected the presentation context of {class} in {syntax}"),
            [0, 4, 0, 0],
        ),
        (
            rejected(1, 1, 7),
            "the server rejected the association permanently: called AE title not recognized (service user)".to_owned(),
            [0, 4, 0, 0],
        ),
        (
            rejected(2, 3, 2),
            "the server rejected the association transiently: local limit exceeded (service provider, presentation)"
                .to_owned(),
            [0, 4, 0, 0],
        ),
        (Fault::CloseAtRequest, "the server aborted the association or closed the connection".to_owned(), [0, 0, 4, 0]),
    ]) {
        let scp = FaultyScp::start(fault, VICTIM);
        let block = MeasureBlock { ordinal, ..block_at(&scp.address, &scp.settings(), &[1], 0, 1) };
        let iterations = measure(&run, block, &SENDERS);
        assert_same_sentence(&iterations, "000001.dcm", &sentence);
        assert!(
            iterations.iter().all(|iteration| numbers(iteration) == counted),
            "{fault:?}: {:?}",
            reasons(&iterations)
        );
        assert_eq!(scp.stored(), 0);
    }
}

#[test]
fn an_association_that_ends_costs_native_one_instance_and_the_others_the_rest() {
    let run = Run::with_objects(&four_instances());
    for (ordinal, fault) in (0..).zip([Fault::Abort, Fault::Close]) {
        let scp = FaultyScp::start(fault, VICTIM);
        let block = MeasureBlock { ordinal, ..block_at(&scp.address, &scp.settings(), &[1], 0, 1) };
        let iterations = measure(&run, block, &SENDERS);
        let sentence = "the server aborted the association or closed the connection";
        assert_same_sentence(&iterations, "000002.dcm", sentence);
        assert_eq!(iterations.iter().map(numbers).collect::<Vec<_>>(), [[1, 0, 1, 2], [1, 0, 1, 2], [3, 0, 1, 0]]);
        assert!(iterations[0].reason.as_ref().unwrap().ends_with("; 2 not tried"));
        let detail = iterations[2].failures[0].sender_words.as_ref().unwrap();
        assert_eq!(detail.starts_with("A-ABORT: service provider, unexpected PDU"), fault == Fault::Abort, "{detail}");
    }
}

#[test]
fn the_next_association_is_opened_after_one_that_ended() {
    let run = Run::with_objects(&four_instances());
    let scp = FaultyScp::start(Fault::Abort, VICTIM);
    let mut block = with_senders(block_at(&scp.address, &scp.settings(), &[1], 0, 1), &SENDERS);
    for scenario in &mut block.scenarios {
        scenario.settings.instances_per_association = InstancesPerAssociation::Count(2);
    }
    let report = run.measure(0, block).succeeds();
    for iteration in &measurement_of(&report).iterations {
        assert_eq!(numbers(iteration), [3, 0, 1, 0], "{:?}", iteration.reason);
    }
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_once_by_every_sender() {
    // The limit is 30 s, so the senders wait side by side.
    let iterations: Vec<_> = thread::scope(|scope| {
        let measured = SENDERS.map(|sender| {
            scope.spawn(move || {
                let run = Run::with_objects(&four_instances());
                let scp = FaultyScp::start(Fault::Silence, VICTIM);
                let block = block_at(&scp.address, &scp.settings(), &[1], 0, 1);
                measure(&run, block, &[sender]).pop().unwrap()
            })
        });
        measured.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_same_sentence(&iterations, "000002.dcm", "the server did not answer within 30 s");
    assert_eq!(iterations.iter().map(numbers).collect::<Vec<_>>(), [[1, 0, 1, 2], [1, 0, 1, 2], [3, 0, 1, 0]]);
    assert!(
        iterations.iter().all(|iteration| (29_000.0..40_000.0).contains(&iteration.duration_ms)),
        "{:?}",
        reasons(&iterations)
    );
}

#[test]
fn a_server_that_is_gone_fails_the_step_in_the_same_words_from_every_sender() {
    let run = Run::with_objects(&four_instances());
    let scp = FaultyScp::start(Fault::Status(0), VICTIM);
    for (ordinal, sender) in (0..).zip(SENDERS) {
        let mut block = MeasureBlock { ordinal, ..block_at(&scp.address, &scp.settings(), &[1], 0, 2) };
        block.server.dicom_port = free_port();
        let report = run.measure(0, with_senders(block, &[sender])).fails_with("AssociationFailed");
        let message = &report.error.as_ref().unwrap().message;
        assert!(message.contains(": the server's host refused the connection; C-ECHO: "), "{message}");
        let [iteration] = &measurement_of(&report).iterations[..] else { panic!("one iteration") };
        assert_same_sentence(std::slice::from_ref(iteration), "000001.dcm", "the server's host refused the connection");
        assert_eq!(numbers(iteration), [0, 0, 4, 0]);
    }
}

#[test]
fn a_process_that_dies_is_named_with_its_signal_and_ends_no_other_sender() {
    let run = Run::with_objects(&four_instances());
    run.add_unread_object(CT, EXPLICIT, 9, &nested_object(CT, 9));
    let sink = SinkProcess::start(SinkDocument { max_pdu: 16_384, ..plain() });
    let mut address = FaultyScp::start(Fault::Status(0), VICTIM).address;
    (address.dicom_port, address.rest_port) = (sink.document.dicom_port, sink.document.control_port);
    let mut server = settings(true, false, &[]);
    server.target = Target::Sink;
    let iterations = measure(&run, block_at(&address, &server, &[1], 0, 1), &SENDERS);
    assert_same_sentence(&iterations[..2], "000005.dcm", "the sender's process died of SIGSEGV");
    assert_eq!(iterations.iter().map(numbers).collect::<Vec<_>>(), [[4, 0, 1, 0], [4, 0, 1, 0], [5, 0, 0, 0]]);
    assert!(iterations[2].valid, "{:?}", iterations[2].reason);
}

#[test]
fn one_object_of_a_class_that_orthanc_rejects_costs_only_itself() {
    let mut objects = four_instances();
    objects.insert(2, object(UNKNOWN_CLASS, EXPLICIT, 9));
    let run = Run::with_objects(&objects);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let iterations = measure(&run, block(&orthanc, &[1], 0, 1), &SENDERS);
    assert_same_sentence(
        &iterations,
        "000003.dcm",
        "the server does not accept SOP class Label Map Segmentation Storage (1.2.840.10008.5.1.4.1.1.66.7)",
    );
    assert!(iterations.iter().all(|iteration| numbers(iteration) == [4, 1, 0, 0]), "{:?}", reasons(&iterations));
}

#[test]
fn a_class_that_orthanc_rejects_in_all_objects_does_not_end_the_run() {
    let objects: Vec<_> = (1..=3).map(|number| object(UNKNOWN_CLASS, EXPLICIT, number)).collect();
    let run = Run::with_objects(&objects);
    // dcmsend 3.6.7 has no TLS.
    for (ordinal, tls, senders) in [(0, false, &SENDERS[..]), (1, true, &[Sender::Storescu, Sender::Native])] {
        let orthanc = OrthancProcess::start(settings(true, tls, &[]));
        let block = MeasureBlock { ordinal, ..block(&orthanc, &[1], 0, 1) };
        let iterations = measure(&run, block, senders);
        assert!(iterations.iter().all(|iteration| numbers(iteration) == [0, 3, 0, 0]), "{:?}", reasons(&iterations));
        assert!(
            iterations.iter().all(|iteration| iteration.failures[0].says.contains(UNKNOWN_CLASS)),
            "{:?}",
            reasons(&iterations)
        );
    }
}

#[test]
fn a_syntax_that_dcmtk_does_not_know_costs_only_its_object() {
    let mut objects = four_instances();
    objects.insert(1, compressed_object(CT, "1.2.840.10008.1.2.4.201", 9));
    let run = Run::with_objects(&objects);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[1], 0, 1);
    let iterations = measure(&run, block.clone(), &SENDERS);
    for iteration in &iterations[..2] {
        assert_eq!((numbers(iteration), iteration.failures[0].file.as_str()), ([4, 0, 1, 0], "000002.dcm"));
        assert!(iteration.failures[0].says.starts_with("the sender cannot send the object: "));
    }
    // Orthanc's result means that the class is not supported, and yet it accepts the class in another syntax.
    assert_eq!(
        iterations[2].failures[0].says,
        "the server does not accept transfer syntax High-Throughput JPEG 2000 Image Compression (Lossless Only) \
         (1.2.840.10008.1.2.4.201) for SOP class CT Image Storage (1.2.840.10008.5.1.4.1.1.2)"
    );
    // To the sink native sends it.
    block.ordinal = 1;
    let _sink = sink_for(&mut block, 0);
    let iterations = measure(&run, block, &SENDERS);
    assert_eq!(iterations.iter().map(numbers).collect::<Vec<_>>(), [[4, 0, 1, 0], [4, 0, 1, 0], [5, 0, 0, 0]]);
    assert!(iterations[2].valid, "{:?}", iterations[2].reason);
}

#[test]
fn more_presentation_contexts_than_an_association_carries_are_divided() {
    const CLASSES: [&str; 13] = [
        uids::CT_IMAGE_STORAGE,
        uids::MR_IMAGE_STORAGE,
        uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
        uids::ULTRASOUND_IMAGE_STORAGE,
        uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE,
        uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
        uids::NUCLEAR_MEDICINE_IMAGE_STORAGE,
        uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE,
        uids::RT_IMAGE_STORAGE,
        uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE,
        uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
        uids::ENHANCED_CT_IMAGE_STORAGE,
        uids::ENHANCED_MR_IMAGE_STORAGE,
    ];
    const SYNTAXES: [&str; 10] = [
        uids::JPEG_BASELINE8_BIT,
        uids::JPEG_EXTENDED12_BIT,
        uids::JPEG_LOSSLESS,
        uids::JPEG_LOSSLESS_SV1,
        uids::JPEGLS_LOSSLESS,
        uids::JPEGLS_NEAR_LOSSLESS,
        uids::JPEG2000_LOSSLESS,
        uids::JPEG2000,
        uids::RLE_LOSSLESS,
        uids::EXPLICIT_VR_LITTLE_ENDIAN,
    ];
    let pairs = CLASSES.iter().flat_map(|class| SYNTAXES.map(|syntax| (*class, syntax))).take(129);
    let objects: Vec<_> = pairs.enumerate().map(|(number, (class, syntax))| object(class, syntax, number)).collect();
    let run = Run::with_objects(&objects);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[1], 0, 1);
    let iterations = measure(&run, block.clone(), &SENDERS);
    all_valid(&iterations);
    assert!(iterations.iter().all(|iteration| iteration.association_us.len() == 2), "{:?}", reasons(&iterations));
    block.ordinal = 1;
    let _sink = sink_for(&mut block, 0);
    all_valid(&measure(&run, block, &SENDERS));
}
