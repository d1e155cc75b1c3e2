//! The place of an instance: its study, its series, its number, and the UIDs that follow from them.

use sha2::{Digest as _, Sha256};

use super::GENERATOR_VERSION;
use super::profile::{Format, Profile};

/// The place of one instance among those of its modality.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub profile: &'static Profile,
    pub seed: u64,
    /// Index among the instances of this modality, from 0.
    pub ordinal: u32,
    /// Index of the study among those of this modality, from 0.
    pub study: u32,
    /// Index of the series in the study, from 0.
    pub series: u32,
    /// Index of the instance in the series, from 0.
    pub number: u32,
}

impl Place {
    /// Returns the place of an instance. Studies are filled one after another, and so are their series.
    pub(super) fn new(profile: &'static Profile, seed: u64, ordinal: u32) -> Self {
        let study = ordinal / profile.study_instances();
        let within = ordinal % profile.study_instances();
        let (series, number) = (within / profile.series_instances, within % profile.series_instances);
        Self { profile, seed, ordinal, study, series, number }
    }

    /// Returns the size of this instance.
    pub(super) fn format(&self) -> Format {
        self.profile.format(self.ordinal)
    }

    pub(super) fn study_uid(&self) -> String {
        self.uid("study", self.study)
    }

    pub(super) fn series_uid(&self) -> String {
        self.uid("series", self.study * self.profile.series + self.series)
    }

    pub(super) fn instance_uid(&self) -> String {
        self.uid("instance", self.ordinal)
    }

    /// Returns the UID of the study's one frame of reference: its series show one patient who did not move.
    pub(super) fn frame_of_reference_uid(&self) -> String {
        self.uid("frame of reference", self.study)
    }

    /// Returns a UID under 2.25 (PS3.5 B.2): the decimal form of a version 8 UUID (RFC 9562) made from a hash.
    pub(super) fn uid(&self, what: &str, number: u32) -> String {
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&self.digest(what, number)[..16]);
        uuid[6] = uuid[6] & 0x0f | 0x80;
        uuid[8] = uuid[8] & 0x3f | 0x80;
        format!("2.25.{}", u128::from_be_bytes(uuid))
    }

    /// Returns 64 bits that are specific to this instance.
    pub(super) fn key(&self) -> u64 {
        let mut key = [0; 8];
        key.copy_from_slice(&self.digest("noise", self.ordinal)[..8]);
        u64::from_le_bytes(key)
    }

    fn digest(&self, what: &str, number: u32) -> [u8; 32] {
        let code = self.profile.code;
        Sha256::digest(format!("dicomperf {GENERATOR_VERSION} {} {code} {what} {number}", self.seed)).into()
    }
}
