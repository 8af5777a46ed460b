//! Whether the scale fits the pixels: [`Fit`].

use super::super::evidence::{self, BandFloor, PixelVerdict};
use super::super::level::{self, LevelDecision, LevelVerdict, ScaleRule};
use super::super::names::ProductLevel;
use super::{
    Confidence, OFFSET_DN, QUANTIFICATION, RadiometryClaim, RadiometryOverride, Reliability, float_reflectance, scaled,
};
use minesegsat_core::{Band, Error, Result};

/// Known scales, and their names. Only floating-point values can be reflectance itself, or scaled twice.
static KNOWN_SCALES: [(f64, &str); 6] = [
    (1.0, "reflectance itself"),
    (1e-2, "reflectance in percent"),
    (1e-3, "reflectance x 1000"),
    (1e-4, "reflectance x 10000"),
    (1.0 / 65_535.0, "reflectance x 65535"),
    (1e4, "reflectance that was scaled by 0.0001 twice"),
];

/// The check of the scale against the pixels.
pub(super) struct Fit<'a> {
    pub(super) scene: &'a str,
    /// Floors in the units of the files.
    pub(super) raw: &'a [BandFloor],
    pub(super) user: &'a RadiometryOverride,
    /// Scale of bands whose scale is neither in the files nor given by the user.
    pub(super) default_scale: f64,
    pub(super) is_float: bool,
    pub(super) pixel_level: Option<ProductLevel>,
}

impl Fit<'_> {
    /// Checks the scale, and replaces it in `claim` and `default_scale` if the pixels are reflectance with exactly one other.
    /// Returns the decision, and the highest confidence that it allows.
    pub(super) fn check(
        &self,
        claim: &mut RadiometryClaim,
        default_scale: &mut f64,
        warnings: &mut Vec<String>,
    ) -> Result<(LevelDecision, Confidence)> {
        let (verdict, brightest) = self.judge(claim);
        let is_stated = self.raw.iter().any(|f| claim.scale_of(f.band, self.user).is_some());
        let is_product = claim.is_of_product();
        let scale = match self.user.scale {
            Some(_) => ScaleRule::User,
            None if is_stated || is_product => ScaleRule::Stated,
            None => ScaleRule::Usual,
        };
        let decision = LevelDecision { scale, verdict, brightest };
        let shown = brightest.map_or_else(|| "unknown".to_owned(), shown);
        let current = self.raw.first().map_or(self.default_scale, |f| self.scale(claim, f.band));
        let described = format!(
            "with {} scale {} the brightest sampled band has a reflectance of {shown} (99th percentile)",
            match scale {
                ScaleRule::User => "the given",
                ScaleRule::Stated => "the stated",
                ScaleRule::Usual | ScaleRule::Pixels => "the usual",
            },
            shown_scale(current)
        );
        match verdict {
            LevelVerdict::Plausible | LevelVerdict::Unknown => return Ok((decision, Confidence::High)),
            LevelVerdict::Dark if scale != ScaleRule::Usual => return Ok((decision, Confidence::High)),
            LevelVerdict::Dark => {
                warnings.push(format!("{described}: water, or another scale; if so, give the scale"));
                return Ok((decision, Confidence::Moderate));
            }
            LevelVerdict::DarkLand | LevelVerdict::TooDark | LevelVerdict::TooBright => {}
        }
        let problem = match verdict {
            LevelVerdict::TooBright => "brighter than cloud, snow and any soil",
            LevelVerdict::TooDark => "darker than water",
            _ => "darker than land, whose spectrum it has",
        };
        if scale == ScaleRule::User {
            warnings.push(format!("{described}, {problem}; the scale is used, as requested"));
            return Ok((decision, Confidence::Low));
        }
        // Products have one scale: a crop of them that is so dark lies in shadow.
        let may_be_shadow = verdict == LevelVerdict::DarkLand;
        let others = KNOWN_SCALES.iter().filter(|(scale, _)| {
            let is_of_type = self.is_float || (1e-5..0.1).contains(scale);
            let floors = scaled(self.raw, |_| *scale);
            // Floating-point values of water are reflectance of water: no other scale is as usual.
            let is_water = *scale == 1.0 && level::judge(&floors, |_| 0.0) == LevelVerdict::Dark;
            is_of_type && *scale != current && (is_water || level::is_usual_land(&floors))
        });
        let others: Vec<&(f64, &str)> = if may_be_shadow && is_product { Vec::new() } else { others.collect() };
        if let [(other, name)] = others[..] {
            warnings.push(format!(
                "{}; {described}, {problem}: the values are taken as {name}. If that is wrong, give the scale",
                claim.statement
            ));
            let top = self.raw.iter().map(|f| f.p99).fold(f32::NAN, f32::max);
            let statement = format!("the pixels are {name}");
            *claim = match *other {
                1.0 => float_reflectance(top),
                // Only these numbers can contain the offset.
                1e-4 => RadiometryClaim { statement, ..RadiometryClaim::silent() },
                _ => RadiometryClaim {
                    reliability: Reliability::Stated,
                    offset_dn: Some(0.0),
                    statement,
                    ..RadiometryClaim::silent()
                },
            };
            *default_scale = *other;
            let (verdict, brightest) = Fit { default_scale: *other, ..*self }.judge(claim);
            return Ok((LevelDecision { scale: ScaleRule::Pixels, verdict, brightest }, Confidence::Moderate));
        }
        if may_be_shadow {
            warnings.push(format!("{described}, {problem}: shadow, or another scale; if so, give the scale"));
            return Ok((decision, Confidence::Low));
        }
        let known: Vec<&str> = others.iter().map(|(_, name)| *name).collect();
        let fits = if known.is_empty() {
            "no known scale makes them reflectance of land".to_owned()
        } else {
            format!("they may be {}", known.join(" or "))
        };
        Err(Error::scene(
            self.scene,
            format!("its values are no reflectance: {described}, {problem}; {fits}; give the scale, and the offset if there is one"),
        )
        .avoided_by(minesegsat_core::Setting::Scale))
    }

    pub(super) fn scale(&self, claim: &RadiometryClaim, band: Band) -> f64 {
        claim.scale_of(band, self.user).unwrap_or(self.default_scale)
    }

    /// The level with and without the offset, and the brightest reflectance. Whether the offset is in the numbers is decided later,
    /// so the better verdict counts.
    pub(super) fn judge(&self, claim: &RadiometryClaim) -> (LevelVerdict, Option<f64>) {
        let floors = scaled(self.raw, |band| self.scale(claim, band));
        let suspected = match evidence::verdict(&floors, self.pixel_level) {
            PixelVerdict::Present => OFFSET_DN as f32,
            _ => 0.0,
        };
        let offset = |band: Band| match self.user.offset_dn.or(claim.offset(band)) {
            Some(offset_dn) => (offset_dn * self.scale(claim, band) * QUANTIFICATION) as f32,
            None => suspected,
        };
        let with = (level::judge(&floors, offset), level::brightest_reflectance(&floors, offset));
        let without = (level::judge(&floors, |_| 0.0), level::brightest_reflectance(&floors, |_| 0.0));
        if with.0.is_possible() || !without.0.is_possible() { with } else { without }
    }
}

/// A reflectance for a message: two significant digits.
fn shown(value: f64) -> String {
    if value.abs() >= 0.001 { format!("{value:.3}") } else { format!("{value:.1e}") }
}

/// A scale for a message: 0.0001, or 1/65535.
fn shown_scale(scale: f64) -> String {
    if (scale * 65_535.0 - 1.0).abs() < 1e-6 {
        "1/65535".to_owned()
    } else {
        format!("{}", (scale * 1e9).round() / 1e9)
    }
}
