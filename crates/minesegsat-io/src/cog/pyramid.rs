//! The levels of a file. Overviews are computed as rows arrive, and blocks are compressed as soon as a row of blocks is
//! complete.

use std::{fmt::Debug, io};

use flate2::{Compress, Compression, FlushCompress, Status};
use rayon::prelude::*;

use super::{OverviewResampling, Spool, layout::LevelBlocks, sample::Sample};
use crate::{DataType, Pixels};

/// Settings that all levels of a file share.
#[derive(Debug, Clone, Copy)]
pub(super) struct PyramidSettings {
    pub(super) bands: usize,
    pub(super) nodata: Option<f64>,
    pub(super) overviews: bool,
    pub(super) resampling: OverviewResampling,
    pub(super) block_size: usize,
    pub(super) compression_level: u32,
}

/// All levels of one file, for any element type.
pub(super) trait Pyramid: Debug + Send {
    /// Adds whole rows, one entry per band.
    fn push(&mut self, bands: &[Pixels], spool: &mut Spool) -> io::Result<()>;

    /// Positions of the blocks of each level in the spool, full resolution first.
    fn into_levels(self: Box<Self>) -> Vec<LevelBlocks>;
}

/// The levels of a raster of `width` x `height` pixels.
pub(super) fn of_type(data_type: DataType, width: usize, height: usize, settings: PyramidSettings) -> Box<dyn Pyramid> {
    match data_type {
        DataType::U8 => Box::new(Levels::<u8>::new(width, height, settings)),
        DataType::U16 => Box::new(Levels::<u16>::new(width, height, settings)),
        DataType::I16 => Box::new(Levels::<i16>::new(width, height, settings)),
        DataType::F32 => Box::new(Levels::<f32>::new(width, height, settings)),
    }
}

/// Sizes of all levels, full resolution first: halved, rounded down, until both sides fit into a block.
fn level_sizes(width: usize, height: usize, block_size: usize) -> Vec<(usize, usize)> {
    std::iter::successors(Some((width, height)), |&(w, h)| {
        (w.max(h) > block_size).then(|| ((w / 2).max(1), (h / 2).max(1)))
    })
    .collect()
}

#[derive(Debug)]
struct Levels<T> {
    /// Full resolution first.
    stack: Vec<Level<T>>,
    settings: PyramidSettings,
    /// Buffer for one interleaved row `[width, bands]`.
    row: Vec<T>,
}

/// One level: the current row of blocks, and the reducer for the next level.
#[derive(Debug)]
struct Level<T> {
    blocks: LevelBlocks,
    /// Rows of the current row of blocks, `[rows, width, bands]`.
    strip: Vec<T>,
    rows: usize,
    /// Computes the next level; `None` for the last level.
    reducer: Option<Reducer<T>>,
}

impl<T: Sample> Levels<T> {
    fn new(width: usize, height: usize, settings: PyramidSettings) -> Self {
        let mut sizes = level_sizes(width, height, settings.block_size);
        if !settings.overviews {
            sizes.truncate(1);
        }
        let levels = sizes.iter().enumerate().map(|(i, &(width, height))| Level {
            blocks: LevelBlocks::new(width, height),
            strip: Vec::with_capacity(settings.block_size.min(height) * width * settings.bands),
            rows: 0,
            reducer: sizes.get(i + 1).map(|&next| Reducer::new((width, height), next, settings)),
        });
        Self { stack: levels.collect(), settings, row: Vec::new() }
    }

    /// Adds a row of the full resolution, and passes each completed row on to the next level.
    fn push_row(&mut self, row: &[T], spool: &mut Spool) -> io::Result<()> {
        let mut made = None;
        for level in &mut self.stack {
            let row = made.as_deref().unwrap_or(row);
            level.push_row(row, self.settings, spool)?;
            // A row completes at most one row of the next level, because that level does not have more rows.
            match level.reducer.as_mut().and_then(|reducer| reducer.push(row)) {
                Some(next) => made = Some(next),
                None => break,
            }
        }
        Ok(())
    }
}

impl<T: Sample> Pyramid for Levels<T> {
    fn push(&mut self, bands: &[Pixels], spool: &mut Spool) -> io::Result<()> {
        let planes: Vec<&[T]> = bands.iter().filter_map(T::slice).collect();
        let width = self.stack[0].blocks.width;
        if let [plane] = planes[..] {
            return plane.chunks_exact(width).try_for_each(|row| self.push_row(row, spool));
        }
        let mut row = std::mem::take(&mut self.row);
        for start in (0..planes[0].len()).step_by(width) {
            row.clear();
            row.extend((start..start + width).flat_map(|i| planes.iter().map(move |plane| plane[i])));
            self.push_row(&row, spool)?;
        }
        self.row = row;
        Ok(())
    }

    fn into_levels(self: Box<Self>) -> Vec<LevelBlocks> {
        self.stack.into_iter().map(|level| level.blocks).collect()
    }
}

impl<T: Sample> Level<T> {
    fn push_row(&mut self, row: &[T], settings: PyramidSettings, spool: &mut Spool) -> io::Result<()> {
        self.strip.extend_from_slice(row);
        self.rows += 1;
        if self.rows.is_multiple_of(settings.block_size) || self.rows == self.blocks.height {
            self.write_blocks(settings, spool)?;
            self.strip.clear();
        }
        Ok(())
    }

    /// Compresses the complete row of blocks, one block per thread at a time.
    fn write_blocks(&mut self, settings: PyramidSettings, spool: &mut Spool) -> io::Result<()> {
        let start = spool.len;
        let columns: Vec<usize> = (0..self.blocks.width.div_ceil(settings.block_size)).collect();
        for batch in columns.chunks(rayon::current_num_threads()) {
            let packed: Vec<Vec<u8>> =
                batch.par_iter().map(|&column| self.pack(column, settings)).collect::<io::Result<_>>()?;
            for bytes in packed {
                spool.append(&bytes)?;
                self.blocks.sizes.push((bytes.len() - 8) as u32);
            }
        }
        self.blocks.runs.push(start..spool.len);
        Ok(())
    }

    /// One block as stored in the file: its size, its compressed bytes, and the last four bytes again.
    fn pack(&self, column: usize, settings: PyramidSettings) -> io::Result<Vec<u8>> {
        let PyramidSettings { bands, block_size, .. } = settings;
        let first = column * block_size;
        let columns = block_size.min(self.blocks.width - first);
        let mut raw = Vec::with_capacity(block_size * block_size * bands * size_of::<T>());
        let mut row = Vec::with_capacity(block_size * bands);
        let mut last_row = 0..0;
        for line in self.strip.chunks_exact(self.blocks.width * bands) {
            let pixels = &line[first * bands..(first + columns) * bands];
            row.clear();
            row.extend_from_slice(pixels);
            // Past the edge the last pixel repeats, so the predictor gives zeros.
            for _ in columns..block_size {
                row.extend_from_slice(&pixels[(columns - 1) * bands..]);
            }
            last_row.start = raw.len();
            T::predict_row(&row, bands, &mut raw);
            last_row.end = raw.len();
        }
        while raw.len() < block_size * last_row.len() {
            raw.extend_from_within(last_row.clone());
        }
        deflate(&raw, settings.compression_level)
    }
}

fn deflate(raw: &[u8], level: u32) -> io::Result<Vec<u8>> {
    // Stored deflate blocks add 5 bytes for at most 64 KiB, at the very least one for each 16 KiB here; zlib adds 6.
    let mut packed = Vec::with_capacity(8 + 64 + raw.len() + raw.len() / 1024);
    packed.extend_from_slice(&[0; 4]);
    let mut zlib = Compress::new(Compression::new(level), true);
    loop {
        let status = zlib.compress_vec(&raw[zlib.total_in() as usize..], &mut packed, FlushCompress::Finish)?;
        match status {
            Status::StreamEnd => break,
            Status::Ok | Status::BufError => packed.reserve(1 << 16),
        }
    }
    let size = u32::try_from(packed.len() - 4).map_err(io::Error::other)?;
    packed[..4].copy_from_slice(&size.to_le_bytes());
    packed.extend_from_within(packed.len() - 4..);
    // A block may wait for its batch, so release unused memory.
    packed.shrink_to_fit();
    Ok(packed)
}

/// Pixels of the finer level under one pixel of the coarser one, along one axis.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    /// Covered part of each pixel from `start` on, in units of 1 / (pixels of the coarser level). Exact.
    weights: [u32; 3],
}

impl Span {
    /// Span of pixel `index` when `fine` pixels become `coarse`. `coarse` is half of `fine`, rounded down. So the span has two
    /// pixels, or two to three if `fine` is odd.
    fn new(index: usize, fine: usize, coarse: usize) -> Self {
        // Pixel i of the fine level lies from i * coarse to (i + 1) * coarse, pixel j of the coarse one from j * fine to
        // (j + 1) * fine.
        let (low, high) = (index * fine, (index + 1) * fine);
        let (start, end) = (low / coarse, high.div_ceil(coarse));
        let mut weights = [0; 3];
        for (weight, i) in weights.iter_mut().zip(start..end) {
            *weight = (((i + 1) * coarse).min(high) - (i * coarse).max(low)) as u32;
        }
        Self { start, end, weights }
    }
}

/// Computes the rows of the next level from the rows of a level.
#[derive(Debug)]
pub(super) struct Reducer<T> {
    settings: PyramidSettings,
    nodata: Option<T>,
    fine: (usize, usize),
    coarse: (usize, usize),
    columns: Vec<Span>,
    /// Source span of the current row.
    span: Span,
    next: usize,
    /// Rows of the finer level from `span.start` on, each `[width, bands]`.
    pending: Vec<Vec<T>>,
    /// Number of received rows.
    rows: usize,
}

impl<T: Sample> Reducer<T> {
    pub(super) fn new(fine: (usize, usize), coarse: (usize, usize), settings: PyramidSettings) -> Self {
        Self {
            settings,
            nodata: settings.nodata.map(T::from_f64),
            fine,
            coarse,
            columns: (0..coarse.0).map(|column| Span::new(column, fine.0, coarse.0)).collect(),
            span: Span::new(0, fine.1, coarse.1),
            next: 0,
            pending: Vec::new(),
            rows: 0,
        }
    }

    /// Adds a row `[width, bands]`. Returns the row that it completes, if any.
    pub(super) fn push(&mut self, row: &[T]) -> Option<Vec<T>> {
        self.pending.push(row.to_vec());
        self.rows += 1;
        if self.rows < self.span.end {
            return None;
        }
        let made = self.reduce();
        self.next += 1;
        if self.next < self.coarse.1 {
            self.span = Span::new(self.next, self.fine.1, self.coarse.1);
            let kept = self.rows - self.span.start.min(self.rows);
            self.pending.drain(..self.pending.len() - kept);
        }
        Some(made)
    }

    fn reduce(&self) -> Vec<T> {
        let bands = self.settings.bands;
        let mut made = Vec::with_capacity(self.coarse.0 * bands);
        match self.settings.resampling {
            OverviewResampling::Nearest => {
                for span in &self.columns {
                    made.extend_from_slice(&self.pending[0][span.start * bands..(span.start + 1) * bands]);
                }
            }
            OverviewResampling::Average => {
                for span in &self.columns {
                    made.extend((0..bands).map(|band| self.average(span, band)));
                }
            }
            OverviewResampling::Mode => {
                for span in &self.columns {
                    made.extend((0..bands).map(|band| self.mode(span, band)));
                }
            }
        }
        made
    }

    fn is_missing(&self, value: T) -> bool {
        // NaN does not equal itself.
        #[expect(clippy::eq_op, reason = "the shortest test for NaN that integers pass as well")]
        let is_nan = value != value;
        is_nan || self.nodata == Some(value)
    }

    /// The four pixels under a pixel of the next level in the usual case: two by two, all fully covered, none missing.
    fn quad(&self, span: &Span, band: usize) -> Option<[T; 4]> {
        let [upper, lower] = &self.pending[..] else { return None };
        if span.weights != [self.coarse.0 as u32, self.coarse.0 as u32, 0]
            || self.span.weights != [self.coarse.1 as u32, self.coarse.1 as u32, 0]
        {
            return None;
        }
        let (left, right) = (span.start * self.settings.bands + band, (span.start + 1) * self.settings.bands + band);
        let quad = [upper[left], upper[right], lower[left], lower[right]];
        (!quad.iter().any(|&value| self.is_missing(value))).then_some(quad)
    }

    /// Pixels of one band under a pixel of the next level that are not missing, with their weights.
    fn present(&self, span: &Span, band: usize) -> impl Iterator<Item = (T, u64)> {
        let bands = self.settings.bands;
        self.pending.iter().zip(self.span.weights).flat_map(move |(row, down)| {
            let values = row[span.start * bands + band..].iter().step_by(bands);
            values.take(span.end - span.start).zip(span.weights).filter_map(move |(&value, across)| {
                (!self.is_missing(value)).then_some((value, u64::from(down) * u64::from(across)))
            })
        })
    }

    fn missing(&self) -> T {
        self.nodata.unwrap_or_else(|| T::from_f64(f64::NAN))
    }

    fn average(&self, span: &Span, band: usize) -> T {
        if let Some([a, b, c, d]) = self.quad(span, band) {
            return T::from_f64((a.to_f64() + b.to_f64() + c.to_f64() + d.to_f64()) / 4.0);
        }
        let (mut sum, mut total) = (0.0, 0.0);
        for (value, weight) in self.present(span, band) {
            sum += value.to_f64() * weight as f64;
            total += weight as f64;
        }
        if total > 0.0 { T::from_f64(sum / total) } else { self.missing() }
    }

    fn mode(&self, span: &Span, band: usize) -> T {
        if let Some([a, b, c, d]) = self.quad(span, band)
            && (a == b && c == d && a == c)
        {
            return a;
        }
        let mut votes: [(Option<T>, u64); 9] = [(None, 0); 9];
        for (value, weight) in self.present(span, band) {
            // There are at most 3 x 3 pixels, so there is always a free slot.
            if let Some(place) = votes.iter_mut().find(|(voted, _)| voted.is_none_or(|voted| voted == value)) {
                *place = (Some(value), place.1 + weight);
            }
        }
        let mut best: Option<(T, u64)> = None;
        for (value, weight) in votes.into_iter().filter_map(|(value, weight)| Some((value?, weight))) {
            if best.is_none_or(|(top, most)| weight > most || (weight == most && value.to_f64() > top.to_f64())) {
                best = Some((value, weight));
            }
        }
        best.map_or_else(|| self.missing(), |(value, _)| value)
    }
}
