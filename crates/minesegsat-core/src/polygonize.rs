//! Mask to polygons, row by row. [`Polygonizer`] takes rows of a mask and of probabilities. [`Regions`] has the connected
//! regions with their outlines along pixel edges, or along a contour of the probabilities ([`Polygonizer::along_contour`]).
//!
//! Memory is one bit per pixel for the mask, 4 bytes per run of mask pixels in a row, and the outlines themselves. The
//! mask of a whole Sentinel-2 tile (10980 x 10980) takes 15 MB. Contours take 8 bytes more per pixel edge of the outlines.
//!
//! # Method
//! Runs of equal pixels are joined by union-find as rows come in (L. He, Y. Chao, K. Suzuki, "A run-based two-scan
//! labeling algorithm", IEEE Trans. Image Processing 17(5), 2008). Outlines are then traced along pixel edges, from every
//! upper edge not yet passed, with the region on the right-hand side. At a corner where two region pixels meet only
//! diagonally, the trace stays at its own pixel. An outline that visits such a corner twice is cut there into two simple
//! rings. Parts that are connected by edges have a connected interior, so their polygons are valid by construction. An
//! 8-connected region is the [`MultiPolygon`] of its 4-connected parts, which touch at corners only.

mod bits;
mod contour;
mod trace;
mod union_find;

use geo::{Coord, LineString, MultiPolygon, Polygon};

use self::bits::{BitRows, any_bit, for_each_run, pack};
use self::contour::Crossings;
use self::union_find::UnionFind;
use crate::GeoTransform;

/// Definition of neighbouring pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connectivity {
    /// Pixels that share an edge.
    Four,
    /// Pixels that share an edge or a corner.
    #[default]
    Eight,
}

/// Value of a mask pixel that belongs to a region.
const INSIDE: u8 = 1;
/// Value of a mask pixel that is not assessable.
const NODATA: u8 = 255;
/// Value of a pixel that another mask shows, for [`Polygonizer::push_row`]. It is 255 in the rows of [`Regions`], but land beside it
/// does not touch land that is not assessable.
pub const ELSEWHERE: u8 = 254;

/// A connected region of mask pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Outline in pixels: x = column, y = row, growing downwards; a pixel has whole numbers at its corners. Rings are closed.
    /// Outlines along pixel edges have vertices at corners only. Under [`Connectivity::Eight`] one polygon for each part that is
    /// connected by edges.
    pub geometry: MultiPolygon<f64>,
    /// Number of pixels.
    pub pixel_count: u64,
    /// Mean probability of the pixels.
    pub mean_probability: f64,
    /// Highest probability of a pixel.
    pub max_probability: f32,
    /// Whether a pixel lies in the first or last row or column.
    pub touches_edge: bool,
    /// Whether a pixel has a neighbour that is not assessable (mask value 255). The connectivity defines the neighbours.
    pub touches_nodata: bool,
    /// Index in the order of first pixels; `mask_rows` finds the runs of the region by it.
    index: u32,
}

impl Region {
    /// The outline in map coordinates: exterior rings counterclockwise, holes clockwise, as Simple Features requires.
    pub fn to_map(&self, transform: &GeoTransform) -> MultiPolygon<f64> {
        // In pixel coordinates exteriors run clockwise on the screen. Rows grow downwards, so a north-up transform keeps
        // the screen's sense of rotation; reversing it gives the map's counterclockwise.
        let ring = |ring: &LineString<f64>| {
            let corner = |c: &Coord<f64>| {
                let (x, y) = transform.to_map(c.x, c.y);
                Coord { x, y }
            };
            LineString(ring.0.iter().rev().map(corner).collect())
        };
        self.geometry
            .iter()
            .map(|polygon| Polygon::new(ring(polygon.exterior()), polygon.interiors().iter().map(ring).collect()))
            .collect()
    }
}

/// Builds [`Regions`] from a mask that arrives row by row.
#[derive(Debug)]
pub struct Polygonizer {
    mask: BitRows,
    connectivity: Connectivity,
    /// Label of each run, row by row and from left to right, and the index of the first run of each row.
    run_labels: Vec<u32>,
    run_starts: Vec<usize>,
    /// Runs that are not assessable or elsewhere, as first and end column, and the index of the first run of each row.
    nodata_runs: Vec<[u32; 2]>,
    nodata_starts: Vec<usize>,
    labels: Vec<LabelStats>,
    /// Labels joined by edges.
    parts: UnionFind,
    /// Labels joined by edges or corners; used under [`Connectivity::Eight`] only.
    groups: UnionFind,
    /// Runs of the previous row and of the current row.
    previous: Vec<Run>,
    current: Vec<Run>,
    nodata: Vec<u64>,
    previous_nodata: Vec<u64>,
    previous_has_nodata: bool,
    /// Pixels of the current row that are not assessable or elsewhere.
    unknown: Vec<u64>,
    /// Places where the contour crosses between pixels; `None` for outlines along pixel edges.
    crossings: Option<Crossings>,
}

/// Columns `start..end` of a row.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u32,
    end: u32,
    label: u32,
}

#[derive(Debug, Clone, Copy)]
struct LabelStats {
    pixels: u64,
    sum: f64,
    max: f32,
    edge: bool,
    nodata: bool,
}

impl LabelStats {
    const EMPTY: Self = Self { pixels: 0, sum: 0.0, max: f32::NEG_INFINITY, edge: false, nodata: false };

    fn add(&mut self, other: &Self) {
        self.pixels += other.pixels;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        self.edge |= other.edge;
        self.nodata |= other.nodata;
    }
}

impl Polygonizer {
    /// A polygonizer for rows of `width` pixels.
    pub fn new(width: usize, connectivity: Connectivity) -> Self {
        assert!(u32::try_from(width).is_ok(), "rows of {width} pixels are not supported");
        let mask = BitRows::new(width);
        let words = mask.words_per_row;
        Self {
            mask,
            connectivity,
            run_labels: Vec::new(),
            run_starts: Vec::new(),
            nodata_runs: Vec::new(),
            nodata_starts: vec![0],
            labels: Vec::new(),
            parts: UnionFind::default(),
            groups: UnionFind::default(),
            previous: Vec::new(),
            current: Vec::new(),
            nodata: vec![0; words],
            previous_nodata: vec![0; words],
            previous_has_nodata: false,
            unknown: vec![0; words],
            crossings: None,
        }
    }

    /// A polygonizer whose outlines follow the contour of the probabilities at a threshold. Regions, parts and rings are those of
    /// the mask, which must be 1 where the probability reaches the threshold. Beside pixels that are not assessable and at the
    /// edge of the raster, outlines follow pixel edges.
    pub fn along_contour(width: usize, connectivity: Connectivity, threshold: f32) -> Self {
        Self { crossings: Some(Crossings::new(threshold)), ..Self::new(width, connectivity) }
    }

    /// Adds the next row: mask values (1 inside, 255 not assessable, [`ELSEWHERE`], everything else outside) and the probability of
    /// each pixel. Both slices have one value per column.
    pub fn push_row(&mut self, mask: &[u8], probability: &[f32]) {
        let width = self.mask.width;
        assert_eq!(mask.len(), width, "mask row of wrong length");
        assert_eq!(probability.len(), width, "probability row of wrong length");
        let row = self.mask.rows;
        if let Some(crossings) = &mut self.crossings {
            let pixels = mask.iter().zip(probability);
            let is_known = |mask: u8| mask != NODATA && mask != ELSEWHERE;
            crossings.push_row(pixels.map(|(&mask, &p)| is_known(mask).then_some((mask == INSIDE, p))));
        }

        std::mem::swap(&mut self.nodata, &mut self.previous_nodata);
        pack(mask, NODATA, &mut self.nodata);
        let has_nodata = self.nodata.iter().any(|&word| word != 0);
        pack(mask, ELSEWHERE, &mut self.unknown);
        self.unknown.iter_mut().zip(&self.nodata).for_each(|(unknown, nodata)| *unknown |= nodata);
        let runs = &mut self.nodata_runs;
        for_each_run(&self.unknown, |start, end| runs.push([start, end]));
        self.nodata_starts.push(self.nodata_runs.len());

        let bits = self.mask.push();
        pack(mask, INSIDE, bits);
        std::mem::swap(&mut self.current, &mut self.previous);
        let current = &mut self.current;
        current.clear();
        for_each_run(bits, |start, end| current.push(Run { start, end, label: 0 }));
        self.run_starts.push(self.run_labels.len());

        // Corners count as contact under eight-connectivity only.
        let reach = u32::from(self.connectivity == Connectivity::Eight);
        let mut above = 0;
        for run in &mut self.current {
            let Run { start, end, .. } = *run;
            while self.previous.get(above).is_some_and(|p| p.end + reach <= start) {
                above += 1;
            }
            let touching = self.previous[above..].iter().take_while(|p| p.start < end + reach);
            let mut label = None;
            for other in touching.clone().filter(|p| p.start < end && start < p.end) {
                match label {
                    None => label = Some(self.parts.find(other.label)),
                    Some(label) => self.parts.union(label, other.label),
                }
            }
            let label = label.unwrap_or_else(|| {
                self.labels.push(LabelStats::EMPTY);
                self.groups.add();
                self.parts.add()
            });
            if reach == 1 {
                touching.for_each(|other| self.groups.union(label, other.label));
            }
            run.label = label;
            self.run_labels.push(label);

            let (mut sum, mut max) = (0.0, f32::NEG_INFINITY);
            for &p in &probability[start as usize..end as usize] {
                sum += f64::from(p);
                max = max.max(p);
            }
            self.labels[label as usize].add(&LabelStats {
                pixels: u64::from(end - start),
                sum,
                max,
                edge: row == 0 || start == 0 || end as usize == width,
                nodata: (has_nodata && any_bit(&self.nodata, start, end, 1))
                    || (self.previous_has_nodata && any_bit(&self.previous_nodata, start, end, reach)),
            });
        }
        if has_nodata {
            for run in &self.previous {
                self.labels[run.label as usize].nodata |= any_bit(&self.nodata, run.start, run.end, reach);
            }
        }
        self.previous_has_nodata = has_nodata;
    }

    /// Traces the outlines of all regions.
    pub fn finish(mut self) -> Regions {
        for run in &self.current {
            self.labels[run.label as usize].edge = true;
        }
        // Labels are numbered in the order of first pixels, and the smallest label of a set is its root. So the roots in
        // ascending order give parts and regions in the order of their first pixels.
        let (part_of, part_count) = self.parts.number();
        let (region_of, region_count) = match self.connectivity {
            Connectivity::Four => (part_of.clone(), part_count),
            Connectivity::Eight => {
                for label in 0..self.labels.len() as u32 {
                    let root = self.parts.find(label);
                    self.groups.union(label, root);
                }
                self.groups.number()
            }
        };
        let mut stats = vec![LabelStats::EMPTY; region_count];
        for (label, &region) in self.labels.iter().zip(&region_of) {
            stats[region as usize].add(label);
        }
        let mut region_of_part = vec![0; part_count];
        for (&part, &region) in part_of.iter().zip(&region_of) {
            region_of_part[part as usize] = region;
        }

        self.mask.close();
        let is_unknown = |col: i64, row: i64| {
            if !(0..self.mask.width as i64).contains(&col) || !(0..self.mask.rows as i64).contains(&row) {
                return true;
            }
            let runs = &self.nodata_runs[self.nodata_starts[row as usize]..self.nodata_starts[row as usize + 1]];
            let next = runs.partition_point(|&[_, end]| i64::from(end) <= col);
            runs.get(next).is_some_and(|&[start, _]| i64::from(start) <= col)
        };
        let polygons = trace::trace(&self.mask, &self.run_labels, &part_of, part_count, |ring| match &self.crossings {
            Some(crossings) => crossings.ring(ring, is_unknown),
            None => trace::line(ring),
        });
        let mut regions: Vec<Region> = (0..)
            .zip(stats)
            .map(|(index, stats)| Region {
                geometry: MultiPolygon(Vec::with_capacity(1)),
                pixel_count: stats.pixels,
                mean_probability: stats.sum / stats.pixels as f64,
                max_probability: stats.max,
                touches_edge: stats.edge,
                touches_nodata: stats.nodata,
                index,
            })
            .collect();
        for (polygon, region) in polygons.into_iter().zip(region_of_part) {
            regions[region as usize].geometry.0.push(polygon);
        }

        for label in &mut self.run_labels {
            *label = region_of[*label as usize];
        }
        Regions {
            kept: vec![true; regions.len()],
            list: regions,
            mask: self.mask,
            run_starts: self.run_starts,
            run_owners: self.run_labels,
            nodata_runs: self.nodata_runs,
            nodata_starts: self.nodata_starts,
        }
    }
}

/// The connected regions of a mask, in the order of their first pixels (by row, then column).
#[derive(Debug)]
pub struct Regions {
    list: Vec<Region>,
    /// Whether [`Regions::retain`] kept the region with each index.
    kept: Vec<bool>,
    mask: BitRows,
    /// Region of each run of the mask, and the index of the first run of each row.
    run_owners: Vec<u32>,
    run_starts: Vec<usize>,
    nodata_runs: Vec<[u32; 2]>,
    nodata_starts: Vec<usize>,
}

impl Regions {
    /// Keeps the regions for which `keep` returns true; removes the others from the list and from the mask.
    pub fn retain(&mut self, mut keep: impl FnMut(&Region) -> bool) {
        let kept = &mut self.kept;
        self.list.retain(|region| {
            let yes = keep(region);
            kept[region.index as usize] = yes;
            yes
        });
    }

    /// The regions.
    pub fn iter(&self) -> std::slice::Iter<'_, Region> {
        self.list.iter()
    }

    /// Number of regions.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is no region.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Width and height of the mask.
    pub fn size(&self) -> (usize, usize) {
        (self.mask.width, self.mask.rows)
    }

    /// Writes one row of the mask: 1 for pixels of the remaining regions, 255 for pixels that had 255 or [`ELSEWHERE`], 0 for all
    /// others.
    pub fn mask_row(&self, row: usize, out: &mut [u8]) {
        assert_eq!(out.len(), self.mask.width, "mask row of wrong length");
        out.fill(0);
        let mut run = self.run_starts[row];
        for_each_run(self.mask.row(row), |start, end| {
            if self.kept[self.run_owners[run] as usize] {
                out[start as usize..end as usize].fill(INSIDE);
            }
            run += 1;
        });
        for &[start, end] in &self.nodata_runs[self.nodata_starts[row]..self.nodata_starts[row + 1]] {
            out[start as usize..end as usize].fill(NODATA);
        }
    }

    /// Like [`mask_row`](Self::mask_row), for all rows from `row` on that fit into `out`.
    pub fn mask_rows(&self, row: usize, out: &mut [u8]) {
        for (i, line) in out.chunks_exact_mut(self.mask.width).enumerate() {
            self.mask_row(row + i, line);
        }
    }
}

impl<'a> IntoIterator for &'a Regions {
    type Item = &'a Region;
    type IntoIter = std::slice::Iter<'a, Region>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests;
