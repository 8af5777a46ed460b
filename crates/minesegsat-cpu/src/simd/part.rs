//! Registers that a row fills only in part.

use super::Vector;

/// `len` numbers and then `fill`, or a whole register if `WHOLE`.
///
/// # Safety
/// As for [`Vector::load`], with `len` numbers, at most the lanes of a register.
#[inline(always)]
pub(super) unsafe fn load_part<V: Vector, const WHOLE: bool>(from: *const f32, len: usize, fill: f32) -> V {
    // SAFETY: as the caller guarantees; registers have at most 16 lanes.
    unsafe {
        if WHOLE {
            return V::load(from);
        }
        let mut lanes = [fill; 16];
        std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), len);
        V::load(lanes.as_ptr())
    }
}

/// Writes `len` numbers, or a whole register if `WHOLE`.
///
/// # Safety
/// As for [`Vector::store`], with `len` numbers, at most the lanes of a register.
#[inline(always)]
pub(super) unsafe fn store_part<V: Vector, const WHOLE: bool>(value: V, to: *mut f32, len: usize) {
    // SAFETY: as the caller guarantees; registers have at most 16 lanes.
    unsafe {
        if WHOLE {
            value.store(to);
            return;
        }
        let mut lanes = [0.0; 16];
        value.store(lanes.as_mut_ptr());
        std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, len);
    }
}
