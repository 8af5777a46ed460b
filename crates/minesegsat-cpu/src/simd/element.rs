//! The two operand types of matrix products: float32, and bfloat16 in pairs.

use bytemuck::Pod;
use half::bf16;

use super::vector::Vector;

/// Type of the operands of products. Sums are always float32.
pub(crate) trait Element: Pod + Send + Sync + std::fmt::Debug {
    /// Whether this is bfloat16.
    const IS_BF16: bool;
    /// Depths of products are padded with zeros to a multiple of this.
    const DEPTH: usize;
    /// Consecutive numbers along the depth that a panel stores side by side.
    const GROUP: usize;

    /// Rounds to nearest, ties to even.
    fn from_f32(value: f32) -> Self;
    fn to_f32(self) -> f32;

    /// # Safety
    /// As for [`Vector::load`].
    unsafe fn load<V: Vector>(from: *const Self) -> V;
    /// # Safety
    /// As for [`Vector::store`].
    unsafe fn store<V: Vector>(value: V, to: *mut Self);
    /// Adds to each lane the product of the group at `a` with the lane's group at `b`.
    ///
    /// # Safety
    /// `a` points at one group, `b` at `LANES` groups; otherwise as for [`Vector`].
    unsafe fn multiply_add<V: Vector>(sum: V, a: *const Self, b: *const Self) -> V;
}

// SAFETY: for every block in this file: the caller guarantees what the vector's method requires.
impl Element for f32 {
    const IS_BF16: bool = false;
    const DEPTH: usize = 1;
    const GROUP: usize = 1;

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    unsafe fn load<V: Vector>(from: *const Self) -> V {
        unsafe { V::load(from) }
    }
    #[inline(always)]
    unsafe fn store<V: Vector>(value: V, to: *mut Self) {
        unsafe { value.store(to) }
    }
    #[inline(always)]
    unsafe fn multiply_add<V: Vector>(sum: V, a: *const Self, b: *const Self) -> V {
        unsafe { V::splat(*a).fma(V::load(b), sum) }
    }
}

impl Element for bf16 {
    const IS_BF16: bool = true;
    const DEPTH: usize = 32;
    const GROUP: usize = 2;

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        Self::from_f32(value)
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        Self::to_f32(self)
    }
    #[inline(always)]
    unsafe fn load<V: Vector>(from: *const Self) -> V {
        unsafe { V::load_bf16(from) }
    }
    #[inline(always)]
    unsafe fn store<V: Vector>(value: V, to: *mut Self) {
        unsafe { value.store_bf16(to) }
    }
    #[inline(always)]
    unsafe fn multiply_add<V: Vector>(sum: V, a: *const Self, b: *const Self) -> V {
        unsafe { sum.dot(a.cast::<u32>().read_unaligned(), b) }
    }
}
