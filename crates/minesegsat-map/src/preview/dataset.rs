//! The page and the sheets of several places: [`preview_dataset`].

use minesegsat_core::job::Job;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::page::{Card, Entry, page, thumbnail_side};
use super::panel::Panel;
use super::sheet::render_sheet;
use minesegsat_core::output::OutputFolder;
use minesegsat_core::{Error, Result, parallel};

/// Settings of a data set preview.
#[derive(Debug, Clone)]
pub struct DatasetPreviewOptions {
    /// Path of the page.
    pub output: PathBuf,
    /// Title of the page.
    pub title: String,
    /// Folder for one PNG sheet per place. `None`: no sheets.
    pub sheets: Option<PathBuf>,
    /// Panels of the sheets. Default: all panels that can be drawn.
    pub panels: Option<Vec<Panel>>,
    /// Longer side of a panel of the sheets, in pixels.
    pub panel_side: usize,
    /// Whether existing outputs may be replaced.
    pub overwrite: bool,
}

/// The written files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetPreview {
    /// Path of the page.
    pub page: PathBuf,
    /// Size of the page in bytes.
    pub page_bytes: usize,
    /// The sheets, in the order of the places.
    pub sheets: Vec<PathBuf>,
}

/// Creates the page of the places `ids`, and their sheets if requested.
///
/// `load` returns the place with an index in `ids`. Its view should have about [`DatasetPreviewOptions::panel_side`]
/// pixels on its longer side. The view is released after the call. Several places are loaded at the same time.
///
/// The progress counts the places. If a place fails or the run is cancelled, nothing is left behind.
pub fn preview_dataset(
    ids: &[String],
    load: &(dyn Fn(usize) -> Result<Entry> + Sync),
    options: &DatasetPreviewOptions,
    job: Job<'_>,
) -> Result<DatasetPreview> {
    let name = options.output.file_name().and_then(|name| name.to_str()).ok_or_else(|| Error::Argument {
        name: "output",
        value: options.output.display().to_string(),
        accepted: "the name of a file, such as preview.html".to_owned(),
    })?;
    let folder = options.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let page_output = OutputFolder::create(folder.unwrap_or(".".as_ref()), &[name], options.overwrite)?;
    let names = file_names(ids, "png");
    let name_list: Vec<&str> = names.iter().map(String::as_str).collect();
    let sheets = options.sheets.as_ref();
    let sheets = sheets.map(|dir| OutputFolder::create(dir, &name_list, options.overwrite)).transpose()?;

    let side = thumbnail_side(ids.len());
    let done = AtomicUsize::new(0);
    job.progress.advance(0, ids.len());
    let make = |i: usize| {
        job.check()?;
        let entry = load(i)?;
        if let Some(sheets) = &sheets {
            let sheet = render_sheet(&entry.view, &entry.heading(), options.panels.as_deref(), options.panel_side)?;
            sheet.picture.write_png(&sheets.path(&names[i]))?;
        }
        let card = Card::new(&entry, side)?;
        job.progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1, ids.len());
        Ok(card)
    };
    let numbers: Vec<usize> = (0..ids.len()).collect();
    let cards = parallel::map(&numbers, |&i| make(i))?;
    let text = page(&options.title, cards)?;
    fs_err::write(page_output.path(name), &text)?;
    job.check()?;
    let paths = sheets.as_ref().map(|sheets| names.iter().map(|name| sheets.final_path(name)).collect());
    sheets.map(OutputFolder::commit).transpose()?;
    page_output.commit()?;
    Ok(DatasetPreview { page: options.output.clone(), page_bytes: text.len(), sheets: paths.unwrap_or_default() })
}

/// A file name for each id. Unsafe characters become `_`, and equal names get a number.
pub fn file_names(ids: &[String], extension: &str) -> Vec<String> {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let mut taken = BTreeSet::new();
    let mut names = Vec::with_capacity(ids.len());
    for id in ids {
        let stem: String = id.chars().map(safe).collect();
        // Names that begin with a dot are hidden, and some file systems ignore case.
        let stem = stem.trim_start_matches('.');
        let stem = if stem.is_empty() { "patch" } else { stem };
        let numbered =
            |n: usize| if n == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{n}.{extension}") };
        let name = (1..=ids.len()).map(numbered).find(|name| !taken.contains(&name.to_lowercase()));
        let name = name.unwrap_or_default();
        taken.insert(name.to_lowercase());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::preview::View;
    use minesegsat_core::{Band, Crs, GeoTransform, Grid};

    fn entry(id: &str) -> Entry {
        let transform = GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0);
        let grid = Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width: 16, height: 16 };
        let band = |band| (band, (0..256).map(|i| i as f32 / 1000.0).collect());
        Entry::new(id, View::new(grid, [Band::B02, Band::B03, Band::B04].map(band).into()))
    }

    fn options(folder: &Path) -> DatasetPreviewOptions {
        DatasetPreviewOptions {
            output: folder.join("set.html"),
            title: "a set".to_owned(),
            sheets: Some(folder.join("sheets")),
            panels: None,
            panel_side: 64,
            overwrite: false,
        }
    }

    fn ids() -> Vec<String> {
        ["a/1", "a_1", "A/1", "../b"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_page_and_a_sheet_for_each_place_are_written_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (ids, options) = (ids(), options(folder.path()));
        let load = |i: usize| Ok(entry(&ids[i]));
        let found = preview_dataset(&ids, &load, &options, Job::silent()).unwrap();
        let names: Vec<_> = found.sheets.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a_1.png", "a_1-2.png", "A_1-3.png", "_b.png"]);
        assert!(found.sheets.iter().all(|path| path.is_file()));
        assert_eq!(std::fs::metadata(&found.page).unwrap().len(), found.page_bytes as u64);
        let again = preview_dataset(&ids, &load, &options, Job::silent());
        assert!(matches!(again, Err(Error::OutputExists { .. })));
        let options = DatasetPreviewOptions { overwrite: true, ..options };
        preview_dataset(&ids, &load, &options, Job::silent()).unwrap();
    }

    #[test]
    fn nothing_is_left_behind_by_a_place_that_fails_or_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        let (ids, options) = (ids(), options(folder.path()));
        let load = |i: usize| if i == 2 { Err(Error::scene("a", "it is damaged")) } else { Ok(entry(&ids[i])) };
        let go = AtomicBool::new(false);
        let error = preview_dataset(&ids, &load, &options, Job::with_cancel(&go)).unwrap_err();
        assert!(error.to_string().contains("damaged"));
        let load = |i: usize| {
            go.store(true, Ordering::SeqCst);
            Ok(entry(&ids[i]))
        };
        let error = preview_dataset(&ids, &load, &options, Job::with_cancel(&go)).unwrap_err();
        assert!(matches!(error, Error::Interrupted));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
