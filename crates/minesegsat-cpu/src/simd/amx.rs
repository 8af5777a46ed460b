//! Matrix tiles of bfloat16: Intel's Advanced Matrix Extensions (AMX), on Linux.
//!
//! Sources: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18; for the permission
//! `arch_prctl(ARCH_REQ_XCOMP_PERM)` Linux's Documentation/arch/x86/xstate.rst.

use std::arch::asm;
use std::sync::OnceLock;

use half::bf16;

/// Whether the processor has tiles with bfloat16 products, and the operating system lets this process use them.
pub(super) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| has_instructions() && is_permitted())
}

fn has_instructions() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    if __cpuid(0).eax < 7 {
        return false;
    }
    let features = __cpuid_count(7, 0).edx;
    features & BF16 != 0 && features & TILE != 0
}

#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const TILE_DATA: libc::c_ulong = 18;
    // SAFETY: the call takes two numbers and no pointers; a kernel without this call returns an error.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// Shape of the eight tiles: palette 1, each with 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

const CONFIGURATION: &Configuration = &Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_per_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// Sets the shape of the thread's tiles.
///
/// # Safety
/// AMX is available.
pub(super) unsafe fn configure() {
    // SAFETY: the configuration has 64 bytes and is valid for palette 1.
    unsafe { asm!("ldtilecfg [{}]", in(reg) CONFIGURATION, options(nostack, readonly, preserves_flags)) }
}

/// Releases the tiles, so that the operating system does not have to save them.
///
/// # Safety
/// AMX is available.
pub(super) unsafe fn release() {
    // SAFETY: the instruction has no operands.
    unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) }
}

/// Position of the tiles of some rows.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// The first tile.
    pub(super) a: *const bf16,
    /// Distance to the tile of the next 16 rows, in numbers.
    pub(super) next: usize,
    /// Distance to the tile of the next 32 columns, in numbers.
    pub(super) step: usize,
    /// Distance between rows of a tile, in numbers.
    pub(super) stride: usize,
}

/// Computes the sums of 32 rows and 32 columns, `[32, 32]`, over a depth that is a multiple of 32. Prefetches 512 of every
/// 2 KiB from `ahead` on into the L2 cache; the address need not be valid.
///
/// # Safety
/// The tiles are configured. The rows have tiles of `k` columns, `b` is a panel of depth `k` and 32 columns, and `tile` has room
/// for the sums.
#[inline(always)]
pub(super) unsafe fn sums_32(rows: Rows, k: usize, b: *const bf16, ahead: *const bf16, tile: *mut f32) {
    let Rows { a, next, step, stride } = rows;
    // SAFETY: each step reads two tiles of rows and 2 KiB of `b`; the last writes 4 KiB.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{a} + {stride}]",
            "tileloadd tmm6, [{b} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{b} + {line} + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{low} + {stride}]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "prefetcht1 [{ahead}]",
            "prefetcht1 [{ahead} + 64]",
            "prefetcht1 [{ahead} + 128]",
            "prefetcht1 [{ahead} + 192]",
            "prefetcht1 [{ahead} + 256]",
            "prefetcht1 [{ahead} + 320]",
            "prefetcht1 [{ahead} + 384]",
            "prefetcht1 [{ahead} + 448]",
            "add {ahead}, 2048",
            "add {a}, {step}",
            "add {low}, {step}",
            "add {b}, 2048",
            "sub {steps}, 1",
            "jnz 2b",
            "tilestored [{tile} + {width}], tmm0",
            "tilestored [{tile} + {width} + 64], tmm1",
            "tilestored [{tile} + {width} + 2048], tmm2",
            "tilestored [{tile} + {width} + 2112], tmm3",
            a = inout(reg) a => _,
            low = inout(reg) a.add(next) => _,
            b = inout(reg) b => _,
            ahead = inout(reg) ahead => _,
            stride = in(reg) 2 * stride,
            step = in(reg) 2 * step,
            line = in(reg) 64_usize,
            width = in(reg) 128_usize,
            steps = inout(reg) k / 32 => _,
            tile = in(reg) tile,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// Computes the sums of 16 rows and 32 columns, `[16, 32]`, over a depth that is a multiple of 32.
///
/// # Safety
/// As for [`sums_32`], with 16 rows.
#[inline(always)]
pub(super) unsafe fn sums_16(rows: Rows, k: usize, b: *const bf16, tile: *mut f32) {
    let Rows { a, step, stride, .. } = rows;
    // SAFETY: each step reads a tile of rows and 2 KiB of `b`; the last writes 2 KiB.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "2:",
            "tileloadd tmm4, [{a} + {stride}]",
            "tileloadd tmm6, [{b} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{b} + {line} + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "add {a}, {step}",
            "add {b}, 2048",
            "sub {steps}, 1",
            "jnz 2b",
            "tilestored [{tile} + {width}], tmm0",
            "tilestored [{tile} + {width} + 64], tmm1",
            a = inout(reg) a => _,
            b = inout(reg) b => _,
            stride = in(reg) 2 * stride,
            step = in(reg) 2 * step,
            line = in(reg) 64_usize,
            width = in(reg) 128_usize,
            steps = inout(reg) k / 32 => _,
            tile = in(reg) tile,
            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
