//! The scenarios that belong together.

use super::*;

#[test]
fn the_same_settings_belong_together_whatever_their_numbers() {
    let a = run(json!({ "matrix": { "associations": [1, 4, 8] } }), steady(2000.0));
    let b = run(json!({ "matrix": { "associations": [8, 1] } }), steady(2000.0));
    let found = compare(&a, &b);
    let pairs: Vec<_> = found.scenarios.iter().map(|pair| (pair.a, pair.b, pair.name.as_str())).collect();
    assert_eq!(pairs, [(0, 1, "associations 1"), (2, 0, "associations 8")]);
    assert_eq!((found.only_in_a.as_slice(), found.only_in_b.as_slice()), (&[1][..], &[][..]));
}

#[test]
fn the_nearest_settings_belong_together_where_there_is_no_doubt() {
    let off = run(json!({ "matrix": { "associations": [1, 4], "tcpNoDelay": [false] } }), steady(2000.0));
    let on = run(json!({ "matrix": { "associations": [1, 4], "tcpNoDelay": [true] } }), steady(2000.0));
    let found = compare(&off, &on);
    assert_eq!(found.scenarios.iter().map(|pair| (pair.a, pair.b)).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
    assert_eq!(found.scenarios[1].name, "associations 4");
    let difference = &found.scenarios[1].differences;
    assert_eq!((difference.len(), difference[0].setting), (1, Axis::TcpNoDelay));
    assert_eq!((&difference[0].a, &difference[0].b), (&json!(false), &json!(true)));

    // 2 associations are one setting away from both 1 and 4.
    let two = run(json!({ "matrix": { "associations": [2], "tcpNoDelay": [false] } }), steady(2000.0));
    let found = compare(&off, &two);
    assert!(found.scenarios.is_empty());
    assert_eq!((found.only_in_a.as_slice(), found.only_in_b.as_slice()), (&[0, 1][..], &[0][..]));
    assert_eq!(
        (found.says.as_str(), found.verdict),
        ("No scenario of run B belongs to one of run A.", Change::Inconclusive)
    );
}

#[test]
fn pairs_are_called_by_the_orthanc_keys_that_tell_them_apart() {
    let orthanc = json!([{ "StableAge": 5 }, { "StableAge": 5, "StorageCompression": true }]);
    let one = run(json!({ "matrix": { "orthanc": orthanc } }), steady(2000.0));
    let found = compare(&one, &one.clone());
    let names: Vec<_> = found.scenarios.iter().map(|pair| pair.name.as_str()).collect();
    assert_eq!(names, ["Orthanc default", "Orthanc StorageCompression=on"]);
    let single = run(json!({}), steady(2000.0));
    assert_eq!(compare(&single, &single.clone()).scenarios[0].name, "scenario 0");
}
