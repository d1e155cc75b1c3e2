//! One transfer's settings, and the share of each association.

use dicomperf_model::settings::Settings;
use dicomperf_model::step::MeasureBlock;

use crate::client::converted::Converted;
use crate::client::dataset::{Dataset, Instance};
use crate::home::RunHome;

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
}
