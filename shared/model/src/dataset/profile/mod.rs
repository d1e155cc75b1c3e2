//! The profiles. A profile defines the size of a modality's instances, their number in a study, their attributes and
//! their picture.

mod breast;
mod chest;
mod cr;
mod ct;
mod dbt;
mod dx;
mod mg;
mod mr;
mod nm;
mod pt;
mod us;
mod xa;

use super::attributes::Attributes;
use super::canvas::Canvas;
use super::noise::Noise;
use super::place::Place;
use crate::request::Modality;

/// The common properties of a modality's instances.
#[derive(Debug)]
pub(super) struct Profile {
    /// Modality (0008,0060), and the name in requests. DBT, whose Modality is MG, has a name of its own.
    pub code: &'static str,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: &'static str,
    /// Series in a study.
    pub series: u32,
    /// Instances in a series.
    pub series_instances: u32,
    /// Sizes. The series of a study use them in turn.
    pub formats: &'static [Format],
    /// The most bytes that a file has beside its pixels.
    pub header_bytes: u64,
    /// Adds the attributes that differ between modalities.
    pub describe: fn(&Place, &mut Attributes),
    /// Paints the part that all frames share.
    pub paint_still: fn(&Place, &mut Canvas),
    /// Paints the part that changes from frame to frame over it.
    pub paint_moving: fn(&Place, u32, &mut Canvas),
    /// Noise that is added to each pixel.
    pub noise: Noise,
}

/// The size of an instance's pixel data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub rows: u16,
    pub columns: u16,
    pub frames: u32,
    pub bits_allocated: u16,
    pub bits_stored: u16,
}

impl Profile {
    /// Returns the profile of a modality; `None` for the mix.
    pub(super) fn from_modality(modality: Modality) -> Option<&'static Self> {
        Some(match modality {
            Modality::Ct => &ct::PROFILE,
            Modality::Mr => &mr::PROFILE,
            Modality::Cr => &cr::PROFILE,
            Modality::Dx => &dx::PROFILE,
            Modality::Mg => &mg::PROFILE,
            Modality::Dbt => &dbt::PROFILE,
            Modality::Xa => &xa::PROFILE,
            Modality::Us => &us::PROFILE,
            Modality::Pt => &pt::PROFILE,
            Modality::Nm => &nm::PROFILE,
            Modality::Mix => return None,
        })
    }

    /// Returns the number of instances in a study.
    pub(super) fn study_instances(&self) -> u32 {
        self.series * self.series_instances
    }

    /// Returns the size of an instance of this modality.
    pub(super) fn format(&self, ordinal: u32) -> Format {
        let series = ordinal % self.study_instances() / self.series_instances;
        self.formats[series as usize % self.formats.len()]
    }

    /// Returns the most bytes that the file of an instance has.
    pub(super) fn file_bytes(&self, ordinal: u32) -> u64 {
        self.header_bytes + self.format(ordinal).pixel_bytes()
    }
}

impl Format {
    const fn gray16(rows: u16, columns: u16, bits_stored: u16) -> Self {
        Self { rows, columns, frames: 1, bits_allocated: 16, bits_stored }
    }

    /// Returns the bytes of one frame.
    pub(super) fn frame_bytes(&self) -> usize {
        usize::from(self.rows) * usize::from(self.columns) * usize::from(self.bits_allocated / 8)
    }

    /// Returns the bytes of all frames.
    pub(super) fn pixel_bytes(&self) -> u64 {
        self.frame_bytes() as u64 * u64::from(self.frames)
    }
}

/// Paints nothing, for an instance without motion.
fn paint_nothing(_: &Place, _: u32, _: &mut Canvas) {}

/// Returns a number from 0 to `most` that rises and falls again within `period` steps.
fn swing(step: i64, period: i64, most: i64) -> i64 {
    let phase = step.rem_euclid(period);
    most * phase.min(period - phase) * 2 / period
}
