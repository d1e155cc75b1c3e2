/// Cargo drops a patch with no more than a warning where the SDK asks for a version that the patch does not have.
#[test]
fn the_sdk_takes_its_checksums_from_patches() {
    let lock = crate::read("Cargo.lock");
    let packages: Vec<_> = lock.split("\n\n").filter(|package| package.contains("\nname = \"crc-fast\"\n")).collect();
    assert_eq!(packages.len(), 1, "{packages:?}");
    assert!(!packages[0].contains("\nsource = "), "{}", packages[0]);
}
