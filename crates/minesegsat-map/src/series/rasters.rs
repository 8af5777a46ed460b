//! The rasters of a series, `onset.tif` and `state.tif`, and a picture of them: [`write_rasters`].

use std::path::Path;

use jiff::civil::Date;
use serde::Serialize;

use super::chain::Chain;
use super::history::{History, Onset};
use super::picture::OnsetPicture;
use super::{Series, SeriesRules};
use crate::site::SitePixels;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::job::Job;
use minesegsat_core::pixel_class::{CLASSES_ITEM, HISTORY_PALETTE, LandHistory, MASK_NODATA, classes_text};
use minesegsat_core::{Result, Window, parallel};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter, OverviewResampling};
use minesegsat_io::{DataType, Pixels};

/// Day 0 of `onset.tif`.
pub const EPOCH: Date = jiff::civil::date(1970, 1, 1);
/// Value of `onset.tif` where there is no onset between two dates.
const NO_ONSET: u16 = 0;
/// Side of the blocks that are computed at once, in pixels: that of the blocks of a map.
const BLOCK: usize = 512;
/// Most probabilities in memory per thread.
const MOST_VALUES: usize = 32 << 20;

/// Land of the whole map by its history, in hectares on the ellipsoid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesTotals {
    /// Hectares by class, in the order of [`LandHistory::SEEN`].
    pub by_class: Vec<ClassTotal>,
    /// Land that no date shows.
    pub not_assessable_ha: f64,
    /// Land that is disturbed in the smoothed series on each date.
    pub disturbed_ha: Vec<f64>,
    /// Share of the land that each date shows, 0 to 1.
    pub share_assessed: Vec<f64>,
    /// Largest number of dates that show a pixel, and the number that half of the land has at least.
    pub most_dates: usize,
    /// See `most_dates`.
    pub median_dates: usize,
}

/// Hectares of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassTotal {
    /// The class.
    pub class: LandHistory,
    /// Its area in hectares.
    pub ha: f64,
}

/// What a block yields.
struct Block {
    states: Vec<u8>,
    /// Best estimate, last clear date and first date that shows it, as days since [`EPOCH`].
    onset: [Vec<u16>; 3],
    tally: Tally,
}

/// Numbers of pixels.
#[derive(Debug, Clone)]
struct Tally {
    by_class: [u64; 256],
    /// By date: disturbed in the smoothed series, and seen.
    disturbed: Vec<u64>,
    seen: Vec<u64>,
    /// By number of dates that show a pixel.
    by_views: Vec<u64>,
}

impl Tally {
    fn new(dates: usize) -> Self {
        Self { by_class: [0; 256], disturbed: vec![0; dates], seen: vec![0; dates], by_views: vec![0; dates + 1] }
    }

    fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.by_class[..], &other.by_class[..]),
            (&mut self.disturbed[..], &other.disturbed[..]),
            (&mut self.seen[..], &other.seen[..]),
            (&mut self.by_views[..], &other.by_views[..]),
        ];
        for (sums, more) in pairs {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }
}

/// Computes the histories of all pixels, block by block, and writes `onset.tif`, `state.tif` and the picture `onset.png`.
/// Memory depends on the width of the grid and the number of dates, not on the height.
///
/// `onset.tif` has three bands of days since [`EPOCH`], 0 where no onset lies between two dates: the middle of the interval, the
/// last assessable date that shows the pixel undisturbed, and the first that shows it disturbed.
pub fn write_rasters(
    series: &Series,
    rules: &SeriesRules,
    onset: &Path,
    state: &Path,
    picture: &Path,
    job: Job<'_>,
) -> Result<SeriesTotals> {
    rules.check()?;
    let days = series.days();
    let chain = Chain::new(rules.persistence, &days)?;
    let grid = &series.grid;
    let dates = days.len();
    let range = format!("{}/{}", series.dates[0], series.dates[dates - 1]);
    let mut onset_file = CogWriter::create(onset, grid, onset_options(&range))?;
    let mut state_file = CogWriter::create(state, grid, state_options(&range))?;
    // Whole rows of a map's blocks, or fewer for very many dates.
    let rows = (MOST_VALUES / (dates * BLOCK)).clamp(16, BLOCK) / 16 * 16;
    let mut tally = Tally::new(dates);
    let mut drawn = OnsetPicture::new(grid.width, grid.height);
    for row in (0..grid.height).step_by(rows) {
        job.check()?;
        job.progress.advance(row, grid.height);
        let height = rows.min(grid.height - row);
        let windows: Vec<Window> = (0..grid.width)
            .step_by(BLOCK)
            .map(|col| Window::new(col, row, BLOCK.min(grid.width - col), height))
            .collect();
        let blocks = parallel::map(&windows, |window| {
            job.check()?;
            block(series, rules, &chain, window)
        })?;
        for block in &blocks {
            tally.add(&block.tally);
        }
        let join = |values: &dyn Fn(&Block) -> &[u16]| -> Pixels {
            let lines =
                (0..height).flat_map(|line| blocks.iter().zip(&windows).map(move |(block, w)| (line, block, w)));
            Pixels::U16(
                lines.flat_map(|(line, block, w)| &values(block)[line * w.width..][..w.width]).copied().collect(),
            )
        };
        let bands = [0, 1, 2].map(|band| join(&|block: &Block| &block.onset[band]));
        onset_file.write_rows(&bands)?;
        let lines = (0..height).flat_map(|line| blocks.iter().zip(&windows).map(move |(block, w)| (line, block, w)));
        let states: Vec<u8> =
            lines.flat_map(|(line, block, w)| &block.states[line * w.width..][..w.width]).copied().collect();
        if let Pixels::U16(onsets) = &bands[0] {
            drawn.add(row, grid.width, &states, onsets);
        }
        state_file.write_rows(&[Pixels::U8(states)])?;
    }
    job.progress.advance(grid.height, grid.height);
    onset_file.finish()?;
    state_file.finish()?;
    let ends = [0, dates - 1];
    fs_err::write(picture, drawn.render(ends.map(|date| series.dates[date]), ends.map(|date| days[date]))?)?;
    let pixel_m2 = SitePixels::all_area_m2(grid, &GeodesicMeter::new(&grid.crs)?)?;
    Ok(totals(&tally, pixel_m2))
}

fn block(series: &Series, rules: &SeriesRules, chain: &Chain, window: &Window) -> Result<Block> {
    let dates = series.dates.len();
    let maps = (0..dates).map(|date| series.read(date, window)).collect::<Result<Vec<_>>>()?;
    let days = chain.days();
    let mut history = History::new(chain, &series.thresholds, rules.confirmation);
    let mut tally = Tally::new(dates);
    let mut states = Vec::with_capacity(window.len());
    let mut onset = [const { Vec::new() }; 3].map(|_: Vec<u16>| Vec::with_capacity(window.len()));
    let (mut pixel, mut disturbed) = (vec![0.0; dates], vec![false; dates]);
    for i in 0..window.len() {
        let mut views = 0;
        for (date, (p, map)) in pixel.iter_mut().zip(&maps).enumerate() {
            *p = map[i];
            let is_seen = !p.is_nan();
            views += usize::from(is_seen);
            tally.seen[date] += u64::from(is_seen);
        }
        let found = history.follow(&pixel);
        history.states(&mut disturbed);
        tally.by_views[views] += 1;
        tally.by_class[usize::from(found.class as u8)] += 1;
        tally.disturbed.iter_mut().zip(&disturbed).for_each(|(count, &is)| *count += u64::from(is));
        states.push(found.class as u8);
        let values = found.onset.map_or([NO_ONSET; 3], |onset| onset_days(days, onset));
        onset.iter_mut().zip(values).for_each(|(band, value)| band.push(value));
    }
    Ok(Block { states, onset, tally })
}

/// The middle of the interval, the last clear date and the first date that shows it.
fn onset_days(days: &[i32], onset: Onset) -> [u16; 3] {
    let (after, until) = (days[onset.after], days[onset.until]);
    // Rounded up, so that the middle is never a date that shows undisturbed land.
    [(after + until + 1).div_euclid(2), after, until].map(|day| u16::try_from(day).unwrap_or(NO_ONSET))
}

fn onset_options(dates: &str) -> CogOptions {
    let band = |name: &str, description: &str| BandMeta {
        description: Some(format!("{description}, in days since {EPOCH}; 0 where there is no onset")),
        ..BandMeta::named(name)
    };
    CogOptions {
        data_type: DataType::U16,
        nodata: Some(f64::from(NO_ONSET)),
        bands: vec![
            band("onset", "Middle of the time in which land became disturbed"),
            band("last_undisturbed", "Last assessable date that shows it undisturbed"),
            band("first_disturbed", "First date that shows it disturbed"),
        ],
        overview_resampling: OverviewResampling::Mode,
        metadata: vec![("DATES".to_owned(), dates.to_owned()), ("EPOCH".to_owned(), EPOCH.to_string())],
        ..CogOptions::default()
    }
}

fn state_options(dates: &str) -> CogOptions {
    let classes: Vec<String> =
        LandHistory::SEEN.iter().map(|class| format!("{} {}", *class as u8, class.name())).collect();
    let all = LandHistory::SEEN.into_iter().chain([LandHistory::NotAssessable]);
    let names = classes_text(all.map(|class| (class as u8, class.name())));
    CogOptions {
        data_type: DataType::U8,
        nodata: Some(f64::from(MASK_NODATA)),
        bands: vec![BandMeta {
            description: Some(format!("{}, 255 not seen on any date", classes.join(", "))),
            ..BandMeta::named("land_history")
        }],
        overview_resampling: OverviewResampling::Mode,
        metadata: vec![("DATES".to_owned(), dates.to_owned()), (CLASSES_ITEM.to_owned(), names)],
        palette: Some(HISTORY_PALETTE.to_vec()),
        ..CogOptions::default()
    }
}

fn totals(tally: &Tally, pixel_m2: f64) -> SeriesTotals {
    let ha = |pixels: u64| pixels as f64 * pixel_m2 / 1e4;
    let all: u64 = tally.by_class.iter().sum();
    let mut below = 0;
    let half = tally.by_views.iter().position(|&pixels| {
        below += pixels;
        below * 2 > all
    });
    SeriesTotals {
        by_class: LandHistory::SEEN
            .map(|class| ClassTotal { class, ha: ha(tally.by_class[usize::from(class as u8)]) })
            .to_vec(),
        not_assessable_ha: ha(tally.by_class[usize::from(LandHistory::NotAssessable as u8)]),
        disturbed_ha: tally.disturbed.iter().map(|&pixels| ha(pixels)).collect(),
        share_assessed: tally.seen.iter().map(|&pixels| pixels as f64 / all.max(1) as f64).collect(),
        most_dates: tally.by_views.iter().rposition(|&pixels| pixels > 0).unwrap_or(0),
        median_dates: half.unwrap_or(0),
    }
}
