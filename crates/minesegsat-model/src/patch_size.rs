//! Sizes of patches that a network takes: [`SIZE_DIVISOR`], [`check_patch_size`].

use minesegsat_core::patch_grid::LARGEST_PATCH_PX;

/// Width and height of a patch must be multiples of this for most networks, in pixels: their coarsest map has 1/32 of the
/// input's resolution. See [`NetworkConfig::size_divisor`](crate::NetworkConfig::size_divisor).
pub const SIZE_DIVISOR: usize = 32;

/// Checks that `patch_size` is a multiple of the network's size divisor, both in pixels.
pub fn check_patch_size(patch_size: usize, divisor: usize) -> Result<(), String> {
    if patch_size == 0 || !patch_size.is_multiple_of(divisor) {
        return Err(format!("its patch_size is {patch_size}; expected a multiple of {divisor}"));
    }
    if patch_size > LARGEST_PATCH_PX {
        return Err(format!("its patch_size is {patch_size}; expected at most {LARGEST_PATCH_PX}"));
    }
    Ok(())
}
