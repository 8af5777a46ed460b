//! Several scenes on one grid: a mosaic of one day, or the median of the clear pixels of several days.

use std::path::Path;

use rayon::prelude::*;

use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::resample::SignedWindow;
use minesegsat_core::{Band, Crs, GeoTransform, Grid, Result, Transformer};
use minesegsat_io::Pixels;
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat_map::change::shift;
use minesegsat_scene::patch::{Patch, PatchReader, Validity};
use minesegsat_scene::{Scene, SclClass};

/// Maximum side of a grid of several scenes, in pixels: four MGRS tiles.
const MAX_SIDE: f64 = 4.0 * 10_980.0;

/// Grid of several scenes around a site: the pixels of the first scene, continued over the box (west, south, east, north in
/// degrees). If all scenes have one grid, it is that grid.
pub(super) fn common_grid(scenes: &[&Scene], around: [f64; 4]) -> Result<Grid> {
    let first = scenes[0].grid();
    if scenes.iter().all(|scene| scene.grid() == first) {
        return Ok(first.clone());
    }
    let [mut west, south, mut east, north] = around;
    if east < west {
        east += 360.0;
    }
    // The box is near the scene. Its longitude may be written as -179 or 181.
    let centre = Transformer::new(&first.crs, &Crs::WGS84)?.transform_bounds(first.bounds())?[0];
    let turns = ((centre - west) / 360.0).round() * 360.0;
    (west, east) = (west + turns, east + turns);
    let [x0, y0, x1, y1] = Transformer::new(&Crs::WGS84, &first.crs)?.transform_bounds([west, south, east, north])?;
    let (col, row) = first.transform.to_pixel(x0, y1);
    let (col_end, row_end) = first.transform.to_pixel(x1, y0);
    let (col, row, col_end, row_end) = (col.floor(), row.floor(), col_end.ceil(), row_end.ceil());
    if !(col_end - col <= MAX_SIDE && row_end - row <= MAX_SIDE) {
        return Ok(first.clone());
    }
    let (origin_x, origin_y) = first.transform.to_map(col, row);
    Ok(Grid {
        crs: first.crs.clone(),
        transform: GeoTransform { origin_x, origin_y, ..first.transform },
        width: (col_end - col) as usize,
        height: (row_end - row) as usize,
    })
}

/// Reflectance of a scene on a grid, `[C, H, W]`, and its [`Validity`]. On other pixels it is interpolated bilinearly between
/// pixel centres; next to a pixel that is not assessable, the nearest pixel is used.
fn read_on(scene: &Scene, bands: &[Band], grid: &Grid) -> Result<Patch> {
    let reader = PatchReader::new(scene, bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
    if let Some((col, row)) = shift(scene.grid(), grid) {
        return reader.read(SignedWindow { col, row, width: grid.width, height: grid.height });
    }
    let own = scene.grid();
    let pixels = grid.width * grid.height;
    let mut patch =
        Patch { data: vec![f32::NAN; bands.len() * pixels], validity: vec![Validity::NoData as u8; pixels] };
    let to_grid = Transformer::new(&own.crs, &grid.crs)?;
    let Ok(bounds) = to_grid.transform_bounds(own.bounds()) else { return Ok(patch) };
    let Some(window) = grid.window_of_bounds(bounds) else { return Ok(patch) };
    let whole = reader.read(own.full_window().into())?;
    let to_own = Transformer::new(&grid.crs, &own.crs)?;
    let (width, height) = (own.width as i64, own.height as i64);
    let at = |col: i64, row: i64| {
        let inside = col >= 0 && row >= 0 && col < width && row < height;
        inside.then(|| row as usize * own.width + col as usize)
    };
    let is_clear = |i: usize| whole.validity[i] == Validity::Assessable as u8;
    for row in window.row..window.row_end() {
        for col in window.col..window.col_end() {
            let (x, y) = grid.transform.to_map(col as f64 + 0.5, row as f64 + 0.5);
            let Ok((x, y)) = to_own.transform(x, y) else { continue };
            let (c, r) = own.transform.to_pixel(x, y);
            let Some(nearest) = at(c.floor() as i64, r.floor() as i64) else { continue };
            let target = row * grid.width + col;
            patch.validity[target] = whole.validity[nearest];
            let (c0, r0) = ((c - 0.5).floor(), (r - 0.5).floor());
            let (fx, fy) = ((c - 0.5 - c0) as f32, (r - 0.5 - r0) as f32);
            let (c0, r0) = (c0 as i64, r0 as i64);
            let corners = [at(c0, r0), at(c0 + 1, r0), at(c0, r0 + 1), at(c0 + 1, r0 + 1)];
            let clear = corners.iter().all(|corner| corner.is_some_and(is_clear));
            for band in 0..bands.len() {
                let values = &whole.data[band * whole.validity.len()..];
                patch.data[band * pixels + target] = match corners {
                    [Some(p), Some(q), Some(s), Some(t)] if clear => {
                        (values[p] * (1.0 - fx) + values[q] * fx) * (1.0 - fy)
                            + (values[s] * (1.0 - fx) + values[t] * fx) * fy
                    }
                    _ => values[nearest],
                };
            }
        }
    }
    Ok(patch)
}

/// Scenes of one day on one grid. Where scenes overlap, a pixel is that of the first scene that shows it.
pub(super) struct Mosaic {
    grid: Grid,
    bands: Vec<Band>,
    patch: Patch,
}

impl Mosaic {
    /// A mosaic without scenes.
    pub(super) fn new(grid: Grid, bands: &[Band]) -> Self {
        let pixels = grid.width * grid.height;
        let patch =
            Patch { data: vec![f32::NAN; bands.len() * pixels], validity: vec![Validity::NoData as u8; pixels] };
        Self { grid, bands: bands.to_vec(), patch }
    }

    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// `[H, W]`, [`Validity`] as bytes.
    pub(super) fn validity(&self) -> &[u8] {
        &self.patch.validity
    }

    /// Adds what a scene shows and the mosaic lacks. Returns whether that was any pixel.
    pub(super) fn add(&mut self, scene: &Scene) -> Result<bool> {
        let new = read_on(scene, &self.bands, &self.grid)?;
        let pixels = self.patch.validity.len();
        let mut adds = false;
        for i in 0..pixels {
            let (old, state) = (self.patch.validity[i], new.validity[i]);
            if old == Validity::Assessable as u8 || state == Validity::NoData as u8 {
                continue;
            }
            self.patch.validity[i] = state;
            if state == Validity::Assessable as u8 {
                adds = true;
                for band in 0..self.bands.len() {
                    self.patch.data[band * pixels + i] = new.data[band * pixels + i];
                }
            }
        }
        Ok(adds)
    }

    /// Writes the mosaic.
    pub(super) fn write(self, path: &Path, ids: &[String]) -> Result<()> {
        write_patch(path, &self.grid, &self.bands, self.patch, ("MOSAIC", ids))
    }
}

/// Writes the median reflectance of the clear pixels of several scenes on a grid, band by band. Scenes without the bands are
/// left out. `ids` are those of the scenes, for the file's metadata.
///
/// Of an even number of values, the lower median is used, so that every value was really measured.
pub(super) fn write_median(path: &Path, scenes: &[&Scene], bands: &[Band], grid: &Grid, ids: &[String]) -> Result<()> {
    let mut patches = Vec::new();
    for scene in scenes.iter().filter(|scene| scene.require(bands).is_ok()) {
        patches.push(read_on(scene, bands, grid)?);
    }
    let pixels = grid.width * grid.height;
    let is_clear = |patch: &Patch, i: usize| patch.validity[i] == Validity::Assessable as u8;
    let median = |band: usize| -> Vec<f32> {
        (0..pixels)
            .into_par_iter()
            .map(|i| {
                let clear = patches.iter().filter(|patch| is_clear(patch, i));
                let mut values: Vec<f32> = clear.map(|patch| patch.data[band * pixels + i]).collect();
                if values.is_empty() {
                    return f32::NAN;
                }
                let middle = (values.len() - 1) / 2;
                *values.select_nth_unstable_by(middle, f32::total_cmp).1
            })
            .collect()
    };
    let data = (0..bands.len()).flat_map(median).collect();
    // The most that any scene shows of a pixel.
    let validity = (0..pixels)
        .map(|i| match patches.iter().map(|patch| patch.validity[i]).filter(|&v| v != Validity::NoData as u8).min() {
            Some(state) => state,
            None => Validity::NoData as u8,
        })
        .collect();
    write_patch(path, grid, bands, Patch { data, validity }, ("COMPOSITE", ids))
}

/// Writes a patch as a scene in one GeoTIFF: reflectance, NaN where not assessable, and a classification that says whether
/// cloud hides the ground or data are missing.
fn write_patch(path: &Path, grid: &Grid, bands: &[Band], patch: Patch, (key, ids): (&str, &[String])) -> Result<()> {
    let pixels = grid.width * grid.height;
    let mut metas: Vec<BandMeta> = bands.iter().map(|band| BandMeta::named(band.to_string())).collect();
    metas.push(BandMeta::named("SCL"));
    let options = CogOptions { bands: metas, metadata: vec![(key.to_owned(), ids.join(" "))], ..CogOptions::default() };
    let mut values: Vec<Pixels> = Vec::with_capacity(bands.len() + 1);
    for band in 0..bands.len() {
        let band = patch.data[band * pixels..][..pixels].iter().zip(&patch.validity);
        let seen = band.map(|(&value, &state)| if state == Validity::Assessable as u8 { value } else { f32::NAN });
        values.push(Pixels::F32(seen.collect()));
    }
    let class = |state: u8| match state {
        state if state == Validity::Assessable as u8 => SclClass::Vegetation,
        state if state == Validity::NoData as u8 => SclClass::NoData,
        _ => SclClass::CloudHighProbability,
    };
    values.push(Pixels::F32(patch.validity.iter().map(|&state| f32::from(class(state) as u8)).collect()));
    let mut cog = CogWriter::create(path, grid, options)?;
    cog.write_rows(&values)?;
    cog.finish()
}

#[cfg(test)]
mod tests {
    use minesegsat_io::{Location, open_raster};
    use minesegsat_scene::OpenOptions;
    use minesegsat_testing::scenes::{Provider, SceneSpec, write_stac_item};

    use super::*;

    /// Where the first scene is cloudy and the second one clear, both pixel and class are those of the second.
    #[test]
    fn a_pixel_of_a_mosaic_has_the_class_of_its_scene() {
        let folder = tempfile::tempdir().unwrap();
        // Rows 1/12 to 4/12 of a scene are classified as cloud and shadow; the second scene has them 480 m further north.
        let first = SceneSpec::new("2A", "05.10");
        let second = SceneSpec { origin: (600_000.0, 5_500_500.0), ..first.clone() };
        let [first, second] = [("first", first), ("second", second)].map(|(name, spec)| {
            let item = write_stac_item(&folder.path().join(name), &spec, Provider::EarthSearchC1);
            Scene::open(item.to_str().unwrap(), &OpenOptions::default()).unwrap()
        });
        let (grid, bands) = (first.grid().clone(), [Band::B02]);
        let of_scene = [&first, &second].map(|scene| read_on(scene, &bands, &grid).unwrap());
        let mut mosaic = Mosaic::new(grid.clone(), &bands);
        assert!(mosaic.add(&first).unwrap() && mosaic.add(&second).unwrap());
        let path = folder.path().join("mosaic.tif");
        mosaic.write(&path, &["a".to_owned(), "b".to_owned()]).unwrap();
        let written = open_raster(&Location::Path(path)).unwrap();
        let read = |band: usize| written.read(band, grid.full_window()).unwrap().to_f32();
        let (values, classes) = (read(0), read(1));
        let (clear, none) = (Validity::Assessable as u8, Validity::NoData as u8);
        let mut taken = [0, 0];
        for i in 0..classes.len() {
            if let Some(scene) = of_scene.iter().position(|patch| patch.validity[i] == clear) {
                taken[scene] += 1;
                assert_eq!((values[i], classes[i]), (of_scene[scene].data[i], 4.0), "{i}");
            } else {
                let is_empty = of_scene.iter().all(|patch| patch.validity[i] == none);
                assert_eq!(classes[i], if is_empty { 0.0 } else { 9.0 }, "{i}");
                assert!(values[i].is_nan(), "{i}");
            }
        }
        assert!(taken[0] > 0 && taken[1] > 0, "{taken:?}");
    }
}
