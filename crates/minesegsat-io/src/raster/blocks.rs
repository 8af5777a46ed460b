//! Reading of windows from rasters that are stored in blocks: finds the blocks of a window, decodes those that are not in
//! the cache, and copies their pixels. Shared by all formats.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use rayon::prelude::*;

use super::bytes::ByteSource;
use super::cache::{BLOCKS, BlockClaim, BlockKey, CacheLookup};
use super::{DataType, Pixels, RasterInfo, RasterSource};
use minesegsat_core::{Result, Window, guard};

/// Maximum decoded bytes that one read holds at a time, in addition to its result.
const BATCH_BYTES: usize = 64 << 20;
/// Maximum size of a decoded block in bytes. Decoding holds it up to three times: decompressed, in native byte order, and with
/// its bands separated. A Sentinel-2 band at 10 m in one block of 32-bit numbers has 460 MiB.
pub(super) const LARGEST_BLOCK_BYTES: u64 = 1 << 29;
/// TIFFs up to this many pixels (4096x4096) are read, whatever the size of their file.
pub(super) const SMALL_TIFF_PIXELS: u64 = 1 << 24;
/// The same for JPEG 2000: a Sentinel-2 tile at 10 m of one value takes some hundred bytes.
pub(super) const SMALL_JP2_PIXELS: u64 = 1 << 27;
/// Maximum number of columns and of rows. Earth is 4,007,502 pixels of 10 m around.
const LONGEST_SIDE: u64 = 1 << 22;
/// Maximum number of pixels per byte of the file in larger rasters. Deflate reaches 1,030, zstd 33,000, and a file that leaves
/// out all its blocks of 512x512 pixels 22,000.
const MOST_PIXELS_PER_BYTE: u64 = 1 << 16;

/// Division of a raster into blocks. Blocks are numbered along rows, then down the columns, then by plane.
#[derive(Debug, Clone)]
pub(super) struct BlockLayout {
    /// Columns and rows of a full block. Blocks at the right and lower edge may have fewer rows, or padding.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Number of blocks across and down.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Bands in one block: all (interleaved) or 1 (a plane per band).
    pub(super) bands: usize,
}

/// A raster format: positions of blocks in the file, and their decoding.
pub(super) trait BlockFormat: Sized + Send + Sync + std::fmt::Debug + 'static {
    fn layout(&self) -> &BlockLayout;

    /// The byte ranges that decoding a block needs. Empty if the file leaves the block out: all its pixels are missing.
    fn ranges(&self, block: usize) -> Vec<Range<u64>>;

    /// Value of the pixels of blocks that the file leaves out.
    fn missing_value(&self) -> f64;

    /// Pixels of a block, `[bands, rows, width]`. `width` is always that of the layout; `rows` may be fewer in the last row of
    /// blocks. Must not block, because other threads wait for the pool in which it runs.
    fn decode(&self, block: usize, bytes: &[Bytes]) -> Result<Pixels, String>;

    /// Reduced copies of the raster in the same file, finest first. `info` is the metadata of the full raster.
    fn overviews(&self, info: &RasterInfo, source: &ByteSource) -> Result<Vec<(RasterInfo, Self)>>;
}

/// A raster that is read through the block cache.
#[derive(Debug)]
pub(super) struct BlockRaster<F> {
    id: u64,
    info: RasterInfo,
    source: Arc<ByteSource>,
    format: F,
}

impl<F: BlockFormat> BlockRaster<F> {
    pub(super) fn new(info: RasterInfo, source: ByteSource, format: F) -> Self {
        Self::sharing(info, Arc::new(source), format)
    }

    pub(super) fn sharing(info: RasterInfo, source: Arc<ByteSource>, format: F) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), info, source, format }
    }

    /// Decoded blocks, from the cache or from the file. New blocks go into the cache.
    fn blocks(&self, wanted: &[usize]) -> Result<Vec<Arc<Pixels>>> {
        let mut found: Vec<Option<Arc<Pixels>>> = vec![None; wanted.len()];
        loop {
            let mut claimed = Vec::new();
            let mut busy = Vec::new();
            for (slot, &block) in found.iter_mut().zip(wanted) {
                if slot.is_none() {
                    let key = BlockKey { raster: self.id, block };
                    match BLOCKS.get_or_claim(key) {
                        CacheLookup::Ready(pixels) => *slot = Some(pixels),
                        CacheLookup::Claimed(claim) => claimed.push(DecodeTask { slot, block, claim }),
                        CacheLookup::Busy => busy.push((slot, key)),
                    }
                }
            }
            self.load(claimed)?;
            for (slot, key) in busy {
                *slot = BLOCKS.wait(key);
            }
            if found.iter().all(Option::is_some) {
                return Ok(found.into_iter().flatten().collect());
            }
            // The thread that claimed a block failed, and its caller gets the error. Try again here.
        }
    }

    fn load(&self, claimed: Vec<DecodeTask<'_>>) -> Result<()> {
        if claimed.is_empty() {
            return Ok(());
        }
        let mut ranges = Vec::new();
        let mut counts = Vec::with_capacity(claimed.len());
        for task in &claimed {
            let own = self.format.ranges(task.block);
            counts.push(own.len());
            ranges.extend(own);
        }
        let bytes = self.source.read_ranges(&ranges)?;
        let mut rest = &bytes[..];
        let tasks: Vec<_> = claimed
            .into_iter()
            .zip(counts)
            .map(|(task, count)| {
                let (own, others) = rest.split_at(count);
                rest = others;
                (task, own)
            })
            .collect();
        let decode = |(task, bytes): (DecodeTask<'_>, &[Bytes])| {
            let pixels = guard(|| self.format.decode(task.block, bytes), |reason| reason);
            let pixels = pixels.map_err(|e| self.source.error(format!("{}: {e}", self.block_name(task.block))))?;
            let pixels = Arc::new(pixels);
            task.claim.publish(Arc::clone(&pixels));
            *task.slot = Some(pixels);
            Ok(())
        };
        match decode_pool() {
            Some(pool) if tasks.len() > 1 => {
                wait_without_stealing(|| pool.install(|| tasks.into_par_iter().try_for_each(decode)))
            }
            _ => tasks.into_iter().try_for_each(decode),
        }
    }

    /// Pixels of a block in the raster. It may extend beyond the right edge.
    fn block_window(&self, block: usize) -> Window {
        let BlockLayout { width, height, across, down, .. } = *self.format.layout();
        let in_plane = block % (across * down);
        let (col, row) = (in_plane % across * width, in_plane / across * height);
        Window::new(col, row, width, height.min(self.info.grid.height - row))
    }

    fn block_name(&self, block: usize) -> String {
        let BlockLayout { across, down, .. } = *self.format.layout();
        let in_plane = block % (across * down);
        format!("the block in column {}, row {}", in_plane % across, in_plane / across)
    }
}

/// Decoding has its own threads, which never wait. So a thread that waits for a block always gets it, even if all of rayon's
/// global threads wait.
///
/// `None` in a process that was forked after the threads started, such as a worker of a Python data loader: it has no threads of
/// the pool, and decodes on the thread that reads.
fn decode_pool() -> Option<&'static rayon::ThreadPool> {
    static POOL: OnceLock<(u32, Option<rayon::ThreadPool>)> = OnceLock::new();
    let (owner, pool) = POOL.get_or_init(|| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(rayon::current_num_threads())
            .thread_name(|i| format!("decode-{i}"))
            .build();
        (std::process::id(), pool.ok())
    });
    pool.as_ref().filter(|_| *owner == std::process::id())
}

/// Runs work that waits for another pool. A worker of a rayon pool that waits for another pool runs further jobs of its own
/// pool on the same stack. Each of them may wait in turn, until the stack is full. So workers leave the waiting to a thread
/// that belongs to no pool.
fn wait_without_stealing<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if rayon::current_thread_index().is_none() {
        return work();
    }
    let work = Mutex::new(Some(work));
    let run = || work.lock().unwrap_or_else(PoisonError::into_inner).take().map(|work| work());
    let done = std::thread::scope(|scope| match std::thread::Builder::new().spawn_scoped(scope, run) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        // The system has no more threads.
        Err(_) => run(),
    });
    done.expect("the work is taken once")
}

impl<F: BlockFormat> RasterSource for BlockRaster<F> {
    fn info(&self) -> &RasterInfo {
        &self.info
    }

    fn read(&self, band: usize, window: Window) -> Result<Pixels> {
        let grid = &self.info.grid;
        let inside = |start: usize, size: usize, end: usize| start.checked_add(size).is_some_and(|e| e <= end);
        if !inside(window.col, window.width, grid.width) || !inside(window.row, window.height, grid.height) {
            return Err(self.source.error(format!(
                "the window of {}x{} pixels at column {}, row {} does not lie in the raster of {}x{}",
                window.width, window.height, window.col, window.row, grid.width, grid.height
            )));
        }
        if band >= self.info.band_names.len() {
            return Err(self.source.error(format!(
                "band {} does not exist; the file has {} (counted from 1)",
                band + 1,
                self.info.band_names.len()
            )));
        }
        let mut out = Pixels::zeros(self.info.data_type, window.len());
        if window.is_empty() {
            return Ok(out);
        }
        let layout = self.format.layout();
        let (plane, band_in_block) = if layout.bands == 1 { (band, 0) } else { (0, band) };
        let places = (window.row / layout.height..=(window.row_end() - 1) / layout.height).flat_map(|row| {
            (window.col / layout.width..=(window.col_end() - 1) / layout.width)
                .map(move |col| (plane * layout.down + row) * layout.across + col)
        });
        // Blocks that the file leaves out take no time and no memory, however large they are.
        let (wanted, missing): (Vec<usize>, Vec<usize>) =
            places.partition(|&block| !self.format.ranges(block).is_empty());
        if !missing.is_empty() && self.format.missing_value() != 0.0 {
            for &block in &missing {
                if let Some(common) = self.block_window(block).intersection(&window) {
                    out.fill(&common, &window, self.format.missing_value());
                }
            }
        }
        let block_bytes = layout.width * layout.height * layout.bands * self.info.data_type.byte_len();
        for batch in wanted.chunks((BATCH_BYTES / block_bytes).max(1)) {
            for (&block, pixels) in batch.iter().zip(self.blocks(batch)?) {
                let rows = pixels.len() / (layout.width * layout.bands);
                let place = self.block_window(block);
                let (col, row) = (place.col, place.row);
                let Some(common) = place.intersection(&window).filter(|_| rows >= place.height) else {
                    return Err(self.source.error(format!("{} has only {rows} rows", self.block_name(block))));
                };
                let copy = RectangleCopy {
                    from: (band_in_block * rows + common.row - row) * layout.width + common.col - col,
                    from_stride: layout.width,
                    to: (common.row - window.row) * window.width + common.col - window.col,
                    to_stride: window.width,
                    width: common.width,
                    rows: common.height,
                };
                match (&*pixels, &mut out) {
                    (Pixels::U8(from), Pixels::U8(to)) => copy.run(from, to),
                    (Pixels::U16(from), Pixels::U16(to)) => copy.run(from, to),
                    (Pixels::I16(from), Pixels::I16(to)) => copy.run(from, to),
                    (Pixels::F32(from), Pixels::F32(to)) => copy.run(from, to),
                    _ => return Err(self.source.error("a block is of another type than the raster")),
                }
            }
        }
        Ok(out)
    }

    fn check_is_whole(&self, decodes: bool) -> Result<()> {
        let layout = self.format.layout();
        let planes = self.info.band_names.len().div_ceil(layout.bands.max(1));
        let mut last = None;
        for block in 0..layout.across * layout.down * planes {
            let end = self.format.ranges(block).iter().map(|range| range.end).max().unwrap_or(0);
            if end > self.source.len() {
                return Err(self.source.error(format!(
                    "it was cut: {} ends after {end} bytes, but the file has {}",
                    self.block_name(block),
                    self.source.len()
                )));
            }
            last = last.max((end > 0).then_some((end, block)));
        }
        match last {
            Some((_, block)) if decodes => self.blocks(&[block]).map(drop),
            _ => Ok(()),
        }
    }

    fn overviews(&self) -> Result<Vec<Arc<dyn RasterSource>>> {
        let found = self.format.overviews(&self.info, &self.source)?;
        let open = |(info, format)| -> Arc<dyn RasterSource> {
            Arc::new(Self::sharing(info, Arc::clone(&self.source), format))
        };
        Ok(found.into_iter().map(open).collect())
    }
}

impl<F> Drop for BlockRaster<F> {
    fn drop(&mut self) {
        BLOCKS.forget(self.id);
    }
}

/// A block to decode, and the slot for its pixels.
struct DecodeTask<'a> {
    slot: &'a mut Option<Arc<Pixels>>,
    block: usize,
    claim: BlockClaim<'static>,
}

/// A copy of a rectangle between two arrays.
struct RectangleCopy {
    from: usize,
    from_stride: usize,
    to: usize,
    to_stride: usize,
    width: usize,
    rows: usize,
}

impl RectangleCopy {
    fn run<T: Copy>(&self, from: &[T], to: &mut [T]) {
        for row in 0..self.rows {
            let (f, t) = (self.from + row * self.from_stride, self.to + row * self.to_stride);
            to[t..t + self.width].copy_from_slice(&from[f..f + self.width]);
        }
    }
}

impl Pixels {
    /// `len` zeros.
    pub(super) fn zeros(data_type: DataType, len: usize) -> Self {
        match data_type {
            DataType::U8 => Self::U8(vec![0; len]),
            DataType::U16 => Self::U16(vec![0; len]),
            DataType::I16 => Self::I16(vec![0; len]),
            DataType::F32 => Self::F32(vec![0.0; len]),
        }
    }

    /// Sets the pixels of `part`, which lies in the `window` of these pixels.
    fn fill(&mut self, part: &Window, window: &Window, value: f64) {
        for row in part.row - window.row..part.row_end() - window.row {
            let start = row * window.width + part.col - window.col;
            let range = start..start + part.width;
            match self {
                Self::U8(v) => v[range].fill(value as u8),
                Self::U16(v) => v[range].fill(value as u16),
                Self::I16(v) => v[range].fill(value as i16),
                Self::F32(v) => v[range].fill(value as f32),
            }
        }
    }

    pub(super) fn byte_len(&self) -> usize {
        self.len() * self.data_type().byte_len()
    }
}

impl DataType {
    /// Bytes per pixel.
    pub const fn byte_len(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::F32 => 4,
        }
    }
}

/// Checks that a decoded block fits in memory.
pub(super) fn check_block_bytes(width: u64, height: u64, samples: u64, bytes_per_sample: u64) -> Result<(), String> {
    let bytes = [height, samples, bytes_per_sample].iter().try_fold(width, |n, &m| n.checked_mul(m));
    match bytes {
        Some(bytes) if bytes <= LARGEST_BLOCK_BYTES => Ok(()),
        _ => Err(format!(
            "its blocks of {width}x{height} pixels with {samples} samples would take more than {} MiB each in memory; \
             rewrite it in tiles, for instance with: gdal_translate -co TILED=YES",
            LARGEST_BLOCK_BYTES >> 20
        )),
    }
}

/// Checks that a file can hold this many pixels, if they are more than `small`. Without it, a header of some hundred bytes
/// could state work for years.
pub(super) fn check_pixels(width: u64, height: u64, file_len: u64, small: u64) -> Result<(), String> {
    if width.max(height) > LONGEST_SIDE {
        return Err(format!(
            "it states {width}x{height} pixels; at most {LONGEST_SIDE} columns and rows are supported"
        ));
    }
    match width.checked_mul(height) {
        Some(pixels) if pixels <= small.max(file_len.saturating_mul(MOST_PIXELS_PER_BYTE)) => Ok(()),
        _ => Err(format!("it states {width}x{height} pixels, more than a file of {file_len} bytes can hold")),
    }
}
