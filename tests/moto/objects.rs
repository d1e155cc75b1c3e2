use std::fs;

use aws_sdk_s3::primitives::ByteStream;
use dicomperf_aws::clients::agent::Agent;
use dicomperf_aws::clients::artifacts::Written;
use dicomperf_aws::clients::objects;
use dicomperf_aws::failure::Failure;
use dicomperf_model::dataset::generate;
use dicomperf_model::hash::sha256_hex;
use dicomperf_model::keys;
use dicomperf_model::plan::DatasetOrigin;
use dicomperf_model::request::{Request, S3Objects, Synthetic};
use serde_json::{Value, json};

use crate::account::Account;
use crate::moto::OBJECTS_A_PAGE;

/// Bucket with a dataset.
const BUCKET: &str = "datasets";

#[tokio::test]
async fn objects_are_written_listed_and_read_as_s3_does_it() {
    let Some(account) = Account::start() else { return };
    an_object_is_written_once_and_read_as_it_was_written(&account).await;
    the_agent_is_published_under_its_hash(&account).await;
    a_dataset_has_the_objects_of_every_page(&account).await;
    a_bucket_or_prefix_without_objects_is_an_error_of_the_request(&account).await;
}

async fn an_object_is_written_once_and_read_as_it_was_written(account: &Account) {
    let artifacts = account.artifacts("objects").await;
    assert_eq!(artifacts.read::<Value>("runs/r/plan.json").await, Ok(None), "a missing object is not an error");
    let first = artifacts.write_once("runs/r/log", b"first".to_vec(), "text/plain").await;
    let second = artifacts.write_once("runs/r/log", b"second".to_vec(), "text/plain").await;
    assert_eq!((first, second), (Ok(Written::Now), Ok(Written::Before)));
    assert_eq!(artifacts.read_bytes("runs/r/log").await, Ok(Some(b"first".to_vec())));
    artifacts.write("runs/r/log", b"third".to_vec(), "text/plain").await.unwrap();
    assert_eq!(artifacts.read_bytes("runs/r/log").await, Ok(Some(b"third".to_vec())));
    let settled = artifacts.settle("runs/r/plan.json", json!({ "by": "first" })).await;
    let settled_again = artifacts.settle("runs/r/plan.json", json!({ "by": "second" })).await;
    assert_eq!((settled, settled_again), (Ok(json!({ "by": "first" })), Ok(json!({ "by": "first" }))));
    let failure = artifacts.require::<Value>("runs/other/plan.json").await.unwrap_err();
    assert!(failure.to_string().contains("does not exist"), "{failure}");
}

async fn the_agent_is_published_under_its_hash(account: &Account) {
    let artifacts = account.artifacts("agent").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent");
    fs::write(&path, b"a binary").unwrap();
    let sha256 = Agent::new(path.clone()).publish(&artifacts).await.unwrap().to_owned();
    assert_eq!(sha256, sha256_hex(b"a binary"));
    assert_eq!(Agent::new(path).publish(&artifacts).await.unwrap(), sha256, "the bucket has it already");
    assert_eq!(artifacts.read_bytes(&keys::agent(&sha256)).await, Ok(Some(b"a binary".to_vec())));
}

fn spec(bucket: &str, prefix: &str, skip_refused: bool) -> S3Objects {
    S3Objects {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        skip_refused,
        allow_identified: false,
        multiply: 1,
        deidentify: false,
    }
}

async fn a_dataset_has_the_objects_of_every_page(account: &Account) {
    account.artifacts(BUCKET).await;
    let folder = tempfile::tempdir().unwrap();
    let instances = 2 * OBJECTS_A_PAGE + 1;
    let synthetic = Synthetic { instances: u32::try_from(instances).unwrap(), ..Synthetic::default() };
    for instance in generate(&synthetic, folder.path(), |_| {}).unwrap() {
        let key = format!("datasets/ct/{}", instance.path.file_name().unwrap().to_str().unwrap());
        let body = ByteStream::from(fs::read(&instance.path).unwrap());
        account.s3.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
    }
    // As the S3 console makes it.
    account.s3.put_object().bucket(BUCKET).key("datasets/ct/folder/").send().await.unwrap();
    let plan = objects::dataset(&account.s3, &spec(BUCKET, "datasets/ct/", false), &Request::default()).await.unwrap();
    let DatasetOrigin::S3 { objects: planned, .. } = &plan.source else { panic!("{:?}", plan.source) };
    assert_eq!(planned.len(), instances);
    assert!(planned.iter().all(|object| object.etag.len() == 32 && object.bytes > 500_000), "{planned:?}");

    let text = ByteStream::from_static(b"no DICOM");
    account.s3.put_object().bucket(BUCKET).key("datasets/ct/notes.txt").body(text).send().await.unwrap();
    let dataset = |skip| {
        let (s3, spec) = (account.s3.clone(), spec(BUCKET, "datasets/ct/", skip));
        async move { objects::dataset(&s3, &spec, &Request::default()).await }
    };
    assert_eq!(dataset(false).await.unwrap_err().name(), "DatasetRefused");
    let plan = dataset(true).await.unwrap();
    assert_eq!(plan.refused.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["datasets/ct/notes.txt"]);
}

async fn a_bucket_or_prefix_without_objects_is_an_error_of_the_request(account: &Account) {
    account.artifacts("empty").await;
    for (bucket, prefix, path) in [("absent", "", "dataset.s3.bucket"), ("empty", "datasets/", "dataset.s3.prefix")] {
        let failure =
            objects::dataset(&account.s3, &spec(bucket, prefix, false), &Request::default()).await.unwrap_err();
        let Failure::InvalidRequest(refused) = failure else { panic!("{failure}") };
        assert_eq!(refused.errors[0].path, path);
    }
}
