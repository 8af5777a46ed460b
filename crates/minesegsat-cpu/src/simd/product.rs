//! Matrix products: a row-major matrix times a matrix that is packed into panels.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::Arc;

#[cfg(target_arch = "x86_64")]
use half::bf16;

use super::{Element, Isa, Kernel, Vector};
use crate::Aligned;

/// Operands have room for a multiple of this number of rows, the height of an AMX tile.
pub(crate) const ROW_BLOCK: usize = 16;

/// The left operand: rows of a row-major matrix. Numbers between the depth and the stride are not read. The slice has room
/// for a multiple of [`ROW_BLOCK`] rows; the contents of the extra rows do not matter.
#[derive(Debug)]
pub(crate) struct Operand<'a, T> {
    data: &'a [T],
    rows: usize,
    stride: usize,
}

impl<'a, T> Operand<'a, T> {
    pub(crate) fn new(data: &'a [T], rows: usize, stride: usize) -> Self {
        Self { data, rows, stride }
    }
}

/// A matrix `[k, n]` in panels of `width` columns, padded with zeros: `[n / width, k / group, width, group]`. Panels for AMX
/// tiles are `[n / 32, k / 32, 2, 16, 16, 2]`, so that each tile is 1 KiB of consecutive memory. See [`Layout`].
#[derive(Debug)]
pub(crate) struct Panels<T: Element> {
    /// The buffer of the panels, which other matrices may share, see [`Panels::gather`].
    data: Arc<Aligned<T>>,
    from: usize,
    k: usize,
    n: usize,
    width: usize,
}

/// Memory layout of a panel.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// Columns of a panel.
    width: usize,
    /// Columns that are stored side by side.
    part: usize,
    group: usize,
}

impl Layout {
    fn for_isa<T: Element>(isa: Isa) -> Self {
        let width = isa.panel_width::<T>();
        let part = if T::IS_BF16 && isa == Isa::Amx { TILE_COLS } else { width };
        Self { width, part, group: T::GROUP }
    }

    /// Offset in a panel of a group of rows in a part of the columns. There are `part * group` numbers at this offset.
    const fn line(self, group: usize, part: usize) -> usize {
        if self.part == self.width {
            return group * self.width * self.group;
        }
        // Steps of 32 rows, which are 16 groups: one tile of each part in turn.
        let tile = TILE_ROWS * TILE_COLS * self.group;
        (group / TILE_ROWS * (self.width / self.part) + part) * tile + group % TILE_ROWS * TILE_COLS * self.group
    }
}

/// Groups and columns of an AMX tile.
const TILE_ROWS: usize = 16;
const TILE_COLS: usize = 16;

/// A view of [`Panels`], or of panels in another buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PanelsView<'a, T> {
    data: &'a [T],
    k: usize,
    n: usize,
    width: usize,
}

impl<T: Element> Panels<T> {
    /// Packs the matrix whose elements are `value(row, column)`.
    pub(crate) fn new(isa: Isa, k: usize, n: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let layout = Layout::for_isa::<T>(isa);
        let width = layout.width;
        let mut data = Aligned::filled(Self::len(isa, k, n), T::from_f32(0.0));
        let depth = k.next_multiple_of(T::DEPTH);
        for row in 0..k {
            for col in 0..n {
                let panel = col / width * depth * width;
                let line = layout.line(row / T::GROUP, col % width / layout.part);
                data[panel + line + col % layout.part * T::GROUP + row % T::GROUP] = T::from_f32(value(row, col));
            }
        }
        Self { data: Arc::new(data), from: 0, k: depth, n, width }
    }

    /// Moves the panels of many matrices into one buffer, so that it is large enough for large pages.
    pub(crate) fn gather(mut all: Vec<&mut Self>) {
        let line = 64 / size_of::<T>();
        let lens: Vec<usize> = all.iter().map(|panels| panels.elements().len().next_multiple_of(line)).collect();
        let mut together = Aligned::filled(lens.iter().sum(), T::from_f32(0.0));
        let mut from = 0;
        for (panels, len) in all.iter_mut().zip(&lens) {
            let elements = panels.elements();
            together[from..][..elements.len()].copy_from_slice(elements);
            // Frees the old buffer.
            panels.data = Arc::default();
            panels.from = from;
            from += len;
        }
        let together = Arc::new(together);
        for panels in all {
            panels.data = Arc::clone(&together);
        }
    }

    fn elements(&self) -> &[T] {
        &self.data[self.from..][..self.k * self.n.next_multiple_of(self.width)]
    }

    /// Elements of the panels of a matrix.
    pub(crate) fn len(isa: Isa, k: usize, n: usize) -> usize {
        k.next_multiple_of(T::DEPTH) * n.next_multiple_of(isa.panel_width::<T>())
    }

    pub(crate) fn view(&self) -> PanelsView<'_, T> {
        PanelsView { data: self.elements(), k: self.k, n: self.n, width: self.width }
    }

    #[cfg(test)]
    pub(crate) fn data(&self) -> &[T] {
        self.elements()
    }

    /// Columns.
    pub(crate) const fn columns(&self) -> usize {
        self.n
    }

    /// Rows, including the zeros at the end.
    pub(crate) const fn depth(&self) -> usize {
        self.k
    }
}

impl<'a, T: Element> PanelsView<'a, T> {
    /// Panels of a matrix `[k, n]` that are already packed in `data`.
    pub(crate) fn new(isa: Isa, data: &'a [T], k: usize, n: usize) -> Self {
        Self { data, k: k.next_multiple_of(T::DEPTH), n, width: isa.panel_width::<T>() }
    }
}

/// Packs rows of a row-major matrix as panels, transposed: `panels[i, j] = rows[j][i]` for i below `k`.
pub(crate) fn pack_transposed<T: Element>(isa: Isa, rows: &[T], stride: usize, [k, n]: [usize; 2], panels: &mut [T]) {
    let layout = Layout::for_isa::<T>(isa);
    let (width, depth) = (layout.width, k.next_multiple_of(T::DEPTH));
    for (panel, first) in panels.chunks_exact_mut(depth * width).zip((0..n).step_by(width)) {
        let cols = width.min(n - first);
        if cols < width || k < depth {
            panel.fill(T::from_f32(0.0));
        }
        for (col, row) in rows[first * stride..].chunks(stride).take(cols).enumerate() {
            for (group, from) in row[..k].chunks(T::GROUP).enumerate() {
                let at = layout.line(group, col / layout.part) + col % layout.part * T::GROUP;
                panel[at..][..from.len()].copy_from_slice(from);
            }
        }
    }
}

/// Packs rows of a row-major matrix as panels: `panels[i, j] = rows[i][j]` for i below `k` and j below `n`.
pub(crate) fn pack<T: Element>(isa: Isa, rows: &[T], stride: usize, [k, n]: [usize; 2], panels: &mut [T]) {
    let layout = Layout::for_isa::<T>(isa);
    let (width, depth) = (layout.width, k.next_multiple_of(T::DEPTH));
    for (panel, first) in panels.chunks_exact_mut(depth * width).zip((0..n).step_by(width)) {
        let cols = width.min(n - first);
        if cols < width || k < depth {
            panel.fill(T::from_f32(0.0));
        }
        let row = |i: usize| &rows[i * stride + first..][..cols];
        for i in (0..k).step_by(T::GROUP) {
            for (part, col) in (0..cols).step_by(layout.part).enumerate() {
                let len = layout.part.min(cols - col);
                let out = &mut panel[layout.line(i / T::GROUP, part)..][..len * T::GROUP];
                if T::GROUP == 1 {
                    out.copy_from_slice(&row(i)[col..][..len]);
                } else if i + 1 < k {
                    for ((out, a), b) in out.chunks_exact_mut(2).zip(&row(i)[col..]).zip(&row(i + 1)[col..]) {
                        (out[0], out[1]) = (*a, *b);
                    }
                } else {
                    for (out, a) in out.chunks_exact_mut(2).zip(&row(i)[col..]) {
                        out[0] = *a;
                    }
                }
            }
        }
    }
}

/// Operations on the sums before they are written: `sum * scale[row] + bias[column] + addend`.
#[derive(Debug, Default)]
pub(crate) struct Ending<'a> {
    /// One number per row.
    pub(crate) scale: Option<&'a [f32]>,
    /// One number per column.
    pub(crate) bias: Option<&'a [f32]>,
    /// The addend.
    pub(crate) sum: Sum<'a>,
}

/// Addend of a product.
#[derive(Debug, Default)]
pub(crate) enum Sum<'a> {
    #[default]
    Nothing,
    /// The previous values of the output.
    Output,
    /// These rows, with the output's stride.
    Rows(&'a [f32]),
}

/// `out = a b`, followed by the operations of `ending`.
///
/// # Shapes
/// - `a`: `[rows, k]`; `b`: `[k, n]`; `out`: `[rows, n]`, rows `out_stride` apart
pub(crate) fn product<T: Element, O: Element>(
    isa: Isa,
    a: &Operand<'_, T>,
    b: PanelsView<'_, T>,
    ending: &Ending<'_>,
    out: &mut [O],
    out_stride: usize,
) {
    let (rows, k, n) = (a.rows, b.k, b.n);
    if rows == 0 || n == 0 {
        return;
    }
    let padded = rows.next_multiple_of(ROW_BLOCK);
    assert!(k <= a.stride && (padded - 1) * a.stride + k <= a.data.len(), "rows end before the tile");
    assert!(k > 0 && k.is_multiple_of(T::DEPTH), "depth {k}");
    assert!(b.width == isa.panel_width::<T>() && b.data.len() >= k * n.next_multiple_of(b.width), "panels end early");
    let fits = |len: usize| n <= out_stride && (rows - 1) * out_stride + n <= len;
    assert!(fits(out.len()), "the output is too short");
    assert!(ending.scale.is_none_or(|scale| scale.len() >= rows) && ending.bias.is_none_or(|bias| bias.len() >= n));
    let added = match ending.sum {
        Sum::Nothing | Sum::Output => None,
        Sum::Rows(from) => {
            assert!(fits(from.len()), "the addend is too short");
            Some(from.as_ptr())
        }
    };
    let end = End {
        scale: ending.scale.map(<[f32]>::as_ptr),
        bias: ending.bias.map(<[f32]>::as_ptr),
        added,
        adds_output: matches!(ending.sum, Sum::Output),
        out: out.as_mut_ptr(),
        stride: out_stride,
        n,
    };
    thread_local! {
        /// Partial sums of a product. The buffer is kept for the next product.
        static PARTIAL: RefCell<Aligned<f32>> = RefCell::default();
        /// Rows of an operand, copied as tiles.
        #[cfg(target_arch = "x86_64")]
        static TILES: RefCell<Aligned<bf16>> = RefCell::default();
    }
    let (a, stride) = (a.data.as_ptr(), a.stride);
    let kernel = |partial: *mut f32| Product { a, stride, rows, k, b: b.data.as_ptr(), partial, end };
    #[cfg(target_arch = "x86_64")]
    if T::IS_BF16 && isa == Isa::Amx {
        let Product { a, stride, rows, k, b, partial, end } = kernel(std::ptr::null_mut());
        let product = Product { a: a.cast::<bf16>(), stride, rows, k, b: b.cast::<bf16>(), partial, end };
        // Consecutive tiles load faster, which pays for the copy if there are more than two panels.
        if product.end.n > 2 * 32 {
            TILES.with_borrow_mut(|tiles| {
                tiles.ensure_len(rows.next_multiple_of(TILE_ROWS) * k);
                isa.run(TileProduct { product, tiles: Some(tiles.as_mut_ptr()) });
            });
        } else {
            isa.run(TileProduct { product, tiles: None });
        }
        return;
    }
    let width = isa.panel_width::<T>();
    if k > depth_of_piece::<T>(width) {
        PARTIAL.with_borrow_mut(|partial| {
            partial.ensure_len(rows * width);
            isa.run(kernel(partial.as_mut_ptr()));
        });
    } else {
        isa.run(kernel(std::ptr::null_mut()));
    }
}

struct Product<T, O> {
    a: *const T,
    stride: usize,
    rows: usize,
    k: usize,
    b: *const T,
    /// Room for the sums of all rows and the columns of a panel.
    partial: *mut f32,
    end: End<O>,
}

struct End<O> {
    scale: Option<*const f32>,
    bias: Option<*const f32>,
    added: Option<*const f32>,
    adds_output: bool,
    out: *mut O,
    stride: usize,
    n: usize,
}

/// Finished sums before they are written.
#[repr(align(64))]
struct Tile(MaybeUninit<[f32; 32 * 32]>);

impl<T: Element, O: Element> Kernel for Product<T, O> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let width = V::PANEL * V::LANES;
        let mut tile = Tile(MaybeUninit::uninit());
        let tile = tile.0.as_mut_ptr().cast::<f32>();
        for first in (0..self.end.n).step_by(width) {
            let cols = width.min(self.end.n - first);
            // SAFETY: `product` has checked that panels of all columns and rows of all tiles lie in their slices.
            unsafe {
                let b = self.b.add(first * self.k);
                if V::PANEL == 4 && cols > 2 * V::LANES {
                    self.panel::<V, 4>(b, tile, first, cols);
                } else {
                    self.panel::<V, 2>(b, tile, first, cols);
                }
            }
        }
    }
}

impl<T: Element, O: Element> Product<T, O> {
    /// Computes the columns of a panel, `N` registers.
    ///
    /// If a panel does not fit into the L1 cache, its depth is processed in pieces. `partial` holds the sums between pieces.
    ///
    /// # Safety
    /// As for the kernel; `b` is the panel that starts at column `first`.
    #[inline(always)]
    unsafe fn panel<V: Vector, const N: usize>(&self, b: *const T, tile: *mut f32, first: usize, cols: usize) {
        let width = V::PANEL * V::LANES;
        let piece = depth_of_piece::<T>(width);
        // Prefetch the following memory meanwhile, a few cache lines with each block of rows.
        let lines = piece.min(self.k) * width * size_of::<T>() / 64;
        let share = lines.div_ceil((self.rows / (V::SUMS / N)).max(1));
        for from in (0..self.k).step_by(piece) {
            let depth = from..self.k.min(from + piece);
            let last = depth.end == self.k;
            let mut row = 0;
            let mut ahead = b.wrapping_add(depth.end * width).cast::<u8>();
            while row < self.rows {
                let left = self.rows - row;
                for _ in 0..share {
                    prefetch(ahead);
                    ahead = ahead.wrapping_add(64);
                }
                // SAFETY: as the caller guarantees; `product` has made room for the sums of all rows if there are pieces.
                unsafe {
                    let a = self.a.add(row * self.stride);
                    let waiting = if self.k > piece { self.partial.add(row * N * V::LANES) } else { tile };
                    let begun = if from == 0 { None } else { Some(waiting.cast_const()) };
                    let to = if last { tile } else { waiting };
                    let depth = depth.clone();
                    // The largest block of rows whose sums stay in registers.
                    let rows = match left {
                        12.. if N * 12 <= V::SUMS => self.sums::<V, 12, N>(a, b, depth, begun, to),
                        8.. if N * 8 <= V::SUMS => self.sums::<V, 8, N>(a, b, depth, begun, to),
                        6.. if N * 6 <= V::SUMS => self.sums::<V, 6, N>(a, b, depth, begun, to),
                        4.. => self.sums::<V, 4, N>(a, b, depth, begun, to),
                        2.. => self.sums::<V, 2, N>(a, b, depth, begun, to),
                        _ => self.sums::<V, 1, N>(a, b, depth, begun, to),
                    };
                    if last {
                        self.end.write::<V, N>(tile, [row, rows], [first, cols]);
                    }
                    row += rows;
                }
            }
        }
    }

    /// Computes the sums of `R` rows and `N` registers of columns, `[R, N LANES]`, over a part of the depth. Starts from the sums at
    /// `begun`, or from zero, and writes to `to`. Returns R.
    ///
    /// # Safety
    /// As for the kernel; `a` has the rows, `begun` the sums, and `to` room for them.
    #[inline(always)]
    unsafe fn sums<V: Vector, const R: usize, const N: usize>(
        &self,
        a: *const T,
        b: *const T,
        depth: Range<usize>,
        begun: Option<*const f32>,
        to: *mut f32,
    ) -> usize {
        // SAFETY: as the caller guarantees.
        unsafe {
            let mut rows = [a; R];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = a.add(i * self.stride);
            }
            let mut sums = [[V::splat(0.0); N]; R];
            if let Some(begun) = begun {
                for (row, sums) in sums.iter_mut().enumerate() {
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = V::load(begun.add((row * N + i) * V::LANES));
                    }
                }
            }
            for group in depth.start / T::GROUP..depth.end / T::GROUP {
                let b = b.add(group * V::PANEL * V::LANES * T::GROUP);
                for (row, sums) in rows.iter().zip(&mut sums) {
                    let a = row.add(group * T::GROUP);
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = T::multiply_add(*sum, a, b.add(i * V::LANES * T::GROUP));
                    }
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                for (i, sum) in sums.into_iter().enumerate() {
                    sum.store(to.add((row * N + i) * V::LANES));
                }
            }
            R
        }
    }
}

/// Prefetches a cache line into the L2 cache. The address need not be valid.
#[inline(always)]
fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that never faults, with a baseline instruction of the architecture.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Bytes of a panel that are processed at a time, a part of the L1 cache.
const PIECE: usize = 24 * 1024;

/// Depth of a panel of `width` columns that is processed at a time.
const fn depth_of_piece<T: Element>(width: usize) -> usize {
    PIECE / (width * size_of::<T>()) / 32 * 32
}

impl<O: Element> End<O> {
    /// Writes a tile of sums, whose rows are `N` registers long.
    ///
    /// # Safety
    /// The tile has the rows and columns, and their positions lie in the slices that `product` has checked.
    #[inline(always)]
    unsafe fn write<V: Vector, const N: usize>(&self, tile: *const f32, rows: [usize; 2], [col, cols]: [usize; 2]) {
        // SAFETY: as the caller guarantees.
        unsafe {
            let whole = cols / V::LANES;
            // Select the variant once, not for every number.
            match (self.scale, self.bias, self.added, self.adds_output) {
                (None, None, None, false) => self.whole::<V, N, false, false, false, false>(tile, rows, col, whole),
                (None, Some(_), None, false) => self.whole::<V, N, false, true, false, false>(tile, rows, col, whole),
                (None, Some(_), Some(_), false) => self.whole::<V, N, false, true, true, false>(tile, rows, col, whole),
                (None, Some(_), None, true) => self.whole::<V, N, false, true, false, true>(tile, rows, col, whole),
                (Some(_), None, None, false) => self.whole::<V, N, true, false, false, false>(tile, rows, col, whole),
                _ => return self.part(tile, N * V::LANES, rows, col, 0..cols),
            }
            if whole * V::LANES < cols {
                self.part(tile, N * V::LANES, rows, col, whole * V::LANES..cols);
            }
        }
    }

    /// Writes the columns of a tile that are whole registers.
    ///
    /// # Safety
    /// As for [`Self::write`]; the operands that the constants select exist.
    #[inline(always)]
    unsafe fn whole<
        V: Vector,
        const N: usize,
        const SCALE: bool,
        const BIAS: bool,
        const ADDED: bool,
        const OUTPUT: bool,
    >(
        &self,
        tile: *const f32,
        [row, rows]: [usize; 2],
        col: usize,
        whole: usize,
    ) {
        // SAFETY: as the caller guarantees.
        unsafe {
            let mut biases = [V::splat(0.0); N];
            if let (true, Some(bias)) = (BIAS, self.bias) {
                for (i, v) in biases.iter_mut().enumerate().take(whole) {
                    *v = V::load(bias.add(col + i * V::LANES));
                }
            }
            for i in 0..rows {
                let at = (row + i) * self.stride + col;
                for (j, bias) in biases.iter().enumerate().take(whole) {
                    let at = at + j * V::LANES;
                    let mut v = V::load(tile.add((N * i + j) * V::LANES));
                    if let (true, Some(scale)) = (SCALE, self.scale) {
                        v = v.mul(V::splat(*scale.add(row + i)));
                    }
                    if BIAS {
                        v = v.add(*bias);
                    }
                    if let (true, Some(added)) = (ADDED, self.added) {
                        v = v.add(V::load(added.add(at)));
                    }
                    if OUTPUT {
                        v = v.add(O::load(self.out.add(at)));
                    }
                    O::store(v, self.out.add(at));
                }
            }
        }
    }

    /// Writes columns of a tile number by number.
    ///
    /// # Safety
    /// As for [`Self::write`].
    unsafe fn part(
        &self,
        tile: *const f32,
        tile_stride: usize,
        [row, rows]: [usize; 2],
        col: usize,
        cols: Range<usize>,
    ) {
        for i in 0..rows {
            let at = (row + i) * self.stride + col;
            for c in cols.clone() {
                // SAFETY: as the caller guarantees.
                unsafe {
                    let mut v = *tile.add(i * tile_stride + c);
                    if let Some(scale) = self.scale {
                        v *= *scale.add(row + i);
                    }
                    if let Some(bias) = self.bias {
                        v += *bias.add(col + c);
                    }
                    if let Some(added) = self.added {
                        v += *added.add(at + c);
                    }
                    if self.adds_output {
                        v += (*self.out.add(at + c)).to_f32();
                    }
                    *self.out.add(at + c) = O::from_f32(v);
                }
            }
        }
    }
}

/// A product with AMX tiles.
#[cfg(target_arch = "x86_64")]
struct TileProduct<O> {
    product: Product<bf16, O>,
    /// Room for the rows as tiles, if they must be copied.
    tiles: Option<*mut bf16>,
}

#[cfg(target_arch = "x86_64")]
impl<O: Element> Kernel for TileProduct<O> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        use super::amx;

        let Self { product: Product { a, stride, rows, k, b, end, .. }, tiles } = self;
        let mut tile = Tile(MaybeUninit::uninit());
        let tile = tile.0.as_mut_ptr().cast::<f32>();
        // SAFETY: this runs only if AMX is available. `product` has checked that rows up to a multiple of 16 and panels of
        // 32 columns lie in their slices, that there is room for the tiles, and that depths are multiples of 32.
        unsafe {
            let (a, next, step, stride) = match tiles {
                Some(tiles) => {
                    copy_tiles(a, stride, rows, k, tiles);
                    (tiles.cast_const(), TILE_ROWS * k, TILE_ROWS * 32, 32)
                }
                None => (a, TILE_ROWS * stride, 32, stride),
            };
            amx::configure();
            for first in (0..end.n).step_by(32) {
                let cols = 32.min(end.n - first);
                let b = b.add(first * k);
                for row in (0..rows).step_by(32) {
                    let rows_of_tiles = amx::Rows { a: a.add(row / TILE_ROWS * next), next, step, stride };
                    // Prefetch a quarter of the next panel meanwhile.
                    let ahead = b.wrapping_add(32 * k + row / 32 % 4 * 256);
                    let left = rows - row;
                    if left > TILE_ROWS {
                        amx::sums_32(rows_of_tiles, k, b, ahead, tile);
                    } else {
                        amx::sums_16(rows_of_tiles, k, b, tile);
                    }
                    end.write::<V, 2>(tile, [row, left.min(32)], [first, cols]);
                }
            }
            amx::release();
        }
    }
}

/// Copies rows, up to a multiple of 16, as tiles: `[rows / 16, k / 32, 16, 32]`.
///
/// # Safety
/// `a` has `rows` rows of `k` numbers, up to a multiple of 16, and `tiles` has room for them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy_tiles(a: *const bf16, stride: usize, rows: usize, k: usize, tiles: *mut bf16) {
    type Line = [bf16; 32];
    for block in 0..rows.div_ceil(TILE_ROWS) {
        for row in 0..TILE_ROWS {
            for step in 0..k / 32 {
                // SAFETY: as the caller guarantees.
                unsafe {
                    let from = a.add((block * TILE_ROWS + row) * stride + step * 32).cast::<Line>();
                    let to = tiles.add(((block * (k / 32) + step) * TILE_ROWS + row) * 32).cast::<Line>();
                    to.write(from.read());
                }
            }
        }
    }
}
