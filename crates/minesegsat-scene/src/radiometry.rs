//! Conversion of digital numbers to reflectance, per band: `reflectance = (dn + offset_dn) * scale`.
//!
//! Processing baseline 04.00 adds 1000 to every digital number, so that dark surfaces can have negative reflectance.
//! It applies to products made from 25 January 2022, and to all of Collection 1 (05.xx), also for older dates. Copies
//! of the products on other servers keep the offset, remove it, or describe it wrongly. The date of a scene is
//! therefore no evidence. The sources of evidence are:
//!
//! | source | trusted value | if the pixels prove the opposite |
//! |---|---|---|
//! | `--offset`, `--scale` | the user | a warning |
//! | SAFE product | `RADIO_ADD_OFFSET`, `BOA_ADD_OFFSET`, quantification of `MTD_MSIL1C.xml`, `MTD_MSIL2A.xml` | refused, asks for `--offset` |
//! | STAC asset with scale and offset (Earth Search `sentinel-2-c1-l2a`) | the asset's `raster:bands` or `bands` | refused, asks for `--offset` |
//! | Earth Search `sentinel-2-l2a`, `sentinel-s2-l2a-cogs` | before 04.00: no offset. Later: the pixels, then `boa_offset_applied: true`; its `false` and the asset's offset are not trusted | the pixels win, a warning |
//! | STAC item without scale and offset (Planetary Computer) | the item's processing baseline | the pixels win, a warning |
//! | GeoTIFF with an offset in its metadata | that offset | refused, asks for `--offset` |
//! | folder or GeoTIFF with a product id in its name | the baseline in the id (`N0400`) | the pixels win, a warning |
//! | GeoTIFF with a scale only | offset 0 | as stated |
//! | floating-point raster with values up to about 1 | reflectance already | as stated |
//! | anything else | the pixels; if they are unclear: refused, asks for `--offset` | |
//!
//! The scale is held against the pixels as well ([`level`](super::level)). If the values cannot be reflectance with the stated or
//! usual scale, and exactly one of the known scales makes them usual land, that one is taken, with a warning: 1, 1/100
//! (percent), 1/1000, 1/10,000, 1/65,535, and 10,000 for values that were scaled by 0.0001 twice. Otherwise the scene is refused
//! and asks for `--scale`. A crop that is only darker than land usually is is opened with a warning.
//!
//! "Prove" means dark pixels that would have clearly negative reflectance ([`PixelVerdict::Absent`]). Pixels that only
//! suggest an offset ([`PixelVerdict::Present`]) never overrule a stated offset of 0: a warning is recorded.
//!
//! Reflectance below 0 is set to 0, as the producer did before baseline 04.00, so that maps of two dates stay comparable.
//! Values above 1 (sun-facing slopes, clouds) are kept. In integer rasters a digital number of 0 is nodata for any offset.
//! The file's own nodata value is nodata too. The offset never applies to the classification.

mod offset;
mod scale;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evidence::{self, BandFloor, PixelVerdict, Sample, Sampled};
use super::level::LevelDecision;
use super::names::{ProcessingBaseline, ProductLevel};
use minesegsat_core::{Band, Error, Result};
use minesegsat_io::{DataType, MissingValues, RasterInfo};
use offset::{Offset, weigh};
use scale::Fit;

/// Digital numbers per unit of reflectance, unless the product states otherwise.
const QUANTIFICATION: f64 = 10_000.0;
/// The correction for processing baseline 04.00, added to every digital number.
const OFFSET_DN: f64 = -1000.0;
/// A floating-point raster whose 99th percentile is at most this holds reflectance; clouds reach 1.5.
const MAX_REFLECTANCE: f32 = 3.0;
/// Reflectance of a pixel that is not missing. Overshoot of the atmospheric correction stays above, glints of the sun below.
const POSSIBLE_REFLECTANCE: (f64, f64) = (-0.2, 10.0);
/// The user's scale and offset. They override all metadata.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct RadiometryOverride {
    /// Added to every digital number before scaling: -1000 for products since baseline 04.00, else 0.
    pub offset_dn: Option<f64>,
    /// Reflectance per digital number: 0.0001 for Sentinel-2 products.
    pub scale: Option<f64>,
}

/// Scale, offset and nodata of one band.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BandRadiometry {
    /// Reflectance per digital number.
    pub scale: f64,
    /// Added to the digital number before scaling.
    pub offset_dn: f64,
    /// The file's own nodata value.
    pub nodata: Option<f64>,
    /// Whether 0 is nodata too: in integer rasters, and in floating-point rasters without a nodata value.
    pub zero_is_nodata: bool,
}

impl BandRadiometry {
    /// Products before baseline 04.00.
    pub const USUAL: Self = Self { scale: 1e-4, offset_dn: 0.0, nodata: None, zero_is_nodata: true };

    /// `(dn + offset_dn) * scale`, at least 0; NaN stays NaN. Does not check for nodata.
    #[inline]
    pub fn reflectance(&self, dn: f32) -> f32 {
        // In f64: 1e-4 and the sum are then exact to the last bit that f32 keeps.
        let value = ((f64::from(dn) + self.offset_dn) * self.scale) as f32;
        if value < 0.0 { 0.0 } else { value }
    }

    /// Whether a digital number marks a missing pixel.
    #[inline]
    pub fn is_nodata(&self, dn: f32) -> bool {
        dn.is_nan() || (self.zero_is_nodata && dn == 0.0) || self.nodata.is_some_and(|v| dn == v as f32)
    }
}

/// The evidence that decided the offset; see the table of the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OffsetRule {
    /// Given by the user.
    User,
    /// Product metadata of a SAFE.
    ProductMetadata,
    /// Scale and offset of STAC assets.
    AssetMetadata,
    /// Known behaviour of Earth Search's first collection.
    EarthSearch,
    /// Processing baseline of the item or in the product id.
    ProcessingBaseline,
    /// Scale and offset in the GeoTIFF.
    FileMetadata,
    /// Floating-point reflectance.
    FloatReflectance,
    /// The pixels.
    Pixels,
}

/// Confidence in scale and offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Stated by the producer or the user, or proven by the pixels, without evidence against it, and the values are
    /// reflectance of land, snow or water.
    High,
    /// Inferred, without evidence against it.
    Moderate,
    /// There is evidence against it: see the warnings.
    Low,
}

/// The offset decision and its evidence, for manifests and `scene info`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OffsetDecision {
    /// Whether an offset is removed from the digital numbers.
    pub removes_offset: bool,
    /// The deciding evidence.
    pub rule: OffsetRule,
    /// Confidence in the decision.
    pub confidence: Confidence,
    /// The statement of the metadata, in words.
    pub statement: String,
    /// The evidence of the pixels.
    pub pixels: PixelVerdict,
    /// The percentiles behind the pixel evidence.
    pub floors: Vec<BandFloor>,
}

/// Conversion to reflectance for every band of a scene, with the reasons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Radiometry {
    /// Scale and offset by band.
    pub bands: BTreeMap<Band, BandRadiometry>,
    /// The decision about the offset.
    pub decision: OffsetDecision,
    /// The decision about the scale.
    pub level: LevelDecision,
    /// Pixel values that are missing pixels although the files do not declare them, in digital numbers.
    pub undeclared_nodata: Vec<UndeclaredNodata>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// A value of missing pixels that the files do not declare.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct UndeclaredNodata {
    /// The value, in digital numbers.
    pub value: f64,
    /// Its share of the sampled pixels in percent; the largest of the sampled bands.
    pub percent: f64,
    /// Whether the user gave the value. Otherwise the pixels show it.
    pub is_given: bool,
}

impl Radiometry {
    /// The values of missing pixels of a band that its file does not declare: [`Radiometry::undeclared_nodata`], and values
    /// that no reflectance can have. `None` if pixels of this type have none.
    pub fn missing_values(&self, band: Band, data_type: DataType) -> Option<MissingValues> {
        let of = self.bands.get(&band)?;
        let dn = |reflectance: f64| reflectance / of.scale - of.offset_dn;
        let range = (dn(POSSIBLE_REFLECTANCE.0), dn(POSSIBLE_REFLECTANCE.1));
        let (low, high) = match data_type {
            DataType::U8 => (0.0, 255.0),
            DataType::U16 => (0.0, 65_535.0),
            DataType::I16 => (-32_768.0, 32_767.0),
            DataType::F32 => (f64::MIN, f64::MAX),
        };
        let values: Vec<f64> = self.undeclared_nodata.iter().map(|fill| fill.value).collect();
        (!values.is_empty() || range.0 > low || range.1 < high).then_some(MissingValues { values, range })
    }

    /// Reflectance of a digital number: `(dn + offset_dn) * scale`, at least 0; NaN stays NaN. For nodata see
    /// [`Radiometry::is_nodata`]. A band that is missing from the scene has scale 1e-4 and no offset.
    #[inline]
    pub fn reflectance(&self, band: Band, dn: f32) -> f32 {
        self.bands.get(&band).unwrap_or(&BandRadiometry::USUAL).reflectance(dn)
    }

    /// Whether a digital number marks a missing pixel.
    #[inline]
    pub fn is_nodata(&self, band: Band, dn: f32) -> bool {
        self.bands.get(&band).unwrap_or(&BandRadiometry::USUAL).is_nodata(dn)
    }
}

/// Reliability of a statement about the offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reliability {
    /// A statement about exactly these files. If the pixels disprove it, the files are inconsistent.
    Stated,
    /// Inferred from the baseline. Copies may have had the offset removed.
    Inferred,
    /// Known to be wrong in some products: the pixels take precedence.
    Unreliable,
    /// No statement.
    Silent,
}

/// Scale and offset according to a source's metadata.
#[derive(Debug, Clone)]
pub(crate) struct RadiometryClaim {
    pub(crate) rule: OffsetRule,
    pub(crate) reliability: Reliability,
    /// Reflectance per digital number, and offset in digital numbers, for bands with their own values.
    pub(crate) bands: BTreeMap<Band, (f64, f64)>,
    /// Offset of the bands that are not listed.
    pub(crate) offset_dn: Option<f64>,
    /// Scale of the bands that are not listed.
    pub(crate) scale: Option<f64>,
    pub(crate) statement: String,
}

impl RadiometryClaim {
    /// Metadata without scale and offset.
    pub(crate) fn silent() -> Self {
        Self {
            rule: OffsetRule::Pixels,
            reliability: Reliability::Silent,
            bands: BTreeMap::new(),
            offset_dn: None,
            scale: None,
            statement: "the metadata state neither a processing baseline nor an offset".to_owned(),
        }
    }

    /// Inferred from the processing baseline.
    pub(crate) fn baseline(baseline: ProcessingBaseline, place: &str) -> Self {
        let adds = baseline.adds_offset();
        Self {
            rule: OffsetRule::ProcessingBaseline,
            reliability: Reliability::Inferred,
            offset_dn: Some(if adds { OFFSET_DN } else { 0.0 }),
            statement: format!(
                "processing baseline {baseline} ({place}) {} 1000 to every digital number",
                if adds { "adds" } else { "does not add" }
            ),
            ..Self::silent()
        }
    }

    /// Earth Search's COGs of the first collection, from which the offset should have been removed.
    pub(crate) fn earth_search(baseline: Option<ProcessingBaseline>, applied: Option<bool>) -> Self {
        if let Some(baseline) = baseline
            && !baseline.adds_offset()
        {
            return Self::baseline(baseline, "of the item");
        }
        let baseline = baseline.map_or_else(|| "unknown".to_owned(), |b| b.to_string());
        let flag = applied.map_or_else(|| "is missing".to_owned(), |a| format!("is {a}"));
        Self {
            rule: OffsetRule::EarthSearch,
            reliability: Reliability::Unreliable,
            // Only `true` is reliable without the pixels: `false` is known to be wrong on many items.
            offset_dn: (applied == Some(true)).then_some(0.0),
            statement: format!(
                "Earth Search removes the offset from this collection; baseline {baseline}, boa_offset_applied {flag}"
            ),
            ..Self::silent()
        }
    }

    /// The user's scale of a band, or the stated one.
    fn scale_of(&self, band: Band, user: &RadiometryOverride) -> Option<f64> {
        user.scale.or(self.bands.get(&band).map(|b| b.0)).or(self.scale)
    }

    /// Whether the source is a known product, whose definition fixes the scale. Tags of a file may be left over from another.
    fn is_of_product(&self) -> bool {
        matches!(
            self.rule,
            OffsetRule::ProductMetadata
                | OffsetRule::AssetMetadata
                | OffsetRule::EarthSearch
                | OffsetRule::ProcessingBaseline
        )
    }

    fn offset(&self, band: Band) -> Option<f64> {
        self.bands.get(&band).map(|b| b.1).or(self.offset_dn)
    }

    /// Whether the claim states an offset in the digital numbers; `None` if it does not state any.
    fn removes_offset(&self) -> Option<bool> {
        if self.bands.is_empty() {
            self.offset_dn.map(|o| o != 0.0)
        } else {
            Some(self.bands.values().any(|b| b.1 != 0.0))
        }
    }
}

/// Scale and offset in the metadata of the bands' GeoTIFFs. Scale 1 and offset 0 are ignored: they are the defaults of
/// many writers.
fn file_claim(infos: &BTreeMap<Band, (RasterInfo, usize)>) -> Option<RadiometryClaim> {
    let bands: BTreeMap<Band, (f64, f64)> = infos
        .iter()
        .filter_map(|(&band, (info, index))| {
            let (scale, offset) = info.scale_offset.get(*index).copied().flatten()?;
            ((scale, offset) != (1.0, 0.0) && scale.is_finite() && scale > 0.0).then(|| (band, (scale, offset / scale)))
        })
        .collect();
    // A statement about only some of the bands does not cover the scene.
    (bands.len() == infos.len() && !bands.is_empty()).then(|| {
        let (scale, offset) = bands.values().next().copied().unwrap_or((1.0, 0.0));
        RadiometryClaim {
            rule: OffsetRule::FileMetadata,
            reliability: Reliability::Stated,
            statement: format!("the files state scale {scale} and offset {}", tidy(offset * scale)),
            bands,
            ..RadiometryClaim::silent()
        }
    })
}

/// Rounds away the error of a division: -0.09999999999999999 becomes -0.1.
fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// The inputs of the decision.
pub(crate) struct Inputs<'a> {
    /// The location as the user gave it, for messages.
    pub(crate) scene: &'a str,
    pub(crate) level: Option<ProductLevel>,
    pub(crate) claim: RadiometryClaim,
    pub(crate) user: Option<RadiometryOverride>,
    /// The user's values of missing pixels; `None`: the pixels show them.
    pub(crate) nodata: Option<&'a [f64]>,
    /// Raster metadata, and the band's index in its file.
    pub(crate) infos: BTreeMap<Band, (RasterInfo, usize)>,
    /// Candidate rasters for the sample.
    pub(crate) sampled: Vec<Sampled>,
}

/// Decides scale and offset of all bands. Reads a sample of the pixels.
pub(crate) fn decide(inputs: Inputs<'_>) -> Result<Radiometry> {
    let Inputs { scene, level, mut claim, user, nodata, infos, sampled } = inputs;
    let user = user.unwrap_or_default();
    let mut warnings = Vec::new();

    if let Some(file) = file_claim(&infos) {
        let (stated, claimed) = (file.removes_offset(), claim.removes_offset());
        if claim.reliability == Reliability::Silent
            || (claim.reliability == Reliability::Inferred && stated == Some(true))
        {
            if claim.reliability == Reliability::Inferred && stated != claimed {
                warnings.push(format!("{}, but {}: the files are trusted", claim.statement, file.statement));
            }
            claim = file;
        } else if claim.reliability == Reliability::Inferred && stated != claimed {
            warnings.push(format!("{}, but {}: the baseline is trusted", claim.statement, file.statement));
        }
    }

    let is_float = infos.values().all(|(info, _)| info.data_type == DataType::F32);
    if let Some((band, (info, _))) = infos.iter().find(|(_, (info, _))| info.data_type == DataType::U8)
        && user.scale.is_none()
    {
        return Err(Error::scene(
            scene,
            format!(
                "{band} ({}) has 8 bits, like a picture and unlike reflectance; if it is reflectance, give its scale",
                info.location
            ),
        )
        .avoided_by(minesegsat_core::Setting::Scale));
    }

    // Half the sample is enough to check a statement. Reading stops early only if the scale is known, and if the pixels are of
    // the type of the products: in copies of another type, any part of the scene may have values of missing pixels.
    let rounds = if matches!(claim.reliability, Reliability::Stated | Reliability::Inferred) { 2 } else { 4 };
    let is_usual_type = infos.values().all(|(info, _)| info.data_type == DataType::U16);
    let rasters = evidence::choose(sampled, level);
    let factor = |band: Band| claim.scale_of(band, &user).unwrap_or(1.0 / QUANTIFICATION) * QUANTIFICATION;
    let sample = Sample::read(&rasters, rounds, nodata, |sample| {
        is_usual_type && evidence::verdict(&sample.floors(factor), level) == PixelVerdict::Absent
    })?;
    let undeclared_nodata = undeclared_nodata(&sample, nodata, &mut warnings);

    let asks_offset = user.offset_dn.is_none() && claim.removes_offset().is_none();
    let asks_scale = is_float && infos.keys().any(|&band| claim.scale_of(band, &user).is_none());
    // A scene without data gives no evidence and needs none, because none of its pixels is assessed.
    let is_empty = (asks_offset || asks_scale)
        && !rasters.is_empty()
        && sample.is_empty()
        && !evidence::any_data(&rasters, &sample.missing)?;
    if is_empty && asks_offset {
        let statement = format!("{}, and no pixel has data", claim.statement);
        claim = RadiometryClaim { reliability: Reliability::Inferred, offset_dn: Some(0.0), statement, ..claim };
    }

    let raw = sample.floors(|_| 1.0);
    let mut default_scale = 1.0 / QUANTIFICATION;
    if asks_scale && !is_empty {
        let top = raw.iter().map(|f| f.p99).fold(f32::NAN, f32::max);
        if top <= MAX_REFLECTANCE {
            default_scale = 1.0;
            if claim.reliability != Reliability::Stated {
                claim = float_reflectance(top);
            }
        }
    }
    let fit = Fit { scene, raw: &raw, user: &user, default_scale, is_float, pixel_level: level };
    let (level_decision, most_confident) = fit.check(&mut claim, &mut default_scale, &mut warnings)?;

    let scale = |band: Band| claim.scale_of(band, &user).unwrap_or(default_scale);
    let floors = scaled(&raw, scale);
    let pixels = evidence::verdict(&floors, level);
    let (offset, rule, confidence) = weigh(scene, &claim, user.offset_dn, pixels, &floors, &mut warnings)?;
    let confidence = confidence.max(most_confident);

    let bands: BTreeMap<Band, BandRadiometry> = infos
        .iter()
        .map(|(&band, (info, _))| {
            let scale = scale(band);
            let offset_dn = match offset {
                Offset::AsClaimed => claim.offset(band).unwrap_or(0.0),
                Offset::User(offset_dn) => offset_dn,
                // The product's offset refers to its own digital numbers, independent of the file's scale.
                Offset::All(offset_dn) => offset_dn / (scale * QUANTIFICATION),
            };
            let zero_is_nodata = info.data_type != DataType::F32 || info.nodata.is_none();
            (band, BandRadiometry { scale, offset_dn: tidy(offset_dn), nodata: info.nodata, zero_is_nodata })
        })
        .collect();
    let removes_offset = bands.values().any(|b| b.offset_dn != 0.0);
    let decision = OffsetDecision { removes_offset, rule, confidence, statement: claim.statement, pixels, floors };
    Ok(Radiometry { bands, decision, level: level_decision, undeclared_nodata, warnings })
}

/// The values of missing pixels that the files do not declare, with a warning for each that the user did not give.
fn undeclared_nodata(sample: &Sample, given: Option<&[f64]>, warnings: &mut Vec<String>) -> Vec<UndeclaredNodata> {
    let is_given = given.is_some();
    let fill = |&value: &f32| UndeclaredNodata {
        value: f64::from(value),
        percent: (sample.percent(value) * 100.0).round() / 100.0,
        is_given,
    };
    let found: Vec<UndeclaredNodata> = sample.missing.iter().map(fill).collect();
    for UndeclaredNodata { value, percent, .. } in found.iter().filter(|_| !is_given) {
        warnings.push(format!(
            "{percent:.1} % of the sampled pixels have the value {value} in every band, apart from all others: it is taken for \
             nodata, which the files do not declare. If it is a measurement, give `none` as the nodata value"
        ));
    }
    if let Some((value, percent)) = sample.impossible() {
        warnings.push(format!(
            "{percent:.1} % of the sampled pixels have values that no reflectance can have, such as {value}: they are taken for \
             nodata, which the files do not declare"
        ));
    }
    found
}

/// Floors on the scale of 10,000 per unit of reflectance.
fn scaled(raw: &[BandFloor], scale: impl Fn(Band) -> f64) -> Vec<BandFloor> {
    raw.iter().map(|floor| floor.times((scale(floor.band) * QUANTIFICATION) as f32)).collect()
}

/// Floating-point values that are reflectance already.
fn float_reflectance(top: f32) -> RadiometryClaim {
    RadiometryClaim {
        rule: OffsetRule::FloatReflectance,
        reliability: Reliability::Stated,
        offset_dn: Some(0.0),
        statement: format!("floating-point values up to {top:.2} are already reflectance"),
        ..RadiometryClaim::silent()
    }
}

#[cfg(test)]
mod tests;
