//! Outliers of a data set: [`outlier_scores`].

use serde::Serialize;

/// Distance of a place from the rest of its set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlier {
    /// The largest absolute modified z-score of its features. A value above 3.5 is an outlier.
    pub score: f64,
    /// Index of that feature.
    pub feature: usize,
    /// Whether the feature is larger than usual.
    pub is_high: bool,
}

/// Factor from the mean absolute deviation to the standard deviation of a normal distribution. For the median
/// absolute deviation it is 1.4826.
const MEAN_DEVIATION: f64 = 1.253_314;
const MEDIAN_DEVIATION: f64 = 1.482_6;

/// Scores places by their features (`None` if unknown), in their order. `None` for places without any feature.
///
/// The modified z-score of B. Iglewicz and D. Hoaglin, "How to detect and handle outliers", ASQC 1993, is the
/// distance from the median in units of 1.4826 times the median absolute deviation. If that is zero, the unit is
/// 1.2533 times the mean absolute deviation. Outliers do not shift these measures, unlike mean and deviation. The
/// Mahalanobis distance would need a covariance, which few places with many bands do not determine, and would not
/// name the band.
pub fn outlier_scores(places: &[Vec<Option<f64>>]) -> Vec<Option<Outlier>> {
    let mut out: Vec<Option<Outlier>> = vec![None; places.len()];
    let features = places.iter().map(Vec::len).max().unwrap_or(0);
    for feature in 0..features {
        let value = |place: &Vec<Option<f64>>| place.get(feature).copied().flatten().filter(|v| v.is_finite());
        let known: Vec<f64> = places.iter().filter_map(value).collect();
        let Some(middle) = median(&known) else { continue };
        let away: Vec<f64> = known.iter().map(|v| (v - middle).abs()).collect();
        let by_median = median(&away).unwrap_or(0.0) * MEDIAN_DEVIATION;
        let by_mean = away.iter().sum::<f64>() / away.len() as f64 * MEAN_DEVIATION;
        let unit = if by_median > 0.0 { by_median } else { by_mean };
        for (best, place) in out.iter_mut().zip(places) {
            let Some(value) = value(place) else { continue };
            let score = if unit > 0.0 { (value - middle).abs() / unit } else { 0.0 };
            if best.as_ref().is_none_or(|best| score > best.score) {
                *best = Some(Outlier { score, feature, is_high: value > middle });
            }
        }
    }
    out
}

/// The median: the middle value, or the mean of the two middle values.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(values: &[f64]) -> Vec<Vec<Option<f64>>> {
        values.iter().map(|&v| vec![Some(v)]).collect()
    }

    #[test]
    fn scores_equal_a_worked_example() {
        // The data of NIST's handbook on the modified z-score, rescaled: scipy 1.15
        // v = [2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3]
        // abs(v - median(v)) / (1.4826 * median_abs_deviation(v)): median 2.45, deviation 0.15 + rounding
        let values = [2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3];
        let found = outlier_scores(&one(&values));
        let score = |i: usize| found[i].as_ref().unwrap().score;
        assert!((score(8) - 5.75 / (1.4826 * 0.15)).abs() < 1e-6, "{}", score(8));
        assert!((score(0) - 0.35 / (1.4826 * 0.15)).abs() < 1e-6, "{}", score(0));
        let above: Vec<usize> = (0..10).filter(|&i| score(i) > 3.5).collect();
        assert_eq!(above, [8, 9]);
        assert!(found[9].as_ref().unwrap().is_high && !found[0].as_ref().unwrap().is_high);
    }

    #[test]
    fn the_feature_that_stands_out_is_named_and_unknown_ones_are_skipped() {
        let mut places: Vec<Vec<Option<f64>>> =
            (0..9).map(|i| vec![Some(f64::from(i)), Some(f64::from(i * 7 % 9)), None]).collect();
        places[4] = vec![Some(4.0), Some(-90.0), None];
        places.push(vec![None, None, None]);
        let found = outlier_scores(&places);
        let odd = found[4].as_ref().unwrap();
        assert_eq!((odd.feature, odd.is_high), (1, false));
        assert!(odd.score > 3.5);
        assert_eq!(found[9], None);
    }

    #[test]
    fn equal_places_do_not_stand_out_and_one_among_equals_does() {
        assert!(outlier_scores(&one(&[1.0; 5])).iter().all(|o| o.as_ref().unwrap().score == 0.0));
        let found = outlier_scores(&one(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]));
        assert!(found[7].as_ref().unwrap().score > 3.5, "the median deviation is zero, the mean one is not");
        assert!(outlier_scores(&[]).is_empty());
    }
}
