use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use dicom_dictionary_std::tags;
use dicom_object::open_file;

use super::super::profile::Profile;
use super::*;
use crate::request::Modality;

const MODALITIES: [Modality; 10] = [
    Modality::Ct,
    Modality::Mr,
    Modality::Cr,
    Modality::Dx,
    Modality::Mg,
    Modality::Dbt,
    Modality::Xa,
    Modality::Us,
    Modality::Pt,
    Modality::Nm,
];

fn spec(modality: Modality, instances: u32, seed: u64) -> Synthetic {
    Synthetic { modality, instances, seed }
}

fn place(modality: Modality, seed: u64, ordinal: u32) -> Place {
    Place::new(Profile::from_modality(modality).expect("a profile"), seed, ordinal)
}

/// Counts and digests the bytes that it gets. Half a gigabyte need not pass through a disk or SHA-256.
#[derive(Default)]
struct Sink {
    bytes: u64,
    digest: u64,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.digest = noise::mix_bits(self.digest ^ u64::from_le_bytes(word));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn digest(place: &Place) -> u64 {
    let mut sink = Sink::default();
    let bytes = write(place, &mut sink).expect("written");
    assert_eq!(bytes, sink.bytes);
    sink.digest
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    let digests = MODALITIES.map(|modality| digest(&place(modality, 1, 0)));
    // If the change is intended, raise GENERATOR_VERSION.
    assert_eq!(
        digests.map(|digest| format!("{digest:016x}")),
        [
            "1ff3742477638dc2",
            "7a394f4388e8eef7",
            "b6cd47bff948ae71",
            "d3ddbef25d024d2b",
            "5edbd3f8aac9d49f",
            "7328754afa87734a",
            "cf1c16d8d85d35d4",
            "5057c698d0cd1f72",
            "a3a14391ea4a8ac8",
            "f0b1fdcc2ecc6161"
        ]
    );
}

#[test]
fn another_seed_or_place_gives_other_bytes() {
    let digests = [(1, 0), (2, 0), (1, 1)].map(|(seed, ordinal)| digest(&place(Modality::Pt, seed, ordinal)));
    assert_eq!(BTreeSet::from(digests).len(), 3);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let spec = spec(Modality::Mix, 12, 5);
    let made = |threads| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut reported = Vec::new();
        let instances =
            generate_with(threads, &spec, directory.path(), |written| reported.push(written)).expect("written");
        assert_eq!(reported, Vec::from_iter(1..=12));
        let read = |one: GeneratedInstance| {
            let file = fs::read(&one.path).expect("its bytes");
            assert_eq!(one.bytes, file.len() as u64);
            (one.path.file_name().expect("a name").to_owned(), one.sop_instance_uid, file)
        };
        instances.into_iter().map(read).collect::<Vec<_>>()
    };
    let alone = made(1);
    assert!(alone.is_sorted_by(|a, b| a.0 < b.0));
    assert!(alone == made(3));
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("missing");
    let error = generate(&spec(Modality::Ct, 9, 1), &missing, |_| {}).expect_err("no directory");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn the_estimate_is_an_upper_bound_within_one_percent() {
    for modality in MODALITIES {
        for (ordinal, seed) in [(0, 0), (0, u64::MAX), (677, 77), (99_999, u64::MAX)] {
            let place = place(modality, seed, ordinal);
            let bytes = header::encode(&place).expect("a header").len() as u64 + place.format().pixel_bytes();
            let estimate = place.profile.file_bytes(ordinal);
            assert!(bytes <= estimate && estimate <= bytes + bytes / 100, "{modality:?} {ordinal}: {bytes} {estimate}");
        }
    }
    let spec = spec(Modality::Mr, 31, 3);
    let directory = tempfile::tempdir().expect("a directory");
    let instances = generate(&spec, directory.path(), |_| {}).expect("written");
    let bytes: u64 = instances.iter().map(|instance| instance.bytes).sum();
    let estimate = synthetic_bytes(&spec);
    assert!(bytes <= estimate && estimate <= bytes + bytes / 100, "{bytes} {estimate}");
}

#[test]
fn every_instance_is_in_one_series_of_one_study() {
    let mut instances = BTreeSet::new();
    // For each series, its study and its number of instances.
    let mut series: BTreeMap<String, (String, u32)> = BTreeMap::new();
    for place in mix::places(&spec(Modality::Mix, 3000, 9)) {
        assert!(instances.insert(place.instance_uid()));
        let uid = place.instance_uid();
        assert!(uid.starts_with("2.25.") && uid.len() <= 44, "{uid}");
        let (study, count) = series.entry(place.series_uid()).or_insert((place.study_uid(), 0));
        assert_eq!(*study, place.study_uid());
        *count += 1;
        assert!(*count <= place.profile.series_instances);
    }
}

#[test]
fn more_instances_than_a_study_has_make_another() {
    for (modality, of_study) in [(Modality::Ct, 680), (Modality::Mr, 570), (Modality::Mg, 4), (Modality::Pt, 350)] {
        let [first, last, next] = [0, of_study - 1, of_study].map(|ordinal| place(modality, 1, ordinal));
        assert_eq!(first.study_uid(), last.study_uid());
        assert_ne!(first.study_uid(), next.study_uid());
        assert_ne!(first.series_uid(), next.series_uid());
        assert_eq!((next.study, next.series, next.number), (1, 0, 0));
    }
}

#[test]
fn the_matrices_of_mr_alternate_by_series() {
    let columns = [0, 29, 30, 60, 90, 120].map(|ordinal| place(Modality::Mr, 1, ordinal).format().columns);
    assert_eq!(columns, [256, 256, 320, 384, 512, 256]);
}

#[test]
fn slices_step_through_the_body() {
    let directory = tempfile::tempdir().expect("a directory");
    let instances = generate(&spec(Modality::Ct, 5, 3), directory.path(), |_| {}).expect("written");
    let mut positions = Vec::new();
    for instance in &instances {
        let object = open_file(&instance.path).expect("DICOM");
        assert_eq!(object.meta().media_storage_sop_instance_uid(), instance.sop_instance_uid);
        let uid = object.element(tags::SOP_INSTANCE_UID).expect("a UID").to_str().expect("text").into_owned();
        assert_eq!(uid, instance.sop_instance_uid);
        let position = object.element(tags::IMAGE_POSITION_PATIENT).expect("a position");
        positions.push(position.to_multi_float64().expect("numbers")[2]);
        let pixels = object.element(tags::PIXEL_DATA).expect("pixels").to_bytes().expect("bytes");
        assert_eq!(pixels.len(), 512 * 512 * 2);
    }
    assert!(positions.windows(2).all(|pair| (pair[0] - pair[1] - 0.625).abs() < 1e-9), "{positions:?}");
}

#[test]
fn what_comes_later_in_a_mix_changes_nothing_of_what_came_before() {
    let of = |instances| {
        let places = mix::places(&spec(Modality::Mix, instances, 4));
        places.map(|place| (place.profile.code, place.ordinal)).collect::<Vec<_>>()
    };
    assert_eq!(of(100), of(5000)[..100]);
}

#[test]
fn an_instance_of_a_mix_is_the_one_of_its_modality() {
    let in_mix = mix::places(&spec(Modality::Mix, 100, 4)).filter(|place| place.profile.code == "MR").nth(3);
    assert_eq!(digest(&in_mix.expect("an MR")), digest(&place(Modality::Mr, 4, 3)));
}

#[test]
fn a_mix_has_the_documented_shares() {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for place in mix::places(&spec(Modality::Mix, 100_000, 1)) {
        *counts.entry(place.profile.code).or_default() += 1;
    }
    for (code, per_100_000) in DOCUMENTED_SHARES {
        let (count, expected) = (f64::from(counts[code]), f64::from(per_100_000));
        // Four standard deviations of a count.
        assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{code}: {count} of {expected}");
    }
}

/// Instances of each modality among 100,000: docs/dataset.md.
const DOCUMENTED_SHARES: [(&str, u32); 10] = [
    ("CT", 64_259),
    ("MR", 32_318),
    ("PT", 1_654),
    ("US", 1_099),
    ("DX", 236),
    ("CR", 142),
    ("MG", 113),
    ("XA", 113),
    ("DBT", 38),
    ("NM", 28),
];
