//! Sensor model: point spread, native pixels, noise and digital numbers.

use minesegsat_core::Band;

use super::spectra::BANDS;
use minesegsat_core::noise::Noise;

/// Width in 10 m pixels of the border around a strip that the point spread reaches.
pub(super) const HALO: usize = 12;
/// Digital numbers per unit of reflectance.
const QUANTIFICATION: f32 = 10_000.0;

/// Modulation transfer at the Nyquist frequency of the native pixel. The requirement is 0.15 to 0.30 at 10 and 20 m and
/// below 0.45 at 60 m (Drusch et al. 2012, "Sentinel-2: ESA's optical high-resolution mission for GMES operational
/// services", Remote Sensing of Environment 120).
const fn mtf_nyquist(band: Band) -> f32 {
    match band.gsd_m() {
        10 => 0.26,
        20 => 0.28,
        _ => 0.33,
    }
}

/// Signal-to-noise ratio at the reference radiance (Drusch et al. 2012, table 1).
const fn signal_to_noise(band: Band) -> f32 {
    match band {
        Band::B01 => 129.0,
        Band::B02 => 154.0,
        Band::B03 => 168.0,
        Band::B04 => 142.0,
        Band::B05 => 117.0,
        Band::B06 => 89.0,
        Band::B07 => 105.0,
        Band::B08 => 174.0,
        Band::B8A => 72.0,
        Band::B09 => 114.0,
        Band::B10 => 50.0,
        Band::B11 | Band::B12 => 100.0,
    }
}

/// Averaging over a square pixel has a modulation transfer of 2 / pi at Nyquist.
const MTF_PIXEL: f32 = std::f32::consts::FRAC_2_PI;

/// One half of a Gaussian kernel on the 10 m grid, centre first. Together with averaging over native pixels it has the
/// band's transfer at the Nyquist frequency.
fn kernel(band: Band) -> Vec<f32> {
    // exp(-2 (pi sigma f)^2) at f = 1/2 per native pixel.
    let sigma_native = (-(mtf_nyquist(band) / MTF_PIXEL).ln() * 2.0).sqrt() / std::f32::consts::PI;
    if band.gsd_m() == 10 {
        // For 10 m bands, three taps give the transfer exactly: 1 - 4 a = m.
        let side = (1.0 - mtf_nyquist(band) / MTF_PIXEL) / 4.0;
        return vec![1.0 - 2.0 * side, side];
    }
    let sigma = sigma_native * band.gsd_m() as f32 / 10.0;
    let reach = ((3.2 * sigma).ceil() as usize).min(HALO);
    let taps: Vec<f32> = (0..=reach).map(|k| (-0.5 * (k as f32 / sigma).powi(2)).exp()).collect();
    let sum = taps[0] + 2.0 * taps[1..].iter().sum::<f32>();
    taps.into_iter().map(|t| t / sum).collect()
}

/// Reflectance of a strip of one band on the 10 m grid, with [`HALO`] extra rows above and below.
pub(super) struct Strip<'a> {
    /// `[rows + 2 * HALO, width]`.
    pub(super) reflectance: &'a [f32],
    /// Number of columns.
    pub(super) width: usize,
    /// Number of rows without the halo, a multiple of 6.
    pub(super) rows: usize,
    /// Position of the first row in the scene.
    pub(super) first_row: usize,
}

impl Strip<'_> {
    /// Digital numbers of the band on its native grid, `[rows * 10 / gsd, width * 10 / gsd]`.
    pub(super) fn digital_numbers(&self, band: Band, noise: Noise, offset_dn: u16) -> Vec<u16> {
        let kernel = kernel(band);
        let blurred = self.blurred(&kernel);
        let factor = band.gsd_m() as usize / 10;
        let (width, rows) = (self.width / factor, self.rows / factor);
        let share = 1.0 / (factor * factor) as f32;
        let mut out = Vec::with_capacity(width * rows);
        let snr = signal_to_noise(band);
        for row in 0..rows {
            for col in 0..width {
                let mut sum = 0.0;
                for line in 0..factor {
                    sum += blurred[(row * factor + line) * self.width + col * factor..][..factor].iter().sum::<f32>();
                }
                let value = sum * share;
                // Shot noise grows with the square root of the signal. The signal-to-noise ratio is given near a
                // reflectance of 0.12. The signal includes light scattered by the air.
                let deviation = 0.12 / snr * ((value.max(0.0) + 0.03) / 0.15).sqrt();
                let at = (self.first_row / factor + row) as i32;
                let noisy = value + deviation * noise.normal(col as i32, at);
                let dn = (noisy * QUANTIFICATION).round() + f32::from(offset_dn);
                // 0 is nodata.
                out.push(dn.clamp(1.0, 65_534.0) as u16);
            }
        }
        out
    }

    /// The strip blurred in both directions, without the halo. Columns at the ends are repeated.
    fn blurred(&self, kernel: &[f32]) -> Vec<f32> {
        let width = self.width;
        let mut columns = vec![0.0; width * self.rows];
        for (row, out) in columns.chunks_mut(width).enumerate() {
            let line = |r: usize| &self.reflectance[r * width..][..width];
            let centre = row + HALO;
            for (o, v) in out.iter_mut().zip(line(centre)) {
                *o = kernel[0] * v;
            }
            for (k, weight) in kernel.iter().enumerate().skip(1) {
                for ((o, a), b) in out.iter_mut().zip(line(centre - k)).zip(line(centre + k)) {
                    *o += weight * (a + b);
                }
            }
        }
        let mut padded = vec![0.0; width + 2 * HALO];
        for line in columns.chunks_mut(width) {
            padded[HALO..HALO + width].copy_from_slice(line);
            padded[..HALO].fill(line[0]);
            padded[HALO + width..].fill(line[width - 1]);
            for (o, v) in line.iter_mut().zip(&padded[HALO..]) {
                *o = kernel[0] * v;
            }
            for (k, weight) in kernel.iter().enumerate().skip(1) {
                for ((o, a), b) in line.iter_mut().zip(&padded[HALO - k..]).zip(&padded[HALO + k..]) {
                    *o += weight * (a + b);
                }
            }
        }
        columns
    }
}

/// Noise generators of the bands of a scene with this name.
pub(super) fn band_noise(seed: u64, scene: &str) -> [Noise; 12] {
    BANDS.map(|band| Noise::new(seed, &format!("{band} {scene}")))
}

/// Shifts rows of `width` pixels by a part of a pixel to the right and down, by cubic convolution (Keys 1981, "Cubic convolution
/// interpolation for digital image processing", with a = -0.5). Two rows at each end are approximate.
pub(super) fn shift(pixels: &mut [f32], width: usize, (right, down): (f32, f32)) {
    let rows = pixels.len() / width;
    let (taps, first) = shift_taps(right);
    let mut shifted = vec![0.0; pixels.len()];
    for (out, line) in shifted.chunks_mut(width).zip(pixels.chunks(width)) {
        for (col, out) in out.iter_mut().enumerate() {
            let at = |k: usize| line[(col as i32 + first + k as i32).clamp(0, width as i32 - 1) as usize];
            *out = taps.iter().enumerate().map(|(k, tap)| tap * at(k)).sum();
        }
    }
    let (taps, first) = shift_taps(down);
    for (row, out) in pixels.chunks_mut(width).enumerate() {
        let line = |k: usize| (row as i32 + first + k as i32).clamp(0, rows as i32 - 1) as usize * width;
        let lines: [usize; 4] = std::array::from_fn(line);
        for (col, out) in out.iter_mut().enumerate() {
            *out = taps.iter().zip(lines).map(|(tap, line)| tap * shifted[line + col]).sum();
        }
    }
}

/// Weights of four neighbours for a shift, and the first one's distance from the pixel.
fn shift_taps(shift: f32) -> ([f32; 4], i32) {
    let whole = (-shift).floor();
    let t = -shift - whole;
    let near = |d: f32| (1.5 * d - 2.5) * d * d + 1.0;
    let far = |d: f32| ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0;
    ([far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)], whole as i32 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Transfer of kernel and averaging at a frequency in cycles per 10 m pixel.
    fn transfer(band: Band, frequency: f32) -> f32 {
        let omega = std::f32::consts::TAU * frequency;
        let kernel = kernel(band);
        let blur =
            kernel[0] + kernel.iter().enumerate().skip(1).map(|(k, w)| 2.0 * w * (k as f32 * omega).cos()).sum::<f32>();
        let factor = band.gsd_m() as usize / 10;
        let mean =
            (0..factor).map(|i| ((i as f32 - (factor - 1) as f32 / 2.0) * omega).cos()).sum::<f32>() / factor as f32;
        blur * mean
    }

    #[test]
    fn the_transfer_at_nyquist_is_the_instruments() {
        for band in BANDS {
            let nyquist = 0.5 / (band.gsd_m() as f32 / 10.0);
            let got = transfer(band, nyquist) * if band.gsd_m() == 10 { MTF_PIXEL } else { 1.0 };
            // Averaging 2 x 2 pixels of 10 m, which are averages themselves, is close enough to averaging over the
            // ground.
            assert!((got - mtf_nyquist(band)).abs() < 0.05, "{band} {got}");
            assert!((transfer(band, 0.0) - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn a_shift_moves_a_slope_by_its_amount() {
        let (width, rows) = (24, 20);
        let slope = |x: f32, y: f32| 0.1 + 0.01 * x + 0.02 * y + 1e-4 * x * x;
        for (right, down) in [(0.3, -0.2), (-0.7, 0.45), (1.0, 0.0), (0.0, 0.0)] {
            let mut pixels: Vec<f32> =
                (0..width * rows).map(|i| slope((i % width) as f32, (i / width) as f32)).collect();
            shift(&mut pixels, width, (right, down));
            for (row, col) in [(5, 5), (10, 17), (14, 9)] {
                // Cubic convolution reproduces polynomials of the second degree.
                let expected = slope(col as f32 - right, row as f32 - down);
                let got = pixels[row * width + col];
                assert!((got - expected).abs() < 1e-5, "{right} {down}: {got} for {expected}");
            }
        }
    }

    #[test]
    fn level_ground_keeps_its_value_and_zero_is_never_written() {
        let (width, rows) = (60, 12);
        let level = |value: f32| vec![value; width * (rows + 2 * HALO)];
        for (value, offset, expected) in [(0.25, 1000, 3500.0), (0.25, 0, 2500.0), (-0.5, 0, 1.0)] {
            let reflectance = level(value);
            let strip = Strip { reflectance: &reflectance, width, rows, first_row: 0 };
            for band in BANDS {
                let dn = strip.digital_numbers(band, Noise::new(1, "n"), offset);
                let mean = dn.iter().map(|&v| f32::from(v)).sum::<f32>() / dn.len() as f32;
                assert!((mean - expected).abs() < 20.0, "{band} {mean}");
                assert_eq!(dn.len(), width * rows / (band.gsd_m() * band.gsd_m() / 100) as usize);
                assert!(dn.iter().all(|&v| v > 0));
            }
        }
    }
}
