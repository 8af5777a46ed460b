//! A folder of one-band files. File names state the band.

use std::collections::BTreeMap;
use std::path::Path;

use super::hls;
use super::names::{Layer, ProductName, layer_of, resolution_of};
use super::radiometry::RadiometryClaim;
use super::sensor::refuse_other_sensors;
use super::tree::{FileTree, file_of, folder_of, is_raster};
use super::{LocatedRaster, SceneKind, SceneMetadata, UnopenedScene};
use minesegsat_core::{Band, Error, Result};
use minesegsat_io::{Location, open_raster};

/// Subfolders in which products keep their images. Other subfolders do not belong to the scene.
const IMAGE_FOLDERS: [&str; 4] = ["img_data", "r10m", "r20m", "r60m"];

/// `root` is the folder of the tree that holds the files, `""` for the tree itself.
pub(super) fn find(tree: &FileTree, root: &str, path: &Path) -> Result<UnopenedScene> {
    let scene = path.display().to_string();
    let images: Vec<&str> = tree
        .below(root)
        .filter(|name| is_raster(name))
        .filter(|name| {
            folder_of(&name[root.len()..])
                .split('/')
                .all(|f| f.is_empty() || IMAGE_FOLDERS.contains(&f.to_ascii_lowercase().as_str()))
        })
        .collect();
    let mut candidates: BTreeMap<Layer, Vec<&str>> = BTreeMap::new();
    for name in &images {
        if let Some(layer) = layer_of(name) {
            candidates.entry(layer).or_default().push(name);
        }
    }
    refuse_other_sensors(&scene, images.iter().copied())?;
    if !candidates.keys().any(|layer| matches!(layer, Layer::Band(_))) {
        let found = if images.is_empty() {
            "it holds no .tif, .tiff or .jp2 files".to_owned()
        } else {
            let shown: Vec<&str> = images.iter().take(5).map(|name| file_of(name)).collect();
            format!(
                "no file is named by a band (found {}); open a GeoTIFF with all bands by its own name",
                shown.join(", ")
            )
        };
        return Err(Error::scene(
            scene,
            format!("{found}; expected names such as B04.tif, T10UFV_..._B04_10m.jp2, red.tif"),
        ));
    }

    let mut bands: BTreeMap<Band, LocatedRaster> = BTreeMap::new();
    let mut classification = None;
    let mut name = ProductName::default();
    let mut warnings = Vec::new();
    for (layer, files) in &candidates {
        let found = finest(&scene, *layer, files, tree)?;
        let file = found.location.file_name();
        let of_file = hls::product_name(file).unwrap_or_else(|| ProductName::parse(file));
        warnings.extend(name.contradictions("the name of an earlier band", &of_file, file));
        name = name.or(of_file);
        match layer {
            Layer::Band(band) => {
                bands.insert(*band, found);
            }
            Layer::Classification => classification = Some(found),
        }
    }
    // Products unpacked by hand often keep their id in the name of the folder or of a parent folder.
    for folder in path.ancestors().take(5) {
        if let Some(folder) = folder.file_name().and_then(|n| n.to_str()) {
            name = name.or(ProductName::parse(folder));
        }
    }
    let mut claim = match (name.baseline, &name.product_id) {
        (Some(baseline), Some(id)) => RadiometryClaim::baseline(baseline, &format!("in the name {id}")),
        _ => RadiometryClaim::silent(),
    };
    let is_hls = bands.values().all(|found| hls::is_hls(found.location.file_name()));
    if is_hls {
        claim = hls::claim();
        if let (None, Some(fmask)) = (&classification, hls::find_fmask(&images)) {
            let location = tree.location(fmask);
            let source = Some(hls::open_classification(&location)?);
            classification = Some(LocatedRaster { source, ..LocatedRaster::new(location) });
        }
    }
    let folder = path.file_name().and_then(|n| n.to_str()).unwrap_or("scene");
    let mut metadata = SceneMetadata::new(folder, SceneKind::Folder, name);
    if is_hls {
        metadata.collection = Some("HLSS30".to_owned());
        warnings.push("HLS S30 has pixels of 30 m; models are trained on pixels of 10 m".to_owned());
    }
    Ok(UnopenedScene { bands, classification, warnings, ..UnopenedScene::new(metadata, claim) })
}

/// The finest of the files that hold a layer. Two files with the same pixel size are an error.
fn finest(scene: &str, layer: Layer, files: &[&str], tree: &FileTree) -> Result<LocatedRaster> {
    let mut best: Vec<(&str, LocatedRaster)> = Vec::new();
    if let [name] = files {
        best.push((name, LocatedRaster::new(tree.location(name))));
    } else {
        let stated: Option<Vec<u32>> = files.iter().map(|name| resolution_of(name)).collect();
        let sizes: Vec<(f64, LocatedRaster)> = match stated {
            // If all names state a resolution, the files need not be opened.
            Some(sizes) => sizes
                .iter()
                .zip(files)
                .map(|(&m, name)| (f64::from(m), LocatedRaster::new(tree.location(name))))
                .collect(),
            None => files.iter().map(|name| pixel_size(tree.location(name))).collect::<Result<_>>()?,
        };
        let finest = sizes.iter().map(|(size, _)| *size).fold(f64::INFINITY, f64::min);
        for ((size, found), name) in sizes.into_iter().zip(files) {
            if size == finest {
                best.push((name, found));
            }
        }
    }
    if let [(a, _), (b, _), ..] = best[..] {
        return Err(Error::scene(
            scene,
            format!("two files hold {layer} at the same resolution: {a} and {b}; keep one of them in the folder"),
        ));
    }
    let (name, mut found) = best.swap_remove(0);
    let source = match found.source.take() {
        Some(source) => source,
        None => open_raster(&found.location)?,
    };
    let count = source.info().band_names.len();
    if count != 1 {
        return Err(Error::scene(scene, format!("{name} is named {layer} but holds {count} bands; expected one")));
    }
    found.source = Some(source);
    Ok(found)
}

fn pixel_size(location: Location) -> Result<(f64, LocatedRaster)> {
    let source = open_raster(&location)?;
    let size = source.info().grid.transform.pixel_width;
    Ok((size, LocatedRaster { source: Some(source), ..LocatedRaster::new(location) }))
}
