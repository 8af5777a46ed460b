use proptest::prelude::*;

use super::groups::TOUCHING;
use super::*;

fn sample(id: usize, west: f64, south: f64, mining_share: f64) -> SampleRecord {
    SampleRecord {
        id: format!("s{id:04}"),
        data_path: format!("patches/s{id:04}"),
        mask_path: format!("patches/s{id:04}"),
        epsg: Some(32610),
        west,
        south,
        east: west + 0.1,
        north: south + 0.07,
        date: None,
        scenes: String::new(),
        scale: None,
        offset_dn: None,
        data_share: None,
        clear_share: None,
        mining_share,
        mining_ha: None,
        commodity: Some(if id.is_multiple_of(3) { "gold" } else { "coal" }.to_owned()),
        group: None,
        mask_values: None,
        bands: None,
        domain: None,
    }
}

fn divide(samples: &[SampleRecord], options: &SplitOptions) -> (Vec<usize>, Vec<Split>) {
    let total: f64 = options.shares.iter().sum();
    let shares = options.shares.map(|share| share / total);
    let limit = ((shares[1].min(shares[2]) * samples.len() as f64 * LARGEST_GROUP) as usize).max(1);
    let task = Task { samples, places: &Places::new(samples), options, shares, limit };
    let Division { group_of, part_of, .. } = divide_well(&task).unwrap();
    (group_of, part_of)
}

/// What a division says, and how many samples with mines each split has.
fn said(samples: &[SampleRecord], options: &SplitOptions) -> (Vec<String>, [usize; 4]) {
    let total: f64 = options.shares.iter().sum();
    let shares = options.shares.map(|share| share / total);
    let limit = ((shares[1].min(shares[2]) * samples.len() as f64 * LARGEST_GROUP) as usize).max(1);
    let task = Task { samples, places: &Places::new(samples), options, shares, limit };
    let Division { part_of, warnings, .. } = divide_well(&task).unwrap();
    let of = |part| samples.iter().zip(&part_of).filter(|(s, of)| **of == part && s.mining_share > 0.0).count();
    (warnings, [Split::Train, Split::Val, Split::Test, Split::Unused].map(of))
}

#[test]
fn a_cut_that_leaves_a_split_without_mines_is_replaced() {
    // A field of 20 x 20 whose mines lie in three columns: the usual cut across the columns gives them to one split.
    let samples: Vec<SampleRecord> = (0..400)
        .map(|i| {
            let (column, row) = (i % 20, i / 20);
            sample(i, column as f64 * 0.1, row as f64 * 0.05, if (9..12).contains(&column) { 0.2 } else { 0.0 })
        })
        .collect();
    let (warnings, [train, val, test, _]) = said(&samples, &SplitOptions::default());
    assert!(train > 0 && val > 0 && test > 0, "{train} {val} {test}");
    assert!(
        warnings.iter().any(|text| text.contains("without mines; the patches ") && text.ends_with(" instead")),
        "{warnings:?}"
    );
}

#[test]
fn a_cut_that_leaves_many_patches_out_is_replaced() {
    // Clusters of 4 x 3 patches: cut into single rows, each would lose most of its patches along the cuts.
    let samples: Vec<SampleRecord> = (0..48)
        .map(|i| {
            let (cluster, at) = (i / 12, i % 12);
            sample(i, cluster as f64 + (at % 4) as f64 * 0.1, (at / 4) as f64 * 0.07, 0.2)
        })
        .collect();
    let (warnings, [.., unused]) = said(&samples, &SplitOptions::default());
    assert!(unused * 3 <= 48, "{unused}");
    let last = warnings.last().unwrap();
    assert!(last.starts_with("the usual cut leaves") && last.contains("of 48 patches in no split"), "{last}");
}

#[test]
fn a_block_size_of_the_user_stays_and_a_better_one_is_named() {
    // Twelve sites 30 km apart, each with mines: squares of 1000 km join all of them to a few groups.
    let samples: Vec<SampleRecord> = (0..48)
        .map(|i| sample(i, (i / 4) as f64 * 0.5, 10.0 + (i % 4) as f64 * 0.5, if i < 24 { 0.2 } else { 0.0 }))
        .collect();
    let with = |block_km| said(&samples, &SplitOptions { block_km, ..SplitOptions::default() });
    let (warnings, parts) = with(Some(320.0));
    assert!(parts[..3].contains(&0), "{parts:?}");
    let last = warnings.last().unwrap();
    assert!(last.starts_with("the block size of 320 km leaves"), "{last}");
    assert!(last.contains("a block size of ") || last.contains("without a block size"), "{last}");
    let (warnings, parts) = with(None);
    assert!(parts[..3].iter().all(|mines| *mines > 0) && warnings.is_empty(), "{parts:?} {warnings:?}");
}

#[test]
fn a_set_that_no_cut_divides_well_says_so() {
    let samples: Vec<SampleRecord> =
        (0..30).map(|i| sample(i, i as f64, 10.0, if i == 0 { 0.2 } else { 0.0 })).collect();
    let (warnings, _) = said(&samples, &SplitOptions::default());
    let last = warnings.last().unwrap();
    assert!(last.contains("every cut has a fault") && last.contains("without mines"), "{last}");
}

#[test]
fn scattered_patches_come_close_to_the_shares() {
    let samples: Vec<SampleRecord> =
        (0..400).map(|i| sample(i, (i % 20) as f64 * 0.3, (i / 20) as f64 * 0.3, (i % 7) as f64 * 0.05)).collect();
    let (_, part_of) = divide(&samples, &SplitOptions::default());
    for (split, share) in Split::ALL.into_iter().zip([0.7, 0.15, 0.15]) {
        let of: Vec<&SampleRecord> =
            samples.iter().zip(&part_of).filter(|(_, p)| **p == split).map(|(s, _)| s).collect();
        assert!((of.len() as f64 / 400.0 - share).abs() < 0.02, "{split}: {}", of.len());
        let mean = of.iter().map(|s| s.mining_share).sum::<f64>() / of.len() as f64;
        assert!((mean - 0.15).abs() < 0.02, "{split}: mining share {mean}");
        let gold = of.iter().filter(|s| s.commodity.as_deref() == Some("gold")).count() as f64 / of.len() as f64;
        assert!((gold - 1.0 / 3.0).abs() < 0.05, "{split}: gold {gold}");
    }
}

#[test]
fn one_large_field_is_cut_and_its_borders_are_left_out() {
    let samples: Vec<SampleRecord> =
        (0..400).map(|i| sample(i, (i % 20) as f64 * 0.1, (i / 20) as f64 * 0.07, 0.1)).collect();
    let (_, part_of) = divide(&samples, &SplitOptions::default());
    let count = |split| part_of.iter().filter(|p| **p == split).count();
    // Two rows of twenty along the two cuts; three rows each for validation and test.
    let counts = [Split::Train, Split::Val, Split::Test, Split::Unused].map(count);
    assert_eq!(counts, [240, 60, 60, 40]);
}

#[test]
fn the_seed_decides_and_nothing_else() {
    let samples: Vec<SampleRecord> = (0..60).map(|i| sample(i, i as f64, 10.0, 0.1)).collect();
    let with = |seed| divide(&samples, &SplitOptions { seed, ..SplitOptions::default() }).1;
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

proptest! {
    #[test]
    fn neighbours_never_stand_in_different_parts(
        places in prop::collection::vec((0_u32..12, 0_u32..12), 6..80),
        seed in 0_u64..4,
    ) {
        // Some places have several samples, as those of several dates.
        let samples: Vec<SampleRecord> = places
            .iter()
            .enumerate()
            .map(|(i, &(col, row))| sample(i, f64::from(col) * 0.1, f64::from(row) * 0.07, 0.02))
            .collect();
        let (_, part_of) = divide(&samples, &SplitOptions { seed, ..SplitOptions::default() });
        let touch = |a: &SampleRecord, b: &SampleRecord| {
            let (x, y) = (a.west.max(b.west) - a.east.min(b.east), a.south.max(b.south) - a.north.min(b.north));
            x <= TOUCHING && y <= TOUCHING
        };
        for (a, of_a) in samples.iter().zip(&part_of) {
            for (b, of_b) in samples.iter().zip(&part_of) {
                let is_apart = of_a == of_b || *of_a == Split::Unused || *of_b == Split::Unused;
                prop_assert!(is_apart || !touch(a, b), "{} {}", a.id, b.id);
            }
        }
    }
}
