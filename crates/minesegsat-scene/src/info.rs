//! The summary of a scene, as text or as data.

use std::fmt;

use serde::Serialize;

use super::manifest::CloudMaskRecord;
use super::{CloudMask, Radiometry, Scene, SceneBand, SceneMetadata, SclClass};
use minesegsat_core::{Band, Result, Window};
use minesegsat_io::Pixels;

/// Rows read at once when a whole raster is counted. Limits memory.
const STRIP_ROWS: usize = 1024;

/// The properties of a scene before mapping. Displays as aligned lines.
#[derive(Debug, Clone, Serialize)]
pub struct SceneSummary {
    /// The scene's metadata.
    #[serde(flatten)]
    pub metadata: SceneMetadata,
    /// The location, without the query of a URL.
    pub location: String,
    /// EPSG code of the CRS.
    pub epsg: u16,
    /// Bounds in the CRS: min x, min y, max x, max y.
    pub bounds: [f64; 4],
    /// Size of the reference grid: width, height.
    pub size: [usize; 2],
    /// Pixel size of the reference grid, in units of the CRS (metres in all ESA products).
    pub pixel_size: f64,
    /// The bands, by wavelength.
    pub bands: Vec<BandSummary>,
    /// The classification layer.
    pub classification: Option<BandSummary>,
    /// What decides which pixels are cloud or shadow.
    pub cloud_mask: CloudMaskRecord,
    /// Conversion from digital numbers to reflectance, with the reasons.
    pub radiometry: Radiometry,
    /// Share of the raster without data, in percent: class 0, or nodata in the coarsest band if the scene has no
    /// classification.
    pub nodata_percent: Option<f64>,
    /// Share of clouds and cirrus (classes 8, 9, 10) in the pixels with data, in percent.
    pub cloud_percent: Option<f64>,
    /// Share of cloud shadow (class 3) in the pixels with data, in percent.
    pub cloud_shadow_percent: Option<f64>,
    /// Share of snow and ice (class 11) in the pixels with data, in percent.
    pub snow_percent: Option<f64>,
    /// Share of the raster that can be mapped, in percent.
    pub assessable_percent: Option<f64>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// A band and its grid.
#[derive(Debug, Clone, Serialize)]
pub struct BandSummary {
    /// Band id, or `SCL`.
    pub name: String,
    /// File, without the query of a URL.
    pub location: String,
    /// Size: width, height.
    pub size: [usize; 2],
    /// Upper left corner: x, y.
    pub origin: [f64; 2],
    /// Pixel size in units of the CRS.
    pub pixel_size: f64,
    /// Width of a pixel on the ground in metres, at the centre.
    pub ground_pixel_m: Option<f64>,
    /// The band that stands in for this one.
    pub stand_in: Option<Band>,
}

impl BandSummary {
    fn new(name: &str, band: &SceneBand) -> Self {
        let t = &band.grid.transform;
        Self {
            name: name.to_owned(),
            location: band.location.to_string(),
            size: [band.grid.width, band.grid.height],
            origin: [t.origin_x, t.origin_y],
            pixel_size: t.pixel_width,
            ground_pixel_m: band.grid.ground_pixel_m().map(|(width, _)| (width * 100.0).round() / 100.0),
            stand_in: band.stand_in,
        }
    }
}

/// Summarises a scene. Reads the whole classification layer, or the coarsest band if the scene has none.
pub fn summarize(scene: &Scene) -> Result<SceneSummary> {
    let grid = scene.grid();
    let mut out = SceneSummary {
        metadata: scene.info().clone(),
        location: scene.location().to_owned(),
        epsg: grid.crs.epsg(),
        bounds: grid.bounds(),
        size: [grid.width, grid.height],
        pixel_size: grid.transform.pixel_width,
        bands: scene.bands.iter().map(|(band, b)| BandSummary::new(band.id(), b)).collect(),
        classification: scene.classification().map(|b| BandSummary::new("SCL", b)),
        cloud_mask: CloudMaskRecord::new(scene),
        radiometry: scene.radiometry().clone(),
        nodata_percent: None,
        cloud_percent: None,
        cloud_shadow_percent: None,
        snow_percent: None,
        assessable_percent: None,
        warnings: scene.warnings(),
    };
    if let Some(band) = scene.classification() {
        let mut counts = [0_u64; 256];
        for_strips(band, |pixels| match pixels {
            Pixels::U8(values) => values.iter().for_each(|&v| counts[usize::from(v)] += 1),
            // Classes in a stack have the element type of its bands. Values that are not classes count as 255.
            other => (0..other.len()).for_each(|i| {
                let value = other.get(i);
                counts[if (0.0..=11.0).contains(&value) { value as usize } else { 255 }] += 1;
            }),
        })?;
        let all: u64 = counts.iter().sum();
        let count = |class: SclClass| counts[usize::from(class.value())];
        let with_data = all - count(SclClass::NoData);
        let clouds = SclClass::ALL.into_iter().filter(|c| c.is_cloud()).map(count).sum();
        let assessable = (0..=u8::MAX)
            .filter(|&class| super::is_assessable(class, scene.mask_options()))
            .map(|class| counts[usize::from(class)])
            .sum();
        out.nodata_percent = percent(count(SclClass::NoData), all);
        out.cloud_percent = percent(clouds, with_data);
        out.cloud_shadow_percent = percent(count(SclClass::CloudShadow), with_data);
        out.snow_percent = percent(count(SclClass::SnowOrIce), with_data);
        out.assessable_percent = percent(assessable, all);
    } else if let Some((&band, coarsest)) = scene
        .bands
        .iter()
        // The cirrus band is really 0 under a clear sky.
        .filter(|(band, b)| b.stand_in.is_none() && **band != Band::B10)
        .max_by(|(_, a), (_, b)| a.grid.transform.pixel_width.total_cmp(&b.grid.transform.pixel_width))
    {
        let (mut missing, mut all) = (0, 0);
        for_strips(coarsest, |pixels| {
            all += pixels.len() as u64;
            missing +=
                (0..pixels.len()).filter(|&i| scene.radiometry().is_nodata(band, pixels.get(i) as f32)).count() as u64;
        })?;
        out.nodata_percent = percent(missing, all);
    }
    Ok(out)
}

fn for_strips(band: &SceneBand, mut each: impl FnMut(&Pixels)) -> Result<()> {
    let (width, height) = (band.grid.width, band.grid.height);
    let block = band.source.info().block_size.1.clamp(1, STRIP_ROWS);
    let rows = STRIP_ROWS / block * block;
    for row in (0..height).step_by(rows) {
        each(&band.source.read(band.index, Window::new(0, row, width, rows.min(height - row)))?);
    }
    Ok(())
}

/// Share in percent with four decimals; `None` if the total is 0.
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() / 1e4)
}

impl fmt::Display for SceneSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let m = &self.metadata;
        let mut line = |name: &str, value: &dyn fmt::Display| writeln!(f, "{name:<14}{value}");
        line("scene", &m.name)?;
        line("source", &format_args!("{} {}", m.kind, self.location))?;
        let sensor = [m.platform.clone(), m.level.map(|l| l.to_string()), m.collection.clone()];
        line("sensor", &or_unknown(join(&sensor)))?;
        let date = m.datetime.map(|t| t.to_string()).or_else(|| m.date.map(|d| d.to_string()));
        line("date", &or_unknown(date))?;
        let tile = [m.mgrs_tile.clone(), m.relative_orbit.map(|o| format!("orbit R{o:03}"))];
        line("tile", &or_unknown(join(&tile)))?;
        line("CRS", &format_args!("EPSG:{}", self.epsg))?;
        let [west, south, east, north] = self.bounds;
        line("bounds", &format_args!("{west} {south} {east} {north}"))?;
        line("grid", &format_args!("{} x {} pixels of {}", self.size[0], self.size[1], self.pixel_size))?;

        for (i, (grid, names)) in self.grids().iter().enumerate() {
            let [width, height] = grid.size;
            let [x, y] = grid.origin;
            // Metres on the ground, also for grids in degrees.
            let place =
                format!("{:>3} m  {width} x {height} from {x}, {y}", grid.ground_pixel_m.unwrap_or(grid.pixel_size));
            line(if i == 0 { "bands" } else { "" }, &format_args!("{place}  {names}"))?;
        }
        let decision = &self.radiometry.decision;
        let baseline = m.processing_baseline.map(|b| b.to_string());
        line("baseline", &or_unknown(baseline))?;
        line("reflectance", &self.formula())?;
        line(
            "  decided by",
            &format_args!("{}, confidence {}", serialized_name(&decision.rule), serialized_name(&decision.confidence)),
        )?;
        line("  stated", &decision.statement)?;
        line("  pixels", &format_args!("offset {}", serialized_name(&decision.pixels)))?;
        for floor in &decision.floors {
            line(
                "",
                &format_args!(
                    "{:<4} 0.1 % {:>6.0}  1 % {:>6.0}  5 % {:>6.0}  median {:>6.0}  of {} pixels",
                    floor.band, floor.p0_1, floor.p1, floor.p5, floor.p50, floor.pixels
                ),
            )?;
        }
        let scale = &self.radiometry.level;
        let brightest = scale.brightest.map_or_else(String::new, |top| format!(", brightest band {top:.3}"));
        let verdict = serialized_name(&scale.verdict);
        line("  level", &format_args!("{verdict}{brightest}, scale {}", serialized_name(&scale.scale)))?;
        match self.cloud_mask.source {
            CloudMask::Scl => line("cloud mask", &"scene classification (SCL)")?,
            CloudMask::Pixels => {
                line("cloud mask", &format_args!("from the pixels of {}", Band::list(&self.cloud_mask.bands)))?;
            }
            CloudMask::None => line("cloud mask", &"none")?,
        }
        let share = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |v| format!("{v:.1} %"));
        line("nodata", &share(self.nodata_percent))?;
        let stated = m.cloud_cover_percent.map_or_else(String::new, |c| format!(" (tile metadata: {c:.1} %)"));
        line("cloud", &format_args!("{}{stated}", share(self.cloud_percent)))?;
        line("cloud shadow", &share(self.cloud_shadow_percent))?;
        line("snow", &share(self.snow_percent))?;
        line("assessable", &share(self.assessable_percent))?;
        for warning in &self.warnings {
            line("warning", warning)?;
        }
        Ok(())
    }
}

impl SceneSummary {
    /// Bands grouped by grid, finest first: one of them, and all their names.
    fn grids(&self) -> Vec<(&BandSummary, String)> {
        let mut grids: Vec<(&BandSummary, Vec<String>)> = Vec::new();
        for band in self.bands.iter().chain(&self.classification) {
            let name = match band.stand_in {
                Some(real) => format!("{}={real}", band.name),
                None => band.name.clone(),
            };
            let same = |other: &&mut (&BandSummary, Vec<String>)| {
                (other.0.size, other.0.origin, other.0.pixel_size) == (band.size, band.origin, band.pixel_size)
            };
            match grids.iter_mut().find(same) {
                Some((_, names)) => names.push(name),
                None => grids.push((band, vec![name])),
            }
        }
        grids.sort_by(|a, b| a.0.pixel_size.total_cmp(&b.0.pixel_size));
        grids.into_iter().map(|(band, names)| (band, names.join(" "))).collect()
    }

    /// `(DN - 1000) x 0.0001`.
    fn formula(&self) -> String {
        let mut all = self.radiometry.bands.values();
        let Some(first) = all.next() else { return "unknown".to_owned() };
        let differ = all.any(|b| (b.scale, b.offset_dn) != (first.scale, first.offset_dn));
        let formula = match first.offset_dn {
            0.0 => format!("DN x {}", first.scale),
            offset if offset < 0.0 => format!("(DN - {}) x {}", -offset, first.scale),
            offset => format!("(DN + {offset}) x {}", first.scale),
        };
        if differ { format!("{formula} (and other values for some bands)") } else { formula }
    }
}

/// The name of a unit variant as it is serialized: `product-metadata`.
fn serialized_name(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn join(parts: &[Option<String>]) -> Option<String> {
    let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn or_unknown(value: Option<String>) -> String {
    value.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_four_digits_and_nothing_has_none() {
        assert_eq!(percent(1, 3), Some(33.3333));
        assert_eq!(percent(0, 0), None);
    }
}
