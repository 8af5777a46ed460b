//! Vectors of float32: one type for each generation of instructions.
#![cfg_attr(
    target_arch = "x86_64",
    allow(clippy::wildcard_imports, reason = "about fifty intrinsics, whose prefix names their module")
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use half::bf16;

/// A register of float32 lanes.
///
/// # Safety
/// The processor must have the instructions of the type, and the calling function must be compiled for them. Pointers must
/// be valid for the number of elements that the method states.
pub(crate) trait Vector: Copy {
    /// Lanes of a register: a power of two, at most 16.
    const LANES: usize;
    /// Registers that hold the sums of a product.
    const SUMS: usize;
    /// Registers that hold the columns of a panel, 2 or 4.
    const PANEL: usize;

    /// Sets all lanes to the same number.
    unsafe fn splat(value: f32) -> Self;
    /// Reads `LANES` numbers.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes `LANES` numbers.
    unsafe fn store(self, to: *mut f32);
    /// Reads `LANES` numbers.
    unsafe fn load_bf16(from: *const bf16) -> Self;
    /// Writes `LANES` numbers, rounded to nearest, ties to even.
    unsafe fn store_bf16(self, to: *mut bf16);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// The reciprocal, with a relative error below 3e-7. Not for numbers near the ends of the exponent range.
    unsafe fn reciprocal(self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    /// `self * factor + summand`, rounded once if the processor has such an instruction.
    unsafe fn fma(self, factor: Self, summand: Self) -> Self;
    /// `2^n` for an integer n, which is passed as 1.5 * 2^23 + n.
    unsafe fn power_of_two(self) -> Self;
    unsafe fn sum(self) -> f32;
    unsafe fn largest(self) -> f32;
    /// Adds to each lane the dot product of `pair` with the lane's own pair of bfloat16. `pairs` points at `LANES` pairs.
    unsafe fn dot(self, pair: u32, pairs: *const bf16) -> Self;
}

/// The baseline instructions of an architecture. The compiler turns the arrays into registers; on AArch64 these are NEON's.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; 4]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Vector for Portable {
    const LANES: usize = 4;
    const SUMS: usize = if cfg!(target_arch = "aarch64") { 24 } else { 12 };
    const PANEL: usize = 2;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees four numbers; an array has the alignment of its elements.
        Self(unsafe { from.cast::<[f32; 4]>().read() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees room for four numbers.
        unsafe { to.cast::<[f32; 4]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        // SAFETY: the caller guarantees four numbers.
        Self(unsafe { from.cast::<[bf16; 4]>().read() }.map(|v| f32::from_bits(u32::from(v.to_bits()) << 16)))
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        // SAFETY: the caller guarantees room for four numbers.
        unsafe { to.cast::<[bf16; 4]>().write(self.0.map(bf16::from_f32)) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        Self(self.0.map(|v| 1.0 / v))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, summand: Self) -> Self {
        // `mul_add` is a slow function call on processors without the instruction.
        let f = if cfg!(target_arch = "aarch64") { f32::mul_add } else { |a, b, c| a * b + c };
        Self(std::array::from_fn(|i| f(self.0[i], factor.0[i], summand.0[i])))
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        Self(self.0.map(|v| f32::from_bits(v.to_bits().wrapping_add(127) << 23)))
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        (self.0[0] + self.0[1]) + (self.0[2] + self.0[3])
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        self.0.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    unsafe fn dot(self, pair: u32, pairs: *const bf16) -> Self {
        let halves = |bits: u32| (f32::from_bits(bits << 16), f32::from_bits(bits & 0xFFFF_0000));
        let (first, second) = halves(pair);
        // SAFETY: the caller guarantees four pairs; every pattern of two bytes is a valid bf16.
        let pairs = unsafe { pairs.cast::<[u32; 4]>().read_unaligned() };
        Self(std::array::from_fn(|i| {
            let (a, b) = halves(pairs[i]);
            self.0[i] + first * a + second * b
        }))
    }
}

/// AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

// SAFETY: for every block here: the caller guarantees the instructions and the pointers.
#[cfg(target_arch = "x86_64")]
impl Vector for Avx2 {
    const LANES: usize = 8;
    const SUMS: usize = 12;
    const PANEL: usize = 2;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        let wide = unsafe { _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast())) };
        Self(unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide)) })
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        unsafe {
            let bits = _mm256_castps_si256(self.0);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd);
            // NaN stays NaN.
            let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
            let is_nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0));
            let high = _mm256_srli_epi32::<16>(_mm256_blendv_epi8(rounded, quiet, is_nan));
            let packed = _mm256_packus_epi32(high, high);
            let packed = _mm256_permute4x64_epi64::<0b00_00_10_00>(packed);
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(packed));
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        // An estimate of 12 bits, refined by one Newton step.
        unsafe {
            let guess = _mm256_rcp_ps(self.0);
            let rest = _mm256_fnmadd_ps(self.0, guess, _mm256_set1_ps(1.0));
            Self(_mm256_fmadd_ps(guess, rest, guess))
        }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, summand: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, summand.0) })
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        unsafe {
            let bits = _mm256_add_epi32(_mm256_castps_si256(self.0), _mm256_set1_epi32(127));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(bits)))
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
        }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        unsafe {
            let half = _mm_max_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_max_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
        }
    }
    #[inline(always)]
    unsafe fn dot(self, pair: u32, pairs: *const bf16) -> Self {
        unsafe {
            let pairs = _mm256_loadu_si256(pairs.cast());
            let high = _mm256_set1_epi32(0xFFFF_0000_u32.cast_signed());
            let first = _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs));
            let second = _mm256_castsi256_ps(_mm256_and_si256(pairs, high));
            let a = _mm256_set1_ps(f32::from_bits(pair << 16));
            let b = _mm256_set1_ps(f32::from_bits(pair & 0xFFFF_0000));
            Self(_mm256_fmadd_ps(b, second, _mm256_fmadd_ps(a, first, self.0)))
        }
    }
}

/// AVX-512 (F, BW, DQ, VL).
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx512<const BF16: bool>(__m512);

// SAFETY: for every block here: the caller guarantees the instructions and the pointers.
#[cfg(target_arch = "x86_64")]
impl<const BF16: bool> Vector for Avx512<BF16> {
    const LANES: usize = 16;
    const SUMS: usize = 24;
    const PANEL: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide)))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        unsafe {
            if BF16 {
                let rounded: __m256bh = _mm512_cvtneps_pbh(self.0);
                to.cast::<__m256bh>().write_unaligned(rounded);
                return;
            }
            let bits = _mm512_castps_si512(self.0);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd);
            let quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x0040_0000));
            let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0);
            let high = _mm512_srli_epi32::<16>(_mm512_mask_blend_epi32(is_nan, rounded, quiet));
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(high));
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        // An estimate of 14 bits, refined by one Newton step.
        unsafe {
            let guess = _mm512_rcp14_ps(self.0);
            let rest = _mm512_fnmadd_ps(self.0, guess, _mm512_set1_ps(1.0));
            Self(_mm512_fmadd_ps(guess, rest, guess))
        }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, summand: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, summand.0) })
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        unsafe {
            let bits = _mm512_add_epi32(_mm512_castps_si512(self.0), _mm512_set1_epi32(127));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(bits)))
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        unsafe { _mm512_reduce_max_ps(self.0) }
    }
    #[inline(always)]
    unsafe fn dot(self, pair: u32, pairs: *const bf16) -> Self {
        unsafe {
            if BF16 {
                let b = pairs.cast::<__m512bh>().read_unaligned();
                let a: __m512bh = std::mem::transmute(_mm512_set1_epi32(pair.cast_signed()));
                return Self(_mm512_dpbf16_ps(self.0, a, b));
            }
            let pairs = _mm512_loadu_si512(pairs.cast());
            let first = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs));
            let second = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(0xFFFF_0000_u32.cast_signed())));
            let a = _mm512_set1_ps(f32::from_bits(pair << 16));
            let b = _mm512_set1_ps(f32::from_bits(pair & 0xFFFF_0000));
            Self(_mm512_fmadd_ps(b, second, _mm512_fmadd_ps(a, first, self.0)))
        }
    }
}
