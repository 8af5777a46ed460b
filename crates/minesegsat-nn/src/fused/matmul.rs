//! Matrix products over slices: the only module of this crate with unsafe code.

#![expect(unsafe_code, reason = "the gemm crate, which Burn's CPU backend uses too, takes raw pointers")]

pub(crate) use gemm::Parallelism;

/// A view of a matrix in a slice: element (i, j) lies at `i * row_stride + j * col_stride`.
#[derive(Clone, Copy)]
pub(crate) struct MatRef<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// A view of a row-major matrix in a mutable slice: element (i, j) lies at `i * row_stride + j`.
pub(crate) struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl<'a> MatRef<'a> {
    /// Rows that start `row_stride` apart.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(cols <= row_stride && fits(data.len(), rows, cols, row_stride), "matrix view outside its slice");
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transposed view.
    pub(crate) const fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }
}

impl<'a> MatMut<'a> {
    /// Rows that start `row_stride` apart.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(cols <= row_stride && fits(data.len(), rows, cols, row_stride), "matrix view outside its slice");
        Self { data, rows, cols, row_stride }
    }
}

/// Whether the last element of a row-major view lies in a slice of `len`.
const fn fits(len: usize, rows: usize, cols: usize, row_stride: usize) -> bool {
    rows == 0 || cols == 0 || (rows - 1) * row_stride + cols <= len
}

/// `out = a b`, or `out += a b`.
pub(crate) fn matmul(out: MatMut<'_>, accumulate: bool, a: MatRef<'_>, b: MatRef<'_>, parallelism: Parallelism) {
    matmul_scaled(out, accumulate, 1.0, a, b, parallelism);
}

/// `out = scale a b`, or `out += scale a b`.
#[expect(clippy::needless_pass_by_value, reason = "writing consumes a mutable view")]
pub(crate) fn matmul_scaled(
    out: MatMut<'_>,
    accumulate: bool,
    scale: f32,
    a: MatRef<'_>,
    b: MatRef<'_>,
    parallelism: Parallelism,
) {
    assert!(
        out.rows == a.rows && a.cols == b.rows && b.cols == out.cols,
        "cannot multiply [{}, {}] by [{}, {}] into [{}, {}]",
        a.rows,
        a.cols,
        b.rows,
        b.cols,
        out.rows,
        out.cols
    );
    // SAFETY: all pointers and strides describe elements inside their slices, as the constructors have checked; a
    // transposition swaps extents and strides together. `out` is borrowed mutably, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            out.rows,
            out.cols,
            a.cols,
            out.data.as_mut_ptr(),
            1,
            out.row_stride as isize,
            accumulate,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0_f32,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_strided_and_transposed_views() {
        // numpy: a = arange(6).reshape(2, 3); b = arange(6).reshape(2, 3); a @ b.T -> [[5, 14], [14, 50]]
        let a: Vec<f32> = (0..6).map(|v| v as f32).collect();
        let mut out = vec![1.0; 8];
        let (lhs, rhs) = (MatRef::new(&a, 2, 3, 3), MatRef::new(&a, 2, 3, 3).transposed());
        matmul(MatMut::new(&mut out, 2, 2, 4), false, lhs, rhs, Parallelism::None);
        assert_eq!(out, [5.0, 14.0, 1.0, 1.0, 14.0, 50.0, 1.0, 1.0]);
        matmul(MatMut::new(&mut out, 2, 2, 4), true, lhs, rhs, Parallelism::None);
        assert_eq!(out, [10.0, 28.0, 1.0, 1.0, 28.0, 100.0, 1.0, 1.0]);
    }

    #[test]
    #[should_panic(expected = "matrix view outside its slice")]
    fn views_outside_their_slice_are_refused() {
        MatRef::new(&[0.0; 7], 2, 4, 4);
    }
}
