use aws_sdk_s3::Client as S3;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;

use super::*;

fn build(bucket: &str, key: &str) -> Value {
    json!({ "s3": { "bucket": bucket, "key": key, "sha256": "0".repeat(64) } })
}

fn with_sizes(bucket: &Bucket, bytes: i64) -> Planner {
    let head = mock!(S3::head_object).then_output(move || HeadObjectOutput::builder().content_length(bytes).build());
    let mut planner = planner(bucket, vec![recorded()], &parameter());
    planner.s3 = client!(aws_sdk_s3, [head]);
    planner
}

#[tokio::test]
async fn a_build_in_a_place_that_the_stack_does_not_read_is_refused_with_its_field() {
    let bucket = Bucket::default();
    let mut planner = planner(&bucket, Vec::new(), &parameter());
    planner.limits.dataset_bucket = Some("images".to_owned());
    planner.limits.dataset_prefix = Some("shared/".to_owned());
    let mut builds = ["a", "b", "c"].map(|_| Value::Null);
    builds[0] = build("bucket", "runs/orthanc");
    builds[1] = build("images", "private/orthanc");
    builds[2] = build("elsewhere", "builds/orthanc");
    for (number, one) in builds.iter_mut().enumerate() {
        one["s3"]["sha256"] = json!(number.to_string().repeat(64));
    }
    let failure = plan_once(&planner, json!({ "matrix": { "orthancBuild": builds } })).await.expect_err("refused");
    let message = failure.to_string();
    let paths: Vec<_> = message.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(
        paths,
        ["matrix.orthancBuild[0].s3.key", "matrix.orthancBuild[1].s3.key", "matrix.orthancBuild[2].s3.bucket"]
    );
    assert!(bucket.keys().is_empty(), "nothing is planned");
}

#[tokio::test]
async fn a_build_that_is_there_is_planned_in_blocks_of_its_own() {
    let bucket = Bucket::default();
    let document = json!({ "matrix": { "orthancBuild": ["distribution", build("bucket", "builds/orthanc")] } });
    let answer = plan_once(&with_sizes(&bucket, 30_000_000), document).await.expect("a plan");
    let blocks: Vec<_> = answer.sequence.iter().map(|run| run.block).collect();
    assert_eq!(blocks, [0, 1, 1, 0], "rounds in ABBA order");
}

#[tokio::test]
async fn an_object_without_content_is_no_build() {
    let bucket = Bucket::default();
    let document = json!({ "matrix": { "orthancBuild": [build("bucket", "builds/orthanc")] } });
    let failure = plan_once(&with_sizes(&bucket, 0), document).await.expect_err("refused");
    let message = failure.to_string();
    assert!(message.starts_with("matrix.orthancBuild[0].s3.key: s3://bucket/builds/orthanc has 0 bytes"), "{message}");
}
