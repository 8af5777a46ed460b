//! Products of other sensors, known by the names of their files and bands. Their bands have the same numbers and other
//! wavelengths, so that reading them as Sentinel-2 would give wrong maps.

use minesegsat_core::{Error, Result};

/// Returns an error if a file or band is named like those of another sensor.
pub(crate) fn refuse_other_sensors<'a>(scene: &str, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    for name in names {
        if let Some(sensor) = other_sensor(name) {
            return Err(Error::scene(
                scene,
                format!("`{name}` is named like {sensor}; accepted are bands of Sentinel-2, whose wavelengths differ"),
            ));
        }
    }
    Ok(())
}

/// The sensor of a file or band that is not from Sentinel-2. Names by
/// - USGS, Landsat Collection 2: `LC08_L2SP_045022_20210710_02_T1_SR_B4.TIF`; before 2017 `LC80450222021191LGN00`;
/// - NASA: `HLS.L30.T10UFV.2021191T190000.v2.0.B04.tif`, `MOD09GA.A2021191.h10v03.061.hdf`, `VNP09GA...`, `AST_L1T_...`;
/// - Planet: `20210710_184512_1032_3B_AnalyticMS_SR.tif`;
/// - Copernicus: `S1A_IW_GRDH_...`, `S3A_OL_1_EFR...`.
pub(crate) fn other_sensor(name: &str) -> Option<&'static str> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_uppercase();
    let digits = |from: usize, count: usize| {
        file.as_bytes().get(from..from + count).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| file.starts_with(prefix));
    let landsat = file.starts_with('L') && file.get(1..2).is_some_and(|letter| "CETOM".contains(letter));
    if (landsat && digits(2, 2) && file.get(4..5) == Some("_")) || (landsat && digits(2, 14)) {
        return Some("Landsat");
    }
    // Bands of Landsat Collection 2, level 2: surface reflectance and surface temperature.
    let is_band = |(at, _): (usize, &str)| {
        let before = file[..at].chars().next_back();
        before.is_none_or(|c| !c.is_ascii_alphanumeric()) && digits(at + 4, 1)
    };
    if file.match_indices("SR_B").chain(file.match_indices("ST_B")).any(is_band) {
        return Some("Landsat");
    }
    if starts(&["HLS.L30", "HLSL30", "HLS_L30"]) {
        return Some("HLS L30, which is Landsat");
    }
    if starts(&["MOD", "MYD", "MCD"]) && digits(3, 2) || file.contains("SUR_REFL_B") {
        return Some("MODIS");
    }
    if starts(&["VNP", "VJ1", "VJ2"]) && digits(3, 2) {
        return Some("VIIRS");
    }
    if starts(&["AST_L", "AST_0"]) {
        return Some("ASTER");
    }
    if file.contains("ANALYTICMS") || file.contains("_3B_ANALYTIC") {
        return Some("PlanetScope");
    }
    let copernicus = |mission: &str| file.starts_with(mission) && file.get(3..4) == Some("_");
    if copernicus("S1A") || copernicus("S1B") || copernicus("S1C") {
        return Some("Sentinel-1");
    }
    if copernicus("S3A") || copernicus("S3B") {
        return Some("Sentinel-3");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_other_sensors_are_named() {
        for (name, sensor) in [
            ("LC08_L2SP_045022_20210710_20210720_02_T1_SR_B4.TIF", "Landsat"),
            ("LE07_L1TP_045022_20010710_20170204_01_T1_B4.TIF", "Landsat"),
            ("LC80450222021191LGN00_B4.TIF", "Landsat"),
            ("folder/SR_B4", "Landsat"),
            ("ST_B10", "Landsat"),
            ("HLS.L30.T10UFV.2021191T190000.v2.0.B04.tif", "HLS L30, which is Landsat"),
            ("MOD09GA.A2021191.h10v03.061.B01.tif", "MODIS"),
            ("sur_refl_b01", "MODIS"),
            ("20210710_184512_1032_3B_AnalyticMS_SR.tif", "PlanetScope"),
            ("S1A_IW_GRDH_1SDV_20210710T010101_B01.tif", "Sentinel-1"),
        ] {
            assert_eq!(other_sensor(name), Some(sensor), "{name}");
        }
        for name in [
            "B04.tif",
            "T10UFV_20210710T190919_B04_10m.jp2",
            "S2A_MSIL2A_20190712T190921_N0510_R056_T10UFV_20240101T010101.tif",
            "HLS.S30.T10UFV.2021193T190919.v2.0.B04.tif",
            "lc_map_B04.tif",
            "model_B04.tif",
            "LAST_B04.tif",
            "red.tif",
        ] {
            assert_eq!(other_sensor(name), None, "{name}");
        }
        let error = refuse_other_sensors("scene", ["B02.tif", "LC08_L2SP_045022_SR_B4.TIF"]).unwrap_err().to_string();
        assert!(error.contains("`LC08_L2SP_045022_SR_B4.TIF` is named like Landsat"), "{error}");
    }
}
