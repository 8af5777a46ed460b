//! Land over many dates: rasters of onset and state; sites with areas and intervals, indices inside and around, outliers and
//! pictures.

mod layers;

use minesegsat_core::Grouped;
use minesegsat_core::job::Job;
use std::path::Path;

use jiff::civil::Date;
use serde::Serialize;

pub(crate) use self::layers::{LAYERS, STYLES, write_layers};
pub use self::layers::{ONSET, ONSET_PICTURE};
use crate::register::SiteId;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::output::OutputFolder;
use minesegsat_core::resample::SignedWindow;
use minesegsat_core::uncertainty::Area;
use minesegsat_core::{Band, Error, Grid, Result, Window};
use minesegsat_map::change::picture::TrueColour;
use minesegsat_map::change::{DatedMap, beyond_map};
use minesegsat_map::hectares::{Hectares, SiteOnMap};
use minesegsat_map::preview::{SpectralIndex, percentile, png};
use minesegsat_map::quicklook::Plate;
use minesegsat_map::series::{Series, SeriesMap, SeriesPoint, SeriesRules, SeriesTotals, SiteSeries};
use minesegsat_map::site::{SiteArea, SitePixels, percent_text};
use minesegsat_scene::Scene;
use minesegsat_scene::manifest::{GridRecord, OutputRecord, Software};
use minesegsat_scene::patch::PatchReader;

/// Maximum distance from the median day of the year, in days. Dates further away count as another season.
const SEASON_DAYS: i16 = 60;
/// Number of assessable dates before and after a date that its area is compared with.
const NEIGHBOURS: usize = 2;
/// Duration of an animation frame, in hundredths of a second.
const FRAME_DELAY: u16 = 90;
/// Colour of the outlines of disturbed land, RGB.
const OUTLINE: [u8; 3] = [255, 140, 0];

/// Options of a timeline.
#[derive(Debug, Clone)]
pub struct TimelineOptions {
    /// The sites. Without sites, only the whole map is followed.
    pub sites: Vec<SiteArea>,
    /// Why the file of the sites is not the whole of its source, by its own words, if the user accepted that.
    pub sites_incomplete: Option<String>,
    /// Rules of the history of a pixel. Default: the models', else those of the program.
    pub rules: SeriesRules,
    /// Confidence level of the intervals, in percent.
    pub level_percent: f64,
    /// Minimum share of a site that must be visible, 0 to 1; otherwise the date is not assessable.
    pub min_assessed: f64,
    /// Width of the ring around a site used for comparison of indices, in metres.
    pub around_m: f64,
    /// Whether existing outputs may be replaced.
    pub overwrite: bool,
}

/// Kind of an outlier: a date whose interval of the area excludes the median of the neighbouring dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outlier {
    /// The date is in another season than most dates.
    Seasonal,
    /// Disturbed land appears and disappears again (or the reverse), which is implausible.
    Monotone,
}

/// A site on a date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelinePoint {
    /// Day of the scene.
    pub date: Date,
    /// Name of the scene.
    pub scene: String,
    /// Share of the site's whole outline that was seen, 0 to 1.
    pub share_assessed: f64,
    /// Share of the outline that lies beyond the map, 0 to 1.
    pub share_beyond_map: f64,
    /// Hectares of this date's map. Land that it does not show has the value of the date before. Without areas if too little was
    /// seen.
    pub hectares: Hectares,
    /// The same date in the smoothed series.
    #[serde(flatten)]
    pub smoothed: Smoothed,
    /// Kind of outlier, if it is one.
    pub outlier: Option<Outlier>,
    /// Index medians inside the site; `None` if the scene or its bands are missing.
    pub inside: Indices,
    /// Index medians around the site.
    pub around: Indices,
}

/// A site on a date, from all dates together. Areas are in hectares.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Smoothed {
    /// Disturbed land with its interval; `None` if no date shows enough of the site.
    pub smoothed_area: Option<Area>,
    /// Land that became disturbed since the first date and is on this one.
    pub gain_since_first_ha: f64,
    /// Land that was disturbed on the first date and is not on this one.
    pub loss_since_first_ha: f64,
    /// Share of the site's pixels on which the map of this date and the sequence over all dates disagree, 0 to 1
    /// ([`SeriesPoint::share_disagreeing`]).
    pub share_disagreeing: Option<f64>,
}

impl From<&SeriesPoint> for Smoothed {
    fn from(point: &SeriesPoint) -> Self {
        Self {
            smoothed_area: point.area,
            gain_since_first_ha: point.gain_ha,
            loss_since_first_ha: point.loss_ha,
            share_disagreeing: point.share_disagreeing,
        }
    }
}

/// Medians of indices, -1 to 1. Formulas: [`SpectralIndex`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Indices {
    /// Vegetation.
    pub ndvi: Option<f32>,
    /// Bare soil.
    pub bsi: Option<f32>,
    /// Open water.
    pub ndwi: Option<f32>,
}

/// A site over all dates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteTimeline {
    /// Id of the site.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Area of the whole outline, in hectares.
    pub site_ha: f64,
    /// Share of the outline that other sites of the run also cover, 0 to 1.
    pub share_in_other_sites: f64,
    /// Its points, sorted by date.
    pub points: Vec<TimelinePoint>,
    /// New and regrown land, and gains between any two dates.
    pub series: SiteSeries,
}

/// The record of a run: `manifest.json`.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineManifest {
    /// Version of this layout.
    pub timeline_version: u32,
    /// Name and version of the program.
    pub software: Software,
    /// When the run ended, UTC.
    pub created: jiff::Timestamp,
    /// Confidence level of the intervals, in percent.
    pub confidence_level_percent: f64,
    /// SHA-256 of the models' weights.
    pub models: Vec<String>,
    /// The dates.
    pub dates: Vec<Date>,
    /// Rules of the history of a pixel.
    pub rules: SeriesRules,
    /// Grid of the rasters.
    pub grid: GridRecord,
    /// The whole map.
    pub total: SeriesTotals,
    /// The sites.
    pub sites: Vec<SiteTimeline>,
    /// All sites together, if there are several: land that belongs to more than one counts once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites_together: Option<SiteSeries>,
    /// Why the file of the sites is not the whole of its source, by its own words, if the user accepted that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites_incomplete: Option<String>,
    /// The files written, with their hashes.
    pub outputs: Vec<OutputRecord>,
    /// Warnings for the reader.
    pub warnings: Vec<String>,
}

const TABLE: &str = "timeline.csv";

/// Follows land over maps of many dates. Writes `onset.tif` and `state.tif` with their styles, and `onset.png`; for sites
/// `timeline.csv`, a picture per site and date, and an animation per site; and a record.
pub fn timeline(
    maps: Vec<SeriesMap>,
    folder: &Path,
    options: &TimelineOptions,
    job: Job<'_>,
) -> Result<TimelineManifest> {
    options.rules.check()?;
    let series = Series::new(maps)?;
    let mut warnings = series.warnings.clone();
    let mut models: Vec<String> = series.maps().iter().map(|map| map.record.model_sha256.clone()).collect();
    models.sort();
    models.dedup();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut sites = Vec::new();
    for (number, site) in options.sites.iter().enumerate() {
        job.progress.advance(number, options.sites.len());
        let Some(mut found) = follow(site, &series, options, &mut files, &mut warnings, job)? else {
            warnings.push(format!("site `{}` lies beyond all maps", site.id));
            continue;
        };
        let is_other = |other: &&SiteArea| other.id != site.id && other.crs == site.crs;
        found.share_in_other_sites =
            site.share_covered(options.sites.iter().filter(is_other).map(|other| &other.boundary))?;
        sites.push(found);
    }
    let sites_together = measure_together(&series, options)?;
    if sites.is_empty() && !options.sites.is_empty() {
        return Err(Error::Argument {
            name: "sites",
            value: options.sites.iter().map(|site| site.id.clone()).collect::<Vec<_>>().join(", "),
            accepted: "at least one site inside a map".to_owned(),
        });
    }
    if !sites.is_empty() {
        files.push((TABLE.to_owned(), table(&sites)?));
    }
    let names: Vec<&str> =
        files.iter().map(|(name, _)| name.as_str()).chain(LAYERS).chain(STYLES).chain(["manifest.json"]).collect();
    let output = OutputFolder::create(folder, &names, options.overwrite)?;
    job.progress.stage("following every pixel");
    let total = write_layers(&series, &options.rules, &output, job)?;
    warnings.extend(too_few_dates(&total, &options.rules));
    job.progress.stage("writing files");
    for (name, bytes) in &files {
        fs_err::write(output.path(name), bytes)?;
    }
    let mut outputs = Vec::new();
    for name in names.iter().filter(|name| **name != "manifest.json" && !STYLES.contains(*name)) {
        outputs.push(OutputRecord::from_file(name, &output.path(name))?);
    }
    let manifest = TimelineManifest {
        timeline_version: 4,
        software: Software::this(),
        created: jiff::Timestamp::now(),
        confidence_level_percent: options.level_percent,
        models,
        dates: series.dates.clone(),
        rules: options.rules,
        grid: GridRecord::from(&series.grid),
        total,
        sites,
        sites_together,
        sites_incomplete: options.sites_incomplete.clone(),
        outputs,
        warnings,
    };
    let json = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from)?;
    fs_err::write(output.path("manifest.json"), json + "\n")?;
    output.commit()?;
    Ok(manifest)
}

/// All sites as one, if there are several.
fn measure_together(series: &Series, options: &TimelineOptions) -> Result<Option<SiteSeries>> {
    if options.sites.len() < 2 {
        return Ok(None);
    }
    match SiteArea::together("all", "all sites", &options.sites) {
        Some(all) => series.measure(&all, &options.rules, options.level_percent, options.min_assessed),
        None => Ok(None),
    }
}

/// A warning if most land was seen on too few dates for a confirmation.
fn too_few_dates(total: &SeriesTotals, rules: &SeriesRules) -> Option<String> {
    let (found, of) = (total.median_dates, total.share_assessed.len());
    // One date before, and those that confirm.
    let needed = rules.confirmation.needed + 1;
    (found < needed).then(|| {
        format!(
            "half of the land was seen on {found} or fewer of {of} dates: new land needs {needed} dates to be confirmed"
        )
    })
}

fn follow(
    site: &SiteArea,
    series: &Series,
    options: &TimelineOptions,
    files: &mut Vec<(String, Vec<u8>)>,
    warnings: &mut Vec<String>,
    job: Job<'_>,
) -> Result<Option<SiteTimeline>> {
    let measured = series.measure(site, &options.rules, options.level_percent, options.min_assessed)?;
    let Some(measured) = measured else { return Ok(None) };
    let mut points = Vec::new();
    let mut site_ha = 0.0;
    let mut frames: Vec<Frame> = Vec::new();
    let mut frame_grid: Option<Grid> = None;
    let mut before: Option<DatedMap> = None;
    for map in series.maps() {
        job.check()?;
        let (grid, Some(date)) = (&map.record.grid, map.record.date) else { continue };
        let Some(pixels) = SitePixels::rasterize(site, grid)? else { continue };
        let pixel_m = pixels.pixel_area_m2(grid, &GeodesicMeter::new(&grid.crs)?)?.sqrt();
        let window = grown(pixels.window, (options.around_m / pixel_m).ceil() as usize, grid);
        // All frames show the same window.
        let place = frame_grid.get_or_insert_with(|| grid.window(&window)).clone();
        // The site and what is around it.
        let map = map.crop(window)?;
        let Some(found) = SiteOnMap::new(site, &map)? else { continue };
        let mut hectares = found.hectares(before.as_ref(), options.level_percent);
        let share_assessed = hectares.share_seen();
        if share_assessed < options.min_assessed {
            hectares = hectares.without_areas();
        }
        if let Some(warning) = beyond_map(&site.id, hectares.beyond_map_ha, hectares.site_ha) {
            warnings.push(format!("{}: {warning}", map.name));
        }
        site_ha = hectares.site_ha;
        let [inside, around] = match &map.scene {
            Some(scene) => indices(scene, &map, &found.pixels, map.grid.full_window())?,
            None => [Indices::default(); 2],
        };
        let smoothed = measured.points.iter().find(|point| point.date == date).map(Smoothed::from);
        points.push(TimelinePoint {
            date,
            scene: map.name.clone(),
            share_assessed,
            share_beyond_map: found.extent.share_beyond(),
            hectares,
            smoothed: smoothed.unwrap_or_default(),
            outlier: None,
            inside,
            around,
        });
        if let Some(scene) = &map.scene {
            match TrueColour::read(scene, &place)? {
                Some(picture) => {
                    let mask = mask_on(&map, &place);
                    let area = area_text(&hectares, options.level_percent);
                    frames.push(Frame { date, picture, mask, area });
                }
                None => {
                    warnings.push(format!(
                        "{} has another pixel grid: it is left out of the pictures of {}",
                        map.name, site.id
                    ));
                }
            }
        }
        // A date that shows too little is no source for land that the next one does not show.
        if hectares.disturbed.is_some() {
            before = Some(DatedMap { scene: None, ..map });
        }
    }
    if points.is_empty() {
        return Ok(None);
    }
    mark_outliers(&mut points);
    if let Some(grid) = &frame_grid {
        draw(site, grid, &frames, files)?;
    }
    Ok(Some(SiteTimeline {
        id: site.id.clone(),
        name: site.name.clone(),
        site_ha,
        share_in_other_sites: 0.0,
        points,
        series: measured,
    }))
}

/// Extends a window by `by` pixels on each side, clipped to the grid.
fn grown(window: Window, by: usize, grid: &Grid) -> Window {
    let (col, row) = (window.col.saturating_sub(by), window.row.saturating_sub(by));
    let (col_end, row_end) = ((window.col_end() + by).min(grid.width), (window.row_end() + by).min(grid.height));
    Window::new(col, row, col_end - col, row_end - row)
}

/// Index medians inside a site, and in the rest of the window.
pub(crate) fn indices(scene: &Scene, map: &DatedMap, site: &SitePixels, window: Window) -> Result<[Indices; 2]> {
    let none = [Indices::default(); 2];
    let Some((col, row)) = minesegsat_map::change::shift(scene.grid(), &map.grid) else { return Ok(none) };
    let bands: Vec<Band> = [Band::B02, Band::B03, Band::B04, Band::B08, Band::B11]
        .into_iter()
        .filter(|&band| scene.band(band).is_some())
        .collect();
    if bands.is_empty() {
        return Ok(none);
    }
    let reader = PatchReader::new(scene, &bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
    let patch = reader.read(SignedWindow {
        col: col + window.col as i64,
        row: row + window.row as i64,
        width: window.width,
        height: window.height,
    })?;
    let width = map.grid.width;
    let mut of_site = vec![false; window.len()];
    for (i, _) in site.indices(width).zip(&site.inside).filter(|(_, inside)| **inside) {
        of_site[(i / width - window.row) * window.width + (i % width - window.col)] = true;
    }
    let seen = |i: usize| {
        let at = (window.row + i / window.width) * width + window.col + i % window.width;
        !map.probability[at].is_nan()
    };
    let median = |index: SpectralIndex, inside: bool| -> Option<f32> {
        let places: Vec<usize> =
            index.bands().iter().map(|band| bands.iter().position(|b| b == band)).collect::<Option<_>>()?;
        let mut values: Vec<f32> = (0..window.len())
            .filter(|&i| of_site[i] == inside && seen(i))
            .map(|i| {
                let of_bands: Vec<f32> = places.iter().map(|place| patch.data[place * window.len() + i]).collect();
                index.value(&of_bands)
            })
            .filter(|value| !value.is_nan())
            .collect();
        percentile(&mut values, 50.0)
    };
    Ok([true, false].map(|inside| Indices {
        ndvi: median(SpectralIndex::Ndvi, inside),
        bsi: median(SpectralIndex::Bsi, inside),
        ndwi: median(SpectralIndex::Ndwi, inside),
    }))
}

/// Marks dates whose interval excludes the median area of the neighbouring dates. The first and last dates are compared with
/// one side only, and only if it has two dates.
fn mark_outliers(points: &mut [TimelinePoint]) {
    let mut days: Vec<i16> = points.iter().map(|point| point.date.day_of_year()).collect();
    days.sort_unstable();
    let usual = days[days.len() / 2];
    let known: Vec<(usize, Area)> =
        points.iter().enumerate().filter_map(|(i, p)| Some((i, p.hectares.disturbed?))).collect();
    for (place, (i, area)) in known.iter().enumerate() {
        let before = place.saturating_sub(NEIGHBOURS)..place;
        let after = place + 1..(place + 1 + NEIGHBOURS).min(known.len());
        let mut around: Vec<f64> = before.chain(after).map(|k| known[k].1.ha).collect();
        if around.len() < 2 {
            continue;
        }
        around.sort_by(f64::total_cmp);
        let middle = f64::midpoint(around[(around.len() - 1) / 2], around[around.len() / 2]);
        if (area.lower_ha..=area.upper_ha).contains(&middle) {
            continue;
        }
        // Steady growth or shrinkage is not an outlier.
        let neighbour = |k: Option<usize>| k.and_then(|k| known.get(k)).map(|(_, area)| area.ha);
        if let (Some(a), Some(b)) = (neighbour(place.checked_sub(1)), neighbour(Some(place + 1)))
            && (a.min(b)..=a.max(b)).contains(&area.ha)
        {
            continue;
        }
        let is_end = place == 0 || place + 1 == known.len();
        let apart = (points[*i].date.day_of_year() - usual).abs();
        let is_other_season = apart.min(365 - apart) > SEASON_DAYS;
        if is_other_season || !is_end {
            points[*i].outlier = Some(if is_other_season { Outlier::Seasonal } else { Outlier::Monotone });
        }
    }
}

/// Disturbed pixels of a map on a grid. Empty if their pixels do not align.
fn mask_on(map: &DatedMap, grid: &Grid) -> Vec<bool> {
    let mut mask = vec![false; grid.width * grid.height];
    let Some((col, row)) = minesegsat_map::change::shift(&map.grid, grid) else { return mask };
    for (i, out) in mask.iter_mut().enumerate() {
        let (c, r) = (col + (i % grid.width) as i64, row + (i / grid.width) as i64);
        if c >= 0 && r >= 0 && c < map.grid.width as i64 && r < map.grid.height as i64 {
            *out = map.mapped[r as usize * map.grid.width + c as usize];
        }
    }
    mask
}

/// The picture of a site on one date.
struct Frame {
    date: Date,
    picture: TrueColour,
    /// Mapped as disturbed, `[H, W]` of the window.
    mask: Vec<bool>,
    /// Its disturbed land in words.
    area: String,
}

/// Disturbed land on a date in words.
fn area_text(hectares: &Hectares, level_percent: f64) -> String {
    match hectares.disturbed {
        Some(area) => format!(
            "{:.1} ha disturbed ({:.1} to {:.1} ha with {level_percent} % confidence)",
            Grouped(area.ha),
            Grouped(area.lower_ha),
            Grouped(area.upper_ha)
        ),
        None => format!("not assessable: {} of the site was seen", percent_text(hectares.share_seen())),
    }
}

/// Draws a PNG per date and an animated GIF of all dates, each with date, hectares, legend and scale.
fn draw(site: &SiteArea, grid: &Grid, frames: &[Frame], files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    if frames.is_empty() {
        return Ok(());
    }
    let stem = SiteId::from_text(&site.id).map_or_else(|| "site".to_owned(), |id| id.to_string());
    let pictures: Vec<&TrueColour> = frames.iter().map(|frame| &frame.picture).collect();
    let pixel_m = grid.ground_pixel_m().map(|(width, _)| width);
    let fail = |error: gif::EncodingError| Error::Io(std::io::Error::other(error));
    let mut moving = Vec::new();
    // Made with the size of the first frame; all frames are of one window. Frames of 65,536 pixels and more are no animation.
    let mut encoder: Option<gif::Encoder<&mut Vec<u8>>> = None;
    let mut target = Some(&mut moving);
    let (mut same_day, mut last_day) = (0, None);
    for (Frame { date, picture, mask, area }, pixels) in frames.iter().zip(TrueColour::rendered(&pictures)) {
        let (width, height, factor) = (picture.width, picture.height, picture.factor);
        let cells = (0..height).flat_map(|y| (0..width).map(move |x| y * factor * grid.width + x * factor));
        let mask: Vec<bool> = cells.map(|place| mask.get(place).copied().unwrap_or(false)).collect();
        let plate = Plate {
            pixels: &pixels,
            width,
            height,
            outline: Some((&mask, OUTLINE)),
            caption: vec![format!("{}, {date}", site.name), area.clone()],
            legend: vec![(OUTLINE, "mapped as disturbed".to_owned())],
            pixel_m: pixel_m.map(|size| size * factor as f64),
        };
        let plate = plate.draw()?;
        same_day = if last_day == Some(*date) { same_day + 1 } else { 0 };
        last_day = Some(*date);
        let name = if same_day == 0 { format!("{stem}-{date}.png") } else { format!("{stem}-{date}-{same_day}.png") };
        files.push((name, png(plate.rgb.as_chunks().0, plate.width as usize, plate.height as usize)?));
        let Some((width, height)) = u16::try_from(plate.width).ok().zip(u16::try_from(plate.height).ok()) else {
            continue;
        };
        if let Some(bytes) = target.take() {
            let mut made = gif::Encoder::new(bytes, width, height, &[]).map_err(fail)?;
            made.set_repeat(gif::Repeat::Infinite).map_err(fail)?;
            encoder = Some(made);
        }
        if let Some(encoder) = &mut encoder {
            let mut frame = gif::Frame::from_rgb_speed(width, height, &plate.rgb, 10);
            frame.delay = FRAME_DELAY;
            encoder.write_frame(&frame).map_err(fail)?;
        }
    }
    drop(encoder);
    if !moving.is_empty() {
        files.push((format!("{stem}.gif"), moving));
    }
    Ok(())
}

fn table(sites: &[SiteTimeline]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fail = |error: csv::Error| Error::Io(std::io::Error::other(error));
    let header = "site,date,scene,share_assessed,area_ha,lower_ha,upper_ha,outlier,ndvi,bsi,ndwi,ndvi_around,bsi_around,ndwi_around,share_beyond_map,site_ha,smoothed_ha,smoothed_lower_ha,smoothed_upper_ha,gain_since_first_ha,loss_since_first_ha,seen_ha,mapped_ha,estimated_ha,estimated_lower_ha,estimated_upper_ha,assumed_ha,share_disagreeing,share_in_other_sites";
    writer.write_record(header.split(',')).map_err(fail)?;
    for site in sites {
        for point in &site.points {
            let index = |value: Option<f32>| value.map_or_else(String::new, |value| format!("{value:.4}"));
            let cells = |area: Option<Area>| {
                area.map_or([const { String::new() }; 3], |a| {
                    [a.ha, a.lower_ha, a.upper_ha].map(|ha| format!("{ha:.2}"))
                })
            };
            let number = |ha: Option<f64>| ha.map_or_else(String::new, |ha| format!("{ha:.2}"));
            let (smoothed, found) = (&point.smoothed, &point.hectares);
            let outlier = match point.outlier {
                None => "",
                Some(Outlier::Seasonal) => "seasonal",
                Some(Outlier::Monotone) => "monotone",
            };
            let head = [site.id.clone(), point.date.to_string(), point.scene.clone()];
            let record = head
                .into_iter()
                .chain([format!("{:.4}", point.share_assessed)])
                .chain(cells(point.hectares.disturbed))
                .chain([outlier.to_owned()])
                .chain([point.inside, point.around].into_iter().flat_map(|i| [i.ndvi, i.bsi, i.ndwi]).map(index))
                .chain([format!("{:.4}", point.share_beyond_map), format!("{:.2}", site.site_ha)])
                .chain(cells(smoothed.smoothed_area))
                .chain([smoothed.gain_since_first_ha, smoothed.loss_since_first_ha].map(|ha| format!("{ha:.2}")))
                .chain([Some(found.seen_ha), found.mapped_ha].map(number))
                .chain(cells(found.estimated))
                .chain([number(found.assumed_ha)])
                .chain([smoothed.share_disagreeing.map_or_else(String::new, |share| format!("{share:.4}"))])
                .chain([format!("{:.4}", site.share_in_other_sites)]);
            writer.write_record(record.collect::<Vec<_>>()).map_err(fail)?;
        }
    }
    writer.into_inner().map_err(|error| Error::Io(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(areas: &[(&str, Option<f64>)]) -> Vec<TimelinePoint> {
        let point = |&(day, ha): &(&str, Option<f64>)| TimelinePoint {
            date: day.parse().unwrap(),
            scene: day.to_owned(),
            share_assessed: 1.0,
            share_beyond_map: 0.0,
            hectares: Hectares {
                disturbed: ha.map(|ha| Area { ha, lower_ha: ha - 5.0, upper_ha: ha + 5.0 }),
                ..Hectares::default()
            },
            smoothed: Smoothed::default(),
            outlier: None,
            inside: Indices::default(),
            around: Indices::default(),
        };
        areas.iter().map(point).collect()
    }

    fn marked(areas: &[(&str, Option<f64>)]) -> Vec<(usize, Outlier)> {
        let mut points = points(areas);
        mark_outliers(&mut points);
        points.iter().enumerate().filter_map(|(i, point)| Some((i, point.outlier?))).collect()
    }

    #[test]
    fn spikes_and_winters_are_marked_and_growth_is_not() {
        let summer = |ha: &[f64]| -> Vec<(&str, Option<f64>)> {
            let days = ["2020-07-01", "2020-08-01", "2021-07-01", "2021-08-01", "2022-07-01", "2022-08-01"];
            days.into_iter().zip(ha.iter().map(|&ha| Some(ha))).collect()
        };
        assert_eq!(marked(&summer(&[10.0, 20.0, 40.0, 60.0, 90.0, 120.0])), [], "growth");
        assert_eq!(marked(&summer(&[10.0, 11.0, 40.0, 12.0, 12.0, 13.0])), [(2, Outlier::Monotone)]);
        assert_eq!(marked(&summer(&[10.0, 11.0, 13.0, 12.0, 12.0, 13.0])), [], "within their intervals");
        let mut winter = summer(&[10.0, 11.0, 12.0, 12.0, 12.0]);
        winter.insert(4, ("2022-01-05", Some(40.0)));
        winter.insert(5, ("2022-02-01", None));
        assert_eq!(marked(&winter), [(4, Outlier::Seasonal)]);
        assert_eq!(marked(&winter[..1]), []);
    }
}
