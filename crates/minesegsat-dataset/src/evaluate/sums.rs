//! Sums over patches ([`Sums`]) and the metrics computed from them ([`Metric`]).

use std::ops::AddAssign;

use minesegsat_core::metrics::{BoundaryCounts, Calibration, ConfusionMatrix, TOLERANCES_PX};

/// A metric of an evaluation. All metrics are computed from sums over sites, so that the bootstrap can draw sites.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Key in `metrics.json`.
    pub name: &'static str,
    /// Label in reports.
    pub label: &'static str,
    value: fn(&Sums) -> Option<f64>,
}

/// Sums over patches. Undefined ratios of a patch count as 1 in means over patches, see
/// [`image_mean`](super::image_mean).
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub images: u64,
    pub counts: ConfusionMatrix,
    /// Counts of patches without a mine.
    pub counts_without_mines: ConfusionMatrix,
    pub images_without_mines: u64,
    /// Sums over patches of F1, precision, recall, IoU and accuracy.
    by_image: [f64; 5],
    pub boundary: BoundaryCounts,
    pub calibration: Calibration,
    pub sites: u64,
    pub truth_ha: f64,
    pub counted_ha: f64,
    pub expected_ha: f64,
    /// Sums over sites of the area error and its absolute value, by counting pixels and by summing probabilities.
    site_errors_ha: [f64; 4],
}

/// Sums that can be added, so that the bootstrap can draw sites.
pub(super) trait Merge: Default {
    /// Adds the sums of other patches.
    fn merge(&mut self, other: &Self);
}

/// Mining area in hectares.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Hectares {
    pub truth: f64,
    /// Area of pixels at or above the threshold.
    pub counted: f64,
    /// Expected area: sum of the probabilities.
    pub expected: f64,
}

impl AddAssign for Hectares {
    fn add_assign(&mut self, other: Self) {
        self.truth += other.truth;
        self.counted += other.counted;
        self.expected += other.expected;
    }
}

impl Sums {
    /// Sums of one patch.
    pub(super) fn of_image(counts: ConfusionMatrix, boundary: BoundaryCounts, calibration: Calibration) -> Self {
        let ratios = [counts.f1(), counts.precision(), counts.recall(), counts.iou(), counts.accuracy()];
        let without = counts.tp + counts.fn_ == 0;
        Self {
            images: 1,
            counts,
            counts_without_mines: if without { counts } else { ConfusionMatrix::default() },
            images_without_mines: u64::from(without),
            by_image: ratios.map(|ratio| ratio.unwrap_or(1.0)),
            boundary,
            calibration,
            ..Self::default()
        }
    }

    /// Adds the area errors of a whole site.
    pub(super) fn add_site(&mut self, area: Hectares) {
        let (counted, expected) = (area.counted - area.truth, area.expected - area.truth);
        self.sites += 1;
        self.truth_ha += area.truth;
        self.counted_ha += area.counted;
        self.expected_ha += area.expected;
        for (sum, error) in self.site_errors_ha.iter_mut().zip([counted, counted.abs(), expected, expected.abs()]) {
            *sum += error;
        }
    }

    fn has_mines(&self) -> bool {
        self.counts.tp + self.counts.fn_ > 0
    }

    /// Returns `None` if there is no mine at all, because then the metric is undefined.
    fn of_mines(&self, value: Option<f64>) -> Option<f64> {
        value.filter(|_| self.has_mines())
    }

    fn image_mean(&self, ratio: usize) -> Option<f64> {
        (self.images > 0).then(|| self.by_image[ratio] / self.images as f64)
    }

    fn boundary_f1(&self, tolerance: usize) -> Option<f64> {
        self.of_mines(self.boundary.f1(tolerance))
    }

    fn site_mean(&self, error: usize) -> Option<f64> {
        (self.sites > 0).then(|| self.site_errors_ha[error] / self.sites as f64)
    }
}

impl Merge for Sums {
    fn merge(&mut self, other: &Self) {
        self.images += other.images;
        self.counts += other.counts;
        self.counts_without_mines += other.counts_without_mines;
        self.images_without_mines += other.images_without_mines;
        self.boundary += other.boundary;
        self.calibration.merge(&other.calibration);
        self.sites += other.sites;
        self.truth_ha += other.truth_ha;
        self.counted_ha += other.counted_ha;
        self.expected_ha += other.expected_ha;
        let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        add(&mut self.by_image, &other.by_image);
        add(&mut self.site_errors_ha, &other.site_errors_ha);
    }
}

impl Metric {
    /// All metrics, in the order of reports.
    pub const ALL: [Self; 22] = [
        Self::new("f1", "F1", |s| s.of_mines(s.counts.f1())),
        Self::new("precision", "Precision", |s| s.of_mines(s.counts.precision())),
        Self::new("recall", "Recall", |s| s.of_mines(s.counts.recall())),
        Self::new("iou", "IoU", |s| s.of_mines(s.counts.iou())),
        Self::new("accuracy", "Accuracy", |s| s.counts.accuracy()),
        Self::new("f1_image", "F1, mean over patches", |s| s.of_mines(s.image_mean(0))),
        Self::new("precision_image", "Precision, mean over patches", |s| s.of_mines(s.image_mean(1))),
        Self::new("recall_image", "Recall, mean over patches", |s| s.of_mines(s.image_mean(2))),
        Self::new("iou_image", "IoU, mean over patches", |s| s.of_mines(s.image_mean(3))),
        Self::new("accuracy_image", "Accuracy, mean over patches", |s| s.image_mean(4)),
        Self::new("boundary_f1_1px", "Boundary F1 within 1 px", |s| s.boundary_f1(0)),
        Self::new("boundary_f1_2px", "Boundary F1 within 2 px", |s| s.boundary_f1(1)),
        Self::new("boundary_f1_3px", "Boundary F1 within 3 px", |s| s.boundary_f1(2)),
        Self::new("specificity_without_mines", "Specificity, patches without mines", |s| {
            s.counts_without_mines.specificity()
        }),
        Self::new("bce", "Cross-entropy (nats)", |s| s.calibration.log_loss()),
        Self::new("brier", "Brier score", |s| s.calibration.brier()),
        Self::new("ece", "Calibration error (ECE)", |s| s.calibration.error()),
        Self::new("area_ratio", "Measured area / true area", |s| (s.truth_ha > 0.0).then(|| s.counted_ha / s.truth_ha)),
        Self::new("area_bias_ha", "Site area, mean error (ha)", |s| s.site_mean(0)),
        Self::new("area_mae_ha", "Site area, mean absolute error (ha)", |s| s.site_mean(1)),
        Self::new("area_bias_expected_ha", "Site area by probabilities, mean (ha)", |s| s.site_mean(2)),
        Self::new("area_mae_expected_ha", "Site area by probabilities, absolute (ha)", |s| s.site_mean(3)),
    ];

    const fn new(name: &'static str, label: &'static str, value: fn(&Sums) -> Option<f64>) -> Self {
        Self { name, label, value }
    }

    /// Whether the metric measures probabilities and has no meaning for maps of 0 and 1.
    pub fn is_of_probabilities(&self) -> bool {
        matches!(self.name, "bce" | "brier" | "ece") || self.name.contains("expected")
    }

    /// Decimal places in reports. Hectares have fewer than ratios.
    pub fn digits(&self) -> usize {
        if self.is_hectares() { 2 } else { 3 }
    }

    pub(super) fn is_hectares(&self) -> bool {
        self.name.ends_with("_ha")
    }

    /// Value of the metric; `None` if it is undefined.
    pub(super) fn value_from(&self, sums: &Sums) -> Option<f64> {
        (self.value)(sums)
    }

    /// The metric with a name, which must be in [`Metric::ALL`].
    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no metric `{name}`"))
    }
}

const _: () = assert!(TOLERANCES_PX.len() == 3, "one metric per tolerance");

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tp: u64, fp: u64, fn_: u64, tn: u64) -> Sums {
        let counts = ConfusionMatrix { tp, fp, fn_, tn };
        Sums::of_image(counts, BoundaryCounts::default(), Calibration::default())
    }

    fn value(sums: &Sums, name: &str) -> Option<f64> {
        Metric::named(name).value_from(sums)
    }

    #[test]
    fn pooled_and_mean_metrics_are_those_done_by_hand() {
        let mut sums = image(3, 1, 1, 5);
        sums.merge(&image(0, 0, 0, 10));
        sums.merge(&image(0, 4, 0, 6));
        sums.add_site(Hectares { truth: 4.0, counted: 4.0, expected: 3.0 });
        sums.add_site(Hectares { truth: 0.0, counted: 4.0, expected: 1.0 });
        let expected = [
            ("f1", 6.0 / 12.0),
            ("precision", 3.0 / 8.0),
            ("recall", 3.0 / 4.0),
            ("iou", 3.0 / 9.0),
            ("accuracy", 24.0 / 30.0),
            ("f1_image", (0.75 + 1.0 + 0.0) / 3.0),
            ("precision_image", (0.75 + 1.0 + 0.0) / 3.0),
            // Two patches have no mine, so nothing was missed there.
            ("recall_image", (0.75 + 1.0 + 1.0) / 3.0),
            ("specificity_without_mines", 16.0 / 20.0),
            ("area_ratio", 2.0),
            ("area_bias_ha", 2.0),
            ("area_mae_ha", 2.0),
            ("area_bias_expected_ha", 0.0),
            ("area_mae_expected_ha", 1.0),
        ];
        for (name, expected) in expected {
            assert!((value(&sums, name).unwrap() - expected).abs() < 1e-12, "{name}: {:?}", value(&sums, name));
        }
    }

    #[test]
    fn without_mines_finding_them_is_not_defined() {
        let mut sums = image(0, 4, 0, 6);
        sums.add_site(Hectares { truth: 0.0, counted: 4.0, expected: 1.0 });
        for name in ["f1", "precision", "recall", "iou", "f1_image", "recall_image", "boundary_f1_1px", "area_ratio"] {
            assert_eq!(value(&sums, name), None, "{name}");
        }
        assert_eq!((value(&sums, "accuracy"), value(&sums, "area_bias_ha")), (Some(0.6), Some(4.0)));
        assert!(Metric::ALL.iter().all(|metric| metric.value_from(&Sums::default()).is_none()), "nothing of nothing");
    }
}
