//! Opening of label files: from a path to the features of a layer, for all formats.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use super::archive::Archive;
use super::raw::{Layer, RawFeature};
use super::shapefile::Parts;
use super::{LabelFile, flatgeobuf, geojson, geopackage, geoparquet, kml, shapefile};
use crate::delimited::decode;
use crate::guard;
use minesegsat_core::{Error, Result};
use minesegsat_io::{Location, identity};

/// Which layer of a file is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// The layer with this name.
    Named(&'a str),
    /// The only layer. Several are an error.
    Only,
    /// The first layer.
    First,
}

impl<'a> Wanted<'a> {
    pub(super) fn name(self) -> Option<&'a str> {
        if let Self::Named(name) = self { Some(name) } else { None }
    }
}

/// Reads a layer, and lists the files that it read. Ids of features are made unique.
pub(super) fn read(path: &Path, wanted: Wanted<'_>) -> Result<(Layer, Vec<LabelFile>)> {
    if path.is_dir() {
        let reason = "it is a folder; for a shapefile, give the path of its .shp";
        return Err(Error::vector(path, reason.to_owned()));
    }
    let (mut layer, files) = guard(path.display(), || read_files(path, wanted))?;
    name_repeated_ids(&mut layer.features, &mut layer.warnings);
    let files = files.iter().map(label_file).collect::<Result<Vec<_>>>()?;
    Ok((layer, files))
}

fn read_files(path: &Path, wanted: Wanted<'_>) -> Result<(Layer, Vec<Location>)> {
    let mut files = vec![Location::Path(path.to_owned())];
    if !head_of(path)?.starts_with(b"PK") {
        let layer = read_file(path, path, wanted, &mut files)?;
        return Ok((layer, files));
    }
    let archive = Archive::open(path)?;
    let (name, is_named) = archive.choose(wanted.name())?;
    if name.to_ascii_lowercase().ends_with(".shp") {
        return Ok((shapefile::read(&Parts::in_zip(path, &archive, name))?, files));
    }
    let unpacked = archive.unpack(name)?;
    let wanted = if is_named { Wanted::Only } else { wanted };
    let mut layer = read_file(path, unpacked.path(), wanted, &mut Vec::new())?;
    layer.name = layer.name.or_else(|| Some(super::archive::stem_of(name).to_owned()));
    Ok((layer, files))
}

fn head_of(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(16);
    fs_err::File::open(path)?.take(16).read_to_end(&mut head)?;
    Ok(head)
}

/// Reads a file that is not an archive. Messages name `path`, and `file` has the content.
fn read_file(path: &Path, file: &Path, wanted: Wanted<'_>, files: &mut Vec<Location>) -> Result<Layer> {
    let fail = |reason: String| Error::vector(path, reason);
    let head = head_of(file)?;
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    let layer = if head.starts_with(b"SQLite format 3\0") {
        return geopackage::read(path, file, wanted);
    } else if head.starts_with(b"fgb") {
        flatgeobuf::read(path, file)?
    } else if head.starts_with(b"PAR1") {
        geoparquet::read(path, file)?
    } else if head.starts_with(b"PK") {
        return Err(fail("it holds an archive in an archive; unpack it first".to_owned()));
    } else if ["dbf", "shx", "prj", "cpg"].contains(&extension.as_str()) {
        return Err(fail("it is a part of a shapefile; give the path of its .shp".to_owned()));
    } else if extension == "shp" || head.starts_with(&[0, 0, 0x27, 0x0A]) {
        let parts = Parts::beside(file);
        *files = parts.files().cloned().collect();
        shapefile::read(&parts)?
    } else {
        let text = decode(&fs_err::read(file)?, false).map_err(|_| {
            fail("it is not a GeoPackage, Shapefile, GeoJSON, FlatGeobuf, GeoParquet or KML file".to_owned())
        })?;
        if kml::is_kml(&text) { kml::read(path, &text)? } else { geojson::read(path, &text)? }
    };
    if let Some(wanted) = wanted.name()
        && layer.name.as_deref() != Some(wanted)
    {
        let found = layer.name.map_or("has no layers".to_owned(), |name| format!("has the one layer `{name}`"));
        return Err(fail(format!("{found}, not `{wanted}`")));
    }
    Ok(layer)
}

/// Adds its number to the id of each feature whose id occurs before, so that messages name one feature.
fn name_repeated_ids(features: &mut [RawFeature], warnings: &mut Vec<String>) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for feature in features.iter() {
        *counts.entry(&feature.id).or_default() += 1;
    }
    let repeated: HashSet<String> =
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(id, _)| id.to_owned()).collect();
    if repeated.is_empty() {
        return;
    }
    let mut names: Vec<String> = repeated.iter().map(|id| format!("`{id}`")).collect();
    names.sort_unstable();
    warnings.push(format!(
        "several features have the same id: {}; messages name them by their number in the file too",
        super::listed(&names)
    ));
    for (place, feature) in features.iter_mut().enumerate() {
        if repeated.contains(&feature.id) {
            feature.id = format!("{} (number {})", feature.id, place + 1);
        }
    }
}

fn label_file(location: &Location) -> Result<LabelFile> {
    let found = identity(location)?;
    Ok(LabelFile {
        name: location.file_name().to_owned(),
        size: found.size.unwrap_or_default(),
        sha256: found.sha256.unwrap_or_default(),
    })
}
