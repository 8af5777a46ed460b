//! `per_patch.csv` and `per_site.csv`.

use serde::Serialize;

use super::evaluation::Evaluation;
use minesegsat_core::metrics::{ConfusionMatrix, TOLERANCES_PX};
use minesegsat_core::{Error, Result};

/// A line of `per_patch.csv`. Undefined values are empty.
#[derive(Serialize)]
struct PatchRow<'a> {
    id: &'a str,
    site: &'a str,
    width: usize,
    height: usize,
    pixels: u64,
    mining_share: Option<f64>,
    tp: u64,
    fp: u64,
    #[serde(rename = "fn")]
    fn_: u64,
    tn: u64,
    f1: Option<f64>,
    precision: Option<f64>,
    recall: Option<f64>,
    iou: Option<f64>,
    accuracy: Option<f64>,
    specificity: Option<f64>,
    boundary_f1_1px: Option<f64>,
    boundary_f1_2px: Option<f64>,
    boundary_f1_3px: Option<f64>,
    bce: Option<f64>,
    brier: Option<f64>,
    truth_ha: Option<f64>,
    counted_ha: Option<f64>,
    expected_ha: Option<f64>,
}

/// A line of `per_site.csv`.
#[derive(Serialize)]
struct SiteRow<'a> {
    site: &'a str,
    patches: usize,
    pixels: u64,
    tp: u64,
    fp: u64,
    #[serde(rename = "fn")]
    fn_: u64,
    tn: u64,
    f1: Option<f64>,
    precision: Option<f64>,
    recall: Option<f64>,
    iou: Option<f64>,
    truth_ha: Option<f64>,
    counted_ha: Option<f64>,
    counted_error_ha: Option<f64>,
    expected_ha: Option<f64>,
    expected_error_ha: Option<f64>,
}

fn mining_share(counts: &ConfusionMatrix) -> Option<f64> {
    (counts.total() > 0).then(|| tidy((counts.tp + counts.fn_) as f64 / counts.total() as f64))
}

/// Rounds to a millionth.
fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

pub(super) fn per_patch(evaluation: &Evaluation) -> Result<Vec<u8>> {
    const _: () = assert!(TOLERANCES_PX[0] == 1 && TOLERANCES_PX[2] == 3, "named in the columns");
    csv(evaluation.patches.iter().map(|patch| {
        let c = &patch.counts;
        let area = |which: usize| patch.area.map(|area| tidy(area[which]));
        PatchRow {
            id: &patch.id,
            site: &patch.site,
            width: patch.size.1,
            height: patch.size.0,
            pixels: c.total(),
            mining_share: mining_share(c),
            tp: c.tp,
            fp: c.fp,
            fn_: c.fn_,
            tn: c.tn,
            f1: c.f1().map(tidy),
            precision: c.precision().map(tidy),
            recall: c.recall().map(tidy),
            iou: c.iou().map(tidy),
            accuracy: c.accuracy().map(tidy),
            specificity: c.specificity().map(tidy),
            boundary_f1_1px: patch.boundary.f1(0).map(tidy),
            boundary_f1_2px: patch.boundary.f1(1).map(tidy),
            boundary_f1_3px: patch.boundary.f1(2).map(tidy),
            bce: patch.bce.map(tidy),
            brier: patch.brier.map(tidy),
            truth_ha: area(0),
            counted_ha: area(1),
            expected_ha: area(2),
        }
    }))
}

pub(super) fn per_site(evaluation: &Evaluation) -> Result<Vec<u8>> {
    csv(evaluation.sites.iter().map(|site| {
        let c = &site.counts;
        let area = |of: &dyn Fn([f64; 3]) -> f64| site.area.map(|area| tidy(of(area)));
        SiteRow {
            site: &site.site,
            patches: site.patches,
            pixels: c.total(),
            tp: c.tp,
            fp: c.fp,
            fn_: c.fn_,
            tn: c.tn,
            f1: c.f1().map(tidy),
            precision: c.precision().map(tidy),
            recall: c.recall().map(tidy),
            iou: c.iou().map(tidy),
            truth_ha: area(&|a| a[0]),
            counted_ha: area(&|a| a[1]),
            counted_error_ha: area(&|a| a[1] - a[0]),
            expected_ha: area(&|a| a[2]),
            expected_error_ha: area(&|a| a[2] - a[0]),
        }
    }))
}

fn csv<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(std::io::Error::from)?;
    }
    writer.into_inner().map_err(|error| Error::Io(error.into_error()))
}
