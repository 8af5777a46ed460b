//! Ground truth of a scene: polygons and rasters of mine parts, change between years, and totals.

use std::collections::BTreeMap;
use std::path::Path;

use geo::{LineString, MapCoords, MultiPolygon, Polygon};
use serde::Serialize;

use super::mines::{MinePart, Site};
use super::season::Season;
use super::series::{Conditions, SeriesSummary};
use super::shapes::Drawn;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::pixel_class::{CHANGE_PALETTE, Change};
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::{Grid, Result};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter, OverviewResampling};
use minesegsat_io::{DataType, Pixels};
use minesegsat_vector::vector::{ColumnType, FeatureLayer, ShapeType, Value, write_layer};

/// Colours of the raster of parts, by value, starting at 0.
const PART_PALETTE: [[u8; 3]; 7] =
    [[24, 24, 24], [227, 26, 28], [178, 150, 110], [31, 120, 180], [255, 170, 40], [150, 80, 180], [235, 225, 150]];

/// A mine part at a moment.
#[derive(Debug, Clone)]
pub(super) struct TruePart {
    pub(super) mine_id: u16,
    pub(super) commodity: &'static str,
    pub(super) part: MinePart,
    /// Outline in map coordinates.
    pub(super) geometry: MultiPolygon<f64>,
    /// Number of pixels in the raster of parts.
    pub(super) pixels: u64,
    /// Area on the ellipsoid in hectares.
    pub(super) area_ha: f64,
}

/// Ground truth of a scene.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub(super) parts: Vec<TruePart>,
    /// Value of the mine part at each 10 m pixel; 0 outside mines.
    pub(super) raster: Vec<u8>,
    /// Number of the mine at each pixel; 0 outside mines.
    pub(super) mines: Vec<u16>,
}

impl Truth {
    /// Creates the ground truth from the drawn mines, in the order of their sites.
    pub(super) fn new(grid: &Grid, drawn: &[(&Site, &Drawn)]) -> Self {
        let mut parts: Vec<TruePart> = drawn
            .iter()
            .flat_map(|(site, drawn)| drawn.shapes.iter().map(move |shape| (site, shape)))
            .map(|(site, shape)| TruePart {
                mine_id: site.id,
                commodity: site.commodity,
                part: shape.part,
                geometry: to_map(grid, &shape.outline),
                pixels: 0,
                area_ha: 0.0,
            })
            .collect();
        let pixels = grid.width * grid.height;
        let (mut raster, mut owner) = (vec![0; pixels], vec![u32::MAX; pixels]);
        for (index, part) in parts.iter().enumerate() {
            burn(grid, &part.geometry, |at, columns| {
                raster[at..][..columns].fill(part.part.value());
                owner[at..][..columns].fill(index as u32);
            });
        }
        let mut mines = vec![0; pixels];
        for (mine, index) in mines.iter_mut().zip(owner).filter(|(_, index)| *index != u32::MAX) {
            let part = &mut parts[index as usize];
            part.pixels += 1;
            *mine = part.mine_id;
        }
        Self { parts, raster, mines }
    }

    /// Measures the areas of the parts, which are 0 before.
    pub(super) fn measure(&mut self, grid: &Grid) -> Result<()> {
        let meter = GeodesicMeter::new(&grid.crs)?;
        for part in &mut self.parts {
            part.area_ha = meter.measure(&part.geometry)?.area_m2 / 1e4;
        }
        Ok(())
    }

    /// Writes `<year>.gpkg` or `<date>.gpkg`: layer `mine_parts` with one feature per part of a mine. `when` is the year or the
    /// date.
    pub(super) fn write_polygons(
        &self,
        path: &Path,
        grid: &Grid,
        (year, when): (i16, &str),
        datetime: jiff::Timestamp,
        metadata: &serde_json::Value,
    ) -> Result<()> {
        let layer = FeatureLayer {
            name: "mine_parts",
            title: format!("Simulated mines {} {when}", if when.len() > 4 { "on" } else { "in" }),
            description: format!(
                "Simulated: the true outlines of every part of every mine in the simulated scene of {when}"
            ),
            datetime: Some(datetime),
            metadata: metadata.to_string(),
            shape: ShapeType::MultiPolygon,
            columns: vec![
                ("mine_id", ColumnType::Integer),
                ("part", ColumnType::Text),
                ("commodity", ColumnType::Text),
                ("year", ColumnType::Integer),
                ("area_ha", ColumnType::Real),
            ],
            choices: Vec::new(),
            style: None,
            features: self
                .parts
                .iter()
                .map(|part| {
                    let values = vec![
                        Value::Integer(part.mine_id.into()),
                        Value::Text(part.part.name().to_owned()),
                        Value::Text(part.commodity.to_owned()),
                        Value::Integer(year.into()),
                        Value::Real(part.area_ha),
                    ];
                    (part.geometry.clone().into(), values)
                })
                .collect(),
        };
        write_layer(path, &grid.crs, &layer)
    }

    /// Writes the raster of parts and the mask of the same pixels.
    pub(super) fn write_rasters(&self, parts: &Path, mask: &Path, grid: &Grid) -> Result<()> {
        let band =
            |name: &str, description: String| BandMeta { description: Some(description), ..BandMeta::named(name) };
        let names: Vec<String> = MinePart::ALL.iter().map(|p| format!("{} {}", p.value(), p.name())).collect();
        write_classes(
            parts,
            grid,
            band("mine part", format!("simulated: 0 none, {}", names.join(", "))),
            &PART_PALETTE,
            self.raster.clone(),
        )?;
        let is_mine = self.raster.iter().map(|&v| u8::from(v != 0)).collect();
        let palette = &minesegsat_core::pixel_class::MASK_PALETTE;
        write_classes(mask, grid, band("mining", "simulated: 1 mining, 0 not".to_owned()), palette, is_mine)
    }
}

/// Writes a raster of classes.
fn write_classes(path: &Path, grid: &Grid, band: BandMeta, palette: &[[u8; 3]], pixels: Vec<u8>) -> Result<()> {
    let options = CogOptions {
        data_type: DataType::U8,
        nodata: None,
        bands: vec![band],
        overview_resampling: OverviewResampling::Mode,
        metadata: vec![("SIMULATED".to_owned(), "YES".to_owned())],
        palette: Some(palette.to_vec()),
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(path, grid, options)?;
    cog.write_rows(&[Pixels::U8(pixels)])?;
    cog.finish()
}

/// Rasterises a polygon by the pixel-centre rule. Calls `run` with the first index and the length of each run of
/// pixels.
fn burn(grid: &Grid, geometry: &MultiPolygon<f64>, mut run: impl FnMut(usize, usize)) {
    let Some(window) = geo::BoundingRect::bounding_rect(geometry)
        .and_then(|b| grid.window_of_bounds([b.min().x - 10.0, b.min().y - 10.0, b.max().x + 10.0, b.max().y + 10.0]))
    else {
        return;
    };
    // Uses the whole grid, so that rounding is the same as for the whole raster.
    let rasterizer = Rasterizer::new(grid, [geometry]);
    let mut line = vec![0; grid.width];
    for row in window.row..window.row_end() {
        line.fill(0);
        rasterizer.burn_rows(row, 1, &mut line);
        let mut col = window.col;
        while col < window.col_end() {
            let length = line[col..].iter().take_while(|&&v| v == 1).count();
            if length > 0 {
                run(row * grid.width + col, length);
            }
            col += length.max(1);
        }
    }
}

/// Converts metres from the upper left corner, y downwards, to map coordinates. Exteriors become counterclockwise.
fn to_map(grid: &Grid, outline: &MultiPolygon<f64>) -> MultiPolygon<f64> {
    let t = &grid.transform;
    let placed = outline.map_coords(|c| geo::Coord { x: t.origin_x + c.x, y: t.origin_y - c.y });
    let turned = |ring: &LineString<f64>| LineString(ring.0.iter().rev().copied().collect());
    placed.iter().map(|p| Polygon::new(turned(p.exterior()), p.interiors().iter().map(turned).collect())).collect()
}

/// Change between two rasters of parts: values of [`Change`]; 0 if neither has a mine.
pub(super) fn change(before: &[u8], after: &[u8]) -> Vec<u8> {
    let of = |(&a, &b): (&u8, &u8)| match (a != 0, b != 0) {
        (true, true) => Change::Stable as u8,
        (false, true) => Change::Gain as u8,
        (true, false) => Change::Loss as u8,
        (false, false) => 0,
    };
    before.iter().zip(after).map(of).collect()
}

/// Writes `change_<y1>_<y2>.tif` and `.gpkg`: the polygons follow the pixel edges.
pub(super) fn write_change(
    raster_path: &Path,
    vector_path: &Path,
    grid: &Grid,
    years: (i16, i16),
    raster: Vec<u8>,
    datetime: jiff::Timestamp,
    metadata: &serde_json::Value,
) -> Result<()> {
    let meter = GeodesicMeter::new(&grid.crs)?;
    let mut features = Vec::new();
    for change in Change::OF_MINES {
        let mut polygonizer = Polygonizer::new(grid.width, Connectivity::Four);
        let none = vec![0.0; grid.width];
        let mut line = vec![0; grid.width];
        for row in raster.chunks(grid.width) {
            for (out, value) in line.iter_mut().zip(row) {
                *out = u8::from(*value == change as u8);
            }
            polygonizer.push_row(&line, &none);
        }
        for region in &polygonizer.finish() {
            let geometry = region.to_map(&grid.transform);
            let area_ha = meter.measure(&geometry)?.area_m2 / 1e4;
            let values = vec![
                Value::Text(change.name().to_owned()),
                Value::Integer(years.0.into()),
                Value::Integer(years.1.into()),
                Value::Real(area_ha),
            ];
            features.push((geometry.into(), values));
        }
    }
    let layer = FeatureLayer {
        name: "mining_change",
        title: format!("Simulated change of mining land from {} to {}", years.0, years.1),
        description: "Simulated: gain, loss and stable mining land, exactly the pixels of the raster beside".to_owned(),
        datetime: Some(datetime),
        metadata: metadata.to_string(),
        shape: ShapeType::MultiPolygon,
        columns: vec![
            ("change", ColumnType::Text),
            ("from_year", ColumnType::Integer),
            ("to_year", ColumnType::Integer),
            ("area_ha", ColumnType::Real),
        ],
        choices: Vec::new(),
        style: None,
        features,
    };
    write_layer(vector_path, &grid.crs, &layer)?;
    let description = "simulated: 0 none, 1 stable, 2 gain, 3 loss".to_owned();
    let band = BandMeta { description: Some(description), ..BandMeta::named("change") };
    write_classes(raster_path, grid, band, &CHANGE_PALETTE, raster)
}

/// Size of an area in pixels and hectares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Extent {
    /// Number of 10 m pixels.
    pub pixels: u64,
    /// Area of the polygons on the ellipsoid, in hectares.
    pub area_ha: f64,
}

impl Extent {
    fn add(&mut self, part: &TruePart) {
        self.pixels += part.pixels;
        self.area_ha += part.area_ha;
    }
}

/// Ground truth of a mine in a scene.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MineSummary {
    /// Number of the mine, the same in all scenes.
    pub mine_id: u16,
    /// Commodity.
    pub commodity: String,
    /// Total of all parts.
    pub total: Extent,
    /// Size by name of the part.
    pub parts: BTreeMap<&'static str, Extent>,
}

/// Summary of a scene and its ground truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SceneSummary {
    /// Year.
    pub year: i16,
    /// Id of the STAC item.
    pub item: String,
    /// Acquisition time of the scene.
    pub datetime: jiff::Timestamp,
    /// Cloud cover in percent of all pixels.
    pub cloud_cover_percent: f64,
    /// Mining area in percent of all pixels.
    pub mining_percent: f64,
    /// Total of all mines.
    pub total: Extent,
    /// Size by name of the part.
    pub parts: BTreeMap<&'static str, Extent>,
    /// Summary by mine.
    pub mines: Vec<MineSummary>,
    /// Conditions of one of several dates in a year; `None` if the scene is the only one.
    #[serde(flatten)]
    pub conditions: Option<Conditions>,
}

/// Change from one year to the next, counted in the rasters. A 10 m pixel is 0.01 ha on the map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeSummary {
    /// Earlier year.
    pub from_year: i16,
    /// Later year.
    pub to_year: i16,
    /// Number of 10 m pixels by kind of change.
    pub pixels: BTreeMap<&'static str, u64>,
}

/// Content of `truth/summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Always `true`: nothing in these data was measured.
    pub simulated: bool,
    /// Seed of the simulation.
    pub seed: u64,
    /// Region.
    pub region: super::Region,
    /// Name of the area.
    pub place: &'static str,
    /// EPSG code of the scenes.
    pub epsg: u16,
    /// Width and height of a scene in 10 m pixels.
    pub size: usize,
    /// Summaries of the scenes, sorted by year. Empty if a year has several dates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub years: Vec<SceneSummary>,
    /// Change from each year to the next simulated year.
    pub changes: Vec<ChangeSummary>,
    /// Dates and histories if a year has several dates.
    #[serde(flatten)]
    pub series: Option<SeriesSummary>,
}

impl Summary {
    /// All scenes in the order of time.
    pub fn scenes(&self) -> impl Iterator<Item = &SceneSummary> {
        self.years.iter().chain(self.series.iter().flat_map(|series| &series.dates))
    }
}

/// Summary of a scene.
pub(super) fn summary(
    truth: &Truth,
    grid: &Grid,
    item: String,
    season: &Season,
    cloud_cover_percent: f64,
    conditions: Option<Conditions>,
) -> SceneSummary {
    let (total, parts, mines) = totals(truth);
    SceneSummary {
        year: season.date.year(),
        item,
        datetime: season.datetime(),
        cloud_cover_percent,
        mining_percent: total.pixels as f64 / (grid.width * grid.height) as f64 * 100.0,
        total,
        parts,
        mines,
        conditions,
    }
}

/// Totals of a scene by part and by mine.
fn totals(truth: &Truth) -> (Extent, BTreeMap<&'static str, Extent>, Vec<MineSummary>) {
    let mut total = Extent::default();
    let mut parts: BTreeMap<&'static str, Extent> = BTreeMap::new();
    let mut mines: BTreeMap<u16, MineSummary> = BTreeMap::new();
    for part in &truth.parts {
        total.add(part);
        parts.entry(part.part.name()).or_default().add(part);
        let mine = mines.entry(part.mine_id).or_insert_with(|| MineSummary {
            mine_id: part.mine_id,
            commodity: part.commodity.to_owned(),
            total: Extent::default(),
            parts: BTreeMap::new(),
        });
        mine.total.add(part);
        mine.parts.entry(part.part.name()).or_default().add(part);
    }
    (total, parts, mines.into_values().collect())
}

/// Number of pixels by kind of change.
pub(super) fn count_changes(raster: &[u8]) -> BTreeMap<&'static str, u64> {
    let count = |change: Change| raster.iter().filter(|&&v| v == change as u8).count() as u64;
    Change::OF_MINES.into_iter().map(|change| (change.name(), count(change))).collect()
}
