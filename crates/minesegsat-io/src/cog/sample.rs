//! Element types of a TIFF: conversion, byte order and predictors.

use crate::Pixels;

/// An element type that can be written.
pub(super) trait Sample: Copy + PartialEq + Send + Sync + std::fmt::Debug + 'static {
    /// The pixels, if they have this type.
    fn slice(pixels: &Pixels) -> Option<&[Self]>;

    /// Nearest value of this type. Halves are rounded up, and values out of range are clipped.
    fn from_f64(value: f64) -> Self;

    /// The value, exactly.
    fn to_f64(self) -> f64;

    /// Appends one row of a block as little-endian bytes after the TIFF predictor of this type (2, horizontal
    /// differences, for integers; 3, floating point, for floats). `row` is `[width, bands]`.
    fn predict_row(row: &[Self], bands: usize, out: &mut Vec<u8>);
}

macro_rules! integer_sample {
    ($type:ty, $variant:ident) => {
        impl Sample for $type {
            fn slice(pixels: &Pixels) -> Option<&[Self]> {
                match pixels {
                    Pixels::$variant(values) => Some(values),
                    _ => None,
                }
            }

            fn from_f64(value: f64) -> Self {
                (value + 0.5).floor() as Self
            }

            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            fn predict_row(row: &[Self], bands: usize, out: &mut Vec<u8>) {
                let (first, rest) = row.split_at(bands);
                out.extend(first.iter().flat_map(|value| value.to_le_bytes()));
                out.extend(rest.iter().zip(row).flat_map(|(value, left)| value.wrapping_sub(*left).to_le_bytes()));
            }
        }
    };
}

integer_sample!(u8, U8);
integer_sample!(u16, U16);
integer_sample!(i16, I16);

impl Sample for f32 {
    fn slice(pixels: &Pixels) -> Option<&[Self]> {
        match pixels {
            Pixels::F32(values) => Some(values),
            _ => None,
        }
    }

    fn from_f64(value: f64) -> Self {
        value as Self
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    /// Adobe's Photoshop TIFF technical note 3 (2005): the bytes of a row by significance, most significant first, then
    /// byte differences across the whole row.
    fn predict_row(row: &[Self], bands: usize, out: &mut Vec<u8>) {
        let start = out.len();
        for shift in [24, 16, 8, 0] {
            out.extend(row.iter().map(|value| (value.to_bits() >> shift) as u8));
        }
        let bytes = &mut out[start..];
        for i in (bands..bytes.len()).rev() {
            bytes[i] = bytes[i].wrapping_sub(bytes[i - bands]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictors_difference_samples_and_bytes() {
        // By hand from TIFF 6.0, section 14, and technical note 3; that GDAL reads the pixels back is checked by
        // `scripts/cross_check.py --fuzz-cog`.
        let mut out = Vec::new();
        u16::predict_row(&[1000, 7, 999, 9], 2, &mut out);
        assert_eq!(out, [0xe8, 0x03, 0x07, 0x00, 0xff, 0xff, 0x02, 0x00]);
        out.clear();
        f32::predict_row(&[1.0, 1.5], 1, &mut out);
        // 3f 80 00 00 and 3f c0 00 00 by significance: 3f 3f | 80 c0 | 00 00 | 00 00, then differences.
        assert_eq!(out, [0x3f, 0x00, 0x41, 0x40, 0x40, 0x00, 0x00, 0x00]);
    }

    #[test]
    fn integers_round_half_up_and_saturate() {
        assert_eq!(u8::from_f64(2.5), 3);
        assert_eq!(i16::from_f64(-2.5), -2);
        assert_eq!(u8::from_f64(300.0), 255);
        assert_eq!(u16::from_f64(-4.0), 0);
    }
}
