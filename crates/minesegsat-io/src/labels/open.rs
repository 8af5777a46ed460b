//! Opening of label files: from a path to the features of a layer, for all formats.

use std::io::Read;
use std::path::Path;

use super::raw::Layer;
use super::shapefile::Parts;
use super::{LabelFile, LabelOptions, flatgeobuf, geojson, geopackage, geoparquet, shapefile};
use crate::{Location, identity};
use minesegsat_core::{Error, Result};

/// Reads a layer, and lists the files that it read.
pub(super) fn read(path: &Path, options: &LabelOptions) -> Result<(Layer, Vec<LabelFile>)> {
    let fail = |reason: String| Error::vector(path, reason);
    if path.is_dir() {
        return Err(fail("it is a folder; for a shapefile, give the path of its .shp".to_owned()));
    }
    let mut head = Vec::with_capacity(16);
    fs_err::File::open(path)?.take(16).read_to_end(&mut head)?;
    let wanted = options.layer.as_deref();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    let mut files = vec![Location::Path(path.to_owned())];
    let layer = if head.starts_with(b"SQLite format 3\0") {
        geopackage::read(path, wanted)?
    } else if head.starts_with(b"fgb") {
        flatgeobuf::read(path)?
    } else if head.starts_with(b"PAR1") {
        geoparquet::read(path)?
    } else if head.starts_with(b"PK") {
        shapefile::read(&Parts::in_zip(path, wanted)?)?
    } else if ["dbf", "shx", "prj", "cpg"].contains(&extension.as_str()) {
        return Err(fail("it is a part of a shapefile; give the path of its .shp".to_owned()));
    } else if extension == "shp" || head.starts_with(&[0, 0, 0x27, 0x0A]) {
        let parts = Parts::beside(path);
        files = parts.files().cloned().collect();
        shapefile::read(&parts)?
    } else {
        let text = String::from_utf8(fs_err::read(path)?).map_err(|_| {
            fail("it is not a GeoPackage, Shapefile, GeoJSON, FlatGeobuf or GeoParquet file".to_owned())
        })?;
        geojson::read(path, &text)?
    };
    if let (Some(wanted), false) = (wanted, head.starts_with(b"SQLite") || head.starts_with(b"PK"))
        && layer.name.as_deref() != Some(wanted)
    {
        let found = layer.name.map_or("has no layers".to_owned(), |name| format!("has the one layer `{name}`"));
        return Err(fail(format!("{found}, not `{wanted}`")));
    }
    let files = files.iter().map(label_file).collect::<Result<Vec<_>>>()?;
    Ok((layer, files))
}

fn label_file(location: &Location) -> Result<LabelFile> {
    let found = identity(location)?;
    Ok(LabelFile {
        name: location.file_name().to_owned(),
        size: found.size.unwrap_or_default(),
        sha256: found.sha256.unwrap_or_default(),
    })
}
