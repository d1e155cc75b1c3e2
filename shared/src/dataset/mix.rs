//! A mix of modalities, as they arrive at an archive.
//!
//! A share of *studies* for each modality, times the instances of a study, is its share of *instances*. The shares of
//! studies are our own reading of what a general hospital sends, and no survey; docs/dataset.md has both.

use crate::request::{Modality, Synthetic};

use super::noise::mixed;
use super::place::Place;
use super::profile::Profile;

/// Studies of each modality among 1,000 that arrive.
const STUDIES: [(Modality, u32); 10] = [
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

/// Where the instances of a dataset stand, in their order.
pub(super) fn places(spec: &Synthetic) -> impl Iterator<Item = Place> + use<> {
    let seed = spec.seed;
    let profiles = STUDIES.map(|(modality, _)| Profile::of(modality));
    // How many instances of each modality there are so far: what comes later changes nothing of what came before.
    let mut ordinals = [0; STUDIES.len()];
    let only = Profile::of(spec.modality);
    (0..spec.instances).filter_map(move |index| match only {
        Some(profile) => Some(Place::new(profile, seed, index)),
        None => {
            let drawn = draw(seed, index);
            let ordinal = ordinals[drawn];
            ordinals[drawn] += 1;
            Some(Place::new(profiles[drawn]?, seed, ordinal))
        }
    })
}

/// Which of the modalities an instance of the mix has: decided by its index and the seed alone.
fn draw(seed: u64, index: u32) -> usize {
    let mut left = mixed(mixed(seed).wrapping_add(u64::from(index))) % STUDIES.iter().map(weight).sum::<u64>();
    STUDIES
        .iter()
        .position(|share| {
            let weight = weight(share);
            let is_here = left < weight;
            left = left.saturating_sub(weight);
            is_here
        })
        .unwrap_or_default()
}

/// The share of instances that a share of studies makes.
fn weight((modality, studies): &(Modality, u32)) -> u64 {
    Profile::of(*modality).map_or(0, |profile| u64::from(*studies) * u64::from(profile.study_instances()))
}
