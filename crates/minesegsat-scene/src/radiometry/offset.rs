//! Whether the offset is in the digital numbers: [`weigh`].

use super::super::evidence::{BandFloor, PixelVerdict};
use super::{Confidence, OFFSET_DN, OffsetRule, RadiometryClaim, Reliability};
use minesegsat_core::{Error, Result};

/// The offset that was decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Offset {
    /// The stated offsets, per band.
    AsClaimed,
    /// The user's offset, for all bands.
    User(f64),
    /// One offset for all bands, on the scale of 10,000.
    All(f64),
}

/// Weighs the statement against the pixels: the table of the [module](super).
pub(super) fn weigh(
    scene: &str,
    claim: &RadiometryClaim,
    user: Option<f64>,
    pixels: PixelVerdict,
    floors: &[BandFloor],
    warnings: &mut Vec<String>,
) -> Result<(Offset, OffsetRule, Confidence)> {
    const ASK: &str = "give an offset of 0 if the numbers contain none (baseline before 04.00, or already removed, \
                       as Earth Search sentinel-2-l2a and Earth Engine's harmonised collections do), or of -1000";
    let seen = describe(floors);
    let disproved = |removes: bool| removes && pixels == PixelVerdict::Absent;
    let suspected = |removes: bool| !removes && pixels == PixelVerdict::Present;

    if let Some(offset) = user {
        let doubted = disproved(offset < 0.0) || suspected(offset < 0.0);
        if doubted {
            warnings.push(format!("the offset {offset} is used, but the pixels contradict it: {seen}"));
        }
        let confidence = if doubted { Confidence::Low } else { Confidence::High };
        return Ok((Offset::User(offset), OffsetRule::User, confidence));
    }
    let removes = claim.removes_offset();
    match (claim.reliability, removes) {
        (Reliability::Stated | Reliability::Inferred, Some(removes)) if suspected(removes) => {
            warnings.push(format!(
                "{}, but the pixels look as if 1000 had been added: {seen}. If so, give an offset of -1000",
                claim.statement
            ));
            Ok((Offset::AsClaimed, claim.rule, Confidence::Low))
        }
        (Reliability::Stated, Some(removes)) if disproved(removes) => Err(Error::scene(
            scene,
            format!("{}, but that would make many pixels clearly negative: {seen}; {ASK}", claim.statement),
        )
        .avoided_by(minesegsat_core::Setting::Offset)),
        (Reliability::Inferred, Some(removes)) if disproved(removes) => {
            warnings.push(format!(
                "{}, but the offset is not in these files: {seen}. It is assumed to be removed already",
                claim.statement
            ));
            Ok((Offset::All(0.0), OffsetRule::Pixels, Confidence::Moderate))
        }
        (Reliability::Stated, Some(_)) => Ok((Offset::AsClaimed, claim.rule, Confidence::High)),
        (Reliability::Inferred, Some(_)) => {
            let confirmed = pixels != PixelVerdict::Unclear;
            let confidence = if confirmed { Confidence::High } else { Confidence::Moderate };
            Ok((Offset::AsClaimed, claim.rule, confidence))
        }
        (Reliability::Unreliable | Reliability::Silent, removes) | (_, removes @ None) => match pixels {
            PixelVerdict::Absent => Ok((Offset::All(0.0), OffsetRule::Pixels, Confidence::High)),
            PixelVerdict::Present if removes == Some(false) => {
                warnings.push(format!(
                    "{}, but the pixels look as if 1000 were still in them: {seen}. If so, give an offset of -1000",
                    claim.statement
                ));
                Ok((Offset::AsClaimed, claim.rule, Confidence::Low))
            }
            PixelVerdict::Present => {
                warnings.push(format!(
                    "{}; the pixels look as if 1000 had been added, so it is subtracted: {seen}",
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
                    "cannot tell whether its digital numbers contain the offset of 1000: {}, and the pixels are unclear \
                     ({seen}); {ASK}",
                    claim.statement
                ),
            )
            .avoided_by(minesegsat_core::Setting::Offset)),
        },
    }
}

/// Describes the floors for messages, on the scale of 10,000.
pub(super) fn describe(floors: &[BandFloor]) -> String {
    if floors.is_empty() {
        return "no valid pixel was found in the sample".to_owned();
    }
    let list: Vec<String> =
        floors.iter().map(|f| format!("{} 1 % below {:.0}, 5 % below {:.0}", f.band, f.p1, f.p5)).collect();
    let pixels = floors.iter().map(|f| f.pixels).max().unwrap_or(0);
    format!("darkest of {pixels} pixels: {}", list.join("; "))
}
