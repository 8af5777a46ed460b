//! A look at the content of a file: whether it is the image that it must be.

use std::path::Path;

use minesegsat_core::{Grid, Result};
use minesegsat_io::http::{DESCRIBED_BYTES, describe_content};
use minesegsat_io::raster::{self, open_image};
use minesegsat_io::{Location, RasterSource, open_jp2_with_grid};

use super::checksum::reason_of;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no image: what it is.
    Other(String),
    /// It is an image that was cut or damaged: how.
    Damaged(String),
}

/// Opens a file as an image, compares its blocks with its size, and decodes the last one. `grid` is for JPEG 2000 images
/// without georeferencing.
pub(super) fn check_content(path: &Path, grid: Option<&Grid>) -> std::result::Result<(), Fault> {
    let head = first_bytes(path).map_err(|error| Fault::Damaged(error.to_string()))?;
    if !raster::is_image(&head) {
        return Err(Fault::Other(describe_content(&head)));
    }
    match open(path, grid, &head).and_then(|image| image.check_is_whole(true)) {
        Ok(()) => Ok(()),
        // Images of SAFE products may have no georeference. Their last two bytes end the codestream.
        Err(_) if grid.is_none() && !raster::is_tiff(&head) && ends_like_jp2(path) => Ok(()),
        Err(error) => Err(Fault::Damaged(reason_of(&error))),
    }
}

/// Whether a file ends with the marker EOC of JPEG 2000 (ISO/IEC 15444-1, A.4.4).
fn ends_like_jp2(path: &Path) -> bool {
    use std::io::{Read, Seek, SeekFrom};
    let mut end = [0; 2];
    let read = fs_err::File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-2))?;
        file.read_exact(&mut end)
    });
    read.is_ok() && end == [0xff, 0xd9]
}

/// Whether a file is an image whose blocks lie in the file. Decodes nothing.
pub(super) fn is_image(path: &Path) -> bool {
    let Ok(head) = first_bytes(path) else { return false };
    // What a JPEG 2000 image lacks is its georeference; its index tells whether it is whole.
    raster::is_image(&head)
        && (!raster::is_tiff(&head) || open(path, None, &head).and_then(|image| image.check_is_whole(false)).is_ok())
}

fn open(path: &Path, grid: Option<&Grid>, head: &[u8]) -> Result<std::sync::Arc<dyn RasterSource>> {
    let location = Location::from(path);
    match grid.filter(|_| !raster::is_tiff(head)) {
        Some(grid) => open_jp2_with_grid(&location, grid.clone()),
        None => open_image(&location).map(|(image, _)| image),
    }
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut head = Vec::new();
    fs_err::File::open(path)?.take(DESCRIBED_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use minesegsat_testing::scenes::{GeoTiff, recorded_jp2};

    use super::*;

    #[test]
    fn images_are_told_from_pages_and_from_cut_images() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("B04.tif");
        let check = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            check_content(&path, None)
        };
        let tiff = GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, 64, 64, vec![vec![7; 64 * 64]]).encode();
        let jp2 = recorded_jp2(120, 120, &[]);
        for whole in [&tiff, &jp2] {
            assert_eq!(check(whole), Ok(()));
            assert!(is_image(&path));
            let cut = check(&whole[..whole.len() - 100]);
            assert!(matches!(cut, Err(Fault::Damaged(_))), "{cut:?}");
        }
        assert_eq!(check(b""), Err(Fault::Other("an empty body".to_owned())));
        assert!(!is_image(&path));
        let page = check(b"<!DOCTYPE html><title>Sign in</title>");
        assert_eq!(page, Err(Fault::Other("a web page (HTML) with the title `Sign in`".to_owned())));
        assert!(!is_image(&path));
    }
}
