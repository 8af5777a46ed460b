//! False land on ground without mines: [`Negatives`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::bootstrap::Bootstrap;
use super::cover::CoverMap;
use super::evaluation::Estimate;
use super::sums::Merge;
use crate::{Dataset, SampleRecord};
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::{Error, Result, Setting};

/// Confidence of the upper bounds where nothing is mapped.
const BOUND_LEVEL: f64 = 0.9;
/// Hectares of 1000 km2.
const REFERENCE_HA: f64 = 100_000.0;

/// Options of [`Negatives`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NegativesOptions {
    /// Leave out patches with mines. Otherwise they are refused.
    pub skip_mines: bool,
    /// Smallest area of a counted polygon in square metres.
    pub min_area_m2: f64,
    /// Rasters of land cover classes. The first one that shows a pixel gives its class. None if empty.
    pub cover: Vec<PathBuf>,
    /// Names of cover classes. Without them, files whose names contain `WorldCover` have the classes of ESA WorldCover.
    pub cover_names: BTreeMap<i32, String>,
}

/// False land on ground without mines, of all ground or of one class of land cover.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FalseLand {
    /// Number of patches with assessed land.
    pub patches: u64,
    /// Number of sites with assessed land.
    pub sites: usize,
    /// Assessed land in square kilometres: pixels with data and a label.
    pub assessed_km2: f64,
    /// Mapped land in hectares. All of it is false.
    pub false_ha: f64,
    /// Hectares of false land per 1000 km2 of assessed land. No interval if there is no false land.
    pub ha_per_1000_km2: Estimate,
    /// Number of patches with false land.
    pub patches_with_false_land: u64,
    /// Share of patches with false land, 0 to 1. No interval if there is no false land.
    pub share_of_patches: Estimate,
    /// Upper bound of that share if no patch has false land: Clopper and Pearson's for none of the sites, at the level
    /// [`Negatives::bound_level`].
    pub share_of_patches_at_most: Option<f64>,
}

/// False land in one class of land cover.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CoverClass {
    /// Value in the map; `None` for land that the map does not show.
    pub class: Option<i32>,
    /// Name of the class.
    pub name: String,
    /// False land.
    #[serde(flatten)]
    pub land: FalseLand,
}

/// False land on ground without mines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Negatives {
    /// Number of patches with mines, which were left out.
    pub left_out: usize,
    /// False land of all ground.
    #[serde(flatten)]
    pub land: FalseLand,
    /// Smallest area of a counted polygon in square metres.
    pub min_area_m2: f64,
    /// Number of polygons of false land of at least the smallest area. Pixels that share an edge are joined. Polygons end at
    /// the edges of patches.
    pub polygons: u64,
    /// Number of these polygons per 1000 km2 of assessed land. No interval if there is none.
    pub polygons_per_1000_km2: Estimate,
    /// Upper bound of that number if there is no polygon: that of a Poisson distribution, at the level `bound_level`.
    pub polygons_per_1000_km2_at_most: Option<f64>,
    /// Confidence of the upper bounds.
    pub bound_level: f64,
    /// False land by class of land cover, if a map was given; the class with most assessed land first.
    pub cover: Vec<CoverClass>,
}

/// Upper bound of a share if none of `trials` has the property (Clopper, Pearson 1934,
/// <https://doi.org/10.1093/biomet/26.4.404>).
fn share_bound(trials: usize) -> Option<f64> {
    (trials > 0).then(|| 1.0 - (1.0 - BOUND_LEVEL).powf(1.0 / trials as f64))
}

/// Upper bound of the number of events per 1000 km2 if there was none (Garwood 1936,
/// <https://doi.org/10.1093/biomet/28.3-4.437>).
fn rate_bound(assessed_ha: f64) -> Option<f64> {
    (assessed_ha > 0.0).then(|| -(1.0 - BOUND_LEVEL).ln() / assessed_ha * REFERENCE_HA)
}

/// Sums of false land over patches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct FalseSums {
    patches: u64,
    patches_with_false_land: u64,
    assessed_ha: f64,
    false_ha: f64,
    polygons: u64,
}

impl Merge for FalseSums {
    fn merge(&mut self, other: &Self) {
        self.patches += other.patches;
        self.patches_with_false_land += other.patches_with_false_land;
        self.assessed_ha += other.assessed_ha;
        self.false_ha += other.false_ha;
        self.polygons += other.polygons;
    }
}

impl FalseSums {
    /// Sums of one patch, from its numbers of assessed pixels and of mapped pixels.
    fn of_patch(assessed: u64, mapped: u64, polygons: u64, pixel_ha: f64) -> Self {
        Self {
            patches: u64::from(assessed > 0),
            patches_with_false_land: u64::from(mapped > 0),
            assessed_ha: assessed as f64 * pixel_ha,
            false_ha: mapped as f64 * pixel_ha,
            polygons,
        }
    }

    /// Hectares and polygons per 1000 km2, and share of patches with false land.
    fn values(&self) -> [Option<f64>; 3] {
        let rate = |amount: f64| (self.assessed_ha > 0.0).then(|| amount / self.assessed_ha * REFERENCE_HA);
        let share = (self.patches > 0).then(|| self.patches_with_false_land as f64 / self.patches as f64);
        [rate(self.false_ha), rate(self.polygons as f64), share]
    }
}

/// The map of a patch without mines.
pub(super) struct FalsePatch<'a> {
    /// Probabilities, `[H, W]`.
    pub p: &'a [f32],
    /// Mask, `[H, W]`.
    pub mask: &'a [u8],
    pub width: usize,
    pub ignore: u8,
    pub threshold: f32,
    pub pixel_ha: f64,
}

impl FalsePatch<'_> {
    fn all(&self, min_area_m2: f64) -> FalseSums {
        let is_assessed = |i: usize| self.mask[i] != self.ignore;
        let is_mapped = |i: usize| is_assessed(i) && self.p[i] >= self.threshold;
        let count = |is: &dyn Fn(usize) -> bool| (0..self.p.len()).filter(|&i| is(i)).count() as u64;
        let mapped = count(&is_mapped);
        let mut polygons = 0;
        if mapped > 0 {
            // As `predict` joins pixels unless told otherwise.
            let mut polygonizer = Polygonizer::new(self.width, Connectivity::Four);
            let inside: Vec<u8> = (0..self.p.len()).map(|i| u8::from(is_mapped(i))).collect();
            for (mask, p) in inside.chunks_exact(self.width).zip(self.p.chunks_exact(self.width)) {
                polygonizer.push_row(mask, p);
            }
            let is_large = |pixels: u64| pixels as f64 * self.pixel_ha * 10_000.0 >= min_area_m2;
            polygons = polygonizer.finish().iter().filter(|region| is_large(region.pixel_count)).count() as u64;
        }
        FalseSums::of_patch(count(&is_assessed), mapped, polygons, self.pixel_ha)
    }

    /// Sums by the class of land cover of each pixel, `[H, W]`.
    fn by_class(&self, classes: &[Option<i32>]) -> BTreeMap<Option<i32>, FalseSums> {
        let mut counts: BTreeMap<Option<i32>, [u64; 2]> = BTreeMap::new();
        for ((p, value), class) in self.p.iter().zip(self.mask).zip(classes) {
            if *value != self.ignore {
                let [assessed, mapped] = counts.entry(*class).or_default();
                *assessed += 1;
                *mapped += u64::from(*p >= self.threshold);
            }
        }
        let sums = |[assessed, mapped]: [u64; 2]| FalseSums::of_patch(assessed, mapped, 0, self.pixel_ha);
        counts.into_iter().map(|(class, counts)| (class, sums(counts))).collect()
    }
}

/// Sums of a site: of all ground, and by class.
#[derive(Debug, Default)]
struct SiteSums {
    all: FalseSums,
    classes: BTreeMap<Option<i32>, FalseSums>,
}

/// Adds up false land over patches.
#[derive(Debug)]
pub(super) struct NegativesPass<'a> {
    options: &'a NegativesOptions,
    folder: String,
    cover: Option<CoverMap>,
    left_out: usize,
    sites: BTreeMap<String, SiteSums>,
}

impl<'a> NegativesPass<'a> {
    /// Opens the maps of land cover, and checks by their records that the samples are without mines.
    pub(super) fn new(options: &'a NegativesOptions, dataset: &Dataset, samples: &[&SampleRecord]) -> Result<Self> {
        let folder = dataset.folder().display().to_string();
        let with_mines: Vec<&SampleRecord> =
            samples.iter().copied().filter(|sample| sample.mining_share > 0.0).collect();
        if let Some(first) = with_mines.first()
            && !options.skip_mines
        {
            return Err(mines_error(&folder, &first.id, Some((with_mines.len(), samples.len()))));
        }
        if with_mines.len() == samples.len() {
            return Err(Error::input(
                folder,
                "all of its evaluated patches have mines; ground without mines is needed",
            ));
        }
        let is_given = !options.cover.is_empty();
        let cover = is_given.then(|| CoverMap::open(&options.cover, &options.cover_names)).transpose()?;
        Ok(Self { options, folder, cover, left_out: 0, sites: BTreeMap::new() })
    }

    /// The maps of land cover.
    pub(super) fn cover(&self) -> Option<&CoverMap> {
        self.cover.as_ref()
    }

    /// Whether the patch of a sample counts. `has_mines` tells whether its evaluated pixels have mines.
    ///
    /// # Errors
    /// The patch has mines, and such patches are not left out.
    pub(super) fn takes(&mut self, sample: &SampleRecord, has_mines: bool) -> Result<bool> {
        let is_taken = !has_mines && sample.mining_share == 0.0;
        if !is_taken && !self.options.skip_mines {
            return Err(mines_error(&self.folder, &sample.id, None));
        }
        self.left_out += usize::from(!is_taken);
        Ok(is_taken)
    }

    /// Adds a patch, with the class of land cover of each pixel, `[H, W]`, if a map was given.
    pub(super) fn add(&mut self, site: &str, patch: &FalsePatch<'_>, classes: Option<&[Option<i32>]>) {
        let site = self.sites.entry(site.to_owned()).or_default();
        site.all.merge(&patch.all(self.options.min_area_m2));
        for (class, sums) in classes.map(|classes| patch.by_class(classes)).unwrap_or_default() {
            site.classes.entry(class).or_default().merge(&sums);
        }
    }

    /// Adds up the sites. `bootstrap` makes the bootstrap over a number of sites.
    pub(super) fn finish(self, bootstrap: impl Fn(usize) -> Bootstrap) -> Negatives {
        let sites: Vec<SiteSums> = self.sites.into_values().collect();
        let mut classes: Vec<Option<i32>> = sites.iter().flat_map(|site| site.classes.keys().copied()).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut rows: Vec<Vec<FalseSums>> = vec![sites.iter().map(|site| site.all).collect()];
        rows.extend(classes.iter().map(|class| {
            sites.iter().map(|site| site.classes.get(class).copied().unwrap_or_default()).collect::<Vec<_>>()
        }));
        let by_row: Vec<&[FalseSums]> = rows.iter().map(Vec::as_slice).collect();
        let estimates = bootstrap(sites.len()).estimates(&by_row, FalseSums::values);
        let of_class = |(i, class): (usize, Option<i32>)| CoverClass {
            class,
            name: self.cover.as_ref().map_or_else(String::new, |cover| cover.name(class)),
            land: FalseLand::new(&rows[i + 1], estimates[i + 1]),
        };
        let mut cover: Vec<CoverClass> = classes.into_iter().enumerate().map(of_class).collect();
        cover.sort_by(|a, b| b.land.assessed_km2.total_cmp(&a.land.assessed_km2));
        let polygons: u64 = rows[0].iter().map(|site| site.polygons).sum();
        let assessed_ha: f64 = rows[0].iter().map(|site| site.assessed_ha).sum();
        Negatives {
            left_out: self.left_out,
            land: FalseLand::new(&rows[0], estimates[0]),
            min_area_m2: self.options.min_area_m2,
            polygons,
            polygons_per_1000_km2: without_empty_interval(estimates[0][1]),
            polygons_per_1000_km2_at_most: rate_bound(assessed_ha).filter(|_| polygons == 0),
            bound_level: BOUND_LEVEL,
            cover,
        }
    }
}

fn mines_error(folder: &str, id: &str, counts: Option<(usize, usize)>) -> Error {
    let counts = counts.map_or_else(String::new, |(with, all)| format!(" ({with} of {all} patches have some)"));
    let reason = format!("sample `{id}` has mine pixels{counts}; false land is measured on patches without mines");
    Error::input(folder, reason).avoided_by(Setting::SkipMines)
}

/// An estimate of 0 has no interval: draws of zeros say nothing about what was not drawn.
fn without_empty_interval(estimate: Estimate) -> Estimate {
    if estimate.value == Some(0.0) { Estimate { low: None, high: None, ..estimate } } else { estimate }
}

impl Negatives {
    /// The polygons of false land in words, such as `0 of at least 1000 m2 on 36.00 km2; at most 64.0 per 1000 km2 at 90 %`.
    pub fn polygons_text(&self) -> String {
        let least =
            if self.min_area_m2 > 0.0 { format!(" of at least {} m2", self.min_area_m2) } else { String::new() };
        let rate = match (self.polygons_per_1000_km2_at_most, self.polygons_per_1000_km2) {
            (Some(bound), _) => format!("; at most {bound:.1} per 1000 km2 at {:.0} %", self.bound_level * 100.0),
            (None, Estimate { value: Some(value), low: Some(low), high: Some(high) }) => {
                format!("; {value:.1} per 1000 km2 (95 % interval {low:.1} to {high:.1})")
            }
            (None, Estimate { value: Some(value), .. }) => format!("; {value:.1} per 1000 km2"),
            (None, _) => String::new(),
        };
        format!("{}{least} on {:.2} km2{rate}", self.polygons, self.land.assessed_km2)
    }
}

impl FalseLand {
    /// Names of the numbers of [`FalseLand::columns`].
    pub const COLUMNS: [&str; 2] = ["False ha per 1000 km2", "Patches with false land (%)"];

    /// The numbers for tables: estimate and decimal places. The last one is a percentage.
    pub fn columns(&self) -> [(Estimate, usize); 2] {
        [(self.ha_per_1000_km2, 1), (self.share_of_patches.times(100.0), 1)]
    }

    /// The patches with false land in words, such as `0 of 40 patches in 12 sites; at most 17.5 % at 90 %`.
    pub fn patches_text(&self) -> String {
        let plural =
            |count: usize, word: &str, words: &str| format!("{count} {}", if count == 1 { word } else { words });
        let patches = plural(self.patches as usize, "patch", "patches");
        let sites = plural(self.sites, "site", "sites");
        let bound = self.share_of_patches_at_most.map_or_else(String::new, |bound| {
            format!("; at most {:.1} % at {:.0} %", bound * 100.0, BOUND_LEVEL * 100.0)
        });
        format!("{} of {patches} in {sites}{bound}", self.patches_with_false_land)
    }

    fn new(sites: &[FalseSums], [ha, _, share]: [Estimate; 3]) -> Self {
        let mut all = FalseSums::default();
        for site in sites {
            all.merge(site);
        }
        let seen = sites.iter().filter(|site| site.patches > 0).count();
        Self {
            patches: all.patches,
            sites: seen,
            assessed_km2: all.assessed_ha / 100.0,
            false_ha: all.false_ha,
            ha_per_1000_km2: without_empty_interval(ha),
            patches_with_false_land: all.patches_with_false_land,
            share_of_patches: without_empty_interval(share),
            share_of_patches_at_most: share_bound(seen).filter(|_| all.patches_with_false_land == 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch<'a>(p: &'a [f32], mask: &'a [u8]) -> FalsePatch<'a> {
        FalsePatch { p, mask, width: 10, ignore: 255, threshold: 0.5, pixel_ha: 0.01 }
    }

    /// A map of 10 x 10 pixels of 10 m and its mask: a corner of three pixels, one pixel that touches it at a corner, and one
    /// that is ignored, as is the last row.
    fn map() -> (Vec<f32>, Vec<u8>) {
        let mut p = vec![0.1; 100];
        for mapped in [0, 1, 10, 21, 95] {
            p[mapped] = 0.5;
        }
        (p, (0..100).map(|i| if i < 90 { 0 } else { 255 }).collect())
    }

    fn bootstrap(sites: usize) -> Bootstrap {
        Bootstrap { sites, resamples: 200, seed: 0 }
    }

    fn near(estimate: Estimate, value: f64) {
        assert!((estimate.value.unwrap() - value).abs() < 1e-9 * value.abs().max(1.0), "{estimate:?} {value}");
    }

    #[test]
    fn land_and_polygons_are_counted_without_ignored_pixels() {
        let (p, mask) = map();
        let all = FalseSums { patches: 1, patches_with_false_land: 1, assessed_ha: 0.9, false_ha: 0.04, polygons: 2 };
        assert_eq!(patch(&p, &mask).all(0.0), all);
        assert_eq!(patch(&p, &mask).all(300.0), FalseSums { polygons: 1, ..all });
        assert_eq!(patch(&p, &mask).all(301.0), FalseSums { polygons: 0, ..all });
        assert_eq!(patch(&p, &[255; 100]).all(0.0), FalseSums::default());
        let none = FalseSums { patches: 1, assessed_ha: 0.9, ..FalseSums::default() };
        assert_eq!(patch(&[0.4; 100], &mask).all(0.0), none);
    }

    fn pass(options: &NegativesOptions) -> NegativesPass<'_> {
        NegativesPass { options, folder: "set".to_owned(), cover: None, left_out: 0, sites: BTreeMap::new() }
    }

    #[test]
    fn rates_are_those_done_by_hand_of_all_ground_and_of_each_class() {
        let (p, mask) = map();
        let options = NegativesOptions::default();
        let mut found = pass(&options);
        // The first row is of class 1, and the rest is beyond the map of land cover.
        let classes: Vec<Option<i32>> = (0..100).map(|i| (i < 10).then_some(1)).collect();
        found.add("a", &patch(&p, &mask), Some(classes.as_slice()));
        found.add("b", &patch(&[0.0; 100], &mask), Some(classes.as_slice()));
        let found = found.finish(bootstrap);
        near(found.land.ha_per_1000_km2, 0.04 / 1.8 * 100_000.0);
        near(found.land.share_of_patches, 0.5);
        near(found.polygons_per_1000_km2, 2.0 / 1.8 * 100_000.0);
        assert_eq!((found.land.patches, found.land.sites, found.polygons), (2, 2, 2));
        // Two sites: draws have one of them twice, or both.
        let ha = found.land.ha_per_1000_km2;
        assert_eq!((ha.low, ha.high.map(f64::round)), (Some(0.0), Some((0.04 / 0.9 * 100_000.0_f64).round())));
        assert_eq!((found.land.share_of_patches_at_most, found.polygons_per_1000_km2_at_most), (None, None));
        let classes: Vec<Option<i32>> = found.cover.iter().map(|class| class.class).collect();
        assert_eq!(classes, [None, Some(1)], "most land first");
        near(found.cover[0].land.ha_per_1000_km2, 0.02 / 1.6 * 100_000.0);
        near(found.cover[1].land.ha_per_1000_km2, 0.02 / 0.2 * 100_000.0);
        assert_eq!(found.land.patches_text(), "1 of 2 patches in 2 sites");
    }

    #[test]
    fn where_nothing_is_mapped_there_is_an_upper_bound_and_no_interval() {
        let options = NegativesOptions::default();
        let mut found = pass(&options);
        for site in ["a", "b", "c", "c"] {
            found.add(site, &patch(&[0.0; 100], &[0; 100]), None);
        }
        let found = found.finish(bootstrap);
        let nothing = Estimate { value: Some(0.0), low: None, high: None };
        assert_eq!((found.land.ha_per_1000_km2, found.land.share_of_patches), (nothing, nothing));
        assert_eq!(found.polygons_per_1000_km2, nothing);
        // 1 - 0.1^(1/3) and -ln 0.1: with a larger share or rate, fewer than one of ten samples of this size show nothing.
        assert!((found.land.share_of_patches_at_most.unwrap() - 0.535_841_1).abs() < 1e-6);
        assert!(
            (found.polygons_per_1000_km2_at_most.unwrap() / (std::f64::consts::LN_10 / 4.0 * 100_000.0) - 1.0).abs()
                < 1e-6
        );
        assert_eq!(found.land.patches_text(), "0 of 4 patches in 3 sites; at most 53.6 % at 90 %");
        assert_eq!(found.polygons_text(), "0 on 0.04 km2; at most 57564.6 per 1000 km2 at 90 %");
    }
}
