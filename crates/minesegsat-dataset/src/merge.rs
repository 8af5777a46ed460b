//! Merges several data sets into one: [`merge`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    CARD_FILE, Dataset, DatasetCard, FORMAT_VERSION, Origin, SPLITS_FILE, SampleBands, SplitRow, remove_stats,
    software, write_csv, write_index,
};
use minesegsat_core::output::FolderLock;
use minesegsat_core::{Band, Error, Result};

/// Options of [`merge`].
#[derive(Debug, Clone, Default)]
pub struct MergeOptions {
    /// Title for people. Default: the title of the first set.
    pub title: Option<String>,
    /// Keep every band that any set has, instead of those that all share. Samples may then lack bands.
    pub all_bands: bool,
    /// Replace an existing description in the folder.
    pub overwrite: bool,
}

/// Describes the samples of several data sets as one set in `folder`. No data is copied or moved.
///
/// All sets must have the same classes. Sets in the paper's layout are merged with their like only. The merged set has the
/// bands that all sets share, or all bands with [`MergeOptions::all_bands`]. The title of a set becomes the domain of its
/// samples. If all sets are split, their splits are kept. Statistics must be measured again.
pub fn merge(sets: &[Dataset], folder: &Path, options: &MergeOptions) -> Result<Dataset> {
    let refuse = |set: &Dataset, reason: String| Err(Error::input(set.folder().display().to_string(), reason));
    let Some(first) = sets.first() else {
        return Err(Error::Argument {
            name: "data sets",
            value: String::new(),
            accepted: "one or more folders".to_owned(),
        });
    };
    let mut bands: Vec<Band> = first.card().bands.clone();
    for set in sets {
        let (card, expected) = (set.card(), first.card());
        if card.classes != expected.classes || card.ignore != expected.ignore {
            return refuse(set, format!("its classes differ from those of {}", first.folder().display()));
        }
        if (card.origin == Origin::Paper) != (expected.origin == Origin::Paper) {
            return refuse(
                set,
                format!("its samples are of a different kind than those of {}", first.folder().display()),
            );
        }
        if options.all_bands {
            bands.extend(card.bands.iter().filter(|band| !first.card().bands.contains(band)));
        } else {
            let common = set.common_bands();
            bands.retain(|band| common.contains(band));
        }
    }
    if sets.iter().any(|set| set.card().bands != first.card().bands) {
        bands.sort_unstable();
        bands.dedup();
    }
    if bands.is_empty() {
        return refuse(first, "it shares no band with all the others".to_owned());
    }
    let _lock = FolderLock::acquire(folder)?;
    if folder.join(CARD_FILE).exists() && !options.overwrite {
        return Err(Error::OutputExists { path: folder.join(CARD_FILE) });
    }
    let folder = fs_err::canonicalize(folder)?;
    let roots: Vec<PathBuf> = sets.iter().map(|set| fs_err::canonicalize(set.root())).collect::<Result<_, _>>()?;
    let common = roots.iter().skip(1).fold(roots[0].clone(), |common, root| {
        common.components().zip(root.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    });
    // A description in a parent folder of its data can move together with the data, so its root is relative.
    let (root, base) =
        if common.starts_with(&folder) { (PathBuf::from("."), folder.clone()) } else { (common.clone(), common) };

    let mut seen = BTreeSet::new();
    let is_ambiguous = sets.iter().flat_map(Dataset::samples).any(|sample| !seen.insert(sample.id.as_str()));
    let is_split = sets.iter().all(Dataset::is_split);
    let (mut samples, mut rows) = (Vec::new(), Vec::new());
    for (number, (set, root)) in sets.iter().zip(&roots).enumerate() {
        let below = root.strip_prefix(&base).unwrap_or(root);
        let path = |relative: &str| below.join(relative).to_string_lossy().replace('\\', "/");
        for sample in set.samples() {
            let mut merged = sample.clone();
            if is_ambiguous {
                merged.id = format!("{}_{}", number + 1, sample.id);
            }
            merged.data_path = path(&sample.data_path);
            merged.mask_path = path(&sample.mask_path);
            merged.scale = Some(sample.scale.unwrap_or(set.card().scale));
            merged.offset_dn = Some(sample.offset_dn.unwrap_or(set.card().offset_dn));
            merged.bands =
                merged.bands.or_else(|| (set.card().bands != bands).then(|| SampleBands(set.card().bands.clone())));
            merged.domain = merged.domain.or_else(|| Some(set.card().title.clone()));
            merged.group = sample.group.as_ref().map(|group| format!("{}:{group}", number + 1));
            if let Some(split) = set.split_of(&sample.id).filter(|_| is_split) {
                rows.push(SplitRow {
                    split: split.to_string(),
                    data_path: merged.data_path.clone(),
                    mask_path: merged.mask_path.clone(),
                    id: Some(merged.id.clone()),
                    // The group from the split, over which intervals are resampled.
                    group: Some(format!("{}:{}", number + 1, set.site_of(sample))),
                    resource: merged.commodity.clone(),
                });
            }
            samples.push(merged);
        }
    }
    samples.sort_by(|a, b| a.id.cmp(&b.id));
    let size = first.card().patch_size;
    let card = DatasetCard {
        format_version: FORMAT_VERSION,
        software: software(),
        origin: if sets.iter().any(|set| set.card().origin == Origin::Built) {
            Origin::Built
        } else {
            first.card().origin
        },
        title: options.title.clone().unwrap_or_else(|| first.card().title.clone()),
        root,
        bands,
        patch_size: size.filter(|_| sets.iter().all(|set| set.card().patch_size == size)),
        scale: first.card().scale,
        offset_dn: first.card().offset_dn,
        classes: first.card().classes.clone(),
        ignore: first.card().ignore,
        labels: sets.iter().map(|set| set.card().labels.clone()).collect(),
        scenes: sets.iter().flat_map(|set| set.card().scenes.iter().cloned()).collect(),
        parameters: json!({ "merged": sets.iter().map(|set| json!({
            "title": set.card().title,
            "samples": set.samples().len(),
            "parameters": set.card().parameters,
        })).collect::<Vec<_>>() }),
    };
    remove_stats(&folder)?;
    if is_split {
        write_csv(&folder.join(SPLITS_FILE), rows)?;
    } else if folder.join(SPLITS_FILE).is_file() {
        fs_err::remove_file(folder.join(SPLITS_FILE))?;
    }
    write_index(&folder, &card, &samples)?;
    Dataset::open(&folder)
}
