//! The download plan: which files of which items. It is complete before the first request.

use std::collections::{HashMap, HashSet};

use geo::Intersects;

use super::DownloadOptions;
use super::checksum::Described;
use super::source::{Signer, Source};
use crate::catalog::{Item, ItemKey};
use crate::{Layer, layers_of_item};
use minesegsat_core::{Band, Error, Grid, Result};

/// A scene to download.
#[derive(Debug)]
pub(super) struct ScenePlan {
    pub(super) item: Item,
    /// Name of its folder.
    pub(super) name: String,
    pub(super) assets: Vec<AssetPlan>,
}

/// A file to download.
#[derive(Debug)]
pub(super) struct AssetPlan {
    pub(super) key: String,
    pub(super) layer: Layer,
    pub(super) source: Source,
    pub(super) file: String,
    pub(super) described: Described,
    /// Grid for JPEG 2000 images without georeferencing.
    pub(super) grid: Option<Grid>,
}

/// Plans the files of each item. Also returns the keys of the items outside the area. Fails before any download if an
/// item lacks a band.
pub(super) fn plan(
    items: &[Item],
    options: &DownloadOptions,
    signer: &Signer,
) -> Result<(Vec<ScenePlan>, HashSet<ItemKey>)> {
    const SHOWN: usize = 10;
    let mut plans: Vec<ScenePlan> = Vec::new();
    let mut outside = HashSet::new();
    let mut lacking = Vec::new();
    let mut seen = HashSet::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for item in items {
        if !seen.insert(item.key()) {
            continue;
        }
        let footprint = item.footprint();
        if let Some(area) = &options.area
            && !footprint.0.is_empty()
            && !area.polygons().intersects(&footprint)
        {
            outside.insert(item.key());
            continue;
        }
        let value = item.to_value();
        let layers = layers_of_item(&value)?;
        if let Some(bands) = &options.bands {
            let has = |band: &Band| layers.iter().any(|l| l.layer == Layer::Band(*band));
            let missing: Vec<Band> = bands.iter().copied().filter(|band| !has(band)).collect();
            if !missing.is_empty() {
                lacking.push(format!("{} ({})", item.id(), Band::list(&missing)));
                continue;
            }
        }
        let mut assets = Vec::new();
        for found in layers {
            if let (Layer::Band(band), Some(bands)) = (found.layer, &options.bands)
                && !bands.contains(&band)
            {
                continue;
            }
            let asset = &value["assets"][&found.key];
            let extension = if found.is_jp2 && !options.clip { "jp2" } else { "tif" };
            assets.push(AssetPlan {
                source: signer.source(item, asset)?,
                file: format!("{}.{extension}", found.layer),
                described: Described::from_asset(asset),
                layer: found.layer,
                grid: found.grid,
                key: found.key,
            });
        }
        // The finest band comes first: windows are aligned to its grid.
        assets.sort_by_key(|asset| match asset.layer {
            Layer::Band(band) => band.gsd_m(),
            Layer::Classification => u32::MAX,
        });
        let name = folder_name(item.id());
        *names.entry(name.clone()).or_default() += 1;
        plans.push(ScenePlan { item: item.clone(), name, assets });
    }
    if !lacking.is_empty() {
        let more = if lacking.len() > SHOWN { ", ..." } else { "" };
        let shown = lacking.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(Error::input(
            "items".to_owned(),
            format!("{} of {} lack required bands: {shown}{more}", lacking.len(), seen.len()),
        ));
    }
    // Items of two collections may have the same id.
    for plan in &mut plans {
        if names.get(&plan.name).is_some_and(|count| *count > 1) {
            plan.name = folder_name(&format!("{}_{}", plan.item.collection().unwrap_or("none"), plan.item.id()));
        }
    }
    let mut taken = HashSet::new();
    if let Some(twice) = plans.iter().find(|plan| !taken.insert(plan.name.to_lowercase())) {
        return Err(Error::input(
            "items".to_owned(),
            format!("two of them would have the same folder, `{}`; download them separately", twice.name),
        ));
    }
    Ok((plans, outside))
}

/// A folder name from an id, without characters that could point elsewhere.
fn folder_name(id: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = id.chars().map(keep).take(200).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stay_inside() {
        assert_eq!(folder_name("S2A_T13TDE_20240422T174753_L2A"), "S2A_T13TDE_20240422T174753_L2A");
        assert_eq!(folder_name("../../etc/passwd"), "_.._.._etc_passwd");
        assert_eq!(folder_name(".."), "_..");
        assert_eq!(folder_name("a/b\\c:d é"), "a_b_c_d__");
    }
}
