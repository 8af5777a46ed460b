use super::*;
use crate::level::{LevelVerdict, ScaleRule};

fn stated(offset: f64) -> RadiometryClaim {
    RadiometryClaim {
        rule: OffsetRule::ProductMetadata,
        reliability: Reliability::Stated,
        offset_dn: Some(offset),
        ..RadiometryClaim::silent()
    }
}

fn inferred(baseline: &str) -> RadiometryClaim {
    RadiometryClaim::baseline(ProcessingBaseline::parse(baseline).unwrap(), "test")
}

fn earth_search(baseline: &str, applied: Option<bool>) -> RadiometryClaim {
    RadiometryClaim::earth_search(ProcessingBaseline::parse(baseline), applied)
}

#[test]
fn statements_and_pixels_are_weighed_as_the_table_says() {
    use Confidence::{High, Low, Moderate};
    use Offset::{All, AsClaimed, User};
    use PixelVerdict::{Absent, Present, Unclear};
    // Name, statement, --offset, pixels; offset, confidence and number of warnings, or `None` for a refusal.
    type Case = (&'static str, RadiometryClaim, Option<f64>, PixelVerdict, Option<(Offset, Confidence, usize)>);
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
        ("flag false, still in", earth_search("04.00", Some(false)), None, Present, Some((All(-1000.0), Moderate, 1))),
        ("flag false, bright", earth_search("04.00", Some(false)), None, Unclear, None),
        ("silent, dark", RadiometryClaim::silent(), None, Absent, Some((All(0.0), High, 0))),
        ("silent, floor at 1000", RadiometryClaim::silent(), None, Present, Some((All(-1000.0), Moderate, 1))),
        ("silent, bright", RadiometryClaim::silent(), None, Unclear, None),
    ];
    for (name, claim, user, pixels, expected) in cases {
        let mut warnings = Vec::new();
        let got = weigh("scene", &claim, user, pixels, &[], &mut warnings);
        match (got, expected) {
            (Ok((offset, _, confidence)), Some(expected)) => {
                assert_eq!((offset, confidence, warnings.len()), expected, "{name}: {warnings:?}");
            }
            (Err(error), None) => {
                assert_eq!(error.setting(), Some(minesegsat_core::Setting::Offset), "{name}: {error}");
            }
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
    let level = LevelDecision { scale: ScaleRule::User, verdict: LevelVerdict::Unknown, brightest: None };
    let bands = BTreeMap::from([(Band::B04, band)]);
    let radiometry = Radiometry { bands, decision, level, undeclared_nodata: Vec::new(), warnings: Vec::new() };
    assert_eq!(radiometry.reflectance(Band::B04, 3000.0), 0.2);
    assert_eq!(radiometry.reflectance(Band::B04, 900.0), 0.0);
    assert_eq!(radiometry.reflectance(Band::B04, 16_000.0), 1.5);
    assert!(radiometry.reflectance(Band::B04, f32::NAN).is_nan());
    assert!([0.0, 65535.0, f32::NAN].iter().all(|&dn| radiometry.is_nodata(Band::B04, dn)));
    assert!(!radiometry.is_nodata(Band::B04, 1.0));
}
