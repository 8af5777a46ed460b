//! From digital numbers to reflectance: `reflectance = (dn + offset_dn) * scale`, per band.
//!
//! Processing baseline 04.00 (products made from 25 January 2022, and all of Collection 1, 05.xx, of older dates too) adds
//! 1000 to every digital number, so that dark surfaces may have negative reflectance. Copies of the products on other
//! servers keep it, remove it, or say the wrong thing. The date of the scene therefore decides nothing; what decides is:
//!
//! | source | what is believed | if the pixels prove the opposite |
//! |---|---|---|
//! | `--offset`, `--scale` | the user | a warning |
//! | SAFE product | `RADIO_ADD_OFFSET`, `BOA_ADD_OFFSET`, quantification of `MTD_MSIL1C.xml`, `MTD_MSIL2A.xml` | refused, asks for `--offset` |
//! | STAC asset with scale and offset (Earth Search `sentinel-2-c1-l2a`) | the asset's `raster:bands` or `bands` | refused, asks for `--offset` |
//! | Earth Search `sentinel-2-l2a`, `sentinel-s2-l2a-cogs` | before 04.00: no offset. Later: the pixels, then `boa_offset_applied: true`; its `false` and the asset's offset are not believed | the pixels win, a warning |
//! | STAC item without them (Planetary Computer) | the item's processing baseline | the pixels win, a warning |
//! | GeoTIFF with an offset in its metadata | that | refused, asks for `--offset` |
//! | folder or GeoTIFF with a product id in its name | the baseline in the id (`N0400`) | the pixels win, a warning |
//! | GeoTIFF with a scale only | offset 0 | as stated |
//! | floating-point raster with values up to about 1 | reflectance already | as stated |
//! | anything else | the pixels; refused, asks for `--offset`, if they do not tell | |
//!
//! "Prove" means dark pixels that would have clearly negative reflectance ([`PixelVerdict::Absent`]). Pixels that only
//! suggest an offset ([`PixelVerdict::Present`]) never overrule a statement that there is none: a warning is recorded.
//!
//! Reflectance below 0 is set to 0: the producer did the same before baseline 04.00, and maps of two dates must not
//! differ by that. Values above 1 (sun-facing slopes, clouds) are kept. A digital number of 0 is nodata in integer
//! rasters, whatever the offset, and so is the file's own nodata value. The offset never applies to the classification.

use std::collections::BTreeMap;

use serde::Serialize;

use super::evidence::{self, BandFloor, PixelVerdict, Sample, Sampled};
use super::names::{ProcessingBaseline, ProductLevel};
use crate::{Band, DataType, Error, RasterInfo, Result};

/// Digital numbers per unit of reflectance, unless the product states otherwise.
const QUANTIFICATION: f64 = 10_000.0;
/// The offset that processing baseline 04.00 brought, in digital numbers: to be added.
const OFFSET_DN: f64 = -1000.0;
/// A floating-point raster whose 99th percentile is at most this holds reflectance; clouds reach 1.5.
const MAX_REFLECTANCE: f32 = 3.0;
/// A floating-point raster whose 99th percentile is at least this holds digital numbers.
const MIN_DIGITAL_NUMBER: f32 = 100.0;

/// Scale and offset given by the user; they win over everything.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RadiometryOverride {
    /// Added to every digital number before scaling: -1000 for products since baseline 04.00, else 0.
    pub offset_dn: Option<f64>,
    /// Reflectance per digital number: 0.0001 for Sentinel-2 products.
    pub scale: Option<f64>,
}

/// How one band becomes reflectance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BandRadiometry {
    /// Reflectance per digital number.
    pub scale: f64,
    /// Added to the digital number before scaling.
    pub offset_dn: f64,
    /// The file's own nodata value.
    pub nodata: Option<f64>,
    /// Whether 0 is nodata too: in integer rasters, and in floating-point ones that state no nodata value.
    pub zero_is_nodata: bool,
}

impl BandRadiometry {
    /// Products before baseline 04.00.
    const USUAL: Self = Self { scale: 1e-4, offset_dn: 0.0, nodata: None, zero_is_nodata: true };

    /// `(dn + offset_dn) * scale`, at least 0; NaN stays NaN. Nodata is not looked at.
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

/// What the offset was decided by; the [module](self) has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OffsetRule {
    /// Given by the user.
    User,
    /// Product metadata of a SAFE.
    ProductMetadata,
    /// Scale and offset of STAC assets.
    AssetMetadata,
    /// What is known of Earth Search's first collection.
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

/// How sure the offset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Stated by the producer or the user, or proven by the pixels, and nothing speaks against it.
    High,
    /// Inferred, and nothing speaks against it.
    Moderate,
    /// Something speaks against it: see the warnings.
    Low,
}

/// Why the offset is what it is: goes into manifests and `scene info`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OffsetDecision {
    /// Whether an offset is taken out of the digital numbers.
    pub removes_offset: bool,
    /// What decided.
    pub rule: OffsetRule,
    /// How sure it is.
    pub confidence: Confidence,
    /// What the metadata says, in words.
    pub statement: String,
    /// What the pixels say.
    pub pixels: PixelVerdict,
    /// The percentiles that they say it by.
    pub floors: Vec<BandFloor>,
}

/// How every band of a scene becomes reflectance, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Radiometry {
    /// Per band.
    pub bands: BTreeMap<Band, BandRadiometry>,
    /// How the offset was decided.
    pub decision: OffsetDecision,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Radiometry {
    /// Reflectance of a digital number: `(dn + offset_dn) * scale`, at least 0; NaN stays NaN. Nodata is not looked at:
    /// see [`Radiometry::is_nodata`]. A band that the scene has not is taken as scaled by 1e-4 without offset.
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

/// How far a statement about the offset is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A statement about these very files: if the pixels disprove it, something is wrong with the files.
    Stated,
    /// Concluded from the baseline: copies may have had the offset removed.
    Inferred,
    /// Known to be wrong at times: the pixels go first.
    Unreliable,
    /// There is none.
    Silent,
}

/// What the metadata of a source says about its numbers.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) rule: OffsetRule,
    pub(crate) trust: Trust,
    /// Reflectance per digital number, and offset in digital numbers, where stated per band.
    pub(crate) bands: BTreeMap<Band, (f64, f64)>,
    /// Offset of the bands that are not listed.
    pub(crate) offset_dn: Option<f64>,
    /// Scale of the bands that are not listed.
    pub(crate) scale: Option<f64>,
    pub(crate) statement: String,
}

impl Claim {
    /// Nothing is said.
    pub(crate) fn silent() -> Self {
        Self {
            rule: OffsetRule::Pixels,
            trust: Trust::Silent,
            bands: BTreeMap::new(),
            offset_dn: None,
            scale: None,
            statement: "nothing states the processing baseline or an offset".to_owned(),
        }
    }

    /// Concluded from the processing baseline.
    pub(crate) fn baseline(baseline: ProcessingBaseline, place: &str) -> Self {
        let adds = baseline.adds_offset();
        Self {
            rule: OffsetRule::ProcessingBaseline,
            trust: Trust::Inferred,
            offset_dn: Some(if adds { OFFSET_DN } else { 0.0 }),
            statement: format!(
                "processing baseline {baseline} ({place}) {} 1000 to every digital number",
                if adds { "adds" } else { "does not add" }
            ),
            ..Self::silent()
        }
    }

    /// Earth Search's COGs of the first collection: the offset is meant to be removed from them.
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
            trust: Trust::Unreliable,
            // Only `true` can be believed without the pixels: `false` is known to be wrong on many items.
            offset_dn: (applied == Some(true)).then_some(0.0),
            statement: format!(
                "Earth Search removes the offset from this collection; baseline {baseline}, boa_offset_applied {flag}"
            ),
            ..Self::silent()
        }
    }

    fn offset(&self, band: Band) -> Option<f64> {
        self.bands.get(&band).map(|b| b.1).or(self.offset_dn)
    }

    /// Whether the claim says that an offset is in the numbers.
    fn removes_offset(&self) -> Option<bool> {
        if self.bands.is_empty() {
            self.offset_dn.map(|o| o != 0.0)
        } else {
            Some(self.bands.values().any(|b| b.1 != 0.0))
        }
    }
}

/// Scale and offset that the GeoTIFFs of the bands state, as a claim. Scale 1 and offset 0 are what writers put in when
/// nobody said anything.
fn file_claim(infos: &BTreeMap<Band, (RasterInfo, usize)>) -> Option<Claim> {
    let bands: BTreeMap<Band, (f64, f64)> = infos
        .iter()
        .filter_map(|(&band, (info, index))| {
            let (scale, offset) = info.scale_offset.get(*index).copied().flatten()?;
            ((scale, offset) != (1.0, 0.0) && scale.is_finite() && scale > 0.0).then(|| (band, (scale, offset / scale)))
        })
        .collect();
    // A statement about some bands only is none about the scene.
    (bands.len() == infos.len() && !bands.is_empty()).then(|| {
        let (scale, offset) = bands.values().next().copied().unwrap_or((1.0, 0.0));
        Claim {
            rule: OffsetRule::FileMetadata,
            trust: Trust::Stated,
            statement: format!("the files state scale {scale} and offset {}", tidy(offset * scale)),
            bands,
            ..Claim::silent()
        }
    })
}

/// Rounds away what division left: -0.09999999999999999 is -0.1.
fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Everything that the decision is made from.
pub(crate) struct Inputs<'a> {
    /// The location as the user gave it, for messages.
    pub(crate) scene: &'a str,
    pub(crate) level: Option<ProductLevel>,
    pub(crate) claim: Claim,
    pub(crate) user: Option<RadiometryOverride>,
    /// What the files say, and the band's index in its file.
    pub(crate) infos: BTreeMap<Band, (RasterInfo, usize)>,
    /// Rasters to sample, all that are worth it.
    pub(crate) sampled: Vec<Sampled>,
}

/// Decides how the bands become reflectance. Reads a sample of the pixels.
pub(crate) fn decide(inputs: Inputs<'_>) -> Result<Radiometry> {
    let Inputs { scene, level, mut claim, user, infos, sampled } = inputs;
    let user = user.unwrap_or_default();
    let mut warnings = Vec::new();

    if let Some(file) = file_claim(&infos) {
        let (stated, claimed) = (file.removes_offset(), claim.removes_offset());
        if claim.trust == Trust::Silent || (claim.trust == Trust::Inferred && stated == Some(true)) {
            if claim.trust == Trust::Inferred && stated != claimed {
                warnings.push(format!("{}, but {}: the files are believed", claim.statement, file.statement));
            }
            claim = file;
        } else if claim.trust == Trust::Inferred && stated != claimed {
            warnings.push(format!("{}, but {}: the baseline is believed", claim.statement, file.statement));
        }
    }

    let scale_of = |band: Band| user.scale.or(claim.bands.get(&band).map(|b| b.0)).or(claim.scale);
    let is_float = infos.values().all(|(info, _)| info.data_type == DataType::F32);
    if let Some((band, (info, _))) = infos.iter().find(|(_, (info, _))| info.data_type == DataType::U8)
        && user.scale.is_none()
    {
        return Err(Error::scene(
            scene,
            format!(
                "{band} ({}) has 8 bits: a picture, not reflectance; if it is reflectance, give its --scale",
                info.location
            ),
        ));
    }

    // A statement is only checked, so half the sample will do. It stops early only where no scale has to be found first.
    let rounds = if matches!(claim.trust, Trust::Stated | Trust::Inferred) { 2 } else { 4 };
    let rasters = evidence::choose(sampled, level);
    let factor = |band: Band| scale_of(band).unwrap_or(1.0 / QUANTIFICATION) * QUANTIFICATION;
    let sample = Sample::read(&rasters, rounds, |sample| {
        let needs_scale = is_float && scale_of(Band::B04).is_none();
        !needs_scale && evidence::verdict(&sample.floors(factor), level) == PixelVerdict::Absent
    })?;

    let asks_offset = user.offset_dn.is_none() && claim.removes_offset().is_none();
    let asks_scale = is_float && infos.keys().any(|&band| scale_of(band).is_none());
    // A scene without any data cannot answer, and need not: nothing of it is assessed.
    let is_empty = (asks_offset || asks_scale)
        && !rasters.is_empty()
        && sample.values.iter().all(|(_, values)| values.is_empty())
        && !evidence::any_data(&rasters)?;
    if is_empty && asks_offset {
        let statement = format!("{}, and no pixel has data", claim.statement);
        claim = Claim { trust: Trust::Inferred, offset_dn: Some(0.0), statement, ..claim };
    }

    let mut default_scale = 1.0 / QUANTIFICATION;
    if asks_scale && !is_empty {
        let top = sample.floors(|_| 1.0).iter().map(|f| f.p99).fold(f32::NAN, f32::max);
        if top <= MAX_REFLECTANCE {
            default_scale = 1.0;
            if claim.trust != Trust::Stated {
                claim = Claim {
                    rule: OffsetRule::FloatReflectance,
                    trust: Trust::Stated,
                    offset_dn: Some(0.0),
                    statement: format!("floating-point values up to {top:.2} are reflectance already"),
                    ..Claim::silent()
                };
            }
        } else if top.is_nan() || top < MIN_DIGITAL_NUMBER {
            return Err(Error::scene(
                scene,
                format!(
                    "its floating-point values (99th percentile {top}) are neither reflectance (up to {MAX_REFLECTANCE}) \
                     nor digital numbers ({MIN_DIGITAL_NUMBER} and more); give --scale, and --offset if there is one"
                ),
            ));
        }
    }

    let scale =
        |band: Band| user.scale.or(claim.bands.get(&band).map(|b| b.0)).or(claim.scale).unwrap_or(default_scale);
    let floors = sample.floors(|band| scale(band) * QUANTIFICATION);
    let pixels = evidence::verdict(&floors, level);
    let (offset, rule, confidence) = weigh(scene, &claim, user.offset_dn, pixels, &floors, &mut warnings)?;

    let bands: BTreeMap<Band, BandRadiometry> = infos
        .iter()
        .map(|(&band, (info, _))| {
            let scale = scale(band);
            let offset_dn = match offset {
                Offset::AsClaimed => claim.offset(band).unwrap_or(0.0),
                Offset::User(offset_dn) => offset_dn,
                // The offset of the product is in its own digital numbers, whatever the file's scale is.
                Offset::All(offset_dn) => offset_dn / (scale * QUANTIFICATION),
            };
            let zero_is_nodata = info.data_type != DataType::F32 || info.nodata.is_none();
            (band, BandRadiometry { scale, offset_dn: tidy(offset_dn), nodata: info.nodata, zero_is_nodata })
        })
        .collect();
    let removes_offset = bands.values().any(|b| b.offset_dn != 0.0);
    let decision = OffsetDecision { removes_offset, rule, confidence, statement: claim.statement, pixels, floors };
    Ok(Radiometry { bands, decision, warnings })
}

/// The offset that was decided.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Offset {
    /// What the metadata says, per band.
    AsClaimed,
    /// What the user gave, for all bands.
    User(f64),
    /// The same for all bands, on the scale of 10,000.
    All(f64),
}

/// Weighs the statement against the pixels: the table of the [module](self).
fn weigh(
    scene: &str,
    claim: &Claim,
    user: Option<f64>,
    pixels: PixelVerdict,
    floors: &[BandFloor],
    warnings: &mut Vec<String>,
) -> Result<(Offset, OffsetRule, Confidence)> {
    const ASK: &str = "give --offset 0 if there is no offset in the numbers (baseline before 04.00, or already removed, \
                       as Earth Search sentinel-2-l2a and Earth Engine's harmonised collections do), or --offset -1000";
    let seen = describe(floors);
    let disproved = |removes: bool| removes && pixels == PixelVerdict::Absent;
    let suspected = |removes: bool| !removes && pixels == PixelVerdict::Present;

    if let Some(offset) = user {
        let doubted = disproved(offset < 0.0) || suspected(offset < 0.0);
        if doubted {
            warnings.push(format!("--offset {offset} is used, but the pixels speak against it: {seen}"));
        }
        let confidence = if doubted { Confidence::Low } else { Confidence::High };
        return Ok((Offset::User(offset), OffsetRule::User, confidence));
    }
    let removes = claim.removes_offset();
    match (claim.trust, removes) {
        (Trust::Stated | Trust::Inferred, Some(removes)) if suspected(removes) => {
            warnings.push(format!(
                "{}, but the pixels look as if 1000 had been added: {seen}. If so, give --offset -1000",
                claim.statement
            ));
            Ok((Offset::AsClaimed, claim.rule, Confidence::Low))
        }
        (Trust::Stated, Some(removes)) if disproved(removes) => Err(Error::scene(
            scene,
            format!("{}, but that would make many pixels clearly negative: {seen}; {ASK}", claim.statement),
        )),
        (Trust::Inferred, Some(removes)) if disproved(removes) => {
            warnings.push(format!(
                "{}, but it is not in these files: {seen}. They are taken as having had it removed",
                claim.statement
            ));
            Ok((Offset::All(0.0), OffsetRule::Pixels, Confidence::Moderate))
        }
        (Trust::Stated, Some(_)) => Ok((Offset::AsClaimed, claim.rule, Confidence::High)),
        (Trust::Inferred, Some(_)) => {
            let confirmed = pixels != PixelVerdict::Unclear;
            let confidence = if confirmed { Confidence::High } else { Confidence::Moderate };
            Ok((Offset::AsClaimed, claim.rule, confidence))
        }
        (Trust::Unreliable | Trust::Silent, removes) | (_, removes @ None) => match pixels {
            PixelVerdict::Absent => Ok((Offset::All(0.0), OffsetRule::Pixels, Confidence::High)),
            PixelVerdict::Present if removes == Some(false) => {
                warnings.push(format!(
                    "{}, but the pixels look as if 1000 were still in them: {seen}. If so, give --offset -1000",
                    claim.statement
                ));
                Ok((Offset::AsClaimed, claim.rule, Confidence::Low))
            }
            PixelVerdict::Present => {
                warnings.push(format!(
                    "{}; the pixels look as if 1000 had been added, which is taken out: {seen}",
                    claim.statement
                ));
                Ok((Offset::All(OFFSET_DN), OffsetRule::Pixels, Confidence::Moderate))
            }
            PixelVerdict::Unclear if removes == Some(false) => {
                Ok((Offset::AsClaimed, claim.rule, Confidence::Moderate))
            }
            PixelVerdict::Unclear => Err(Error::scene(
                scene,
                format!(
                    "cannot tell whether its digital numbers carry the offset of 1000: {}, and the pixels do not tell \
                     ({seen}); {ASK}",
                    claim.statement
                ),
            )),
        },
    }
}

/// The floors in words, on the scale of 10,000.
fn describe(floors: &[BandFloor]) -> String {
    if floors.is_empty() {
        return "no valid pixel was found in the sample".to_owned();
    }
    let list: Vec<String> =
        floors.iter().map(|f| format!("{} 1 % below {:.0}, 5 % below {:.0}", f.band, f.p1, f.p5)).collect();
    let pixels = floors.iter().map(|f| f.pixels).max().unwrap_or(0);
    format!("darkest of {pixels} pixels: {}", list.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(offset: f64) -> Claim {
        Claim { rule: OffsetRule::ProductMetadata, trust: Trust::Stated, offset_dn: Some(offset), ..Claim::silent() }
    }

    fn inferred(baseline: &str) -> Claim {
        Claim::baseline(ProcessingBaseline::parse(baseline).unwrap(), "test")
    }

    fn earth_search(baseline: &str, applied: Option<bool>) -> Claim {
        Claim::earth_search(ProcessingBaseline::parse(baseline), applied)
    }

    #[test]
    fn statements_and_pixels_are_weighed_as_the_table_says() {
        use Confidence::{High, Low, Moderate};
        use Offset::{All, AsClaimed, User};
        use PixelVerdict::{Absent, Present, Unclear};
        // Name, statement, --offset, pixels; offset, confidence and number of warnings, or `None` for a refusal.
        type Case = (&'static str, Claim, Option<f64>, PixelVerdict, Option<(Offset, Confidence, usize)>);
        let cases: Vec<Case> = vec![
            ("user", stated(0.0), Some(-1000.0), Unclear, Some((User(-1000.0), High, 0))),
            ("user, disproved", stated(0.0), Some(-1000.0), Absent, Some((User(-1000.0), Low, 1))),
            ("SAFE, agreed", stated(-1000.0), None, Present, Some((AsClaimed, High, 0))),
            ("SAFE, bright", stated(-1000.0), None, Unclear, Some((AsClaimed, High, 0))),
            ("SAFE, disproved", stated(-1000.0), None, Absent, None),
            ("old SAFE", stated(0.0), None, Absent, Some((AsClaimed, High, 0))),
            ("old SAFE, suspected", stated(0.0), None, Present, Some((AsClaimed, Low, 1))),
            ("N0510, agreed", inferred("05.10"), None, Present, Some((AsClaimed, High, 0))),
            ("N0510, bright", inferred("05.10"), None, Unclear, Some((AsClaimed, Moderate, 0))),
            ("N0510, harmonised copy", inferred("05.10"), None, Absent, Some((All(0.0), Moderate, 1))),
            ("N0214, suspected", inferred("02.14"), None, Present, Some((AsClaimed, Low, 1))),
            ("Earth Search, old", earth_search("02.14", None), None, Unclear, Some((AsClaimed, Moderate, 0))),
            ("flag true", earth_search("04.00", Some(true)), None, Absent, Some((All(0.0), High, 0))),
            ("flag true, bright", earth_search("04.00", Some(true)), None, Unclear, Some((AsClaimed, Moderate, 0))),
            ("flag true, suspected", earth_search("04.00", Some(true)), None, Present, Some((AsClaimed, Low, 1))),
            ("flag false but removed", earth_search("05.11", Some(false)), None, Absent, Some((All(0.0), High, 0))),
            (
                "flag false, still in",
                earth_search("04.00", Some(false)),
                None,
                Present,
                Some((All(-1000.0), Moderate, 1)),
            ),
            ("flag false, bright", earth_search("04.00", Some(false)), None, Unclear, None),
            ("silent, dark", Claim::silent(), None, Absent, Some((All(0.0), High, 0))),
            ("silent, floor at 1000", Claim::silent(), None, Present, Some((All(-1000.0), Moderate, 1))),
            ("silent, bright", Claim::silent(), None, Unclear, None),
        ];
        for (name, claim, user, pixels, expected) in cases {
            let mut warnings = Vec::new();
            let got = weigh("scene", &claim, user, pixels, &[], &mut warnings);
            match (got, expected) {
                (Ok((offset, _, confidence)), Some(expected)) => {
                    assert_eq!((offset, confidence, warnings.len()), expected, "{name}: {warnings:?}");
                }
                (Err(error), None) => assert!(error.to_string().contains("--offset"), "{name}: {error}"),
                (got, expected) => panic!("{name}: got {got:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn reflectance_is_shifted_scaled_and_not_negative() {
        let band = BandRadiometry { scale: 1e-4, offset_dn: -1000.0, nodata: Some(65535.0), zero_is_nodata: true };
        let decision = OffsetDecision {
            removes_offset: true,
            rule: OffsetRule::User,
            confidence: Confidence::High,
            statement: String::new(),
            pixels: PixelVerdict::Unclear,
            floors: Vec::new(),
        };
        let radiometry = Radiometry { bands: BTreeMap::from([(Band::B04, band)]), decision, warnings: Vec::new() };
        assert_eq!(radiometry.reflectance(Band::B04, 3000.0), 0.2);
        assert_eq!(radiometry.reflectance(Band::B04, 900.0), 0.0);
        assert_eq!(radiometry.reflectance(Band::B04, 16_000.0), 1.5);
        assert!(radiometry.reflectance(Band::B04, f32::NAN).is_nan());
        assert!([0.0, 65535.0, f32::NAN].iter().all(|&dn| radiometry.is_nodata(Band::B04, dn)));
        assert!(!radiometry.is_nodata(Band::B04, 1.0));
    }
}
