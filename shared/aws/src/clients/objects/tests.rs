use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::types::Object;
use aws_smithy_mocks::{Rule, mock};
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use super::*;
use crate::mocked::{Bucket, client, error};
use dicomperf_model::plan::DatasetOrigin;

fn instance(uid: &str, patient: &str, padding: usize) -> Vec<u8> {
    let mut object = InMemDicomObject::new_empty();
    object.put(DataElement::new(tags::SOP_CLASS_UID, VR::UI, uids::ENCAPSULATED_PDF_STORAGE));
    object.put(DataElement::new(tags::SOP_INSTANCE_UID, VR::UI, uid));
    object.put(DataElement::new(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.1"));
    object.put(DataElement::new(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.2"));
    object.put(DataElement::new(tags::PATIENT_NAME, VR::PN, patient));
    object.put(DataElement::new(
        tags::ENCAPSULATED_DOCUMENT,
        VR::OB,
        dicom_core::PrimitiveValue::from(vec![0_u8; padding]),
    ));
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(uids::ENCAPSULATED_PDF_STORAGE)
        .media_storage_sop_instance_uid(uid)
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let mut bytes = Vec::new();
    object.with_meta(meta).expect("a file meta group").write_all(&mut bytes).expect("written");
    bytes
}

fn listing(objects: &[(&str, usize)]) -> Rule {
    let objects: Vec<_> = objects
        .iter()
        .map(|(key, bytes)| {
            Object::builder().key(*key).size(i64::try_from(*bytes).expect("small")).e_tag("\"etag\"").build()
        })
        .collect();
    mock!(Client::list_objects_v2)
        .then_output(move || ListObjectsV2Output::builder().set_contents(Some(objects.clone())).build())
}

fn spec(skip_refused: bool, allow_identified: bool) -> S3Objects {
    S3Objects {
        bucket: "images".to_owned(),
        prefix: "ct/".to_owned(),
        skip_refused,
        allow_identified,
        multiply: 1,
        deidentify: false,
    }
}

/// Returns a bucket with an instance, one with a long header, a duplicate, one that names a patient, a text file, an empty
/// file and a folder.
fn bucket() -> Client {
    let bucket = Bucket::default();
    let objects = [
        ("ct/1", instance("1.1", "", 10)),
        ("ct/2", instance("1.2", "", 300 * 1024)),
        ("ct/3", instance("1.1", "", 10)),
        ("ct/4", instance("1.4", "Doe^Jane", 10)),
        ("ct/notes.txt", b"text".to_vec()),
        ("ct/empty", Vec::new()),
        ("ct/folder/", Vec::new()),
    ];
    let listed: Vec<_> = objects.iter().map(|(key, body)| (*key, body.len())).collect();
    let mut rules = vec![listing(&listed)];
    for (key, body) in objects {
        bucket.put_bytes(key, body);
    }
    rules.extend(bucket.rules());
    client!(aws_sdk_s3, rules: rules)
}

#[tokio::test]
async fn what_is_refused_refuses_the_run_with_each_reason() {
    let failure = dataset(&bucket(), &spec(false, false), &Request::default()).await.expect_err("refused");
    assert_eq!(failure.name(), "DatasetRefused");
    assert_eq!(
        failure.to_string(),
        "4 of 6 objects are refused: ct/3: SOP Instance UID 1.1 already in ct/1; ct/4: identified: Patient's Name \
         present and no Patient Identity Removed = YES; ct/empty: not DICOM: empty; ct/notes.txt: not DICOM: no DICM \
         after a preamble of 128 bytes"
    );
}

#[tokio::test]
async fn what_is_refused_is_left_out_where_the_request_says_so() {
    let plan = dataset(&bucket(), &spec(true, true), &Request::default()).await.expect("a dataset");
    let DatasetOrigin::S3 { objects, .. } = &plan.source else { panic!("another origin") };
    let keys: Vec<_> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["ct/1", "ct/2", "ct/4"]);
    assert_eq!(objects[0].etag, "etag");
    let refused: Vec<_> = plan.refused.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(refused, ["ct/3", "ct/empty", "ct/notes.txt"]);
}

#[tokio::test]
async fn copies_are_planned_and_identified_objects_are_accepted_where_their_identity_is_removed() {
    let own = S3Objects { multiply: 3, deidentify: true, ..spec(true, false) };
    let plan = dataset(&bucket(), &own, &Request::default()).await.expect("a dataset");
    let DatasetOrigin::S3 { objects, .. } = &plan.source else { panic!("another origin") };
    let keys: Vec<_> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["ct/1", "ct/2", "ct/4"]);
    let bytes: u64 = objects.iter().map(|object| object.bytes).sum();
    assert_eq!((plan.instances, plan.bytes), (9, 3 * bytes));
}

#[tokio::test]
async fn a_dataset_of_which_nothing_is_left_is_refused() {
    let store = Bucket::default();
    store.put_bytes("ct/notes.txt", b"text".to_vec());
    let mut rules = vec![listing(&[("ct/notes.txt", 4)])];
    rules.extend(store.rules());
    let failure =
        dataset(&client!(aws_sdk_s3, rules: rules), &spec(true, true), &Request::default()).await.expect_err("nothing");
    assert_eq!(failure.name(), "DatasetRefused");
}

#[tokio::test]
async fn no_object_too_many_and_no_access_are_errors_of_the_request() {
    let many: Vec<_> = (0..=MAX_OBJECTS).map(|_| ("ct/1", 1)).collect();
    for (rule, path) in [
        (listing(&[]), "dataset.s3.prefix"),
        (listing(&many), "dataset.s3.prefix"),
        (
            mock!(Client::list_objects_v2).then_error(|| ListObjectsV2Error::generic(error("AccessDenied"))),
            "dataset.s3.bucket",
        ),
    ] {
        let failure =
            dataset(&client!(aws_sdk_s3, [rule]), &spec(true, true), &Request::default()).await.expect_err("refused");
        let Failure::InvalidRequest(refusal) = failure else { panic!("{failure}") };
        assert_eq!(refusal.errors[0].path, path);
    }
}

#[tokio::test]
async fn a_bucket_of_another_region_is_named_with_both_regions() {
    let body = "<Error><Code>PermanentRedirect</Code><Message>use the endpoint</Message></Error>";
    let moved = mock!(Client::list_objects_v2).then_http_response(move || {
        let mut response =
            aws_sdk_s3::config::http::HttpResponse::new(301_u16.try_into().expect("a status"), body.into());
        response.headers_mut().insert("x-amz-bucket-region", "us-west-2");
        response
    });
    let malformed = mock!(Client::list_objects_v2)
        .then_error(|| ListObjectsV2Error::generic(error("AuthorizationHeaderMalformed")));
    for (rule, region) in [(moved, "us-west-2"), (malformed, "another region")] {
        let client = client!(aws_sdk_s3, [rule]);
        let failure = dataset(&client, &spec(false, false), &Request::default()).await.expect_err("elsewhere");
        let words = format!("dataset.s3.bucket: is images, which is in {region}; allowed: a bucket in eu-central-1");
        assert_eq!((failure.name(), failure.to_string()), ("InvalidRequest", words));
    }
}
