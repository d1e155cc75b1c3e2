//! The profiles: how large the instances of a modality are, how many make a study, what they say and show.

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

/// What the instances of a modality have in common.
#[derive(Debug)]
pub(super) struct Profile {
    /// Modality (0008,0060), and the name in requests; DBT, whose Modality is MG, by its own.
    pub code: &'static str,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: &'static str,
    /// Series in a study.
    pub series: u32,
    /// Instances in a series.
    pub series_instances: u32,
    /// Sizes, which the series of a study have in turn.
    pub formats: &'static [Format],
    /// The most that a file has beside its pixels, in bytes.
    pub header_bytes: u64,
    /// The attributes that are not the same for every modality.
    pub describe: fn(&Place, &mut Attributes),
    /// Paints what stays from frame to frame.
    pub still: fn(&Place, &mut Canvas),
    /// Paints what a frame has over it.
    pub moving: fn(&Place, u32, &mut Canvas),
    /// What is added to each pixel.
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
    /// The profile of a modality; `None` for a mix of them.
    pub(super) fn of(modality: Modality) -> Option<&'static Self> {
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

    /// Instances in a study.
    pub(super) fn study_instances(&self) -> u32 {
        self.series * self.series_instances
    }

    /// The size of an instance of this modality.
    pub(super) fn format(&self, ordinal: u32) -> Format {
        let series = ordinal % self.study_instances() / self.series_instances;
        self.formats[series as usize % self.formats.len()]
    }

    /// The most that the file of an instance has.
    pub(super) fn file_bytes(&self, ordinal: u32) -> u64 {
        self.header_bytes + self.format(ordinal).pixel_bytes()
    }
}

impl Format {
    const fn gray16(rows: u16, columns: u16, bits_stored: u16) -> Self {
        Self { rows, columns, frames: 1, bits_allocated: 16, bits_stored }
    }

    /// Bytes of a frame.
    pub(super) fn frame_bytes(&self) -> usize {
        usize::from(self.rows) * usize::from(self.columns) * usize::from(self.bits_allocated / 8)
    }

    /// Bytes of all frames.
    pub(super) fn pixel_bytes(&self) -> u64 {
        self.frame_bytes() as u64 * u64::from(self.frames)
    }
}

/// Of an instance in which nothing moves.
fn nothing(_: &Place, _: u32, _: &mut Canvas) {}

/// A number from 0 to `most` that goes up and down again within `period` steps.
fn swing(step: i64, period: i64, most: i64) -> i64 {
    let phase = step.rem_euclid(period);
    most * phase.min(period - phase) * 2 / period
}
