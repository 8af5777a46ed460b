//! Groups of samples that must lie in the same split: neighbours, given groups, squares of a size, and slabs of groups that are too
//! large.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Cut, Task};
use crate::{SampleRecord, Split};
use minesegsat_core::{Error, Result};

/// Maximum distance in degrees between edges that count as touching: about a metre.
pub(super) const TOUCHING: f64 = 1e-5;

/// Places of samples, and which of them touch. Samples of several dates share a place, so pairs of places are fewer than pairs
/// of samples.
pub(super) struct Places {
    /// Place of each sample.
    pub(super) place_of: Vec<usize>,
    /// Samples of each place.
    pub(super) samples: Vec<Vec<usize>>,
    /// For every place, the other places whose bounding boxes in degrees touch or overlap its own.
    pub(super) near: Vec<Vec<usize>>,
}

impl Places {
    pub(super) fn new(samples: &[SampleRecord]) -> Self {
        let mut known: BTreeMap<[u64; 4], usize> = BTreeMap::new();
        let mut at: Vec<Vec<usize>> = Vec::new();
        let mut place_of = Vec::with_capacity(samples.len());
        for (i, sample) in samples.iter().enumerate() {
            let bounds = [sample.west, sample.south, sample.east, sample.north];
            // Samples without a georeference lie nowhere, each for itself.
            let place = if bounds.iter().any(|edge| edge.is_nan()) {
                at.len()
            } else {
                *known.entry(bounds.map(f64::to_bits)).or_insert(at.len())
            };
            if place == at.len() {
                at.push(Vec::new());
            }
            at[place].push(i);
            place_of.push(place);
        }
        // Places are sorted by western edge. Each is compared with those that start before it ends.
        let bounds = |place: usize| &samples[at[place][0]];
        let mut order: Vec<usize> = (0..at.len()).collect();
        order.sort_by(|&a, &b| bounds(a).west.total_cmp(&bounds(b).west));
        let mut near = vec![Vec::new(); at.len()];
        for (i, &a) in order.iter().enumerate() {
            let one = bounds(a);
            for &b in order[i + 1..].iter().take_while(|&&b| bounds(b).west <= one.east + TOUCHING) {
                let other = bounds(b);
                if other.south <= one.north + TOUCHING && one.south <= other.north + TOUCHING {
                    near[a].push(b);
                    near[b].push(a);
                }
            }
        }
        Self { place_of, samples: at, near }
    }
}

/// Disjoint sets (union-find).
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

/// The group of every sample, named by its smallest index, and the fixed splits of groups that were cut.
pub(super) fn groups(
    task: &Task<'_>,
    cut: Cut,
    warnings: &mut Vec<String>,
) -> Result<(Vec<usize>, BTreeMap<usize, Split>)> {
    let Task { samples, places, options, shares, .. } = *task;
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
    if let Some(km) = cut.block_km {
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
    for (inside, near) in places.samples.iter().zip(&places.near) {
        let others = near.iter().map(|place| places.samples[*place][0]);
        for other in inside.iter().copied().chain(others) {
            sets.join(inside[0], other);
        }
    }
    let mut group_of: Vec<usize> = (0..samples.len()).map(|i| sets.root(i)).collect();
    let mut preset = BTreeMap::new();
    for (_, inside) in members(&group_of) {
        if inside.len() <= cut.limit {
            continue;
        }
        let Some(slabs) = slabs(samples, &inside, &before, shares, options.seed, cut) else {
            warnings.push(format!(
                "a group of {} neighbours cannot be cut: the splits will miss the requested shares",
                inside.len()
            ));
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

/// Cuts neighbours across their longer side into validation, training and test slabs, in reverse order, or as the cut says. `None`
/// if they form too few rows. Samples of the same group in `before` stay together.
fn slabs(
    samples: &[SampleRecord],
    inside: &[usize],
    before: &[usize],
    shares: [f64; 3],
    seed: u64,
    cut: Cut,
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
    let is_wide = (extent(&|i| middle(i).0) >= extent(&|i| middle(i).1)) != cut.is_turned;
    let across = |i: usize| if is_wide { middle(i).0 } else { middle(i).1 };
    let height = inside.iter().map(|&i| samples[i].north - samples[i].south).fold(f64::MAX, f64::min);
    // Rows of patches: their centres are within half a patch of each other.
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
    parts.rotate_left(cut.order / 2);
    if cut.order % 2 == 1 {
        parts.reverse();
    }
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
        // Each slab gets at least one row and leaves one for each slab that follows.
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

/// The square of a lattice on the sphere that contains the centre of a sample.
fn lattice(sample: &SampleRecord, km: f64) -> (i64, i64) {
    let degrees = km / 111.2;
    let middle = f64::midpoint(sample.south, sample.north);
    let row = (middle / degrees).floor();
    // All squares of a row have the same width in degrees.
    let width = degrees / ((row + 0.5) * degrees).to_radians().cos().max(0.05);
    (row as i64, (f64::midpoint(sample.west, sample.east) / width).floor() as i64)
}

/// The samples of each group.
pub(super) fn members(group_of: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, group) in group_of.iter().enumerate() {
        members.entry(*group).or_default().push(i);
    }
    members
}
