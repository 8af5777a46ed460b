//! One GeoTIFF with all bands. Band descriptions, the user, or sen2r's file names identify the bands.

use std::collections::BTreeMap;

use super::names::{Layer, ProductLevel, ProductName, layer_of};
use super::radiometry::RadiometryClaim;
use super::sensor::refuse_other_sensors;
use super::{LocatedRaster, OpenOptions, SceneKind, SceneMetadata, UnopenedScene};
use minesegsat_core::{Band, Error, Result};
use minesegsat_io::{Location, RasterMask, open_raster};

/// Bands of sen2r's surface-reflectance stacks. B8A is missing, both at 10 m and at 20 m.
const SEN2R_BOA: [Band; 11] = {
    use Band::{B01, B02, B03, B04, B05, B06, B07, B08, B09, B11, B12};
    [B01, B02, B03, B04, B05, B06, B07, B08, B09, B11, B12]
};

/// Bands of sen2r's top-of-atmosphere stacks.
const SEN2R_TOA: [Band; 12] = {
    use Band::{B01, B02, B03, B04, B05, B06, B07, B08, B09, B10, B11, B12};
    [B01, B02, B03, B04, B05, B06, B07, B08, B09, B10, B11, B12]
};

pub(super) fn find(location: &Location, options: &OpenOptions) -> Result<UnopenedScene> {
    let scene = location.to_string();
    let source = open_raster(location)?;
    let info = source.info();
    let file = location.file_name();
    refuse_other_sensors(&scene, std::iter::once(file).chain(info.band_names.iter().flatten().map(String::as_str)))?;
    let mut names = ProductName::parse(file);
    let product = sen2r_product(file);
    if product == Some("TOA") {
        names.level = Some(ProductLevel::L1C);
    }
    let mask = match info.mask {
        Some(RasterMask::Band(band)) => Some(band),
        _ => None,
    };
    let layers = layers(&scene, &info.band_names, mask, product, options.bands.as_deref())?;

    let mut bands = BTreeMap::new();
    let mut classification = None;
    for (index, layer) in layers.into_iter().enumerate() {
        let found = LocatedRaster { index, source: Some(source.clone()), ..LocatedRaster::new(location.clone()) };
        let twice = match layer {
            Some(Layer::Band(band)) => bands.insert(band, found).map(|_| band),
            Some(Layer::Classification) => {
                classification = Some(found);
                None
            }
            None => None,
        };
        if let Some(band) = twice {
            return Err(Error::scene(scene, format!("two of its bands are {band}; name them"))
                .avoided_by(minesegsat_core::Setting::Bands));
        }
    }
    if classification.is_none() {
        classification = product.and_then(|product| sen2r_classification(location, product)).map(LocatedRaster::new);
    }
    if let (Location::Path(path), None) = (location, &names.product_id) {
        for folder in path.ancestors().skip(1).take(4).filter_map(|p| p.file_name()?.to_str()) {
            let above = ProductName::parse(folder);
            if above.product_id.is_some() {
                names = names.or(above);
                break;
            }
        }
    }
    let claim = match (names.baseline, &names.product_id) {
        (Some(baseline), Some(id)) => RadiometryClaim::baseline(baseline, &format!("in the name {id}")),
        _ => RadiometryClaim::silent(),
    };
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let metadata = SceneMetadata::new(stem, SceneKind::GeoTiff, names);
    Ok(UnopenedScene { bands, classification, ..UnopenedScene::new(metadata, claim) })
}

/// The layer of each band of the file. `mask` is the band with the validity of the others, if there is one: the user need not
/// name it.
fn layers(
    scene: &str,
    descriptions: &[Option<String>],
    mask: Option<usize>,
    sen2r: Option<&str>,
    given: Option<&[Band]>,
) -> Result<Vec<Option<Layer>>> {
    let count = descriptions.len();
    if let Some(given) = given {
        if let Some(mask) = mask
            && given.len() + 1 == count
        {
            let mut layers: Vec<_> = given.iter().map(|&band| Some(Layer::Band(band))).collect();
            layers.insert(mask, None);
            return Ok(layers);
        }
        if given.len() != count {
            return Err(Error::scene(
                scene,
                format!("the list of bands names {} bands, but the file has {count}", given.len()),
            ));
        }
        return Ok(given.iter().map(|&band| Some(Layer::Band(band))).collect());
    }
    let described: Vec<Option<Layer>> = descriptions.iter().map(|d| d.as_deref().and_then(layer_of)).collect();
    if described.iter().any(|layer| matches!(layer, Some(Layer::Band(_)))) {
        return Ok(described);
    }
    let by_convention: Option<&[Band]> = match (sen2r, count) {
        (Some("BOA"), 11) => Some(&SEN2R_BOA),
        (Some("TOA"), 12) => Some(&SEN2R_TOA),
        _ => None,
    };
    if let Some(bands) = by_convention {
        return Ok(bands.iter().map(|&band| Some(Layer::Band(band))).collect());
    }
    let shown: Vec<&str> = descriptions.iter().take(3).flatten().map(String::as_str).collect();
    let descriptions = match shown[..] {
        [] => "have no descriptions".to_owned(),
        _ => format!("have descriptions ({}) that name no Sentinel-2 bands", shown.join(", ")),
    };
    let advice = if count == 1 {
        "for one-band files, give the folder that holds them"
    } else {
        "name them in the file's order"
    };
    Err(Error::scene(scene, format!("its bands of Sentinel-2 are unknown: its {count} bands {descriptions}; {advice}"))
        .avoided_by(minesegsat_core::Setting::Bands))
}

/// `BOA` or `TOA` from a file name of sen2r: `S2A2A_20170703_022_Barbellino_BOA_10.tif`.
fn sen2r_product(file: &str) -> Option<&str> {
    let stem = file.rsplit_once('.')?.0;
    let tokens: Vec<&str> = stem.split('_').collect();
    let [mission, date, _, .., product, _] = tokens[..] else { return None };
    let known = mission.len() == 5 && mission.starts_with("S2") && date.len() == 8;
    (known && matches!(product, "BOA" | "TOA")).then_some(product)
}

/// The classification of the same date beside a sen2r stack, if it exists. It is always a level 2A product.
fn sen2r_classification(location: &Location, product: &str) -> Option<Location> {
    let file = location.file_name();
    let (head, tail) = file.rsplit_once(product)?;
    let name = format!("{}{}SCL{tail}", head.get(..3)?, head.get(3..)?.replacen("1C", "2A", 1));
    let Location::Path(path) = location else { return None };
    let beside = path.with_file_name(name);
    beside.is_file().then(|| Location::from(beside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sen2r_names_tell_the_product() {
        assert_eq!(sen2r_product("S2A2A_20170703_022_Barbellino_BOA_10.tif"), Some("BOA"));
        assert_eq!(sen2r_product("S2A1C_20170703_022_Bar_bellino_TOA_10.tif"), Some("TOA"));
        assert_eq!(sen2r_product("S2A2A_20170703_022_Barbellino_SCL_10.tif"), None);
        assert_eq!(sen2r_product("stack_BOA_10.tif"), None);
    }

    #[test]
    fn bands_are_known_by_description_by_the_user_or_by_convention() {
        let described = ["B02", "red", "QA60"].map(|d| Some(d.to_owned()));
        let expected = vec![Some(Layer::Band(Band::B02)), Some(Layer::Band(Band::B04)), None];
        assert_eq!(layers("x", &described, None, None, None).unwrap(), expected);
        let unnamed = vec![None; 11];
        assert_eq!(layers("x", &unnamed, None, Some("BOA"), None).unwrap()[9], Some(Layer::Band(Band::B11)));
        let error = layers("x", &unnamed, None, None, None).unwrap_err();
        assert_eq!(error.setting(), Some(minesegsat_core::Setting::Bands), "{error}");
        let error = layers("x", &unnamed, None, None, Some(&Band::PAPER)).unwrap_err().to_string();
        assert!(error.contains("names 12 bands, but the file has 11"), "{error}");
        let with_alpha = layers("x", &unnamed, Some(10), None, Some(&Band::PAPER[..10])).unwrap();
        assert_eq!((with_alpha.len(), with_alpha[10]), (11, None));
    }
}
