//! Spatial split of a data set: [`split()`].
//!
//! Patches that touch or overlap show the same land, so a network trained on one has seen the other. They must lie in
//! the same split. Patches are joined into groups (neighbours, given groups, or squares of a chosen size), and the
//! groups are split. A group of neighbours that is too large for a split is cut across its longer side into three
//! slabs, with the training slab in the middle. Patches along the cuts are left [`Unused`](Split::Unused).
//!
//! Groups are assigned from the largest to the smallest. Each goes to the split that is furthest below its share of
//! patches, of mining pixels, and of patches of each commodity and each class of mining share. This is iterative
//! stratification after Sechidis, Tsoumakas and Vlahavas 2011, <https://doi.org/10.1007/978-3-642-23808-6_10>, with
//! groups instead of single samples.

mod groups;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use self::groups::{Places, groups, members};
use super::{Dataset, SPLITS_FILE, SampleRecord, Split, SplitRow, remove_stats, write_csv};
use minesegsat_core::output::FolderLock;
use minesegsat_core::{Error, Result};

/// Limits between the classes of mining share.
const SHARE_CLASSES: [f64; 4] = [0.0, 0.01, 0.05, 0.2];
/// Sizes of squares in kilometres that are tried if patches cannot be divided well one by one.
const BLOCKS_KM: [f64; 6] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
/// A group larger than this fraction of the smallest requested split is cut.
const LARGEST_GROUP: f64 = 0.75;

/// Weight of the number of samples relative to each other quantity.
const SAMPLES_WEIGHT: f64 = 3.0;

/// Options of [`split()`].
#[derive(Debug, Clone)]
pub struct SplitOptions {
    /// Relative sizes of the training, validation and test splits. They need not sum to 1.
    pub shares: [f64; 3],
    /// Seed that decides ties.
    pub seed: u64,
    /// Also join patches whose centres lie in the same square of this size in kilometres.
    pub block_km: Option<f64>,
    /// Use only the groups in the samples' records; do not join neighbours.
    pub given_groups: bool,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { shares: [70.0, 15.0, 15.0], seed: 0, block_km: None, given_groups: false }
    }
}

/// Result of a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitReport {
    /// Number of groups.
    pub groups: usize,
    /// Counts by split.
    pub parts: BTreeMap<Split, PartReport>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Counts of one split.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PartReport {
    /// Number of samples.
    pub samples: usize,
    /// Number of groups.
    pub groups: usize,
    /// Mean mining share of the samples, 0 to 1.
    pub mining_share: f64,
    /// Number of samples by commodity.
    pub commodities: BTreeMap<String, usize>,
}

/// Splits a data set by location and writes `dataset_splits.csv`. The same samples, options and seed give the same
/// bytes.
pub fn split(folder: &Path, options: &SplitOptions) -> Result<SplitReport> {
    let total: f64 = options.shares.iter().sum();
    if options.shares.iter().any(|share| !share.is_finite() || *share < 0.0) || total <= 0.0 || options.shares[0] <= 0.0
    {
        return Err(Error::Argument {
            name: "shares",
            value: format!("{:?}", options.shares),
            accepted: "three numbers, 0 or more, the first above 0, such as 70,15,15".to_owned(),
        });
    }
    let _lock = FolderLock::acquire(folder)?;
    let dataset = Dataset::open(folder)?;
    let samples = dataset.samples();
    let shares = options.shares.map(|share| share / total);
    let wanted = shares.iter().filter(|share| **share > 0.0).count();
    if samples.len() < wanted {
        return Err(refuse(folder, &format!("it has {} samples, too few for {wanted} splits", samples.len())));
    }
    let smallest = shares.iter().copied().filter(|share| *share > 0.0).fold(1.0, f64::min);
    let limit = ((smallest * samples.len() as f64 * LARGEST_GROUP) as usize).max(1);
    let places = Places::new(samples);
    let task = Task { samples, places: &places, options, shares, limit };
    let Division { group_of, part_of, warnings } = divide_well(&task)?;
    let groups = members(&group_of);
    if groups.len() < wanted {
        return Err(refuse(
            folder,
            &format!(
                "its {} samples lie in {} group{} of neighbours or given groups, too few for {wanted} splits; add sites, or \
                 build with smaller patches",
                samples.len(),
                groups.len(),
                if groups.len() == 1 { "" } else { "s" }
            ),
        ));
    }
    for (part, share) in Split::ALL.into_iter().zip(shares) {
        if share > 0.0 && !part_of.contains(&part) {
            return Err(refuse(
                folder,
                &format!("its {} groups are too few or too uneven: the {part} split would be empty", groups.len()),
            ));
        }
    }
    let renumbered = renumber(&group_of);
    let rows = samples.iter().enumerate().map(|(i, sample)| SplitRow {
        split: part_of[i].to_string(),
        data_path: sample.data_path.clone(),
        mask_path: sample.mask_path.clone(),
        id: Some(sample.id.clone()),
        group: Some(renumbered[i].clone()),
        resource: sample.commodity.clone(),
    });
    remove_stats(folder)?;
    write_csv(&folder.join(SPLITS_FILE), rows)?;
    Ok(report(samples, &group_of, &part_of, warnings))
}

fn refuse(folder: &Path, reason: &str) -> Error {
    Error::input(folder.display().to_string(), reason.to_owned())
}

/// What is divided, and how.
struct Task<'a> {
    samples: &'a [SampleRecord],
    places: &'a Places,
    options: &'a SplitOptions,
    shares: [f64; 3],
    /// A group of neighbours with more samples is cut.
    limit: usize,
}

/// How groups of neighbours are cut.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// Size of the squares whose samples stay together, in kilometres.
    block_km: Option<f64>,
    /// A group with more samples is cut.
    limit: usize,
    /// Whether a group is cut across its shorter side instead of its longer one.
    is_turned: bool,
    /// Which of the orders of the slabs is taken, from 0 to 5. 0 has training in the middle.
    order: usize,
}

/// A division of samples.
struct Division {
    group_of: Vec<usize>,
    part_of: Vec<Split>,
    warnings: Vec<String>,
}

impl Division {
    fn new(task: &Task<'_>, cut: Cut) -> Result<Self> {
        let mut warnings = Vec::new();
        let (group_of, preset) = groups(task, cut, &mut warnings)?;
        let mut part_of = assign_groups(task.samples, &members(&group_of), &preset, task.shares, task.options.seed);
        let left_out = part_neighbours(task.places, &mut part_of, task.options);
        if left_out > 0 {
            warnings.push(format!(
                "{left_out} patches lie on the border between splits and are left out: a group of neighbours was too large for \
                 one split and was cut"
            ));
        }
        Ok(Self { group_of, part_of, warnings })
    }

    /// What makes the division useless: how many wanted splits have no mines, and whether more than a third of the samples are in
    /// no split. `(0, false)` if it is useful.
    fn faults(&self, task: &Task<'_>) -> (usize, bool) {
        (self.without_mines(task).len(), self.unused() * 3 > task.samples.len())
    }

    /// Its faults, then how many samples are missing or too many in the splits. The smaller, the better.
    fn worth(&self, task: &Task<'_>) -> (usize, bool, usize) {
        let (without, is_wasteful) = self.faults(task);
        let distance = Split::ALL.into_iter().zip(task.shares).map(|(part, share)| {
            let count = self.part_of.iter().filter(|of| **of == part).count();
            (count as f64 - share * task.samples.len() as f64).abs()
        });
        (without, is_wasteful, distance.sum::<f64>().round() as usize)
    }

    fn unused(&self) -> usize {
        self.part_of.iter().filter(|part| **part == Split::Unused).count()
    }

    /// The wanted splits without mines.
    fn without_mines(&self, task: &Task<'_>) -> Vec<Split> {
        let has_mines = |part: Split| {
            task.samples.iter().zip(&self.part_of).any(|(sample, of)| *of == part && sample.mining_share > 0.0)
        };
        let wanted = Split::ALL.into_iter().zip(task.shares).filter(|(_, share)| *share > 0.0);
        wanted.map(|(part, _)| part).filter(|part| !has_mines(*part)).collect()
    }

    /// The faults in words.
    fn faults_in_words(&self, task: &Task<'_>) -> String {
        let without: Vec<String> = self.without_mines(task).iter().map(ToString::to_string).collect();
        let mut faults = Vec::new();
        if !without.is_empty() {
            faults.push(format!("leaves {} without mines", without.join(" and ")));
        }
        if self.faults(task).1 {
            faults.push(format!("leaves {} of {} patches in no split", self.unused(), task.samples.len()));
        }
        faults.join(" and ")
    }
}

/// Divides samples. If the usual cut leaves a split without mines, or many samples in no split, other block sizes and cuts are
/// tried, and a warning names what was chosen. A block size that the user chose is kept, and a warning says which one is better.
fn divide_well(task: &Task<'_>) -> Result<Division> {
    let options = task.options;
    let usual = Cut { block_km: options.block_km, limit: task.limit, is_turned: false, order: 0 };
    let mut division = Division::new(task, usual)?;
    if options.given_groups || division.faults(task) == (0, false) {
        return Ok(division);
    }
    let said = division.faults_in_words(task);
    let blocks = || std::iter::once(None).chain(BLOCKS_KM.map(Some));
    if let Some(km) = options.block_km {
        let mut best = None;
        for block_km in blocks() {
            let other = Division::new(task, Cut { block_km, ..usual })?;
            if other.faults(task) == (0, false) && best.is_none_or(|(worth, _)| other.worth(task) < worth) {
                best = Some((other.worth(task), block_km));
            }
        }
        let advice = match best {
            Some((_, Some(better))) => format!("a block size of {better} km does not"),
            Some((_, None)) => "without a block size it does not".to_owned(),
            None => "no other block size is good: add scenes or sites, or choose other shares".to_owned(),
        };
        division.warnings.push(format!("the block size of {km} km {said}; {advice}"));
        return Ok(division);
    }
    let turns = || [false, true].into_iter().flat_map(|is_turned| (0..6).map(move |order| (is_turned, order)));
    let cuts_of = |block_km, limit| turns().map(move |(is_turned, order)| Cut { block_km, limit, is_turned, order });
    let of_blocks = blocks().flat_map(|block_km| cuts_of(block_km, task.limit));
    // Smaller groups are cut only if it has to be.
    let of_groups = [2, 4, 8].into_iter().flat_map(|divisor| cuts_of(None, (task.limit / divisor).max(1)));
    let mut chosen = usual;
    for cuts in [of_blocks.collect::<Vec<_>>(), of_groups.collect()] {
        for cut in cuts {
            let other = Division::new(task, cut)?;
            if other.worth(task) < division.worth(task) {
                (division, chosen) = (other, cut);
            }
        }
        if division.faults(task) == (0, false) {
            break;
        }
    }
    let how = match chosen.block_km {
        Some(km) => format!("the patches of each square of {km} km are kept together"),
        None => "the patches are cut along other lines".to_owned(),
    };
    division.warnings.push(if division.faults(task) == (0, false) {
        format!("the usual cut {said}; {how} instead")
    } else {
        let left = division.faults_in_words(task);
        format!("every cut has a fault, and this one {left}; add scenes or sites, or choose other shares")
    });
    Ok(division)
}

/// The quantities that a sample adds to a split, by name.
fn kinds(sample: &SampleRecord) -> Vec<(String, f64)> {
    let class = SHARE_CLASSES.iter().filter(|limit| sample.mining_share > **limit).count();
    let mut kinds = vec![
        ("samples".to_owned(), 1.0),
        ("mining".to_owned(), sample.mining_share),
        (format!("share class {class}"), 1.0),
    ];
    for commodity in sample.commodity.iter().flat_map(|text| text.split(';')) {
        kinds.push((format!("commodity {commodity}"), 1.0));
    }
    kinds
}

/// Assigns groups to splits.
fn assign_groups(
    samples: &[SampleRecord],
    groups: &BTreeMap<usize, Vec<usize>>,
    preset: &BTreeMap<usize, Split>,
    shares: [f64; 3],
    seed: u64,
) -> Vec<Split> {
    let mut totals: BTreeMap<String, f64> = BTreeMap::new();
    for sample in samples {
        for (kind, amount) in kinds(sample) {
            *totals.entry(kind).or_insert(0.0) += amount;
        }
    }
    let mut order: Vec<(&usize, &Vec<usize>)> = groups.iter().collect();
    order.sort_by_cached_key(|(id, group)| {
        let chance = Sha256::digest(format!("{seed} {}", samples[group[0]].id)).to_vec();
        (!preset.contains_key(id), std::cmp::Reverse(group.len()), chance)
    });
    let mut given: [BTreeMap<String, f64>; 3] = Default::default();
    let mut part_of = vec![Split::Unused; samples.len()];
    for (id, group) in order {
        let mut adds: BTreeMap<String, f64> = BTreeMap::new();
        for &i in group {
            for (kind, amount) in kinds(&samples[i]) {
                *adds.entry(kind).or_insert(0.0) += amount;
            }
        }
        // Change of the squared distance from the split's targets, each quantity in units of its total.
        let cost = |part: usize| -> f64 {
            adds.iter()
                .map(|(kind, amount)| {
                    let lacks = totals[kind] * shares[part] - given[part].get(kind).copied().unwrap_or(0.0);
                    let weight = if kind == "samples" { SAMPLES_WEIGHT } else { 1.0 };
                    weight * ((lacks - amount).powi(2) - lacks.powi(2)) / totals[kind].powi(2).max(f64::MIN_POSITIVE)
                })
                .sum()
        };
        let mut best: Option<(f64, usize)> = None;
        for part in (0..3).filter(|&part| shares[part] > 0.0) {
            let value = cost(part);
            if best.is_none_or(|(other, _)| value < other) {
                best = Some((value, part));
            }
        }
        let part = preset.get(id).map_or_else(|| best.map_or(0, |(_, part)| part), |part| *part as usize);
        for (kind, amount) in adds {
            *given[part].entry(kind).or_insert(0.0) += amount;
        }
        for &i in group {
            part_of[i] = Split::ALL[part];
        }
    }
    part_of
}

/// Leaves out samples so that no two touching samples lie in different splits. The larger split loses its samples.
fn part_neighbours(places: &Places, part_of: &mut [Split], options: &SplitOptions) -> usize {
    if options.given_groups {
        return 0;
    }
    // Samples of each split, in all and by place.
    let mut sizes = [0_usize; 4];
    let mut at: Vec<[usize; 4]> = vec![[0; 4]; places.samples.len()];
    for (part, place) in part_of.iter().zip(&places.place_of) {
        sizes[*part as usize] += 1;
        at[*place][*part as usize] += 1;
    }
    let mut left_out = 0;
    for i in 0..part_of.len() {
        let own = places.place_of[i];
        for &place in std::iter::once(&own).chain(&places.near[own]) {
            for &other in &places.samples[place] {
                let (a, b) = (part_of[i], part_of[other]);
                let has_others = Split::ALL.iter().any(|part| *part != a && at[place][*part as usize] > 0);
                if a == Split::Unused || !has_others {
                    break;
                }
                if a == b || b == Split::Unused {
                    continue;
                }
                let spare = if sizes[a as usize] >= sizes[b as usize] { i } else { other };
                let part = std::mem::replace(&mut part_of[spare], Split::Unused) as usize;
                sizes[part] -= 1;
                at[places.place_of[spare]][part] -= 1;
                left_out += 1;
            }
        }
    }
    left_out
}

/// Names of the groups for the file, numbered by first sample.
fn renumber(group_of: &[usize]) -> Vec<String> {
    let order: Vec<usize> = members(group_of).into_keys().collect();
    let number: BTreeMap<usize, usize> = order.iter().enumerate().map(|(n, group)| (*group, n)).collect();
    group_of.iter().map(|group| format!("g{:04}", number[group])).collect()
}

fn report(samples: &[SampleRecord], group_of: &[usize], part_of: &[Split], warnings: Vec<String>) -> SplitReport {
    let mut parts: BTreeMap<Split, (PartReport, BTreeSet<usize>)> = BTreeMap::new();
    for (i, sample) in samples.iter().enumerate() {
        let (part, groups) = parts.entry(part_of[i]).or_default();
        part.samples += 1;
        part.mining_share += sample.mining_share;
        groups.insert(group_of[i]);
        for commodity in sample.commodity.iter().flat_map(|text| text.split(';')) {
            *part.commodities.entry(commodity.to_owned()).or_insert(0) += 1;
        }
    }
    let parts = parts
        .into_iter()
        .map(|(split, (part, groups))| {
            let mining_share = part.mining_share / part.samples.max(1) as f64;
            (split, PartReport { mining_share, groups: groups.len(), ..part })
        })
        .collect();
    SplitReport { groups: members(group_of).len(), parts, warnings }
}
