//! Division by place: [`split()`].
//!
//! Patches that touch or overlap show the same land, so a network that has learned one knows the other. They always go to
//! the same part: patches are joined into groups (neighbours; given groups; squares of a chosen size), and groups are
//! divided. Neighbours that make up a group too large for a part are cut across their longer side into three slabs, the
//! training part in the middle, and its patches along the cuts are left [`Unused`](Split::Unused).
//!
//! Groups are dealt out from the largest to the smallest, each to the part that comes closest to its share of patches, of
//! mining pixels, and of patches of each commodity and each class of mining share (iterative stratification after Sechidis,
//! Tsoumakas and Vlahavas 2011, <https://doi.org/10.1007/978-3-642-23808-6_10>, for groups instead of single samples).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Dataset, SPLITS_FILE, SampleRecord, Split, SplitRow, remove_stats, write_csv};
use crate::output::FolderLock;
use crate::{Error, Result};

/// Mining shares that divide samples into classes of similar ones.
const SHARE_CLASSES: [f64; 4] = [0.0, 0.01, 0.05, 0.2];
/// How far, in degrees, edges may be apart and still touch: a metre.
const TOUCHING: f64 = 1e-5;
/// A group larger than this part of the smallest wanted part is cut.
const LARGEST_GROUP: f64 = 0.75;

/// How much more the number of samples counts than one of their kinds.
const SAMPLES_WEIGHT: f64 = 3.0;

/// How to divide.
#[derive(Debug, Clone)]
pub struct SplitOptions {
    /// Shares of the training, validation and test parts: any positive numbers.
    pub shares: [f64; 3],
    /// Decides between equals.
    pub seed: u64,
    /// Join patches whose centres lie in the same square of this size, in kilometres.
    pub block_km: Option<f64>,
    /// Use the groups of the samples' records alone, and do not join neighbours.
    pub given_groups: bool,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { shares: [70.0, 15.0, 15.0], seed: 0, block_km: None, given_groups: false }
    }
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitReport {
    /// Number of groups that were dealt out.
    pub groups: usize,
    /// By part.
    pub parts: BTreeMap<Split, PartReport>,
    /// What people should know.
    pub warnings: Vec<String>,
}

/// One part.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PartReport {
    /// Samples.
    pub samples: usize,
    /// Groups.
    pub groups: usize,
    /// Mean mining share of its samples.
    pub mining_share: f64,
    /// Samples by commodity.
    pub commodities: BTreeMap<String, usize>,
}

/// Divides a data set by place and writes `dataset_splits.csv`. The same samples, options and seed give the same bytes.
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
        return Err(refuse(folder, &format!("it has {} samples, too few for {wanted} parts", samples.len())));
    }
    let mut warnings = Vec::new();
    let smallest = shares.iter().copied().filter(|share| *share > 0.0).fold(1.0, f64::min);
    let limit = ((smallest * samples.len() as f64 * LARGEST_GROUP) as usize).max(1);
    let neighbours = neighbours(samples);
    let (group_of, preset) = groups(samples, &neighbours, options, shares, limit, &mut warnings)?;
    let groups = members(&group_of);
    if groups.len() < wanted {
        return Err(refuse(
            folder,
            &format!(
                "its {} samples lie in {} group{} of neighbours or given groups, too few for {wanted} parts; add places, or \
                 build with smaller patches",
                samples.len(),
                groups.len(),
                if groups.len() == 1 { "" } else { "s" }
            ),
        ));
    }
    let mut part_of = deal(samples, &groups, &preset, shares, options.seed);
    let left_out = part_neighbours(&neighbours, &mut part_of, options);
    if left_out > 0 {
        warnings.push(format!(
            "{left_out} patches are unused: one group of neighbours was too large for a part and was cut, and they lie along \
             the cut"
        ));
    }
    for (part, share) in Split::ALL.into_iter().zip(shares) {
        if share > 0.0 && !part_of.contains(&part) {
            return Err(refuse(
                folder,
                &format!("its {} groups are too few or too uneven: the {part} part would be empty", groups.len()),
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
    Error::Input { location: folder.display().to_string(), reason: reason.to_owned() }
}

/// For every sample, those that touch or overlap it, by their boxes in degrees.
fn neighbours(samples: &[SampleRecord]) -> Vec<Vec<usize>> {
    // Sorted by their western edges: each is compared with those that begin before it ends.
    let mut order: Vec<usize> = (0..samples.len()).collect();
    order.sort_by(|&a, &b| samples[a].west.total_cmp(&samples[b].west));
    let mut found = vec![Vec::new(); samples.len()];
    for (i, &a) in order.iter().enumerate() {
        let one = &samples[a];
        for &b in order[i + 1..].iter().take_while(|&&b| samples[b].west <= one.east + TOUCHING) {
            let other = &samples[b];
            if other.south <= one.north + TOUCHING && one.south <= other.north + TOUCHING {
                found[a].push(b);
                found[b].push(a);
            }
        }
    }
    found
}

/// Sets that are joined step by step.
struct Sets(Vec<usize>);

impl Sets {
    fn root(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

/// The group of every sample, the smallest index in it; and the parts that groups which had to be cut belong to.
fn groups(
    samples: &[SampleRecord],
    neighbours: &[Vec<usize>],
    options: &SplitOptions,
    shares: [f64; 3],
    limit: usize,
    warnings: &mut Vec<String>,
) -> Result<(Vec<usize>, BTreeMap<usize, Split>)> {
    let mut sets = Sets((0..samples.len()).collect());
    let join_by = |key: &dyn Fn(usize) -> Option<String>, sets: &mut Sets| {
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        for i in 0..samples.len() {
            if let Some(key) = key(i) {
                let other = *first.entry(key).or_insert(i);
                sets.join(i, other);
            }
        }
    };
    join_by(&|i| samples[i].group.clone(), &mut sets);
    if let Some(km) = options.block_km {
        if !km.is_finite() || km <= 0.0 {
            return Err(Error::Argument {
                name: "block size",
                value: km.to_string(),
                accepted: "kilometres above 0".to_owned(),
            });
        }
        join_by(&|i| Some(format!("{:?}", lattice(&samples[i], km))), &mut sets);
    }
    if options.given_groups {
        if samples.iter().any(|sample| sample.group.is_none()) {
            return Err(Error::Argument {
                name: "groups",
                value: "given".to_owned(),
                accepted: "only sets whose samples all name a group".to_owned(),
            });
        }
        return Ok(((0..samples.len()).map(|i| sets.root(i)).collect(), BTreeMap::new()));
    }
    let before: Vec<usize> = (0..samples.len()).map(|i| sets.root(i)).collect();
    for (a, others) in neighbours.iter().enumerate() {
        for &b in others {
            sets.join(a, b);
        }
    }
    let mut group_of: Vec<usize> = (0..samples.len()).map(|i| sets.root(i)).collect();
    let mut preset = BTreeMap::new();
    for (_, inside) in members(&group_of) {
        if inside.len() <= limit {
            continue;
        }
        let Some(slabs) = slabs(samples, &inside, &before, shares, options.seed) else {
            warnings.push(format!("a group of {} neighbours cannot be cut: shares will be uneven", inside.len()));
            continue;
        };
        for (part, slab) in slabs {
            let Some(&first) = slab.iter().min() else { continue };
            preset.insert(first, part);
            for &i in &slab {
                group_of[i] = first;
            }
        }
    }
    Ok((group_of, preset))
}

/// Cuts neighbours across their longer side: validation, training, test, or the other way round. `None` where they do not lie
/// in enough rows for that. Samples of one of the groups `before` are not torn apart.
fn slabs(
    samples: &[SampleRecord],
    inside: &[usize],
    before: &[usize],
    shares: [f64; 3],
    seed: u64,
) -> Option<Vec<(Split, Vec<usize>)>> {
    let middle = |i: usize| {
        let sample = &samples[before[i]];
        let (x, y) = (f64::midpoint(sample.west, sample.east), f64::midpoint(sample.south, sample.north));
        (x * y.to_radians().cos(), y)
    };
    let extent = |of: &dyn Fn(usize) -> f64| {
        let (low, high) = inside.iter().map(|&i| of(i)).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        high - low
    };
    let is_wide = extent(&|i| middle(i).0) >= extent(&|i| middle(i).1);
    let across = |i: usize| if is_wide { middle(i).0 } else { middle(i).1 };
    let height = inside.iter().map(|&i| samples[i].north - samples[i].south).fold(f64::MAX, f64::min);
    // Rows of patches: those whose middles are within half a patch of each other.
    let mut order = inside.to_vec();
    order.sort_by(|&a, &b| across(a).total_cmp(&across(b)).then(a.cmp(&b)));
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for i in order {
        match rows.last_mut() {
            Some(row) if across(i) - across(row[0]) < height / 2.0 => row.push(i),
            _ => rows.push(vec![i]),
        }
    }
    let chance = Sha256::digest(format!("{seed} {}", samples[inside[0]].id));
    let mut parts = vec![Split::Val, Split::Train, Split::Test];
    parts.retain(|part| shares[*part as usize] > 0.0);
    if chance[0].is_multiple_of(2) {
        parts.reverse();
    }
    if rows.len() < parts.len() {
        return None;
    }
    let mut slabs: Vec<(Split, Vec<usize>)> = Vec::new();
    let (mut next, mut done, mut wanted) = (0, 0.0, 0.0);
    for (n, &part) in parts.iter().enumerate() {
        wanted += shares[part as usize] * inside.len() as f64;
        let mut slab = Vec::new();
        // At least one row each, and one left for each that follows.
        let most = rows.len() - (parts.len() - 1 - n);
        while next < most && (slab.is_empty() || n + 1 == parts.len() || done + rows[next].len() as f64 / 2.0 <= wanted)
        {
            done += rows[next].len() as f64;
            slab.append(&mut rows[next]);
            next += 1;
        }
        slabs.push((part, slab));
    }
    Some(slabs)
}

/// The square of a lattice on the sphere that the middle of a sample lies in.
fn lattice(sample: &SampleRecord, km: f64) -> (i64, i64) {
    let degrees = km / 111.2;
    let middle = f64::midpoint(sample.south, sample.north);
    let row = (middle / degrees).floor();
    // One width per row of squares, so that squares of a row fit together.
    let width = degrees / ((row + 0.5) * degrees).to_radians().cos().max(0.05);
    (row as i64, (f64::midpoint(sample.west, sample.east) / width).floor() as i64)
}

fn members(group_of: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, group) in group_of.iter().enumerate() {
        members.entry(*group).or_default().push(i);
    }
    members
}

/// What a sample adds to a part: one of each kind that it is of.
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

/// Deals groups to parts.
fn deal(
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
        // How the squared distance from what the part is to have changes, each kind in units of its total.
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

/// Leaves out samples so that no two that touch are in different parts: those of the larger part, which can spare them.
fn part_neighbours(neighbours: &[Vec<usize>], part_of: &mut [Split], options: &SplitOptions) -> usize {
    if options.given_groups {
        return 0;
    }
    let mut left_out = 0;
    let size = |part_of: &[Split], part: Split| part_of.iter().filter(|p| **p == part).count();
    for i in 0..neighbours.len() {
        for &other in &neighbours[i] {
            let (a, b) = (part_of[i], part_of[other]);
            if a == b || a == Split::Unused || b == Split::Unused {
                continue;
            }
            let spare = if size(part_of, a) >= size(part_of, b) { i } else { other };
            part_of[spare] = Split::Unused;
            left_out += 1;
        }
    }
    left_out
}

/// Names of groups for the file, numbered in the order of their first samples.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(id: usize, west: f64, south: f64, mining_share: f64) -> SampleRecord {
        SampleRecord {
            id: format!("s{id:04}"),
            data_path: format!("patches/s{id:04}"),
            mask_path: format!("patches/s{id:04}"),
            epsg: Some(32610),
            west,
            south,
            east: west + 0.1,
            north: south + 0.07,
            date: None,
            scenes: String::new(),
            scale: None,
            offset_dn: None,
            data_share: None,
            clear_share: None,
            mining_share,
            mining_ha: None,
            commodity: Some(if id.is_multiple_of(3) { "gold" } else { "coal" }.to_owned()),
            group: None,
        }
    }

    fn divide(samples: &[SampleRecord], options: &SplitOptions) -> (Vec<usize>, Vec<Split>) {
        let total: f64 = options.shares.iter().sum();
        let shares = options.shares.map(|share| share / total);
        let limit = ((shares[1].min(shares[2]) * samples.len() as f64 * LARGEST_GROUP) as usize).max(1);
        let near = neighbours(samples);
        let (group_of, preset) = groups(samples, &near, options, shares, limit, &mut Vec::new()).unwrap();
        let mut part_of = deal(samples, &members(&group_of), &preset, shares, options.seed);
        part_neighbours(&near, &mut part_of, options);
        (group_of, part_of)
    }

    #[test]
    fn scattered_patches_come_close_to_the_shares() {
        let samples: Vec<SampleRecord> =
            (0..400).map(|i| sample(i, (i % 20) as f64 * 0.3, (i / 20) as f64 * 0.3, (i % 7) as f64 * 0.05)).collect();
        let (_, part_of) = divide(&samples, &SplitOptions::default());
        for (split, share) in Split::ALL.into_iter().zip([0.7, 0.15, 0.15]) {
            let of: Vec<&SampleRecord> =
                samples.iter().zip(&part_of).filter(|(_, p)| **p == split).map(|(s, _)| s).collect();
            assert!((of.len() as f64 / 400.0 - share).abs() < 0.02, "{split}: {}", of.len());
            let mean = of.iter().map(|s| s.mining_share).sum::<f64>() / of.len() as f64;
            assert!((mean - 0.15).abs() < 0.02, "{split}: mining share {mean}");
            let gold = of.iter().filter(|s| s.commodity.as_deref() == Some("gold")).count() as f64 / of.len() as f64;
            assert!((gold - 1.0 / 3.0).abs() < 0.05, "{split}: gold {gold}");
        }
    }

    #[test]
    fn one_large_field_is_cut_and_its_borders_are_left_out() {
        let samples: Vec<SampleRecord> =
            (0..400).map(|i| sample(i, (i % 20) as f64 * 0.1, (i / 20) as f64 * 0.07, 0.1)).collect();
        let (_, part_of) = divide(&samples, &SplitOptions::default());
        let count = |split| part_of.iter().filter(|p| **p == split).count();
        // Two rows of twenty along the two cuts; three rows each for validation and test.
        let counts = [Split::Train, Split::Val, Split::Test, Split::Unused].map(count);
        assert_eq!(counts, [240, 60, 60, 40]);
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let samples: Vec<SampleRecord> = (0..60).map(|i| sample(i, i as f64, 10.0, 0.1)).collect();
        let with = |seed| divide(&samples, &SplitOptions { seed, ..SplitOptions::default() }).1;
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }

    proptest! {
        #[test]
        fn neighbours_never_stand_in_different_parts(
            places in prop::collection::vec((0_u32..12, 0_u32..12), 6..80),
            seed in 0_u64..4,
        ) {
            let places: BTreeSet<(u32, u32)> = places.into_iter().collect();
            let samples: Vec<SampleRecord> = places
                .iter()
                .enumerate()
                .map(|(i, &(col, row))| sample(i, f64::from(col) * 0.1, f64::from(row) * 0.07, 0.02))
                .collect();
            let (_, part_of) = divide(&samples, &SplitOptions { seed, ..SplitOptions::default() });
            for (a, near) in neighbours(&samples).into_iter().enumerate() {
                for b in near {
                    let parts = (part_of[a], part_of[b]);
                    prop_assert!(parts.0 == parts.1 || parts.0 == Split::Unused || parts.1 == Split::Unused);
                }
            }
        }
    }
}
