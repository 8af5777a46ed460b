//! Overviews of GeoTIFF and resolution levels of JPEG 2000 against the numbers that their own libraries read.

use std::sync::Arc;

use minesegsat_io::{Location, Pixels, RasterSource, open_raster};

fn open(name: &str) -> Arc<dyn RasterSource> {
    let path = minesegsat_testing::fixture("rasters").join(name);
    open_raster(&Location::Path(path)).unwrap()
}

/// All pixels of a band.
fn pixels(raster: &dyn RasterSource, band: usize) -> Vec<u64> {
    let Pixels::U16(values) = raster.read(band, raster.info().grid.full_window()).unwrap() else { panic!("u16") };
    values.into_iter().map(u64::from).collect()
}

fn size(raster: &dyn RasterSource) -> (usize, usize) {
    (raster.info().grid.width, raster.info().grid.height)
}

// Expected: rasterio 1.4, open("u16_overviews.tif", overview_level=n).read(2): [0, :4], [-1, -3:], sum
#[test]
fn overviews_of_a_geotiff_are_those_that_gdal_reads_without_those_of_its_mask() {
    let full = open("u16_overviews.tif");
    let overviews = full.overviews().unwrap();
    assert_eq!(overviews.iter().map(|o| size(&**o)).collect::<Vec<_>>(), [(38, 25), (19, 13)]);
    let expected = [
        ([6179, 15020, 23860, 32701], [24128, 41796, 26907], 30_454_976),
        ([18582, 37232, 33677, 28545], [32229, 30131, 31940], 7_918_293),
    ];
    for (overview, (first, last, sum)) in overviews.iter().zip(expected) {
        let found = pixels(&**overview, 1);
        assert_eq!((&found[..4], &found[found.len() - 3..]), (&first[..], &last[..]));
        assert_eq!(found.iter().sum::<u64>(), sum);
        assert_eq!(overview.info().band_names, full.info().band_names);
        let (a, b) = (overview.info().grid.bounds(), full.info().grid.bounds());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} and {b:?}");
    }
    assert!(open("u16_deflate2_tiles.tif").overviews().unwrap().is_empty());
}

// Expected: Pillow 13.0 (OpenJPEG), im = Image.open("u16_geojp2.jp2"); im.reduce = n; a = np.asarray(im): [0, :5],
// [-1, -3:], sum
#[test]
fn levels_of_a_jpeg_2000_image_are_those_that_openjpeg_gives_for_the_whole_image() {
    let full = open("u16_geojp2.jp2");
    let levels = full.overviews().unwrap();
    assert_eq!(levels.iter().map(|o| size(&**o)).collect::<Vec<_>>(), [(38, 25), (19, 13)]);
    let expected = [
        ([0, 8704, 17408, 26112, 32808], [24104, 41448, 28672], 30_442_164),
        ([314, 14992, 50943, 45541, 1705], [33679, 27452, 29696], 7_924_806),
    ];
    for ((level, factor), (first, last, sum)) in levels.iter().zip([2.0, 4.0]).zip(expected) {
        let found = pixels(&**level, 0);
        assert_eq!((&found[..5], &found[found.len() - 3..]), (&first[..], &last[..]));
        assert_eq!(found.iter().sum::<u64>(), sum);
        let (a, b) = (level.info().grid.transform, full.info().grid.transform);
        assert_eq!((a.origin_x, a.origin_y, a.pixel_width), (b.origin_x, b.origin_y, b.pixel_width * factor));
        assert!(level.overviews().unwrap().is_empty());
    }
}
