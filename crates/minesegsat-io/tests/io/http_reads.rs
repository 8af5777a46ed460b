//! HTTP reads from a test server with faults on demand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use minesegsat_core::{Error, Result};
use minesegsat_io::http::{HttpOptions, get, share_pauses_in};
use minesegsat_io::{Location, Pixels, identity, open_raster, read_bytes, read_text};
use minesegsat_testing::http::{Fault, Reply, Server};
use rayon::prelude::*;

const COG: &str = "u16_deflate2_tiles.tif";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(minesegsat_testing::fixture("rasters").join(name)).unwrap()
}

/// A TIFF that is larger than the first read of a file: uncompressed, 400 rows of one block each.
fn large() -> Vec<u8> {
    let (width, height) = (400_u32, 400_u32);
    let mut tags: Vec<(u16, u16, u32, u32)> = vec![
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 16),
        (259, 3, 1, 1),
        (273, 4, height, 4096),
        (277, 3, 1, 1),
        (278, 4, 1, 1),
        (279, 4, height, 4096 + 4 * height),
        (33_550, 12, 3, 1024),
        (33_922, 12, 6, 1048),
        (34_735, 3, 8, 1096),
    ];
    let mut file = vec![0; 8192 + (width * height * 2) as usize];
    file[..8].copy_from_slice(b"II*\0\x08\0\0\0");
    file[8..10].copy_from_slice(&(tags.len() as u16).to_le_bytes());
    tags.sort_unstable();
    for (i, (tag, kind, count, value)) in tags.into_iter().enumerate() {
        let at = 10 + 12 * i;
        file[at..at + 2].copy_from_slice(&tag.to_le_bytes());
        file[at + 2..at + 4].copy_from_slice(&kind.to_le_bytes());
        file[at + 4..at + 8].copy_from_slice(&count.to_le_bytes());
        file[at + 8..at + 12].copy_from_slice(&value.to_le_bytes());
    }
    for (i, v) in [10.0, 10.0, 0.0, 0.0, 0.0, 0.0, 399_960.0, 4_200_000.0, 0.0].into_iter().enumerate() {
        file[1024 + 8 * i..][..8].copy_from_slice(&f64::to_le_bytes(v));
    }
    for (i, v) in [1_u16, 1, 0, 1, 3072, 0, 1, 32618].into_iter().enumerate() {
        file[1096 + 2 * i..][..2].copy_from_slice(&v.to_le_bytes());
    }
    for row in 0..height {
        let at = 4096 + 4 * row as usize;
        file[at..at + 4].copy_from_slice(&(8192 + row * width * 2).to_le_bytes());
        let at = at + 4 * height as usize;
        file[at..at + 4].copy_from_slice(&(width * 2).to_le_bytes());
    }
    for i in 0..width * height {
        file[8192 + 2 * i as usize..][..2].copy_from_slice(&((i % 60_000) as u16).to_le_bytes());
    }
    file
}

/// Short pauses: the tests wait for them.
pub(crate) fn server() -> Server {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (timeout, backoff) = (Duration::from_millis(500), Duration::from_millis(10));
        HttpOptions { timeout, attempts: 3, backoff }.set_global();
    });
    Server::start()
}

fn read_all(url: &str) -> Result<Pixels> {
    let raster = open_raster(&Location::parse(url)?)?;
    raster.read(0, raster.info().grid.full_window())
}

fn all_on_disk(name: &str) -> Pixels {
    let path = minesegsat_testing::fixture("rasters").join(name);
    let raster = open_raster(&Location::Path(path)).unwrap();
    raster.read(0, raster.info().grid.full_window()).unwrap()
}

fn large_pixels() -> Pixels {
    Pixels::U16((0..160_000).map(|i| (i % 60_000) as u16).collect())
}

#[test]
fn remote_files_equal_local_ones() {
    let server = server();
    for name in [COG, "f32_zstd3_tiles.tif", "u16_none_one_strip.tif", "u16_geojp2.jp2"] {
        let url = server.serve(&format!("/{name}"), fixture(name), Fault::None) + "?sig=SECRET";
        assert_eq!(read_all(&url).unwrap(), all_on_disk(name), "{name}");
        let requests = server.requests(&format!("/{name}"));
        assert_eq!(requests.len(), 1, "the first request brings a small file whole: {requests:?}");
    }
    let url = server.serve("/large.tif", large(), Fault::None);
    assert_eq!(read_all(&url).unwrap(), large_pixels());
}

#[test]
fn a_window_takes_few_requests() {
    let server = server();
    let url = server.serve("/large.tif", large(), Fault::None);
    let raster = open_raster(&Location::Url(url)).unwrap();
    assert_eq!(server.requests("/large.tif").len(), 1, "the header comes with the first request");
    let window = minesegsat_core::Window::new(10, 300, 5, 90);
    raster.read(0, window).unwrap();
    let requests = server.requests("/large.tif");
    // 90 adjacent blocks (rows of 800 bytes), and no further bytes.
    assert_eq!(requests[1..], [Some(8192 + 300 * 800..8192 + 390 * 800)]);
    raster.read(0, window).unwrap();
    assert_eq!(server.requests("/large.tif").len(), 2, "decoded blocks are kept");
}

#[test]
fn refusals_are_told_at_once_and_without_secrets() {
    let server = server();
    let cases = [(401, "login"), (403, "expired"), (404, "no such file"), (416, "shorter"), (418, "refuses")];
    for (status, meaning) in cases {
        let path = format!("/{status}.tif");
        let url = server.serve(&path, fixture(COG), Fault::Status(status)) + "?sig=SECRET";
        let error = read_all(&url).unwrap_err();
        assert!(matches!(error, Error::HttpStatus { status: s, .. } if s == status), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&path) && text.contains(meaning) && !text.contains("SECRET"), "{text}");
        assert_eq!(server.requests(&path).len(), 1, "{status} is not tried again");
    }
    assert!(read_all(&server.url("/none.tif")).unwrap_err().to_string().contains("404"));
}

#[test]
fn passing_faults_are_overcome() {
    let server = server();
    let faults = [
        Fault::StatusThenOk { status: 500, times: 2 },
        Fault::StatusThenOk { status: 503, times: 1 },
        Fault::StatusThenOk { status: 429, times: 2 },
        Fault::Cut { times: 2 },
        Fault::Stall { times: 1 },
        Fault::WrongRange { times: 1 },
    ];
    for (i, fault) in faults.into_iter().enumerate() {
        let url = server.serve(&format!("/{i}.tif"), large(), fault);
        assert_eq!(read_all(&url).unwrap(), large_pixels(), "{fault:?}");
    }
}

#[test]
fn lasting_faults_end_after_the_attempts() {
    let server = server();
    let always = usize::MAX;
    let faults = [
        (Fault::StatusThenOk { status: 502, times: always }, "502"),
        (Fault::Cut { times: always }, ""),
        (Fault::Stall { times: always }, "stalled"),
        (Fault::WrongRange { times: always }, "were requested"),
    ];
    for (i, (fault, reason)) in faults.into_iter().enumerate() {
        let path = format!("/{i}.tif");
        let url = server.serve(&path, large(), fault) + "?sig=SECRET";
        let error = read_all(&url).unwrap_err();
        assert!(matches!(error, Error::Http { attempts: 3, .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&path) && text.contains(reason) && !text.contains("SECRET"), "{text}");
        assert_eq!(server.requests(&path).len(), 3);
    }
    // No server listens on this port.
    let error = read_all("http://127.0.0.1:9/a.tif?sig=SECRET").unwrap_err().to_string();
    assert!(error.contains("http://127.0.0.1:9/a.tif: ") && !error.contains("SECRET"), "{error}");
}

#[test]
fn a_fault_in_the_middle_of_a_scene_is_an_error_of_that_read() {
    let server = server();
    let url = server.serve("/a.tif", large(), Fault::None);
    let raster = open_raster(&Location::Url(url)).unwrap();
    let window = raster.info().grid.full_window();
    server.set_fault("/a.tif", Fault::Status(403));
    assert!(raster.read(0, window).unwrap_err().to_string().contains("403"));
    server.set_fault("/a.tif", Fault::None);
    assert_eq!(raster.read(0, window).unwrap(), large_pixels(), "nothing of the failure is kept");
}

#[test]
fn a_server_without_ranges_serves_small_files_only() {
    let server = server();
    let url = server.serve("/small.tif", large(), Fault::IgnoreRange);
    assert_eq!(read_all(&url).unwrap(), large_pixels());
    assert_eq!(server.requests("/small.tif").len(), 1, "it came whole");
    let mut big = large();
    big.resize(33 << 20, 0);
    let url = server.serve("/big.tif", big, Fault::IgnoreRange);
    let error = read_all(&url).unwrap_err().to_string();
    assert!(error.contains("ignores range requests") && error.contains("download"), "{error}");
    assert_eq!(server.requests("/big.tif").len(), 1);
}

#[test]
fn a_file_that_changes_is_an_error() {
    let server = server();
    let url = server.serve("/a.tif", large(), Fault::Change { after: 1 });
    let error = read_all(&url).unwrap_err().to_string();
    assert!(error.contains("changed on the server") && error.contains("\"new\""), "{error}");
}

#[test]
fn any_thread_may_read() {
    let server = server();
    let url = server.serve("/a.tif", large(), Fault::None);
    (0..8).into_par_iter().for_each(|_| assert_eq!(read_all(&url).unwrap(), large_pixels()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { assert_eq!(read_all(&url).unwrap(), large_pixels()) });
}

#[test]
fn documents_and_identities_are_read() {
    let server = server();
    let url = server.serve("/item.json", *b"{}", Fault::IgnoreRange);
    assert_eq!(read_text(&Location::Url(url.clone())).unwrap(), "{}");
    let url = Location::Url(server.serve("/a.tif", large(), Fault::None) + "?sig=SECRET");
    assert_eq!(&read_bytes(&url, Some(0..3)).unwrap()[..], b"II*");
    let identity = identity(&url).unwrap();
    assert_eq!(identity.size, Some(large().len() as u64));
    assert_eq!((identity.etag.as_deref(), identity.sha256), (Some("\"old\""), None));
    assert_eq!(identity.last_modified.as_deref(), Some("Tue, 12 Jan 2016 16:02:00 GMT"));
    assert!(!identity.location.contains("SECRET"));
}

/// A server refuses its first request and asks for a pause of a second. Another client that shares the pause asks it no earlier.
#[test]
fn a_pause_that_one_client_is_asked_for_is_that_of_all() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let backoff = folder.path().join("backoff");
    let _shared = share_pauses_in(&backoff);
    // Other tests of this process are refused by servers of their own meanwhile.
    let of_this_server = backoff.join(format!("127.0.0.1_{}.json", server.url("").rsplit(':').next().unwrap()));
    let refused = Arc::new(Mutex::new(None));
    let count = AtomicUsize::new(0);
    let times = Arc::new(Mutex::new(Vec::new()));
    let (first, arrivals) = (Arc::clone(&refused), Arc::clone(&times));
    let url = server.handle("/busy", move |_| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            *first.lock().unwrap() = Some(Instant::now());
            let mut reply = Reply::status(429, "{}");
            reply.headers.push(("Retry-After".to_owned(), "1".to_owned()));
            return reply;
        }
        arrivals.lock().unwrap().push(Instant::now());
        Reply::json("1")
    });
    std::thread::scope(|scope| {
        let one = scope.spawn(|| get(&url).unwrap());
        while !of_this_server.is_file() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let two = scope.spawn(|| get(&url).unwrap());
        assert_eq!((one.join().unwrap(), two.join().unwrap()), ("1".into(), "1".into()));
    });
    let (refused, times) = (refused.lock().unwrap().unwrap(), times.lock().unwrap());
    assert_eq!(times.len(), 2);
    // The times of files are those of the kernel's clock ticks, of at most 10 ms.
    let early = times.iter().find(|time| time.duration_since(refused) < Duration::from_millis(980));
    assert!(early.is_none(), "{times:?} after {refused:?}");
    assert!(of_this_server.is_file(), "a pause that is over leaves its file");
}
