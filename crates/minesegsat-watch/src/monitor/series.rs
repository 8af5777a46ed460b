//! Follows the land of a site over all its observations, and keeps the layers of the series with the newest one.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::corrections::map_folder;
use super::observe::Observer;
use crate::register::{NewLand, Observation};
use crate::timeline::{LAYERS, STYLES, write_layers};
use minesegsat_core::output::OutputFolder;
use minesegsat_core::{Error, Result};
use minesegsat_map::change::DatedMap;
use minesegsat_map::series::{OnsetArea, Series, SeriesMap, SeriesPoint, SeriesRules, SeriesTotals};
use minesegsat_map::site::SiteArea;
use minesegsat_scene::manifest::{GridRecord, OutputRecord, Software};

/// Folder of the series inside an observation's folder: `onset.tif`, `state.tif`, their styles, `onset.png` and `manifest.json`.
pub const SERIES: &str = "series";
/// The record of a series.
const MANIFEST: &str = "manifest.json";
/// Most maps of earlier observations in which new land is followed, without the first.
const MOST_DATES: usize = 60;

/// What all dates together say of a site on the newest one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    /// New land since the first date.
    pub(super) new_land: NewLand,
    /// Share of the site's pixels on which the newest map and the sequence disagree, 0 to 1. `None` if the map shows none of them.
    pub(super) share_disagreeing: Option<f64>,
}

/// The record of the series of a site.
#[derive(Debug, Serialize)]
struct SeriesManifest<'a> {
    /// Version of this layout.
    series_version: u32,
    software: Software,
    /// When it was made, UTC.
    created: Timestamp,
    dates: &'a [Date],
    /// Names of the observations of the earlier maps, and of the newest scene.
    maps: Vec<&'a str>,
    parameters: &'a SeriesRules,
    grid: GridRecord,
    /// The whole map.
    total: SeriesTotals,
    /// The site on each date.
    points: &'a [SeriesPoint],
    /// New land of the site by the time of its onset.
    onsets: &'a [OnsetArea],
    outputs: Vec<OutputRecord>,
    warnings: &'a [String],
}

impl Observer<'_> {
    /// Follows a site over this map and those of the earlier comparable observations, which are in the order of time, and writes the
    /// layers of the series into a folder. `None` for a first observation, or if the maps must not be compared.
    pub(super) fn follow(
        &self,
        place: &SiteArea,
        map: &DatedMap,
        comparable: &[&Observation],
        folder: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Followed>> {
        // The first date stays, so that what is new since then stays comparable.
        let skipped = comparable.len().saturating_sub(MOST_DATES).min(comparable.len().saturating_sub(1));
        let used = comparable.iter().take(1).chain(comparable.iter().skip(1 + skipped));
        let mut maps: Vec<SeriesMap> = Vec::new();
        for observation in used {
            let Some(folder) = map_folder(observation, self.register) else { continue };
            match SeriesMap::open(&folder) {
                Ok(mut map) => {
                    map.record.date = Some(observation.date);
                    map.record.name = observation.name();
                    map.record.scene = None;
                    maps.push(map);
                }
                Err(error) => warnings.push(format!("the map of {} is left out: {error}", observation.date)),
            }
        }
        let Some(since) = maps.first().and_then(|map| map.record.date) else { return Ok(None) };
        maps.push(SeriesMap::from(DatedMap { scene: None, ..map.clone() }));
        match self.write_series(place, maps, folder) {
            Ok(None) => Ok(None),
            Ok(Some((points, [confirmed_ha, provisional_ha]))) => Ok(Some(Followed {
                new_land: NewLand { since, confirmed_ha, provisional_ha },
                share_disagreeing: points.last().and_then(|point| point.share_disagreeing),
            })),
            Err(error @ Error::Argument { .. }) => {
                warnings.push(format!("new land was not followed over the dates: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the layers of a series. Returns the points of the site, and its confirmed and provisional new land in hectares. `None`
    /// if the site lies beyond the maps.
    fn write_series(
        &self,
        place: &SiteArea,
        maps: Vec<SeriesMap>,
        folder: &Path,
    ) -> Result<Option<(Vec<SeriesPoint>, [f64; 2])>> {
        let rules = SeriesRules { persistence: self.model.persistence, confirmation: self.options.confirmation };
        let series = Series::new(maps)?;
        let site = series.measure(place, &rules, self.options.level_percent, self.options.min_assessed)?;
        let Some(site) = site else { return Ok(None) };
        let names: Vec<&str> = LAYERS.into_iter().chain(STYLES).chain([MANIFEST]).collect();
        let output = OutputFolder::create(folder, &names, true)?;
        let total = write_layers(&series, &rules, &output, self.job)?;
        let outputs = LAYERS.iter().map(|name| OutputRecord::from_file(name, &output.path(name)));
        let manifest = SeriesManifest {
            series_version: 1,
            software: Software::this(),
            created: Timestamp::now(),
            dates: &series.dates,
            maps: series.maps().iter().map(|map| map.record.name.as_str()).collect(),
            parameters: &rules,
            grid: GridRecord::from(&series.grid),
            total,
            points: &site.points,
            onsets: &site.onsets,
            outputs: outputs.collect::<Result<_>>()?,
            warnings: &series.warnings,
        };
        let json = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from)?;
        fs_err::write(output.path(MANIFEST), json + "\n")?;
        output.commit()?;
        Ok(Some((site.points, [site.new_ha, site.new_provisional_ha])))
    }
}
