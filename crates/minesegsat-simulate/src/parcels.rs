//! Division of land into parcels: [`parcel`] computes the parcel at a point without a list of parcels.

use minesegsat_core::noise::{Noise, unit_of};

/// A parcel of land.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parcel {
    /// Random number of the parcel.
    pub(super) id: u32,
    /// Distance to the nearest side in metres.
    pub(super) inset: f32,
    /// Position relative to the centre, -1 to 1 on both axes.
    pub(super) local: (f32, f32),
    /// Half width and half height in metres.
    pub(super) half: (f32, f32),
}

/// The parcel at a point. Squares of `block` metres, rotated by `angle`, are halved across their longer side until the
/// pieces are about `size` metres long. The cuts are uneven, and the number of cuts is random.
pub(super) fn parcel(noise: Noise, x: f32, y: f32, angle: f32, block: f32, size: f32) -> Parcel {
    let (s, c) = angle.sin_cos();
    let (u, v) = ((x * c + y * s) / block, (y * c - x * s) / block);
    let (bu, bv) = (u.floor(), v.floor());
    let mut id = noise.cell(bu as i32, bv as i32);
    let (mut low, mut high) = ([0.0, 0.0], [block, block]);
    let p = [(u - bu) * block, (v - bv) * block];
    for depth in 0..12 {
        let (w, h) = (high[0] - low[0], high[1] - low[1]);
        let axis = usize::from(h > w);
        let length = w.max(h);
        if length < size * (0.75 + 0.9 * unit_of(id, 3)) {
            break;
        }
        let cut = low[axis] + length * (0.36 + 0.28 * unit_of(id, 4));
        if p[axis] < cut {
            high[axis] = cut;
            id = minesegsat_core::noise::hash(id ^ 0x68E3_1DA4 ^ depth);
        } else {
            low[axis] = cut;
            id = minesegsat_core::noise::hash(id ^ 0xB529_7A4D ^ depth);
        }
    }
    let inset = (p[0] - low[0]).min(high[0] - p[0]).min(p[1] - low[1]).min(high[1] - p[1]);
    let half = ((high[0] - low[0]) / 2.0, (high[1] - low[1]) / 2.0);
    let local = ((p[0] - low[0]) / half.0 - 1.0, (p[1] - low[1]) / half.1 - 1.0);
    Parcel { id, inset, local, half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parcels_tile_the_plane() {
        let noise = Noise::new(1, "parcels");
        // Neighbouring points are in the same parcel unless a side lies between them.
        for k in 0..5000 {
            let (x, y) = (k as f32 * 3.7, (k * k % 977) as f32 * 5.1);
            let a = parcel(noise, x, y, 0.4, 1600.0, 300.0);
            let b = parcel(noise, x + 0.5, y, 0.4, 1600.0, 300.0);
            assert!(a.id == b.id || a.inset < 1.0, "{a:?} {b:?}");
            assert!(a.inset >= 0.0 && a.local.0.abs() <= 1.001 && a.local.1.abs() <= 1.001);
        }
    }
}
