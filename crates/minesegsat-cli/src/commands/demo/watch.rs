//! Monitors the mines of the mapped landscape over the years, as sites of a register.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use geo::{BoundingRect, Intersects, Rect, coord};
use jiff::civil::date;
use minesegsat::alerts::AlertConfig;

use minesegsat::job::Job;
use minesegsat::labels::{LabelOptions, Labels};
use minesegsat::monitor::{self, MonitorOptions};
use minesegsat::register::{Permit, Register, Site, SiteStatus, SiteSummary};
use minesegsat::{Crs, Location, Transformer, open_raster};
use serde_json::Value;

use super::REGISTER_FILE;
use crate::args::EngineArgs;
use crate::commands::monitor::MonitorBar;
use crate::commands::site_tools::{open_catalogue, open_model, predict_options};

/// Width of the land around a mine that belongs to its site, in metres.
const AROUND_M: f64 = 250.0;
/// Permitted area divided by the area disturbed at the start of the permit.
const LIMIT_FACTOR: f64 = 1.1;

/// One mine, or several mines that form one site because they are close to each other.
struct Mines {
    numbers: Vec<u64>,
    commodity: Option<String>,
    /// In the landscape's CRS.
    bounds: Rect<f64>,
}

/// Writes the register beside the maps, monitors its sites, and returns them with their latest observations.
pub(super) fn monitor_mines(
    folder: &Path,
    model: &Path,
    landscape: &Path,
    years: &[i16],
    quiet: bool,
    cancel: &AtomicBool,
) -> anyhow::Result<Vec<SiteSummary>> {
    let (&first, &last) = years.first().zip(years.last()).context("no year to monitor")?;
    let truth = |year: i16| Labels::read(&landscape.join(format!("truth/{year}.gpkg")), &LabelOptions::default());
    let (at_first, at_last) = (truth(first)?, truth(last)?);
    let mask = open_raster(&Location::from(landscape.join(format!("truth/{last}_mask.tif")).as_path()))?;
    let [west, south, east, north] = mask.info().grid.bounds();
    let scene = Rect::new(coord! { x: west, y: south }, coord! { x: east, y: north });

    let register = Register::create(&folder.join(REGISTER_FILE))?;
    let to_degrees = Transformer::new(at_last.crs(), &Crs::WGS84)?;
    let areas_ha = at_first.areas_ha()?;
    for mines in sites_of(&at_last, scene) {
        let disturbed_ha: f64 = at_first
            .features()
            .iter()
            .zip(&areas_ha)
            .filter(|(part, _)| part.geometry.bounding_rect().is_some_and(|parts| mines.bounds.intersects(&parts)))
            .map(|(_, ha)| ha)
            .sum();
        let outline = mines.bounds.to_polygon().into();
        let numbers: Vec<String> = mines.numbers.iter().map(u64::to_string).collect();
        let name = format!("Mine {}", numbers.join(" and "));
        let id = minesegsat::register::SiteId::from_text(&name).context("a mine has no name")?;
        let site = Site {
            id: id.clone(),
            name,
            operator: Some("Invented Mining".to_owned()),
            commodity: mines.commodity,
            status: SiteStatus::Active,
            // Straight edges in map coordinates are curves in degrees.
            boundary: to_degrees.transform_densified(&outline, 100.0)?,
        };
        let permit = Permit {
            site: id,
            number: format!("P-{}", numbers.join("-")),
            valid_from: date(first, 1, 1),
            valid_to: None,
            polygon: None,
            limit_ha: Some((disturbed_ha * LIMIT_FACTOR).ceil()),
            document: None,
            document_sha256: None,
        };
        register.add_site_with_permit(&site, &permit)?;
    }

    let model = open_model(Some(model), &EngineArgs::default())?;
    let (catalog, collections) = open_catalogue(landscape.join("catalog.json").display().to_string(), &[])?;
    let options = MonitorOptions {
        every_date: true,
        max_cloud_cover_percent: 100.0,
        collections,
        ..MonitorOptions::new(predict_options(&model))
    };
    let bar = MonitorBar::new(quiet);
    let job = Job::new(&bar, cancel);
    let done = monitor::run(&register, &catalog, &model.monitor_model(), &AlertConfig::default(), &options, job);
    bar.clear();
    let report = done?;
    if let Some(failure) = report.failures.first() {
        anyhow::bail!("site {}: {}", failure.site, failure.error);
    }
    Ok(register.summaries()?)
}

/// Groups the mines into sites. Mines whose surroundings touch are one site. Sites are clipped to the landscape.
fn sites_of(labels: &Labels, scene: Rect<f64>) -> Vec<Mines> {
    let mut by_number: BTreeMap<u64, Mines> = BTreeMap::new();
    for part in labels.features() {
        let Some(bounds) = part.geometry.bounding_rect() else { continue };
        let number = part.attributes.get("mine_id").and_then(Value::as_u64).unwrap_or_default();
        let commodity = part.attributes.get("commodity").and_then(Value::as_str).map(str::to_owned);
        by_number.entry(number).and_modify(|mines| mines.bounds = hull(mines.bounds, bounds)).or_insert(Mines {
            numbers: vec![number],
            commodity,
            bounds,
        });
    }
    let mut sites: Vec<Mines> = Vec::new();
    for mut mines in by_number.into_values() {
        let (min, max) = (mines.bounds.min(), mines.bounds.max());
        mines.bounds = Rect::new(
            coord! { x: (min.x - AROUND_M).max(scene.min().x), y: (min.y - AROUND_M).max(scene.min().y) },
            coord! { x: (max.x + AROUND_M).min(scene.max().x), y: (max.y + AROUND_M).min(scene.max().y) },
        );
        // The joined site may touch further sites.
        while let Some(index) = sites.iter().position(|other| other.bounds.intersects(&mines.bounds)) {
            let other = sites.remove(index);
            mines.bounds = hull(mines.bounds, other.bounds);
            mines.numbers.extend(other.numbers);
            mines.numbers.sort_unstable();
            if mines.commodity != other.commodity {
                mines.commodity = None;
            }
        }
        sites.push(mines);
    }
    sites
}

/// The bounding box of two boxes.
fn hull(a: Rect<f64>, b: Rect<f64>) -> Rect<f64> {
    Rect::new(
        coord! { x: a.min().x.min(b.min().x), y: a.min().y.min(b.min().y) },
        coord! { x: a.max().x.max(b.max().x), y: a.max().y.max(b.max().y) },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mines_whose_surroundings_touch_are_one_site() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mines.geojson");
        let square = |number: u64, commodity: &str, x: f64, y: f64| {
            let ring = [[x, y], [x + 100.0, y], [x + 100.0, y + 100.0], [x, y + 100.0], [x, y]];
            serde_json::json!({
                "type": "Feature",
                "properties": {"mine_id": number, "commodity": commodity},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            })
        };
        // Mines 1 and 3 touch only mine 2. Mine 4 is far away and has two parts.
        let features = [
            square(1, "gold", 500_000.0, 6_000_000.0),
            square(3, "gold", 501_100.0, 6_000_000.0),
            square(2, "gold", 500_550.0, 6_000_000.0),
            square(4, "coal", 510_000.0, 6_010_000.0),
            square(4, "coal", 510_200.0, 6_010_000.0),
        ];
        let crs = serde_json::json!({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32610"}});
        let file = serde_json::json!({"type": "FeatureCollection", "crs": crs, "features": features});
        std::fs::write(&path, file.to_string()).unwrap();
        let labels = Labels::read(&path, &LabelOptions::default()).unwrap();
        let scene = Rect::new(coord! { x: 499_900.0, y: 5_999_000.0 }, coord! { x: 520_000.0, y: 6_020_000.0 });
        let mut sites = sites_of(&labels, scene);
        sites.sort_by(|a, b| a.numbers.cmp(&b.numbers));
        let numbers: Vec<&[u64]> = sites.iter().map(|mines| mines.numbers.as_slice()).collect();
        assert_eq!(numbers, [&[1, 2, 3][..], &[4]]);
        assert_eq!(sites[0].commodity.as_deref(), Some("gold"));
        // Clipped at the western edge of the scene.
        let whole = Rect::new(coord! { x: 499_900.0, y: 5_999_750.0 }, coord! { x: 501_450.0, y: 6_000_350.0 });
        assert_eq!(sites[0].bounds, whole);
        assert_eq!(sites[1].bounds.width(), 300.0 + 2.0 * AROUND_M);
    }
}
