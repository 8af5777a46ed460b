//! Writes a scene: bands, scene classification and STAC item.

use rayon::prelude::*;

use super::catalogue::{Item, Layer};
use super::clouds::Sky;
use super::cover::Landscape;
use super::moment::Moment;
use super::render::{self, Renderer};
use super::season::{SceneLocation, Season};
use super::shapes::MineLayer;
use super::spectra::BANDS;
use super::workings::Workings;
use super::{SimulateOptions, World, terrain, write_json};
use minesegsat_core::output::OutputTree;
use minesegsat_core::{GeoTransform, Grid, Result};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter, OverviewResampling};
use minesegsat_io::{DataType, Pixels};
use minesegsat_scene::manifest::OutputRecord;

/// What all scenes of a simulation share.
pub(super) struct SceneWriter<'a> {
    pub(super) tree: &'a OutputTree,
    pub(super) options: &'a SimulateOptions,
    pub(super) world: &'a World,
    pub(super) place: &'a SceneLocation,
    /// Grid of the 10 m bands.
    pub(super) grid: &'a Grid,
}

/// The time and conditions of a scene.
pub(super) struct View<'a> {
    pub(super) id: &'a str,
    pub(super) moment: &'a Moment,
    pub(super) season: &'a Season,
    pub(super) cloud_cover_percent: f64,
    /// Shift of the picture in 10 m pixels, eastwards and southwards.
    pub(super) shift_px: (f32, f32),
}

impl SceneWriter<'_> {
    /// Writes a scene with these mines into `<year>/<id>`. Returns the cloud cover in percent.
    pub(super) fn write(
        &self,
        view: &View<'_>,
        layer: &MineLayer,
        workings: Vec<Workings>,
        mut report: impl FnMut(usize) -> Result<()>,
    ) -> Result<f64> {
        let Self { tree, options, world, grid, .. } = *self;
        let View { id, moment, season, .. } = *view;
        let year = moment.year;
        let (seed, region) = (options.world_seed(), options.region);
        let extent = options.size as f32 * terrain::PIXEL_M;
        let landscape =
            Landscape::new(seed, region, &world.terrain, &world.towns, &world.roads, *season, moment.clone());
        let sky = Sky::new(seed, &moment.name, season, extent, view.cloud_cover_percent);
        let mut renderer = Renderer::new(seed, landscape, layer, workings, sky);
        renderer.shift = view.shift_px;

        let items = [("SIMULATED".to_owned(), "YES".to_owned())];
        let mut outputs: Vec<(Layer, Grid, String, CogWriter)> = Vec::new();
        for band in BANDS {
            let options = CogOptions {
                data_type: DataType::U16,
                nodata: Some(0.0),
                bands: vec![BandMeta {
                    name: band.id().to_owned(),
                    description: Some("simulated surface reflectance".to_owned()),
                    scale: 1e-4,
                    offset: 0.0 - f64::from(season.offset_dn()) / 1e4,
                }],
                overview_resampling: OverviewResampling::Average,
                metadata: items.to_vec(),
                compression_level: 3,
                ..CogOptions::default()
            };
            let (grid, name) = (grid_of(grid, band.gsd_m()), format!("{band}.tif"));
            let cog = CogWriter::create(&tree.path(&format!("{year}/{id}/{name}"))?, &grid, options)?;
            outputs.push((Layer::Band(band), grid, name, cog));
        }
        let classes = CogOptions {
            data_type: DataType::U8,
            nodata: Some(0.0),
            bands: vec![BandMeta::named("SCL")],
            overview_resampling: OverviewResampling::Mode,
            metadata: items.to_vec(),
            ..CogOptions::default()
        };
        let (scl_grid, name) = (grid_of(grid, 20), "SCL.tif".to_owned());
        let cog = CogWriter::create(&tree.path(&format!("{year}/{id}/{name}"))?, &scl_grid, classes)?;
        outputs.push((Layer::Classification, scl_grid, name, cog));

        let (mut cloudy, mut counts) = (0, [0_u64; 12]);
        render::in_strips(&renderer, |rows, reached| {
            cloudy += rows.cloudy;
            for class in &rows.classes {
                counts[usize::from(*class)] += 1;
            }
            let pixels: Vec<Pixels> =
                rows.bands.into_iter().map(Pixels::U16).chain([Pixels::U8(rows.classes)]).collect();
            outputs.par_iter_mut().zip(pixels).try_for_each(|((.., cog), pixels)| cog.write_rows(&[pixels]))?;
            report(reached)
        })?;
        let cloud_cover_percent = cloudy as f64 / (grid.width * grid.height) as f64 * 100.0;
        let files = outputs
            .into_par_iter()
            .map(|(layer, grid, name, cog)| {
                cog.finish()?;
                let record = OutputRecord::from_file(&name, &tree.path(&format!("{year}/{id}/{name}"))?)?;
                Ok((layer, grid, record))
            })
            .collect::<Result<Vec<_>>>()?;
        let item = Item {
            id,
            options,
            truth: &moment.name,
            season,
            place: self.place.name,
            grid,
            cloud_cover_percent,
            classes: counts,
            files,
        };
        write_json(tree, &format!("{year}/{id}/item.json"), &item.json()?)?;
        Ok(cloud_cover_percent)
    }
}

/// The grid with the same corner and pixels of `gsd_m` metres.
fn grid_of(grid: &Grid, gsd_m: u32) -> Grid {
    let factor = gsd_m as usize / 10;
    Grid {
        crs: grid.crs.clone(),
        transform: GeoTransform::north_up(grid.transform.origin_x, grid.transform.origin_y, f64::from(gsd_m)),
        width: grid.width / factor,
        height: grid.height / factor,
    }
}
