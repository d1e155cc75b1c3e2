//! One transfer's settings, and the share of each association.

use std::num::NonZeroU32;

use dicomperf_model::request::InstancesPerAssociation;
use dicomperf_model::settings::Settings;
use dicomperf_model::step::MeasureBlock;

use crate::client::converted::Converted;
use crate::client::dataset::{Dataset, Instance};
use crate::home::RunHome;
use crate::upper_layer::contexts::divide;

/// The way in which the dataset is sent.
pub(super) struct Sending<'a> {
    pub block: &'a MeasureBlock,
    pub settings: &'a Settings,
    pub dataset: &'a Dataset,
    pub files: &'a Converted,
    pub home: &'a RunHome,
}

impl<'a> Sending<'a> {
    /// The share of each concurrent association. An association without instances would be a different test, so none is
    /// opened.
    pub fn lanes(&self) -> Vec<Vec<&'a Instance>> {
        let instances = &self.dataset.instances;
        let lanes = (self.settings.associations as usize).min(instances.len());
        (0..lanes).map(|lane| instances.iter().skip(lane).step_by(lanes).collect()).collect()
    }

    /// The instances of each association, lane by lane.
    pub fn associations(&self) -> Vec<Vec<Vec<&'a Instance>>> {
        let of_lane = |lane: Vec<&'a Instance>| {
            let contexts = lane.iter().map(|instance| instance.presentation_context());
            let ranges = divide(contexts, self.instances_per_association());
            ranges.into_iter().map(|range| lane[range].to_vec()).collect()
        };
        self.lanes().into_iter().map(of_lane).collect()
    }

    /// The most instances of an association; `None` if there is no limit.
    pub fn instances_per_association(&self) -> Option<NonZeroU32> {
        match self.settings.instances_per_association {
            InstancesPerAssociation::All => None,
            InstancesPerAssociation::Count(count) => NonZeroU32::new(count),
        }
    }
}
