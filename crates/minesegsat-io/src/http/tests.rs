use super::*;

#[test]
fn near_ranges_share_a_request() {
    let ranges = [50..60, 0..10, 10..20, 0..0, 25..30, 52..58];
    let runs = coalesce(&ranges, 5, 40);
    let spans: Vec<_> = runs.iter().map(|r| r.range.clone()).collect();
    assert_eq!(spans, [0..30, 50..60]);
    let file = Bytes::from((0..100).collect::<Vec<u8>>());
    let mut parts = vec![Bytes::new(); ranges.len()];
    for run in &runs {
        run.hand_out(&file.slice(run.range.start as usize..run.range.end as usize), &ranges, &mut parts);
    }
    for (range, part) in ranges.iter().zip(&parts) {
        assert_eq!(part, &file.slice(range.start as usize..range.end as usize));
    }
    assert_eq!(coalesce(&[0..30, 30..60], 5, 40).len(), 2, "no longer than the longest");
}

#[test]
fn content_ranges_are_checked() {
    assert_eq!(parse_content_range("bytes 0-99/1234"), Some((0..100, Some(1234))));
    assert_eq!(parse_content_range("bytes 5-5/*"), Some((5..6, None)));
    for bad in ["bytes 9-5/10", "bytes 0-10/10", "bytes */10", "0-1/2", "bytes 0-18446744073709551615/9"] {
        assert_eq!(parse_content_range(bad), None, "{bad}");
    }
}

#[test]
fn pauses_grow_and_end() {
    let backoff = Duration::from_secs(1);
    for (attempt, whole) in [(1, 1.0), (2, 2.0), (4, 8.0), (40, 120.0)] {
        let pause = pause_before(attempt, backoff).as_secs_f64();
        assert!((whole / 2.0..=whole).contains(&pause), "{attempt}: {pause}");
    }
    assert_eq!(parse_retry_after("7"), Some(Duration::from_secs(7)));
    assert_eq!(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO), "long ago");
    assert_eq!(parse_retry_after("soon"), None);
}
