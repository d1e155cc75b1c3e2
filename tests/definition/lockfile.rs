/// If the SDK requires another version than the patch has, Cargo drops the patch and only warns.
#[test]
fn the_sdk_takes_its_checksums_from_patches() {
    let lock = crate::read("Cargo.lock");
    let packages: Vec<_> = lock.split("\n\n").filter(|package| package.contains("\nname = \"crc-fast\"\n")).collect();
    assert_eq!(packages.len(), 1, "{packages:?}");
    assert!(!packages[0].contains("\nsource = "), "{}", packages[0]);
}
