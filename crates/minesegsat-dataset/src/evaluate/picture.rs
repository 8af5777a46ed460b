//! Pictures of one patch: true outlines, predicted outlines and errors.

use std::collections::BTreeSet;

use geo::MultiPolygon;

use super::evaluation::PatchResult;
use crate::SamplePatch;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::{Band, Result};
use minesegsat_map::preview::{Stretch, fitting, jpeg_uri};
use minesegsat_page::palette::{FALSE_NEGATIVE, FALSE_POSITIVE, PICTURE_GROUND, TRUE_POSITIVE};
use minesegsat_page::svg_path;

/// Maximum length of a picture's longer side in pixels. Larger patches are reduced.
const LARGEST_SIDE: usize = 512;
/// Weight of the widest range in the stretch of each colour, as in the program's other pictures.
const SHARING: f32 = 0.25;

const TINT: f32 = 0.62;

/// Why a patch is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Best,
    Median,
    Worst,
}

/// Chooses patches from `order`, which is sorted by F1: `each` from the start, the middle and the end, without
/// duplicates.
pub(super) fn choose(order: &[usize], each: usize) -> Vec<(Rank, usize)> {
    let len = order.len();
    let each = each.min(len.div_ceil(3));
    let mut taken = BTreeSet::new();
    let mut chosen = Vec::new();
    let middle = len.saturating_sub(each) / 2;
    for (rank, from) in [(Rank::Best, 0), (Rank::Worst, len - each), (Rank::Median, middle)] {
        for at in from..from + each {
            if taken.insert(at) {
                chosen.push((rank, at));
            }
        }
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|(rank, at)| (rank, order[at])).collect()
}

/// Drawings of a patch.
#[derive(Debug, Clone)]
pub(super) struct PatchPicture {
    pub rank: Rank,
    pub id: String,
    pub site: String,
    pub counts: minesegsat_core::metrics::ConfusionMatrix,
    pub area: Option<[f64; 3]>,
    /// Width of the pictures in pixels.
    pub width: usize,
    pub height: usize,
    /// Bands shown as colours.
    pub composite: String,
    /// Data URI of the ground picture.
    pub ground: String,
    pub errors: String,
    /// SVG path of the true outlines, in pixels of the pictures.
    pub truth: String,
    pub found: String,
}

/// A patch and the normalisation of its bands.
pub(super) struct Scene<'a> {
    pub patch: &'a SamplePatch,
    pub bands: &'a [Band],
    /// Normalisation of each band.
    pub normalisation: &'a [BandNormalisation],
    pub ignore: u8,
}

impl Scene<'_> {
    pub(super) fn draw(&self, rank: Rank, result: &PatchResult, p: &[f32], threshold: f32) -> Result<PatchPicture> {
        let (height, width) = self.patch.size;
        let mask = &self.patch.mask;
        let (composite, ground) = self.ground();
        let errors: Vec<[u8; 3]> = (0..mask.len())
            .map(|i| {
                if mask[i] == self.ignore {
                    return PICTURE_GROUND;
                }
                let grey = ground[i].iter().map(|v| f32::from(*v)).sum::<f32>() / 3.0 * 0.6 + 10.0;
                let colour = match (p[i] >= threshold, mask[i] != 0) {
                    (true, true) => TRUE_POSITIVE,
                    (true, false) => FALSE_POSITIVE,
                    (false, true) => FALSE_NEGATIVE,
                    (false, false) => return [grey as u8; 3],
                };
                colour.map(|v| (f32::from(v) * TINT + grey * (1.0 - TINT)) as u8)
            })
            .collect();
        let (w, h) = fitting((width, height), LARGEST_SIDE);
        let jpeg = |pixels: &[[u8; 3]]| jpeg_uri(pixels, (width, height), LARGEST_SIDE);
        let outline = |is_mine: &dyn Fn(usize) -> bool| {
            let inside = |i: usize| u8::from(mask[i] != self.ignore && is_mine(i));
            let polygons = outlines(width, (0..mask.len()).map(inside).collect());
            svg_path(&polygons, w as f64 / width as f64, h as f64 / height as f64)
        };
        Ok(PatchPicture {
            rank,
            id: result.id.clone(),
            site: result.site.clone(),
            counts: result.counts,
            area: result.area,
            width: w,
            height: h,
            composite,
            ground: jpeg(&ground)?,
            errors: jpeg(&errors)?,
            truth: outline(&|i| mask[i] != 0),
            found: outline(&|i| p[i] >= threshold),
        })
    }

    /// True colour if the bands exist, else the first band in grey.
    fn ground(&self) -> (String, Vec<[u8; 3]>) {
        let pixels = self.patch.mask.len();
        let reflectance = |band: Band| -> Option<Vec<f32>> {
            let channel = self.bands.iter().position(|b| *b == band)?;
            let how = self.normalisation[channel];
            let values = &self.patch.data[channel * pixels..(channel + 1) * pixels];
            Some(values.iter().map(|v| v * how.divisor + how.offset).collect())
        };
        let colours: Option<Vec<Vec<f32>>> = [Band::B04, Band::B03, Band::B02].into_iter().map(reflectance).collect();
        let (name, channels) = match colours {
            Some(colours) => ("true colour".to_owned(), colours),
            None => (format!("{} in grey", self.bands[0]), vec![reflectance(self.bands[0]).unwrap_or_default(); 3]),
        };
        let known = |i: usize| self.patch.mask[i] != self.ignore;
        let is_any_known = (0..pixels).any(known);
        let stretch = Stretch::fit([&channels[0], &channels[1], &channels[2]], |i| known(i) || !is_any_known, SHARING);
        let colour = |i: usize| stretch.brightness([channels[0][i], channels[1][i], channels[2][i]]);
        (name, (0..pixels).map(colour).collect())
    }
}

fn outlines(width: usize, inside: Vec<u8>) -> MultiPolygon<f64> {
    let mut polygonizer = Polygonizer::new(width, Connectivity::Four);
    let probability = vec![1.0; width];
    for line in inside.chunks_exact(width) {
        polygonizer.push_row(line, &probability);
    }
    MultiPolygon(polygonizer.finish().iter().flat_map(|region| region.geometry.0.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::metrics::ConfusionMatrix;

    #[test]
    fn the_first_the_middle_and_the_last_are_chosen_and_none_twice() {
        let order: Vec<usize> = (100..115).collect();
        let chosen = choose(&order, 2);
        assert_eq!(chosen.iter().map(|c| c.1).collect::<Vec<_>>(), [100, 101, 106, 107, 113, 114]);
        for len in 0..9 {
            let chosen = choose(&order[..len], 4);
            let places: BTreeSet<usize> = chosen.iter().map(|c| c.1).collect();
            assert_eq!(places.len(), chosen.len(), "{len}");
            assert_eq!(chosen.len(), len.min(chosen.len()));
            assert_eq!(len == 0, chosen.is_empty());
        }
        assert_eq!(choose(&order[..1], 4), [(Rank::Best, 100)]);
    }

    #[test]
    fn what_was_missed_and_what_was_invented_have_their_colours() {
        let mask = vec![1, 1, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut p = vec![0.0; 16];
        (p[0], p[2]) = (0.9, 0.9);
        let patch = SamplePatch { data: vec![0.2; 16], mask, size: (4, 4) };
        let scene =
            Scene { patch: &patch, bands: &[Band::B08], normalisation: &[BandNormalisation::IDENTITY], ignore: 255 };
        let result = PatchResult {
            id: "a".to_owned(),
            site: "a".to_owned(),
            size: (4, 4),
            counts: ConfusionMatrix::default(),
            boundary: minesegsat_core::metrics::BoundaryCounts::default(),
            bce: None,
            brier: None,
            area: None,
        };
        let picture = scene.draw(Rank::Best, &result, &p, 0.5).unwrap();
        assert_eq!((picture.width, picture.height, picture.composite.as_str()), (4, 4, "B08 in grey"));
        assert_eq!(picture.truth, "M0 0h2v1h-2v-1z");
        assert_eq!(picture.found.matches('M').count(), 2);
        assert!(picture.ground.starts_with("data:image/jpeg;base64,") && picture.errors != picture.ground);
    }
}
