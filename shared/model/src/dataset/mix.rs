//! A mix of modalities, in the proportion in which they arrive at an archive.
//!
//! A modality's share of *instances* is its share of *studies* times the instances in one study. The shares of studies
//! are our own estimate for a general hospital, not a survey. docs/dataset.md lists both.

use crate::request::{Modality, Synthetic};

use super::noise::mix_bits;
use super::place::Place;
use super::profile::Profile;

/// Studies of each modality among 1,000 that arrive.
const STUDIES_PER_1000: [(Modality, u32); 10] = [
    (Modality::Ct, 200),
    (Modality::Mr, 120),
    (Modality::Cr, 150),
    (Modality::Dx, 250),
    (Modality::Mg, 60),
    (Modality::Dbt, 20),
    (Modality::Xa, 20),
    (Modality::Us, 155),
    (Modality::Pt, 10),
    (Modality::Nm, 15),
];

/// Returns the places of a dataset's instances, in their order.
pub(super) fn places(spec: &Synthetic) -> impl Iterator<Item = Place> + use<> {
    let seed = spec.seed;
    let profiles = STUDIES_PER_1000.map(|(modality, _)| Profile::from_modality(modality));
    // Instances of each modality so far. A later instance never changes an earlier one.
    let mut ordinals = [0; STUDIES_PER_1000.len()];
    let only = Profile::from_modality(spec.modality);
    (0..spec.instances).filter_map(move |index| match only {
        Some(profile) => Some(Place::new(profile, seed, index)),
        None => {
            let drawn = draw_modality(seed, index);
            let ordinal = ordinals[drawn];
            ordinals[drawn] += 1;
            Some(Place::new(profiles[drawn]?, seed, ordinal))
        }
    })
}

/// Returns the index of an instance's modality in the mix. Only the instance's index and the seed decide it.
fn draw_modality(seed: u64, index: u32) -> usize {
    let mut left = mix_bits(mix_bits(seed).wrapping_add(u64::from(index)))
        % STUDIES_PER_1000.iter().map(instance_weight).sum::<u64>();
    STUDIES_PER_1000
        .iter()
        .position(|share| {
            let weight = instance_weight(share);
            let is_here = left < weight;
            left = left.saturating_sub(weight);
            is_here
        })
        .unwrap_or_default()
}

/// Returns the share of instances that a share of studies makes.
fn instance_weight((modality, studies): &(Modality, u32)) -> u64 {
    Profile::from_modality(*modality).map_or(0, |profile| u64::from(*studies) * u64::from(profile.study_instances()))
}
