//! What the samples of a data set look like, for [`Familiarity`].

use std::collections::BTreeMap;

use minesegsat_core::familiarity::{CELL_PX, CellFeatures, Familiarity, cells, distance_between};
use minesegsat_core::noise::Dice;
use minesegsat_core::{Band, Error, Job, Result};

use crate::{SampleReader, SampleRecord};

/// Most prototypes. More describe rarer land.
const PROTOTYPES: usize = 96;
/// Fewest cells that are enough, and cells per prototype.
const FEWEST: usize = 32;
const CELLS_PER_PROTOTYPE: usize = 8;
/// Most cells of a domain, so that a large domain does not push out the others.
const PER_DOMAIN: usize = 4000;
/// Rounds of k-means.
const ROUNDS: usize = 25;
/// Distance of a cell that shares too few features with every centre so far.
const FAR: f32 = 4.0;
/// Share of the cells that are familiar.
const QUANTILE: f64 = 0.995;
/// Sets of bands that products have, from many to few. Limits are fitted for them, besides all bands.
pub(crate) const PRODUCT_BANDS: [&[Band]; 4] = [
    &[Band::B02, Band::B03, Band::B04, Band::B05, Band::B06, Band::B07, Band::B08, Band::B8A, Band::B11, Band::B12],
    &[Band::B02, Band::B03, Band::B04, Band::B08, Band::B11, Band::B12],
    &[Band::B02, Band::B03, Band::B04, Band::B08],
    &[Band::B02, Band::B03, Band::B04],
];

/// Clusters the cells of samples and fits the limits: 99.5 % of the cells are familiar, with all bands and with the 10, 6, 4 and 3
/// bands that products have.
///
/// The reader gives the bands and normalisation of the model. The same samples give the same result.
pub fn fit_familiarity(reader: &SampleReader, samples: &[&SampleRecord], job: Job<'_>) -> Result<Familiarity> {
    let known = cells_of(reader, samples, job)?;
    if known.len() < FEWEST {
        return Err(Error::input(
            reader.dataset().folder().display().to_string(),
            format!("its samples have {} visible cells of {CELL_PX} pixels; {FEWEST} are needed", known.len()),
        ));
    }
    let scale = scale(&known);
    let mut model = Familiarity { scale, prototypes: Vec::new(), limits: Vec::new(), fitted_to: known.len() };
    let cells: Vec<CellFeatures> = known.iter().map(|cell| model.scaled(cell)).collect();
    model.prototypes = clusters(&cells, PROTOTYPES.min(cells.len() / CELLS_PER_PROTOTYPE));
    let bands = reader.bands();
    let all = [bands];
    for subset in PRODUCT_BANDS.iter().copied().rev().chain(all) {
        let kept: Vec<bool> = bands.iter().map(|band| subset.contains(band)).collect();
        let count = kept.iter().filter(|kept| **kept).count();
        if count < subset.len() || model.limits.iter().any(|(known, _)| *known == count) {
            continue;
        }
        let mut distances: Vec<f32> = Vec::new();
        for cell in &cells {
            let has_all = (0..bands.len()).all(|band| !kept[band] || cell[2 * band].is_some());
            let of_subset = |(at, value): (usize, &Option<f32>)| value.filter(|_| kept[at / 2]);
            if has_all {
                let scaled: CellFeatures = cell.iter().enumerate().map(of_subset).collect();
                distances.extend(
                    model.prototypes.iter().filter_map(|one| distance_between(&scaled, one)).min_by(f32::total_cmp),
                );
            }
        }
        if !distances.is_empty() {
            distances.sort_by(f32::total_cmp);
            let at = ((distances.len() as f64 * QUANTILE) as usize).min(distances.len() - 1);
            model.limits.push((count, distances[at].max(f32::MIN_POSITIVE)));
        }
    }
    let round = |value: f32| (value * 1e3).round() / 1e3;
    for prototype in &mut model.prototypes {
        prototype.iter_mut().flatten().for_each(|value| *value = round(*value));
    }
    Ok(model)
}

/// Features of the cells of some samples, at most [`PER_DOMAIN`] of each domain.
fn cells_of(reader: &SampleReader, samples: &[&SampleRecord], job: Job<'_>) -> Result<Vec<CellFeatures>> {
    let mut domains: BTreeMap<&str, Vec<CellFeatures>> = BTreeMap::new();
    for (number, sample) in samples.iter().enumerate() {
        job.check()?;
        let patch = reader.read(sample)?;
        let present = reader.dataset().bands_of(sample);
        let visible = |at: usize| patch.data.iter().skip(at).step_by(patch.mask.len()).any(|v| *v != 0.0);
        let is_absent = |channel: usize| !present.contains(&reader.bands()[channel]);
        let found = cells(&patch.data, patch.size, visible, is_absent).into_iter().map(|(_, features)| features);
        domains.entry(sample.domain.as_deref().unwrap_or_default()).or_default().extend(found);
        job.progress.advance(number + 1, samples.len());
    }
    let mut all = Vec::new();
    for (domain, mut cells) in domains {
        Dice::new(0, &format!("familiarity {domain}")).shuffle(&mut cells);
        cells.truncate(PER_DOMAIN);
        all.append(&mut cells);
    }
    Ok(all)
}

/// Mean and standard deviation of each feature over the cells that have it.
fn scale(cells: &[CellFeatures]) -> Vec<[f32; 2]> {
    let features = cells.first().map_or(0, Vec::len);
    let of = |feature: usize| {
        let values: Vec<f64> = cells.iter().filter_map(|cell| cell[feature]).map(f64::from).collect();
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        [mean as f32, (variance.sqrt() as f32).max(1e-3)]
    };
    (0..features).map(of).collect()
}

/// Centres of k-means. The first centres are cells, each drawn in proportion to its squared distance from those before it (Arthur
/// and Vassilvitskii 2007).
fn clusters(cells: &[CellFeatures], count: usize) -> Vec<CellFeatures> {
    use rayon::prelude::*;

    let mut dice = Dice::new(0, "prototypes");
    let mut centres = vec![cells[(dice.bits() % cells.len() as u64) as usize].clone()];
    let mut nearest = vec![FAR; cells.len()];
    while centres.len() < count {
        let newest = &centres[centres.len() - 1];
        nearest.par_iter_mut().zip(cells).for_each(|(nearest, cell)| {
            *nearest = distance_between(cell, newest).map_or(*nearest, |found| found.min(*nearest));
        });
        let total: f64 = nearest.iter().map(|d| f64::from(d * d)).sum();
        let mut left = f64::from(dice.unit()) * total;
        let chosen = nearest.iter().position(|d| {
            left -= f64::from(d * d);
            left < 0.0
        });
        centres.push(cells[chosen.unwrap_or(cells.len() - 1)].clone());
    }
    for _ in 0..ROUNDS {
        let nearest: Vec<Option<usize>> = cells
            .par_iter()
            .map(|cell| {
                let all =
                    centres.iter().enumerate().filter_map(|(at, centre)| Some((at, distance_between(cell, centre)?)));
                all.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
            })
            .collect();
        let features = cells[0].len();
        let mut sums = vec![vec![(0.0_f64, 0_usize); features]; centres.len()];
        for (cell, centre) in cells.iter().zip(nearest) {
            let Some(centre) = centre else { continue };
            for (sum, value) in sums[centre].iter_mut().zip(cell) {
                if let Some(value) = value {
                    *sum = (sum.0 + f64::from(*value), sum.1 + 1);
                }
            }
        }
        for (centre, sums) in centres.iter_mut().zip(sums) {
            if sums.iter().any(|(_, count)| *count > 0) {
                *centre = sums.iter().map(|(sum, count)| (*count > 0).then(|| (sum / *count as f64) as f32)).collect();
            }
        }
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_found_and_what_lies_between_them_is_far() {
        let mut dice = Dice::new(3, "test");
        let mut cell = |around: f32| -> CellFeatures { (0..4).map(|_| Some(around + dice.range(-0.1, 0.1))).collect() };
        let cells: Vec<CellFeatures> = (0..600).map(|i| cell([0.0, 5.0, 9.0][i % 3])).collect();
        let centres = clusters(&cells, 12);
        assert_eq!(centres.len(), 12);
        let nearest = |at: f32| {
            let cell = vec![Some(at); 4];
            centres.iter().filter_map(|centre| distance_between(&cell, centre)).min_by(f32::total_cmp).unwrap()
        };
        for (at, is_near) in [(0.0, true), (5.0, true), (9.0, true), (2.5, false), (7.0, false), (-3.0, false)] {
            assert_eq!(nearest(at) < 0.2, is_near, "{at} {}", nearest(at));
        }
        assert_eq!(clusters(&cells, 12), centres, "the same cells give the same centres");
    }

    #[test]
    fn features_that_some_cells_lack_are_scaled_by_the_others() {
        let cells = vec![vec![Some(1.0), None], vec![Some(3.0), Some(7.0)]];
        assert_eq!(scale(&cells), [[2.0, 1.0], [7.0, 1e-3]]);
    }
}
