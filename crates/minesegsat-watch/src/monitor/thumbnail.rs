//! What mails show of a site: its name, and a small picture of an observation with gain and loss.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::observe::area_of;
use crate::alerts::{Finding, Sites, Thumbnail};
use crate::register::{Observation, Register, SiteId, observation_name};
use minesegsat_core::pixel_class::{Change, GAIN_COLOUR, LOSS_COLOUR};
use minesegsat_core::{Error, Grid, Result};
use minesegsat_io::{Location, Pixels, open_raster};
use minesegsat_map::preview::{pixels_of_png, png, reduced};
use minesegsat_map::site::SitePixels;

/// Largest size of a picture in a mail, in bytes.
const MOST_BYTES: usize = 200_000;
/// Longer sides to try, in pixels. The last one fits even if the picture cannot be compressed.
const SIDES: [usize; 4] = [480, 400, 320, 250];
/// Colour of the boundary.
const BOUNDARY: [u8; 3] = [255; 3];
/// Share of the colour of a mark, in percent; the rest is the picture.
const OPACITY: u32 = 80;

/// The sites of a register, for mails.
pub(super) struct SitesOfRegister<'a>(pub(super) &'a Register);

impl Sites for SitesOfRegister<'_> {
    fn name(&self, site: &SiteId) -> Option<String> {
        self.0.stored_site(site).ok()?.name.ok()
    }

    fn picture(&self, finding: &Finding) -> Option<Thumbnail> {
        // A mail without a picture is better than no mail.
        thumbnail(self.0, finding).unwrap_or_else(|error| {
            tracing::warn!(site = finding.site.as_str(), "the mail has no picture of {}: {error}", finding.date);
            None
        })
    }
}

/// A coloured pixel of a grid.
struct Mark {
    col: i64,
    row: i64,
    colour: [u8; 3],
}

/// The picture of the observation that a finding is about. `None` if there is none.
fn thumbnail(register: &Register, finding: &Finding) -> Result<Option<Thumbnail>> {
    let name = observation_name(finding.date, &finding.scenes, &finding.model_sha256);
    let observations = register.read_observations(&finding.site)?.rows;
    let Some(observation) = observations.iter().find(|observation| observation.name() == name) else {
        return Ok(None);
    };
    let file = |end: &str| observation.file(register.folder(), end);
    let (Some(picture), Some(mask)) = (file("/picture.png"), file("map/mask.tif")) else { return Ok(None) };
    let (pixels, size) = pixels_of_png(&fs_err::read(picture)?)?;
    let grid = open_raster(&Location::from(mask.as_path()))?.info().grid.clone();
    let mut marks = Vec::new();
    let mut change_since = None;
    if let Some((path, since)) = change_of(observation, finding, register.folder()) {
        marks = change_marks(&path, &grid)?;
        change_since = (!marks.is_empty()).then_some(since);
    }
    let boundary = boundary_marks(register, &finding.site, &grid)?;
    let has_boundary = !boundary.is_empty();
    marks.extend(boundary);
    for side in SIDES {
        let (drawn, (width, height)) = draw(&pixels, size, &marks, &grid, side);
        let png = png(&drawn, width, height)?;
        if png.len() <= MOST_BYTES {
            return Ok(Some(Thumbnail { png, width, height, date: finding.date, has_boundary, change_since }));
        }
    }
    Ok(None)
}

/// The raster of the change that a finding is about, and the day that it is measured from.
fn change_of(observation: &Observation, finding: &Finding, folder: &Path) -> Option<(PathBuf, Date)> {
    match finding.compared_with {
        Some(since) if observation.compared_with != Some(since) => {
            Some((observation.file(folder, "change-since-baseline/change.tif")?, since))
        }
        _ => Some((observation.file(folder, "change/change.tif")?, observation.compared_with?)),
    }
}

/// Gain and loss. None if the change is on another grid than the picture.
fn change_marks(path: &Path, grid: &Grid) -> Result<Vec<Mark>> {
    let (change_grid, classes) = read_classes(path)?;
    let (own, other) = (&grid.transform, &change_grid.transform);
    let is_aligned =
        change_grid.crs == grid.crs && (own.pixel_width, own.pixel_height) == (other.pixel_width, other.pixel_height);
    if !is_aligned {
        return Ok(Vec::new());
    }
    // The change covers only the area that both dates share.
    let (col, row) = own.to_pixel(other.origin_x, other.origin_y);
    let (first_col, first_row) = (col.round() as i64, row.round() as i64);
    let mark = |(index, class): (usize, u8)| {
        let colour = if class == Change::Gain as u8 {
            GAIN_COLOUR
        } else if class == Change::Loss as u8 {
            LOSS_COLOUR
        } else {
            return None;
        };
        let (col, row) = (index % change_grid.width, index / change_grid.width);
        Some(Mark { col: first_col + col as i64, row: first_row + row as i64, colour })
    };
    Ok(classes.iter().copied().enumerate().filter_map(mark).collect())
}

/// The pixels of a site that border on other land. None if the site's row of the register is damaged.
fn boundary_marks(register: &Register, site: &SiteId, grid: &Grid) -> Result<Vec<Mark>> {
    let Some(site) = register.site(site).ok().flatten() else { return Ok(Vec::new()) };
    let Some(SitePixels { window, inside }) = SitePixels::rasterize(&area_of(&site), grid)? else {
        return Ok(Vec::new());
    };
    let is_inside =
        |col: usize, row: usize| col < window.width && row < window.height && inside[row * window.width + col];
    let mut marks = Vec::new();
    for row in 0..window.height {
        for col in 0..window.width {
            // Below zero the numbers wrap around, and lie outside too.
            let around = [(col.wrapping_sub(1), row), (col + 1, row), (col, row.wrapping_sub(1)), (col, row + 1)];
            if is_inside(col, row) && around.into_iter().any(|(col, row)| !is_inside(col, row)) {
                let (col, row) = ((window.col + col) as i64, (window.row + row) as i64);
                marks.push(Mark { col, row, colour: BOUNDARY });
            }
        }
    }
    Ok(marks)
}

/// Reduces a picture of a grid to at most `side` pixels, and then marks it, so that small marks do not vanish.
fn draw(
    pixels: &[[u8; 3]],
    size: (usize, usize),
    marks: &[Mark],
    grid: &Grid,
    side: usize,
) -> (Vec<[u8; 3]>, (usize, usize)) {
    let (plain, (width, height)) = reduced(pixels, size, side);
    let mut drawn = plain.clone();
    // From a pixel of the grid to the one of the picture that holds its centre.
    let place = |at: i64, from: usize, to: usize| {
        let at = usize::try_from(at).ok().filter(|at| *at < from)?;
        Some((2 * at + 1) * to / (2 * from))
    };
    for mark in marks {
        let Some((x, y)) = place(mark.col, grid.width, width).zip(place(mark.row, grid.height, height)) else {
            continue;
        };
        let at = y * width + x;
        let blend = |channel: usize| {
            let (over, under) = (u32::from(mark.colour[channel]), u32::from(plain[at][channel]));
            ((over * OPACITY + under * (100 - OPACITY)) / 100) as u8
        };
        drawn[at] = std::array::from_fn(blend);
    }
    (drawn, (width, height))
}

/// Grid and classes of a raster of an observation: a mask or a change, `[height, width]`.
pub fn read_classes(path: &Path) -> Result<(Grid, Vec<u8>)> {
    let raster = open_raster(&Location::from(path))?;
    let grid = raster.info().grid.clone();
    match raster.read(0, grid.full_window())? {
        Pixels::U8(values) => Ok((grid, values)),
        other => Err(Error::raster(
            path.display().to_string(),
            format!("it is of type {:?}; classes are U8", other.data_type()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::{Crs, GeoTransform};

    fn grid(width: usize, height: usize) -> Grid {
        let transform = GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0);
        Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width, height }
    }

    #[test]
    fn a_mark_of_one_pixel_is_seen_on_a_reduced_picture() {
        let (width, height) = (1000, 500);
        let pixels = vec![[100, 100, 100]; width * height];
        let mark = |col: i64, row: i64| Mark { col, row, colour: GAIN_COLOUR };
        let marks = [mark(999, 499), mark(0, 0), mark(-1, 3), mark(1000, 3)];
        let (drawn, size) = draw(&pixels, (width, height), &marks, &grid(width, height), 100);
        assert_eq!(size, (100, 50));
        let marked: Vec<usize> = (0..drawn.len()).filter(|&i| drawn[i] != [100, 100, 100]).collect();
        assert_eq!(marked, [0, 4999], "those beyond the picture are left out");
        // 80 % of 230, 97 and 1, and 20 % of 100.
        assert_eq!(drawn[0], [204, 97, 20]);
    }

    #[test]
    fn the_smallest_picture_fits_into_a_mail() {
        // Noise cannot be compressed.
        let noise = |i: usize| {
            (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
        };
        let pixels: Vec<[u8; 3]> =
            (0..600 * 600).map(|i| [0, 8, 16].map(|shift| (noise(i) >> (40 - shift)) as u8)).collect();
        let last = *SIDES.last().unwrap();
        let (drawn, (width, height)) = draw(&pixels[..last * last], (last, last), &[], &grid(last, last), last);
        assert!(png(&drawn, width, height).unwrap().len() <= MOST_BYTES);
    }
}
