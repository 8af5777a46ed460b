//! Size of the parts of a mine at a moment: [`Stage`].

use super::mines::Site;

/// Size of a mine's parts at a moment. Sizes are factors on the planned lengths; a part of size 0 is not there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    pub(super) pit: f32,
    pub(super) pond: f32,
    pub(super) pad: f32,
    pub(super) mill: f32,
    /// In the order of [`Site::dumps`].
    pub(super) dumps: Vec<DumpStage>,
    /// Built share of each of [`Site::roads`], 0 to 1.
    pub(super) roads: Vec<f32>,
    /// In the order of the satellites in the history of the site.
    pub(super) satellites: Vec<SatelliteStage>,
}

/// Size of a dump at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DumpStage {
    pub(super) size: f32,
    /// Reclaimed share, 0 to 0.95.
    pub(super) reclaimed: f32,
}

/// Size of a satellite pit and the built share of its road at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SatelliteStage {
    pub(super) size: f32,
    pub(super) road: f32,
}

impl Stage {
    /// A mine in a year; `None` before it opens. A new mine starts at half its size, and all its parts grow together.
    pub(super) fn in_year(site: &Site, year: i16) -> Option<Self> {
        let age = f32::from(year - site.opens);
        let young = if site.opens > 2000 { 0.5 + 0.12 * age } else { 1.0 };
        let size = ((1.0 + site.growth * f32::from(year - 2021)) * young.min(1.0)).clamp(0.35, 1.7);
        let dumps = site.dumps.iter().map(|dump| {
            let (in_2021, per_year) = dump.reclaimed;
            let reclaimed = (in_2021 + per_year * f32::from(year - 2021)).clamp(0.0, 0.95);
            DumpStage {
                size: if dump.is_active { size } else { size.min(1.0) },
                reclaimed: if per_year == 0.0 { 0.0 } else { reclaimed },
            }
        });
        (year >= site.opens).then(|| Self {
            pit: size,
            pond: size,
            pad: size,
            mill: 1.0,
            dumps: dumps.collect(),
            roads: vec![1.0; site.roads.len()],
            satellites: Vec::new(),
        })
    }
}
