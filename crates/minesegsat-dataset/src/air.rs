//! The air above a scene: [`Air`] turns surface reflectance into top-of-atmosphere reflectance (level 1C).

use minesegsat_core::Band;
use minesegsat_core::noise::Dice;

use crate::augment::Line;

/// Wavelength at which the amount of aerosol is given, in micrometres.
const AEROSOL_AT_UM: f32 = 0.55;
/// Asymmetry of the aerosol's scattering (Henyey-Greenstein).
const AEROSOL_ASYMMETRY: f32 = 0.65;

/// A state of the air and the sun. The sensor looks straight down.
///
/// Path reflectance is that of single scattering; the transmission on each way, direct and diffuse, is
/// `exp(-(0.52 tau_r + 0.167 tau_a) / cos(zenith))` (Tanré et al. 1979, Applied Optics 18). The optical depth of the gases of the
/// air is that of Hansen and Travis (1974, Space Science Reviews 16). Light that passes between ground and air several times, and
/// light from neighbouring pixels, are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Air {
    /// Cosine of the sun's zenith angle.
    pub(crate) sun: f32,
    /// Optical depth of the aerosol at 0.55 micrometres.
    pub(crate) aerosol: f32,
    /// Exponent by which this depth falls with wavelength (Angstrom).
    pub(crate) exponent: f32,
    /// Water vapour relative to 2 g/cm2.
    pub(crate) water: f32,
}

impl Air {
    /// Usual states: sun at zenith angles of 20 to 70 degrees, aerosol depths of 0.03 to 0.4.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        Self {
            sun: dice.range(20.0, 70.0).to_radians().cos(),
            aerosol: 0.03 * (0.4_f32 / 0.03).powf(dice.unit()),
            exponent: dice.range(0.6, 1.7),
            water: dice.range(0.3, 2.0),
        }
    }

    /// Change of a band's reflectance.
    pub(crate) fn line(&self, band: Band) -> Line {
        let um = band.wavelength_um();
        let gases = 0.008_569 * um.powi(-4) * (1.0 + 0.011_3 * um.powi(-2) + 0.000_13 * um.powi(-4));
        let aerosol = self.aerosol * (um / AEROSOL_AT_UM).powf(-self.exponent);
        // The light turns by 180 degrees less the sun's zenith angle.
        let angle = -self.sun;
        let phase_of_gases = 0.75 * (1.0 + angle * angle);
        let g = AEROSOL_ASYMMETRY;
        let phase_of_aerosol = (1.0 - g * g) / (1.0 + g * g - 2.0 * g * angle).powf(1.5);
        let depth = gases + aerosol;
        let phase = (gases * phase_of_gases + aerosol * phase_of_aerosol) / depth;
        let both_ways = 1.0 / self.sun + 1.0;
        let path = phase / (4.0 * (self.sun + 1.0)) * (1.0 - (-depth * both_ways).exp());
        let scattering = (-(0.52 * gases + 0.167 * aerosol) * both_ways).exp();
        let (ozone, water) = absorption(band);
        let absorbed = |depth: f32| (-depth * both_ways).exp();
        let gain = scattering * absorbed(ozone) * absorbed(water * self.water.sqrt());
        // Ozone lies above the scattering air, water vapour mostly below.
        Line { gain, add: path * absorbed(ozone) }
    }
}

/// Optical depths of ozone and fixed gases, and of 2 g/cm2 of water vapour: rounded means over the band.
const fn absorption(band: Band) -> (f32, f32) {
    match band {
        Band::B01 => (0.001, 0.0),
        Band::B02 => (0.006, 0.0),
        Band::B03 => (0.031, 0.001),
        Band::B04 => (0.016, 0.002),
        Band::B05 => (0.006, 0.010),
        Band::B06 => (0.003, 0.010),
        Band::B07 => (0.001, 0.010),
        Band::B08 => (0.001, 0.030),
        Band::B8A => (0.0, 0.002),
        Band::B09 => (0.0, 0.45),
        Band::B10 => (0.0, 2.5),
        Band::B11 => (0.010, 0.003),
        Band::B12 => (0.015, 0.020),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blue_gets_brighter_and_loses_contrast_most() {
        let mut dice = Dice::new(5, "air");
        for _ in 0..100 {
            let air = Air::draw(&mut dice);
            let of = |band| air.line(band);
            let scattered = [Band::B01, Band::B02, Band::B03, Band::B04, Band::B8A, Band::B11].map(|band| of(band).add);
            assert!(scattered.windows(2).all(|pair| pair[0] > pair[1]), "{air:?} {scattered:?}");
            assert!(Band::ALL.iter().all(|&band| of(band).gain < 1.0 && of(band).add > 0.0));
            assert!(of(Band::B01).gain < of(Band::B02).gain && of(Band::B09).gain < of(Band::B8A).gain);
        }
    }

    /// By hand: depth 0.153 at 0.4924 um, phase 1.19 at a turn of 140 degrees, `1.19 / (4 * 1.766) * (1 - exp(-0.353))`, of which
    /// ozone leaves `exp(-0.006 * 2.305)`: 0.0493.
    #[test]
    fn clear_air_has_the_reflectance_of_its_molecules() {
        let air = Air { sun: 40_f32.to_radians().cos(), aerosol: 1e-6, exponent: 1.0, water: 1.0 };
        let path = air.line(Band::B02).add;
        assert!((path - 0.0493).abs() < 2e-4, "{path}");
        assert!(air.line(Band::B11).add < 0.001);
    }
}
