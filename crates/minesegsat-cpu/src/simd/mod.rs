//! Kernels compiled for each generation of vector instructions: the only module of this crate with unsafe code.
//!
//! The functions that this module exports are safe. They check that every slice covers all that the kernel reads and writes,
//! and that the processor has the instructions. A kernel is written once, generic over [`Vector`], and compiled for each of
//! its types.
//!
//! Kernel helpers are `#[inline(always)]` functions, not closures: rustc may outline a closure, and the outlined copy is
//! compiled without the kernel's target features.
#![expect(unsafe_code, reason = "intrinsics and raw pointers; every block states what it relies on")]
#![expect(
    clippy::inline_always,
    reason = "helpers must be compiled with the instructions of the kernel that calls them"
)]

#[cfg(target_arch = "x86_64")]
mod aligned;
mod amx;
mod attention;
mod depthwise;
mod depthwise_gradients;
mod element;
mod head;
mod interleave;
mod loops;
mod math;
mod norm;
mod part;
mod product;
#[cfg(test)]
mod tests;
mod vector;

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

pub(crate) use self::aligned::Aligned;
pub(crate) use self::attention::{attention_slopes, exponentials, softmax};
pub(crate) use self::depthwise::{DepthwiseGelu, depthwise_gelu, depthwise_gelu_with_slopes};
pub(crate) use self::depthwise_gradients::depthwise_gradients;
pub use self::depthwise_gradients::{GROUP, Group};
pub(crate) use self::element::Element;
pub use self::head::Tap;
pub(crate) use self::head::{Classifier, classify, lerp};
pub(crate) use self::interleave::interleave;
pub use self::loops::{Loops, vectorise};
pub(crate) use self::norm::{Norm, layer_norm, layer_norm_with_moments};
pub(crate) use self::product::{Ending, Operand, Panels, PanelsView, ROW_BLOCK, Sum, pack, pack_transposed, product};
use self::vector::Vector;
use crate::{Error, Result};

/// Generations of vector instructions. Each includes the earlier ones of its architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// The baseline of the architecture: SSE2 on x86-64, NEON on AArch64.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
    /// AVX-512 with bfloat16 dot products.
    Avx512Bf16,
    /// AVX-512 with bfloat16 matrix tiles (AMX).
    Amx,
}

/// Environment variable that selects a generation by [name](Isa::name) instead of the newest one.
pub const ISA_VARIABLE: &str = "MINESEGSAT_ISA";

impl Isa {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Bf16, Self::Amx];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512bf16",
            Self::Amx => "amx",
        }
    }

    /// The generations that this processor and its operating system support.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// The generation that [`ISA_VARIABLE`] names, or else the newest one that is available.
    pub fn detect() -> Result<Self> {
        match std::env::var(ISA_VARIABLE) {
            Ok(name) if !name.is_empty() => name.parse(),
            _ => Ok(Self::available().max().unwrap_or(Self::Portable)),
        }
    }

    /// The result of [`detect`](Self::detect), which runs once per process. Falls back to the newest available generation if
    /// [`ISA_VARIABLE`] is invalid.
    pub(crate) fn current() -> Self {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::detect().unwrap_or_else(|_| Self::available().max().unwrap_or(Self::Portable)))
    }

    /// Whether the processor has bfloat16 dot products. Otherwise they are computed in float32.
    pub fn has_bf16(self) -> bool {
        self >= Self::Avx512Bf16
    }

    #[cfg(target_arch = "x86_64")]
    fn is_available(self) -> bool {
        use std::arch::is_x86_feature_detected as has;
        match self {
            Self::Portable => true,
            Self::Avx2 => has!("avx2") && has!("fma"),
            Self::Avx512 => {
                Self::Avx2.is_available() && has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl")
            }
            Self::Avx512Bf16 => Self::Avx512.is_available() && has!("avx512bf16"),
            Self::Amx => Self::Avx512Bf16.is_available() && amx::is_available(),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_available(self) -> bool {
        self == Self::Portable
    }

    /// Columns of a panel: two or four registers, or two tiles.
    pub(crate) const fn panel_width<T: Element>(self) -> usize {
        match self {
            Self::Portable => <vector::Portable as Vector>::PANEL * <vector::Portable as Vector>::LANES,
            Self::Avx2 => 16,
            Self::Amx if T::IS_BF16 => 32,
            Self::Avx512 | Self::Avx512Bf16 | Self::Amx => 64,
        }
    }

    /// Runs a kernel compiled for these instructions.
    #[cfg(target_arch = "x86_64")]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn avx2<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: this function is compiled for the instructions of the type; the kernel's constructor has checked its pointers.
            unsafe { kernel.run::<vector::Avx2>() }
        }
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
        fn avx512<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: as above.
            unsafe { kernel.run::<vector::Avx512<false>>() }
        }
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
        fn avx512bf16<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: as above.
            unsafe { kernel.run::<vector::Avx512<true>>() }
        }
        // SAFETY: all values of `Isa` that reach this function come from `available` or `from_str`, which ask the processor;
        // `SegFormer::new` parses the name of the one that it is given.
        unsafe {
            match self {
                Self::Portable => kernel.run::<vector::Portable>(),
                Self::Avx2 => avx2(kernel),
                Self::Avx512 => avx512(kernel),
                Self::Avx512Bf16 | Self::Amx => avx512bf16(kernel),
            }
        }
    }

    /// Runs a kernel compiled for these instructions.
    #[cfg(not(target_arch = "x86_64"))]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the type needs only the baseline instructions; the kernel's constructor has checked its pointers.
        unsafe { kernel.run::<vector::Portable>() }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Isa {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::available().find(|isa| isa.name() == text).ok_or_else(|| Error::Argument {
            name: ISA_VARIABLE,
            value: text.to_owned(),
            accepted: format!(
                "this processor has {}",
                Self::available().map(Self::name).collect::<Vec<_>>().join(", ")
            ),
        })
    }
}

/// Requests large pages for a large buffer, since address translation costs several percent otherwise. A no-op on systems
/// without `madvise`.
pub(crate) fn advise_large_pages(buffer: &[u8]) {
    #[cfg(target_os = "linux")]
    if buffer.len() >= 256 * 1024 {
        const PAGE: usize = 4096;
        let start = buffer.as_ptr().addr().next_multiple_of(PAGE);
        let end = (buffer.as_ptr().addr() + buffer.len()) / PAGE * PAGE;
        // SAFETY: the pages lie wholly inside the buffer, and the advice does not change their contents.
        unsafe {
            libc::madvise(buffer.as_ptr().with_addr(start).cast_mut().cast(), end - start, libc::MADV_HUGEPAGE);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = buffer;
}

/// Work that is generic over the vector type.
trait Kernel {
    type Output;

    /// # Safety
    /// The processor has the instructions of `V`, the caller is compiled for them, and the kernel's pointers are valid.
    unsafe fn run<V: Vector>(self) -> Self::Output;
}

/// Peak rate of one thread in matrix products, in floating-point operations per second. Measured once per process, on
/// operands that stay in the L1 cache.
pub(crate) fn peak_flops<T: Element>(isa: Isa) -> f64 {
    static PEAKS: OnceLock<std::sync::Mutex<std::collections::BTreeMap<(Isa, bool), f64>>> = OnceLock::new();
    let peaks = PEAKS.get_or_init(Default::default);
    let mut peaks = peaks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *peaks.entry((isa, T::IS_BF16)).or_insert_with(|| {
        // All heights of tiles divide 96, and panels of depth 256 fit into the L1 cache.
        let (rows, k, n) = (96, 256, 32);
        let a = crate::Aligned::<T>::filled(rows * k, T::from_f32(0.5));
        let b = Panels::<T>::new(isa, k, n, |_, _| 0.25);
        let mut out = vec![0.0_f32; rows * n];
        let mut best = f64::INFINITY;
        for _ in 0..64 {
            let start = std::time::Instant::now();
            for _ in 0..8 {
                product(isa, &Operand::new(&a, rows, k), b.view(), &Ending::default(), &mut out, n);
            }
            best = best.min(start.elapsed().as_secs_f64() / 8.0);
        }
        (2 * rows * k * n) as f64 / best
    })
}
